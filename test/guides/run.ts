import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { virtualEnvironment } from '../clients/venv.ts'
import { missing, type Step, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

/**
 * Does what a guide says, in its order, as a reader would: saves its files, runs its commands in one shell, and compares
 * what they answer with what it shows. `node test/guides/run.ts`.
 *
 * Two commands are met by what is there already: `npx holdfast` is this checkout, `python3 -m venv` links an
 * environment of the tests with Microsoft's clients, of this name or the first, in which `pip install` finds everything.
 */
const root = fileURLToPath(new URL('../..', import.meta.url))
const GUIDE = join(root, 'docs/guides/azure-ml-on-your-laptop.md')

const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort())
const clients = await environmentWith('.venv', 'requirements.txt')
const azureCli = await environmentWith('.venv/azure-cli', 'requirements-azure-cli.txt')

const place = mkdtempSync(join(tmpdir(), 'holdfast-guide-'))
const shell = new Shell({ cwd: place, env: environment() })
const failures: string[] = []
const began = performance.now()
try {
  for (const step of stepsOf(GUIDE)) {
    if (ending.signal.aborted || failures.length > 0) break
    failures.push(...(await taken(step)))
  }
} finally {
  await shell.run('npx holdfast local down')
  shell.close()
  rmSync(place, { recursive: true, force: true })
}
for (const failure of failures) process.stdout.write(`   ✗ ${failure}\n`)
const seconds = ((performance.now() - began) / 1000).toFixed(0)
if (failures.length === 0) process.stdout.write(`   The guide works as it is printed (${seconds} s)\n`)
process.exit(failures.length === 0 && !ending.signal.aborted ? 0 : 1)

/** The folder of an environment of the tests, which is made where it is not there. */
async function environmentWith(name: string, file: string): Promise<string> {
  const folder = join(root, name)
  const requirements = join(root, 'test/clients', file)
  await virtualEnvironment({ folder, requirements, newest: false, signal: ending.signal })
  return folder
}

/** A clean home, and before all else on the path the two commands that are met by what is there. */
function environment(): NodeJS.ProcessEnv {
  const shims = join(place, 'shims')
  mkdirSync(shims)
  mkdirSync(join(place, 'home'))
  shim(join(shims, 'npx'), `[ "$1" = holdfast ] && shift && exec "${process.execPath}" "${root}src/main.ts" "$@"`)
  shim(
    join(shims, 'python3'),
    `[ "$1 $2 $3" = "-m venv az" ] && exec ln -s "${azureCli}" az; [ "$1 $2" = "-m venv" ] && exec ln -s "${clients}" "$3"; exec /usr/bin/env -S python3 "$@"`,
  )
  return { PATH: `${shims}:${process.env['PATH']}`, HOME: join(place, 'home'), LANG: 'C.UTF-8', NO_COLOR: '1' }
}

function shim(path: string, line: string): void {
  writeFileSync(path, `#!/bin/sh\n${line}\n`)
  chmodSync(path, 0o755)
}

/** Does one step, and gives what was not as the guide has it. */
async function taken(step: Step): Promise<readonly string[]> {
  if (step.does === 'save') {
    writeFileSync(join(place, step.name), step.text)
    return []
  }
  // A command may fail only where the guide shows how.
  const mayFail = step.shown.some((line) => /exceptions\.|^error/.test(line))
  let answer = ''
  for (const line of step.lines) {
    const began = performance.now()
    const { text, code } = await shell.run(line)
    process.stdout.write(`   ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}\n`)
    answer += text
    if (code !== 0 && !mayFail) return [`'${line}' ended with ${code}: ${text.trim().slice(-2000)}`]
  }
  const absent = missing(step.shown, answer)
  return absent.map((line) => `the guide shows '${line}' after '${step.lines.at(-1)}', which said:\n${answer}`)
}
