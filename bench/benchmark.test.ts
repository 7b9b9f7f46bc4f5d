import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Readonly<Record<string, string>> }
const benches = Object.entries(scripts).filter(([name]) => /^bench(?::|$)/.test(name))

function ran(command: string, ...more: readonly string[]) {
  const [, ...args] = command.split(' ')
  return spawnSync(process.execPath, [...args, ...more], { encoding: 'utf8' })
}

it.each(benches)('npm run %s shows its options, and says what is none, without measuring anything', (name, command) => {
  const help = ran(command, '--help')
  expect([help.status, help.stdout]).toEqual([0, expect.stringContaining(`Usage: npm run ${name} -- [options]`)])
  const wrong = ran(command, '--repetes', '1')
  expect([wrong.status, wrong.stdout]).toEqual([2, ''])
  expect(wrong.stderr).toMatch(/^error: unknown option '--repetes'/)
  expect(wrong.stderr).not.toMatch(/^\s+at /m)
})

it('refuses a value that means nothing, and a part that is not there, before it begins', () => {
  const history = scripts['bench:history'] ?? ''
  for (const [option, value] of [
    ['--part', 'copy,growht'],
    ['--runs', 'many'],
    ['--delays', '0,soon'],
  ] as const) {
    const { status, stdout, stderr } = ran(history, option, value)
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining(`argument '${value}' is invalid`)])
  }
})
