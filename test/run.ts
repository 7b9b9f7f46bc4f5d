import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'

/** What one part of the tests came to. */
interface Outcome {
  readonly passed: number
  readonly failed: number
  /** A sentence where the part was left out. */
  readonly leftOut?: string
}

/** How `emulator/test/trace/main.ts` ends where nothing can be watched. */
const CANNOT_TRACE = 3
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-tests-'))

/** The parts of `npm test`, in the order in which a failure is cheapest to find. */
const PARTS: Readonly<Record<string, () => Outcome | Promise<Outcome>>> = {
  'format and lint': () => command('biome', 'check', '.'),
  types: () => command('tsc', '--noEmit'),
  tests: vitest,
  'on disk before the answer': traced,
  clients,
  'the guide': guide,
}

const preparing = prepare()
let passed = 0
let failed = 0
for (const [name, run] of Object.entries(PARTS)) {
  process.stdout.write(`\n── ${name}\n`)
  const outcome = await run()
  passed += outcome.passed
  failed += outcome.failed
  if (outcome.leftOut !== undefined) process.stdout.write(`${outcome.leftOut}\n`)
}
rmSync(scratch, { recursive: true, force: true })
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

function command(name: string, ...args: readonly string[]): Outcome {
  const { status } = spawnSync(name, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function vitest(): Outcome {
  const report = join(scratch, 'vitest.json')
  const args = ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync('vitest', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const counts = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
  }
  const silent = status !== 0 && counts.numFailedTests === 0 ? 1 : 0
  return { passed: counts.numPassedTests, failed: counts.numFailedTests + counts.numPendingTests + silent }
}

/** What is shown by system calls. It must run on CI where a machine lets it; elsewhere it is left out and says so. */
function traced(): Outcome {
  installStrace()
  const report = join(scratch, 'traced.json')
  const { status } = spawnSync(process.execPath, ['emulator/test/trace/main.ts', '--report', report], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status === CANNOT_TRACE) {
    const leftOut =
      'Left out: whether writes are on disk before their answer, since strace cannot watch a process here.'
    return { passed: 0, failed: 0, leftOut }
  }
  return existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as Outcome) : { passed: 0, failed: 1 }
}

/** Brings strace where it is missing and this may bring it: on a Debian of CI. */
function installStrace(): void {
  const there = spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0
  if (there || process.env['CI'] !== 'true') return
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', 'strace']
  const [name = '', ...args] = process.getuid?.() === 0 ? install : ['sudo', '-n', ...install]
  if (spawnSync(name, args, { stdio: 'ignore' }).status === 0) return
  const update = args.slice(0, args.indexOf('install'))
  spawnSync(name, [...update, 'update'], { stdio: 'ignore' })
  spawnSync(name, args, { stdio: 'ignore' })
}

/** Fetches the vendors' Python clients beside the first parts, which wait for no network. */
function prepare(): { readonly said: string; readonly ended: Promise<unknown> } | undefined {
  if (withoutPython() !== undefined) return undefined
  const said = join(scratch, 'preparing')
  const output = openSync(said, 'w')
  const child = spawn(process.execPath, ['test/clients/run.ts', '--prepare'], { stdio: ['ignore', output, output] })
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  return { said, ended: once(child, 'exit') }
}

/** The vendors' Python clients. They must run on CI; elsewhere a machine without Python leaves them out and says so. */
async function clients(): Promise<Outcome> {
  const missing = withoutPython()
  if (missing !== undefined) return missing
  // Where it failed, that is tried again here, and tells.
  await preparing?.ended.catch(() => undefined)
  if (preparing !== undefined) process.stdout.write(readFileSync(preparing.said, 'utf8'))
  const report = join(scratch, 'clients.json')
  const { status } = spawnSync(process.execPath, ['test/clients/run.ts', '--report', report], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0 && status !== 1) return { passed: 0, failed: 1 }
  return JSON.parse(readFileSync(report, 'utf8')) as Outcome
}

/** What the guide to the emulator says, done. It needs what the clients need. */
function guide(): Outcome {
  return withoutPython() ?? command(process.execPath, 'test/guides/run.ts')
}

function withoutPython(): Outcome | undefined {
  const python = spawnSync('python3', ['-c', 'import venv, sys; sys.exit(sys.version_info < (3, 11))'], {
    stdio: 'ignore',
  })
  if (python.status === 0) return undefined
  const leftOut =
    'Left out: what needs the vendors’ Python clients, since there is no Python 3.11 or newer with venv here.'
  return process.env['CI'] === 'true' ? { passed: 0, failed: 1, leftOut } : { passed: 0, failed: 0, leftOut }
}
