import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { virtualEnvironment } from '../../test/clients/venv.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LONGEST_MILLISECONDS = 60 * 60_000

/** What one process came to. */
export interface Ran {
  readonly seconds: number
  /** The most that it had resident at any time. */
  readonly peakMegabytes: number
  readonly output: string
}

export interface Copying {
  readonly from: string
  readonly to: string
  readonly experiment: string
  /** Folder in which Holdfast notes what it carried; without it a new one. */
  readonly state?: string
  readonly more?: readonly string[]
}

/** One copy of an experiment from one server to another, by the program as a user starts it. */
export type Tool = (copying: Copying) => Promise<Ran>

/** Holdfast; throws if anything was not carried. */
export const holdfast: Tool = async ({ from, to, experiment, state, more = [] }) => {
  const folder = state ?? (await mkdtemp(join(tmpdir(), 'bench-history-state-')))
  const named = experiment === '' ? [] : ['--experiment', experiment]
  const args = [join(ROOT, 'src/main.ts'), 'history', 'copy', from, to, '--state', folder, '--json', ...named, ...more]
  try {
    return await run(process.execPath, args, {})
  } finally {
    if (state === undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** mlflow-export-import in an environment of its own, which is made on first use. */
export async function peer(useThreads: boolean): Promise<Tool> {
  const python = await virtualEnvironment({
    folder: join(ROOT, '.holdfast/peers/mlflow-export-import'),
    requirements: join(ROOT, 'bench/run-history/requirements.txt'),
    newest: false,
    signal: AbortSignal.timeout(LONGEST_MILLISECONDS),
  })
  const program = (name: string) => join(python, '..', name)
  const threads = ['--use-threads', useThreads ? 'true' : 'false']
  return async ({ from, to, experiment }) => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-history-export-'))
    try {
      const names = ['--experiments', experiment, '--output-dir', folder]
      const out = await run(program('export-experiments'), [...names, ...threads], { MLFLOW_TRACKING_URI: from })
      const into = await run(program('import-experiments'), ['--input-dir', folder, ...threads], {
        MLFLOW_TRACKING_URI: to,
      })
      return {
        seconds: out.seconds + into.seconds,
        peakMegabytes: Math.max(out.peakMegabytes, into.peakMegabytes),
        output: out.output + into.output,
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Runs a program to its end, and rejects unless that is 0. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ran> {
  const began = performance.now()
  const child = spawn(command, args, {
    env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const peak = watched(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  process.off('exit', kill)
  const seconds = (performance.now() - began) / 1000
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output.slice(-3000)}`)
  return { seconds, peakMegabytes: peak(), output }
}

/** The kernel itself keeps the most that a process had; it is asked again and again because it goes with the process. */
function watched(child: ChildProcess): () => number {
  let most = 0
  const look = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      most = Math.max(most, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024)
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, 50)
  child.once('exit', () => clearInterval(timer))
  return () => most
}
