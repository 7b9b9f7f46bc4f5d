import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A virtual environment of Python with the clients of one file of requirements. */
export interface Wanted {
  /** Where it is, or is to be. */
  readonly folder: string
  readonly requirements: string
  /** True: every package goes to the newest version that fits, each time. */
  readonly newest: boolean
  readonly signal: AbortSignal
}

const INSTALLING_MILLISECONDS = 20 * 60_000
const STAMP = '.requirements-sha256'

/** Makes the environment be there with what the requirements say, and gives the path of its Python. */
export async function virtualEnvironment(wanted: Wanted): Promise<string> {
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
  say(`Installing ${requirements} into ${folder}; the first time this takes minutes`)
  const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirements]
  const install = () => run(python, newest ? [...args, '--upgrade'] : args, signal)
  await install().catch((failure: unknown) => {
    if (signal.aborted) throw failure
    say(`${failure instanceof Error ? failure.message : String(failure)}; once more`)
    return install()
  })
  writeFileSync(stamp, digest)
  return python
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
