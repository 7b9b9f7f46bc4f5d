import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Fault, isFault } from '../../core/errors.ts'
import { isAlive } from '../alive.ts'

/** A region as the emulator tells it. */
export interface RegionStatus {
  readonly name: string
  readonly state: string
  readonly pid?: number
}

export interface EmulatorStatus {
  readonly pid: number
  readonly proxy: string
  /** Where it is a cloud of its own, for clients without a proxy. */
  readonly cloud: string
  readonly ca: string
  readonly dir: string
  readonly regions: readonly RegionStatus[]
  readonly faults: readonly EmulatorFault[]
  readonly limits?: Readonly<Record<string, unknown>>
  readonly everyCall?: boolean
  readonly clock?: { readonly shiftMilliseconds: number; readonly now: string }
}

/** A state of the emulator that was saved. */
export interface SavedState {
  readonly name: string
  readonly savedAt: string
  readonly regions: readonly string[]
  readonly clockShiftMilliseconds: number
}

/** A line of a place's record. Lines of every call have no subject. */
export interface ActivityLine {
  readonly seq: number
  readonly at: string
  readonly plane: string
  readonly operation: string
  readonly method: string
  readonly target: string
  readonly client: string
  readonly caller: string
  readonly status: number
  readonly subject?: string
}

/** A fault as the emulator's control API takes it. */
export type EmulatorFault = Readonly<Record<string, string | number | readonly string[]>> & { readonly is: string }

/** The emulator of one folder, seen from outside: the product starts it as a process and speaks its HTTP API. */
export interface Emulator {
  readonly control: string
  status(): Promise<EmulatorStatus>
  /** Variables that point any client at the emulator, under a name of its own; and those of clients that know custom clouds. */
  env(client?: string, customCloud?: boolean): Promise<Readonly<Record<string, string>>>
  region(name: string, act: 'start' | 'stop' | 'kill'): Promise<EmulatorStatus>
  faults(): Promise<readonly EmulatorFault[]>
  setFaults(faults: readonly EmulatorFault[]): Promise<void>
  /** Sets how far emulated time is ahead of real time. */
  setClock(shiftMilliseconds: number): Promise<EmulatorStatus>
  /** Puts limits in force: `azure`, `none`, or an object of limits by name. */
  setLimits(limits: unknown): Promise<void>
  /** Writes every call down from now on, or acknowledged writes only. */
  recordEveryCall(on: boolean): Promise<void>
  /** Lines of a region's record, or of the front's. */
  activity(place: string, query: Readonly<Record<string, string>>): Promise<readonly ActivityLine[]>
  saved(): Promise<readonly SavedState[]>
  /** Saves everything as it is. Gives all that is saved then. */
  save(name: string, replace: boolean): Promise<readonly SavedState[]>
  /** Puts a saved state in the place of what is there. */
  load(name: string): Promise<EmulatorStatus>
  removeSaved(name: string): Promise<readonly SavedState[]>
}

export const DEFAULT_DIR = join('.holdfast', 'emulator')

/** The option by which a verb finds an emulator, as a shell takes it; nothing where it finds it without. */
export function dirOption(dir: string): string {
  return dir === DEFAULT_DIR ? '' : ` --dir ${quoted(dir)}`
}

/** A word that a shell takes as it is. */
export function quoted(word: string, always = false): string {
  return always || !/^[\w./,:@%+-]+$/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word
}

const MAIN = fileURLToPath(new URL('../../../emulator/src/main.ts', import.meta.url))
const STARTING_MILLISECONDS = 20_000
/** With this code the emulator ends where it cannot read what it was started with. */
const BAD_ARGUMENT = 2

interface Description {
  readonly pid: number
  readonly port: number
}

/** The emulator that runs on a folder, or `undefined`. */
export function findEmulator(dir: string): Emulator | undefined {
  const path = join(resolve(dir), 'emulator.json')
  if (!existsSync(path)) return undefined
  const found = described(path)
  return found !== undefined && isAlive(found.pid) ? connect(found.port, dir) : undefined
}

/** What stands in the file, or `undefined` for a file that was being written when its process was killed. */
function described(path: string): Description | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Description
  } catch {
    return undefined
  }
}

/** What an emulator says of itself; `undefined` where its file was left over, and its process or port is another's by now. */
async function statusOf(emulator: Emulator | undefined): Promise<EmulatorStatus | undefined> {
  try {
    return await emulator?.status()
  } catch (thrown) {
    if (isFault(thrown, 'local/not-running')) return undefined
    throw thrown
  }
}

/** The emulator that runs on a folder, or a fault that says how to start it. */
export function needEmulator(dir: string): Emulator {
  const found = findEmulator(dir)
  if (found !== undefined) return found
  throw new Fault('local/not-running', `No emulator runs on ${dir}`, {
    hint: `Start it with \`holdfast local up${dirOption(dir)}\`.`,
  })
}

