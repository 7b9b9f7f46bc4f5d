import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { startTestEmulator } from '../support/emulator.ts'

/** What one case came to, as `cases.py` writes it. */
export interface CaseResult {
  readonly case: string
  readonly ok: boolean
  readonly seconds: number
  readonly trouble?: string
}

export interface Scenario {
  /** Path of the file of Python. */
  readonly file: string
  /** The Python with the clients. */
  readonly python: string
  /** More variables for its emulator, and for itself. */
  readonly emulator?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** How long it may take where that is more than usual. */
  readonly longestMilliseconds?: number | undefined
  /** Ends the scenario and its emulator. */
  readonly signal: AbortSignal
  /** Called after each case. */
  done(result: CaseResult): void
}

const USUAL_LONGEST_MILLISECONDS = 480_000
const MOST_LINES_SHOWN = 40

/**
 * Runs a scenario in a process of its own, against an emulator of its own, and gives its results.
 *
 * Whatever keeps it from its end (time, a crash) is one more case that failed.
 */
export async function runScenario(scenario: Scenario): Promise<readonly CaseResult[]> {
  const { python, signal } = scenario
  // Jobs run what they find on the path: there they meet the clients too, as in an environment that has them.
  const path = [dirname(python), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  const emulator = await startTestEmulator({ env: { PATH: path, ...scenario.emulator } })
  const home = await mkdtemp(join(tmpdir(), 'holdfast-clients-'))
  try {
    const answer = await fetch(`${emulator.control}/emulator/env?client=clients`)
    const pointed = (await answer.json()) as Record<string, string>
    signal.throwIfAborted()
    const env = { ...clean(path, home), ...pointed, ...scenario.env, EMULATOR_CONTROL: emulator.control }
    return await python3(scenario, home, env)
  } finally {
    await emulator.stop()
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Variables of a client that knows nothing of who runs it. */
function clean(path: string, home: string): Record<string, string> {
  const scratch = join(home, 'tmp')
  mkdirSync(scratch)
  return {
    PATH: path,
    HOME: home,
    TMPDIR: scratch,
    LANG: 'C.UTF-8',
    AZURE_CONFIG_DIR: join(home, 'azure'),
    AZURE_CORE_COLLECT_TELEMETRY: '0',
    DO_NOT_TRACK: 'true',
    MLFLOW_DISABLE_TELEMETRY: 'true',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    // Keeps the progress bars of clients out of the log.
    TQDM_DISABLE: '1',
    CASES_FD: '3',
  }
}

async function python3(scenario: Scenario, home: string, env: Record<string, string>): Promise<CaseResult[]> {
  const { file, python, signal, longestMilliseconds = USUAL_LONGEST_MILLISECONDS } = scenario
  const log = join(home, 'log')
  const output = openSync(log, 'w')
  const child = spawn(python, [file], { cwd: home, env, stdio: ['ignore', output, output, 'pipe'], detached: true })
  closeSync(output)
  const kill = () => endGroup(child)
  const late = setTimeout(kill, longestMilliseconds)
  signal.addEventListener('abort', kill, { once: true })
  const results: CaseResult[] = []
  const add = (result: CaseResult) => {
    results.push(result)
    scenario.done(result)
  }
  const ended = endOf(child)
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) add(JSON.parse(line) as CaseResult)
  const end = await ended
  clearTimeout(late)
  signal.removeEventListener('abort', kill)
  const honest = end === (results.some(({ ok }) => !ok) ? 1 : 0) && results.length > 0
  if (!honest) {
    const last = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-MOST_LINES_SHOWN).join('\n')
    add({ case: 'the scenario comes to its end', ok: false, seconds: 0, trouble: `It ended with ${end}.\n${last}` })
  }
  return results
}

/** A scenario ends with all that it began, such as another program of Python. */
function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (failure) => resolve(failure.message))
    child.once('exit', (code, ended) => resolve(code ?? ended ?? 'nothing'))
  })
}
