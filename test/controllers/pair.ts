import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { type Cloud, openCloud } from '../../demo/cloud.ts'
import { deployWorkspace, type Estate, estateOf, registerAssets, waitingJob } from '../../demo/estate.ts'
import { type Processes, processes } from '../../demo/processes.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { JournalRecord, Store } from '../../src/store/store.ts'
import { startTestEmulator, type TestEmulator } from '../support/emulator.ts'
import { freePorts } from '../support/free-ports.ts'

/** Pace of the controllers, in milliseconds. */
export interface Pace {
  readonly lease: number
  readonly call: number
  readonly tick: number
}

/** A controller, and what it has said. */
export interface Controller {
  readonly name: string
  readonly child: ChildProcess
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

/** A vantage point, which can be killed and started again. */
export interface Point {
  readonly name: string
  readonly port: number
  child: ChildProcess
  start(): void
}

/** A protection whose controllers are processes of their own on one store, each with a name by which the emulator knows it. */
export interface Pair {
  readonly emulator: TestEmulator
  /** The team, who knows nothing of Holdfast. */
  readonly cloud: Cloud
  readonly estate: Estate
  /** ARM id of the workspace that stands by. */
  readonly standby: string
  readonly run: Processes
  readonly points: readonly Point[]
  /** The store of the protection, opened beside its controllers. */
  readonly store: Store
  readonly storePath: string
  /** Starts a controller, and waits until its loop has turned once. */
  controller(name: string): Promise<Controller>
  journal(typed?: string): Promise<readonly JournalRecord[]>
  end(): Promise<void>
}

export const PROTECTION = 'churn'
/** The job that is under way when the region is lost. */
export const JOB = 'night-report'
const POINTS = ['v1', 'v2', 'v3'] as const
const PATIENCE_MILLISECONDS = 60_000

/** Builds the estate, brings the standby in step, and sets vantage points up. No controller runs yet. */
export async function openPair(pace: Pace): Promise<Pair> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-pair-'))
  const emulator = await startTestEmulator({ env: { EMULATOR_ALLOCATION_SECONDS: '0' } })
  const clients = new Map<string, Readonly<Record<string, string>>>()
  const named = async (client: string) => {
    const answer = await fetch(`${emulator.control}/emulator/env?client=${client}`)
    clients.set(client, { ...emulator.env, ...((await answer.json()) as Record<string, string>) })
  }
  for (const client of ['team', 'holdfast', ...POINTS]) await named(client)
  const cloud = openCloud(clients.get('team') ?? {})
  const run = processes({ cwd: dir, environment: (client) => clients.get(client) ?? emulator.env })
  const storePath = join(dir, '.holdfast', PROTECTION, 'store.db')
  let store: Store | undefined

  async function end(): Promise<void> {
    await run.end()
    await store?.close()
    await cloud.close()
    await emulator.stop()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }

  async function controller(name: string): Promise<Controller> {
    await named(name)
    const events: Record<string, unknown>[] = []
    const args = ['--lease', `${pace.lease}`, '--call', `${pace.call}`, '--tick', `${pace.tick}`]
    let said = ''
    const child = run.service(name, ['serve', '--json', '--level', 'debug', ...args], (line) => {
      const event = JSON.parse(line) as Record<string, unknown>
      if (event['is'] === 'end') said += event['message']
      else events.push(event)
    })
    await until(`${name} says something`, () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`)
      return events.length > 0 ? true : undefined
    })
    return { name, child, events }
  }

  try {
    const estate = estateOf(emulator.subscription)
    await deployWorkspace(cloud, estate)
    await registerAssets(cloud, estate)
    const { standby, points } = await protect(dir, estate, run)
    await cloud.arm('PUT', `${estate.workspace}/jobs/${JOB}`, longJob(estate))
    await run.verb('sync')
    const opened = openSqliteStore(storePath)
    store = opened
    const journal = (typed?: string) => Array.fromAsync(opened.read(PROTECTION, typed === undefined ? {} : { typed }))
    return { emulator, cloud, estate, standby, run, points, store, storePath, controller, journal, end }
  } catch (thrown) {
    await end()
    throw thrown
  }
}

/** Who holds the lease, as the store has it: the process and its epoch; `left` in milliseconds. */
export function leaseOf({ storePath }: Pair): { readonly pid: number; readonly epoch: number; readonly left: number } {
  const sqlite = new DatabaseSync(storePath, { readOnly: true })
  try {
    const row = sqlite.prepare('SELECT holder, epoch, until FROM leases WHERE protection = ?').get(PROTECTION)
    const now = Number(process.hrtime.bigint() / 1_000_000n)
    const pid = Number(String(row?.['holder']).split('/').at(-1))
    return { pid, epoch: Number(row?.['epoch'] ?? 0), left: Number(row?.['until'] ?? 0) - now }
  } finally {
    sqlite.close()
  }
}

/** Waits until something is so. */
export async function until<T>(what: string, test: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS
  for (;;) {
    const found = await test()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`In a minute it was not so: ${what}`)
    await sleep(5)
  }
}

async function protect(dir: string, estate: Estate, run: Processes): Promise<Pick<Pair, 'standby' | 'points'>> {
  const standby = `/subscriptions/${estate.subscription}/resourceGroups/churn-cus/providers/Microsoft.MachineLearningServices/workspaces/churn-dr`
  const ports = await freePorts(POINTS.length)
  const vantagePoints = POINTS.map((name, index) => ({ name, url: `http://127.0.0.1:${ports[index]}` }))
  const policy = {
    name: PROTECTION,
    primary: { workspace: estate.workspace },
    secondary: { location: 'centralus', workspace: standby },
    sync: { every: '1s' },
    failover: { mode: 'automatic', demo: true, after: '3s', maxLoss: '30m', vantagePoints },
    pointer: [{ file: join(dir, 'config.json') }],
  }
  writeFileSync(join(dir, 'holdfast.yaml'), stringify(policy))
  await run.verb('apply')
  return { standby, points: POINTS.map((name, index) => pointAt(run, name, ports[index] ?? 0)) }
}

function pointAt(run: Processes, name: string, port: number): Point {
  const args = ['vantage', '--name', name, '--listen', `127.0.0.1:${port}`, '--every', '400', '--timeout', '900']
  const started = () => run.service(name, args, () => undefined)
  const point: Point = {
    name,
    port,
    child: started(),
    start: () => {
      point.child = started()
    },
  }
  return point
}

function longJob(estate: Estate): unknown {
  const { properties } = waitingJob(estate) as { properties: object }
  return { properties: { ...properties, command: 'node -e "setTimeout(() => undefined, 1_800_000)"' } }
}