export interface StartOptions {
  readonly dir: string
  readonly regions: readonly string[]
  readonly port: number
  /** Limits from the start: `azure`, `none`, or a JSON object of them; what the emulator takes if left out. */
  readonly limits?: string
  /** True: it ends with this process. False: it goes on in the background until `holdfast local down`. */
  readonly tied: boolean
  /** More variables for it. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts an emulator and waits until every region answers. */
export async function startEmulator(options: StartOptions): Promise<{ emulator: Emulator; process: ChildProcess }> {
  const dir = resolve(options.dir)
  if ((await statusOf(findEmulator(dir))) !== undefined) {
    throw new Fault('local/running', `An emulator runs on ${options.dir} already`, {
      hint: `Use it, end it with \`holdfast local down${dirOption(options.dir)}\`, or give another --dir.`,
    })
  }
  mkdirSync(dir, { recursive: true })
  const log = join(dir, 'emulator.log')
  const output = openSync(log, 'a')
  const limits = options.limits === undefined ? [] : ['--limits', options.limits]
  const args = [MAIN, '--dir', dir, '--regions', options.regions.join(','), '--port', String(options.port), ...limits]
  const child = spawn(process.execPath, options.tied ? [...args, '--tied'] : args, {
    stdio: [options.tied ? 'pipe' : 'ignore', output, output],
    env: { ...process.env, ...options.env },
    // A group of its own: Ctrl-C in this terminal is for the command, not for the background.
    detached: true,
  })
  const deadline = Date.now() + STARTING_MILLISECONDS
  while (Date.now() < deadline && child.exitCode === null) {
    const found = described(join(dir, 'emulator.json'))
    if (found !== undefined && found.pid === child.pid) {
      if (!options.tied) child.unref()
      return { emulator: connect(found.port, options.dir), process: child }
    }
    await sleep(25)
  }
  child.kill('SIGKILL')
  const code = child.exitCode === BAD_ARGUMENT ? 'usage/bad-argument' : 'local/not-running'
  throw new Fault(code, `The emulator on ${options.dir} did not start: ${lastLine(log)}`, { hint: `Read ${log}.` })
}

/** Ends the emulator of a folder and waits until its processes are gone. */
export async function stopEmulator(dir: string): Promise<boolean> {
  const status = await statusOf(findEmulator(dir))
  if (status === undefined) return false
  const { pid } = status
  process.kill(pid, 'SIGTERM')
  const deadline = Date.now() + STARTING_MILLISECONDS
  while (isAlive(pid)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL')
    await sleep(25)
  }
  return true
}

function connect(port: number, dir: string): Emulator {
  const control = `http://127.0.0.1:${port}`

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init =
      body === undefined
        ? { method }
        : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const silent = (thrown: unknown): never => {
      const message = `The emulator does not answer on ${control}`
      const hint = `Start it anew with \`holdfast local up${dirOption(dir)}\`.`
      throw new Fault('local/not-running', message, { hint, cause: thrown })
    }
    const answer = await fetch(`${control}${path}`, init).catch(silent)
    const value = (await answer.json().catch(silent)) as T & { readonly error?: string }
    if (answer.ok) return value
    throw new Fault('usage/bad-argument', value.error ?? `The emulator answered ${answer.status} to ${path}`, {
      hint: 'See `holdfast local --help`.',
    })
  }

  const savedAt = (name: string) => `/emulator/saved/${encodeURIComponent(name)}`
  const savedBy = async (method: string, path: string, body?: unknown) =>
    (await call<{ saved: readonly SavedState[] }>(method, path, body)).saved

  return {
    control,
    status: () => call('GET', '/emulator/status'),
    env: (client, customCloud = false) => {
      const query = { ...(client === undefined ? {} : { client }), ...(customCloud ? { cloud: '' } : {}) }
      return call('GET', `/emulator/env?${new URLSearchParams(query)}`)
    },
    region: (name, act) => call('POST', `/emulator/regions/${encodeURIComponent(name)}/${act}`),
    faults: async () => (await call<{ faults: readonly EmulatorFault[] }>('GET', '/emulator/faults')).faults,
    setFaults: async (faults) => void (await call('PUT', '/emulator/faults', { faults })),
    setClock: (shiftMilliseconds) => call('POST', '/emulator/clock', { shiftMilliseconds }),
    setLimits: async (limits) => void (await call('PUT', '/emulator/limits', { limits })),
    recordEveryCall: async (everyCall) => void (await call('PUT', '/emulator/record', { everyCall })),
    activity: async (place, query) => {
      const path = `/emulator/activity/${encodeURIComponent(place)}?${new URLSearchParams(query)}`
      return (await call<{ lines: readonly ActivityLine[] }>('GET', path)).lines
    },
    saved: () => savedBy('GET', '/emulator/saved'),
    save: (name, replace) => savedBy('PUT', savedAt(name), { replace }),
    load: (name) => call('POST', `${savedAt(name)}/load`),
    removeSaved: (name) => savedBy('DELETE', savedAt(name)),
  }
}

function lastLine(path: string): string {
  const line = readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? 'it said nothing'
  return line.replace(/^emulator: /, '')
}
