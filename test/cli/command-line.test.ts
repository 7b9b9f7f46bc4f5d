import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import { program } from '../../src/cli/program.ts'
import { FAULTS } from '../../src/core/errors.ts'
import { facts, holdfast } from '../support/command-line.ts'

function* every(command: Command): Iterable<Command> {
  for (const one of command.commands) {
    yield one
    yield* every(one)
  }
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (more) => (text += more) })
  command.outputHelp()
  return text
}

it('shows an example for every verb, and describes each argument and option', async () => {
  const bare = [...every(await program())].flatMap((command) => {
    const nameless = [...command.registeredArguments, ...command.options].filter((one) => one.description === '')
    const missing = nameless.map((one) => `${command.name()}: ${one.name()} is not described`)
    return helpOf(command).includes('Examples:') ? missing : [...missing, `${command.name()} has no example`]
  })
  expect(bare).toEqual([])
})

it('lists in its help every exit code that there is', async () => {
  const used = [...new Set(Object.values(FAULTS).map(({ exit }) => exit))]
  expect(used.filter((code) => !EXIT_CODES.has(code))).toEqual([])
  const { out, code } = await holdfast('--help')
  expect(code).toBe(0)
  for (const [exit, meaning] of EXIT_CODES) expect(out).toContain(`${exit}  ${meaning}`)
})

it.each([
  [['statsu'], /Unknown command 'statsu'/, /Did you mean status\?/],
  [['local', 'strat'], /Unknown command 'strat'/, /Did you mean start\?/],
  [['sync', '--dryrun'], /Unknown option '--dryrun'/, /Did you mean --dry-run\?/],
  [['sync', 'now'], /Too many arguments/, /holdfast sync --help/],
  [['init'], /what is to be protected/, /Give --workspace, or both --server and/],
  [['init', '--server', 'foo', '--secondary-server', 'http://b'], /--server is no URI/, /such as https:/],
  [['init', '--server', 'http://a', '--workspace', 'x'], /--workspace says nothing/, /Give a workspace/],
  [['init', '--server', 'http://a', '--location', 'x'], /--location says nothing/, /Give a workspace/],
  [
    ['serve', '--tick', 'soon'],
    /--tick <milliseconds>' argument 'soon' is invalid/,
    /from 50 to 3600000, or a duration/,
  ],
  [['vantage', '--name', 'a', '--listen', '7401'], /argument '7401' is invalid/, /such as 127\.0\.0\.1:7400/],
  [['failover', '--accept-loss', 'all'], /argument 'all' is invalid/, /such as 90s, 5m or 1h30m/],
  [['inventory', '--side', 'left'], /argument 'left' is invalid/, /primary, secondary/],
  [['local', 'up', '--port', '99999'], /argument '99999' is invalid/, /from 0 to 65535/],
  [['history', 'copy', 'ftp://x', './f'], /neither a tracking server nor a workspace nor a folder/, /path of a folder/],
  [['history', 'copy', 'file://old/folder', './f'], /neither a tracking server nor a workspace/, /path of a folder/],
  [
    ['history', 'copy', 'http://a', './f', '--from-registry', 'http://'],
    /--from-registry http:\/\/ is no URI/,
    /such as http/,
  ],
  [['audit', '--since', '5'], /argument '5' is invalid/, /such as 2030-01-31/],
  [['history', 'copy', '/subscriptions/x', './f'], /no ARM id of a workspace/, /\/workspaces\/…/],
  [['history', 'copy', './f', './f'], /FROM and TO are both/, /Name two places/],
  [['history', 'copy', './f', './g', '--since', 'then'], /--since then is no time/, /2026-01-31/],
  [['pause', '--for', '0s'], /argument '0s' is invalid/, /longer than nothing/],
  [['local', 'clock', '--back'], /--back/, /90s, 5m, 14d or -1h/],
  [[], /A verb is missing/, /holdfast --help/],
] as const)('says what is wrong with `holdfast %s` and what to do', async (args, message, hint) => {
  const { code, out, err } = await holdfast(...args)
  expect(code).toBe(2)
  expect(out).toBe('')
  expect(err).toMatch(message)
  expect(err).toMatch(hint)
  expect(err).not.toMatch(/^\s+at /m)
})

it('says the same as JSON, alone on standard output', async () => {
  const { code, value } = await facts('sync', '--dryrun')
  expect(code).toBe(2)
  const error = { code: 'usage/bad-argument', message: "Unknown option '--dryrun'", hint: 'Did you mean --dry-run?' }
  expect(value).toEqual({ error: { ...error, facts: {}, retry: 'after-fix' } })
})

it('names the policy that is not there, and the emulator that does not run', async () => {
  const policy = await holdfast('plan', '--policy', '/nowhere/holdfast.yaml')
  expect(policy.code).toBe(3)
  expect(policy.err).toContain('/nowhere/holdfast.yaml: no protection stands there')
  const emulator = await holdfast('local', 'env', '--dir', '/nowhere')
  expect(emulator).toMatchObject({ code: 60, out: '', err: expect.stringContaining('local up --dir /nowhere`') })
})

it('repeats no password of a URI that it does not take', async () => {
  const scheme = await holdfast('history', 'copy', 'ftp://ada:hunter2@x', './f')
  const registry = await holdfast('history', 'copy', './f', 'http://a', '--to-registry', 'http://ada:hunter2@:x')
  for (const { code, err } of [scheme, registry]) expect([code, err.includes('hunter2')]).toEqual([2, false])
})

it('ends as the verb does where it is started by its entry', () => {
  const entry = fileURLToPath(new URL('../../bin/holdfast.cjs', import.meta.url))
  const ran = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  expect(ran('--version')).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' })
  expect(ran('sync', '--dryrun')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('--dry-run') })
  expect(ran('local', 'env', '--dir', '/nowhere').status).toBe(60)
})

it('loads no other verb than the one that a command line begins with', async () => {
  const names = (root: Command) => root.commands.map((command) => command.name())
  expect(names(await program(['sync']))).toEqual(['sync'])
  expect((await holdfast('--json', 'audit', '--policy', '/nowhere')).code).toBe(3)
  expect((await holdfast('--help', 'sync')).out).toContain('failback')
})
