import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A virtual environment of Python with the clients of one file of requirements. */
export interface Wanted {
  /** Where it is, or is to be. */
  readonly folder: string
  readonly requirements: string
  /** True: every package goes to the newest version that fits, each time. */
  readonly newest: boolean
  readonly signal: AbortSignal
}

/** Brings what the requirements of an environment say, whose Python is given. */
type Install = (wanted: Wanted, python: string) => Promise<void>

const INSTALLING_MILLISECONDS = 20 * 60_000
const STAMP = '.requirements-sha256'
/** The installer is in an environment of its own. */
const UV = {
  folder: fileURLToPath(new URL('../../.holdfast/uv', import.meta.url)),
  requirements: fileURLToPath(new URL('requirements-uv.txt', import.meta.url)),
  newest: false,
}

/** Makes the environment be there with what the requirements say, and gives the path of its Python. */
export function virtualEnvironment(wanted: Wanted): Promise<string> {
  return environment(wanted, byUv)
}

async function environment(wanted: Wanted, install: Install): Promise<string> {
  const { folder, requirements, newest, signal } = wanted
  const python = join(folder, 'bin', 'python')
  const stamp = join(folder, STAMP)
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const ready = existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest
  if (ready && !newest) return python
  // One without a stamp was never finished, and may lack even pip.
  if (!existsSync(python) || !existsSync(stamp)) {
    say(`Making ${folder}`)
    await run('python3', ['-m', 'venv', '--clear', folder], signal)
  }
  say(`Installing ${requirements} into ${folder}`)
  await install(wanted, python).catch((failure: unknown) => {
    if (signal.aborted) throw failure
    say(`${failure instanceof Error ? failure.message : String(failure)}; once more, with pip`)
    return byPip(wanted, python)
  })
  writeFileSync(stamp, digest)
  return python
}

/** Several times as fast as pip, since it fetches many packages at once and what two environments have once. */
async function byUv(wanted: Wanted, python: string): Promise<void> {
  const uv = join(dirname(await environment({ ...UV, signal: wanted.signal }, byPip)), 'uv')
  const args = ['pip', 'install', '--system-certs', '--compile-bytecode', '--python', python, '-r', wanted.requirements]
  // It shows its progress on a terminal; elsewhere it would be a line for each package.
  const said = process.stderr.isTTY ? [] : ['--quiet']
  await run(uv, [...args, ...said, ...(wanted.newest ? ['--upgrade'] : [])], wanted.signal)
}

async function byPip({ requirements, newest, signal }: Wanted, python: string): Promise<void> {
  const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirements]
  await run(python, newest ? [...args, '--upgrade'] : args, signal)
}

/** Runs a command, shows what it says, and rejects unless it ends with 0. */
function run(command: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(INSTALLING_MILLISECONDS)]),
    })
    let collected = 0
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('Collecting') && ++collected % 25 === 0) say(`${collected} packages collected`)
      if (line.startsWith('Installing')) say(`Unpacking ${collected} packages`)
    })
    child.on('error', reject)
    child.on('exit', (code, ended) => {
      if (code === 0) resolve()
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? ended}`))
    })
  })
}

function say(line: string): void {
  process.stdout.write(`   ${line}\n`)
}
