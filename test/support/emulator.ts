import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** An emulator of a test: a real process on a folder of its own. */
export interface TestEmulator {
  readonly dir: string
  readonly proxy: string
  readonly caPath: string
  /** Certificate of its authority, as PEM. */
  readonly ca: string
  readonly subscription: string
  /** URL of its control API. */
  readonly control: string
  /** What `holdfast local env` would export. */
  readonly env: Readonly<Record<string, string>>
  /** Puts faults in force in place of all earlier ones. */
  faults(faults: readonly Readonly<Record<string, unknown>>[]): Promise<void>
  /** How many requests the faults with `times` or `chance` have met, all together. */
  met(): Promise<number>
  region(name: string, act: 'start' | 'stop' | 'kill'): Promise<void>
  /** What a place acknowledged after the line `after`: every write, in order. */
  activity(place: string, after?: number): Promise<readonly Acknowledged[]>
  /** Ids of its processes: its own, and those of the regions that live. */
  processes(): Promise<{ readonly front: number; readonly regions: ReadonlyMap<string, number> }>
  /** Saves everything as it is under a name, in the place of what has it. */
  save(name: string): Promise<void>
  /** Puts everything back as it was saved: every region runs then, and nothing is broken. */
  load(name: string): Promise<void>
  /** The end of what its processes said on standard error. */
  said(): string
  /** Ends it in good order and removes its folder. */
  stop(): Promise<void>
}

/** One line of the record of a region, as its control API gives it. */
export interface Acknowledged {
  readonly method: string
  readonly target: string
  readonly operation: string
  readonly status: number
  readonly [field: string]: unknown
}

const MAIN = fileURLToPath(new URL('../../emulator/src/main.ts', import.meta.url))
const STARTING_MILLISECONDS = 90_000
const MOST_LINES = 10_000

export interface EmulatorOptions {
  readonly regions?: readonly string[]
  /** More variables for its processes. */
  readonly env?: Readonly<Record<string, string>>
  /** Folder of an earlier one, to go on with; without it, a fresh one. */
  readonly dir?: string
}

/** Starts an emulator on any free port and waits until every region answers. It ends with this process at the latest. */
export async function startTestEmulator(options: EmulatorOptions = {}): Promise<TestEmulator> {
  const { regions = ['eastus2', 'centralus'], env = {} } = options
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-emulator-')))
  // One that was killed has left its description behind.
  await rm(join(dir, 'emulator.json'), { force: true })
  const args = [MAIN, '--dir', dir, '--regions', regions.join(','), '--port', '0', '--tied']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  const facts = await described(child, join(dir, 'emulator.json'), () => said)
  const control = `http://127.0.0.1:${facts.port}`

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const answer = await fetch(`${control}${path}`, { method, ...sent })
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }

  const exported = await call<Record<string, string>>('GET', '/emulator/env')
  return {
    dir,
    proxy: facts.proxy,
    caPath: facts.ca,
    ca: readFileSync(facts.ca, 'utf8'),
    subscription: facts.subscription,
    control,
    env: { ...exported, HOLDFAST_LOCAL: '1', HOLDFAST_LOCAL_CA: facts.ca },
    faults: async (faults) => void (await call('PUT', '/emulator/faults', { faults })),
    met: async () => {
      const { met } = await call<{ readonly met: Readonly<Record<string, number>> }>('GET', '/emulator/faults')
      return Object.values(met).reduce((sum, times) => sum + times, 0)
    },
    region: async (name, act) => void (await call('POST', `/emulator/regions/${name}/${act}`)),
    activity: async (place, after = 0) => {
      const lines: Acknowledged[] = []
      for (;;) {
        const path = `/emulator/activity/${place}?after=${lines.at(-1)?.['seq'] ?? after}&limit=${MOST_LINES}`
        const got = await call<{ readonly lines: readonly Acknowledged[] }>('GET', path)
        lines.push(...got.lines)
        if (got.lines.length === 0) return lines
      }
    },
    processes: async () => {
      const { pid, regions: all } = await call<Status>('GET', '/emulator/status')
      const living = all.flatMap((one): [string, number][] => (one.pid === undefined ? [] : [[one.name, one.pid]]))
      return { front: pid, regions: new Map(living) }
    },
    save: async (name) => void (await call('PUT', `/emulator/saved/${name}`, { replace: true })),
    load: async (name) => void (await call('POST', `/emulator/saved/${name}/load`)),
    said: () => said,
    stop: async () => {
      await ended(child)
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

interface Status {
  readonly pid: number
  readonly regions: readonly { readonly name: string; readonly pid?: number }[]
}

interface Facts {
  readonly port: number
  readonly proxy: string
  readonly ca: string
  readonly subscription: string
}

async function described(child: ChildProcess, path: string, said: () => string): Promise<Facts> {
  const deadline = Date.now() + STARTING_MILLISECONDS
  while (Date.now() < deadline && child.exitCode === null) {
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Facts
    await sleep(25)
  }
  child.kill('SIGKILL')
  await rm(dirname(path), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  throw new Error(`The emulator did not start: ${said()}`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const last = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await over
  clearTimeout(last)
}
