import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Emulator } from '../src/cli/local/emulator.ts'
import type { FailoverReport } from '../src/engine/report.ts'
import { type Cloud, openCloud } from './cloud.ts'
import {
  deployWorkspace,
  type Estate,
  estateOf,
  logHistory,
  nightlySchedule,
  registerAssets,
  TOTAL_EPOCHS,
  trainingJob,
  waitingJob,
} from './estate.ts'
import { type Processes, processes } from './processes.ts'
import type { Screen } from './screen.ts'
import { type ServeWatch, watchServe } from './serve-watch.ts'

export interface Stage {
  readonly dir: string
  readonly emulator: Emulator
  readonly screen: Screen
  readonly signal: AbortSignal
  /** Things to end, last first. */
  readonly closing: (() => Promise<unknown> | unknown)[]
}

/** Everything that happened, as far as the evidence needs it. Instants in milliseconds since 1970. */
export interface Played {
  readonly control: string
  readonly cloud: Cloud
  readonly estate: Estate
  readonly standby: Standby
  readonly killedAt: number
  /** When the resubmitted training job was seen running. */
  readonly runningAgainAt: number
  readonly returnedAt: number
  /** Epoch of the checkpoint that was verified in the standby when the region was lost. */
  readonly checkpointEpoch: number
  readonly report: FailoverReport
  /** The pointer as the vendor's clients read it, before and after. */
  readonly pointers: { readonly before: string; readonly after: string }
  readonly jobs: { readonly training: string; readonly resubmitted: string; readonly waiting: string }
}

export interface Standby {
  readonly workspace: string
  readonly location: string
}

const TRAINING = 'train-iris'
const WAITING = 'daily-report'
/** Milliseconds the training script rests after each epoch, so that half of it lasts long enough to be watched. */
const PAUSE = 450
const POINTS = ['v1', 'v2', 'v3'] as const
/** How long before a schedule's next firing the lost region comes back. */
const BACK_BEFORE_FIRING = 6000

export async function play(stage: Stage): Promise<Played> {
  const { emulator, closing } = stage
  const team = await emulator.env('team')
  const cloud = openCloud(team)
  closing.push(() => cloud.close())
  const estate = estateOf(team['AZURE_SUBSCRIPTION_ID'] ?? '')
  const standby = standbyOf(estate)
  await build(stage, cloud, estate)
  const protection = await protect(stage, estate, standby)
  const acting: Acting = { stage, cloud, estate, standby, ...protection }
  const firing = await train(acting)
  const lost = await loseRegion(acting)
  const returnedAt = await comeBack(acting, firing, lost.resubmitted)

  const { resubmitted, ...instants } = lost
  const report = JSON.parse(await protection.run.verb('report', '--json')) as FailoverReport
  return {
    ...instants,
    control: emulator.control,
    cloud,
    estate,
    standby,
    returnedAt,
    report,
    pointers: { before: protection.pointedTo, after: lost.pointsTo },
    jobs: { training: TRAINING, resubmitted, waiting: WAITING },
  }
}

/** What protects the workspace while the story goes on. */
interface Protection {
  readonly run: Processes
  readonly watching: ServeWatch
  /** Name of the workspace that config.json shows to before anything happens. */
  readonly pointedTo: string
}

interface Acting extends Protection {
  readonly stage: Stage
  readonly cloud: Cloud
  readonly estate: Estate
  readonly standby: Standby
}

/** A schedule's next instant, and when the schedule was made. */
interface Firing {
  readonly at: number
  readonly made: number
}

async function protect(stage: Stage, estate: Estate, standby: Standby): Promise<Protection> {
  const { emulator, screen, dir, signal, closing } = stage
  screen.chapter('Holdfast protects it')
  const ports = writePolicy(dir, estate, standby)
  const { ca } = await emulator.status()
  const names = ['holdfast', ...POINTS]
  const environments = new Map(await Promise.all(names.map(async (name) => [name, await emulator.env(name)] as const)))
  const run = processes({
    cwd: dir,
    environment: (client) => ({ ...environments.get(client), HOLDFAST_LOCAL: '1', HOLDFAST_LOCAL_CA: ca }),
  })
  closing.push(() => run.end())
  await run.verb('apply')
  screen.line('a second workspace stands in Central US, from a template')
  await run.verb('sync')
  await showStatus(screen, run)
  await run.verb('config')

  const pace = ['--every', '400', '--timeout', '900']
  for (const [index, name] of POINTS.entries()) {
    const listen = `127.0.0.1:${ports[index]}`
    run.service(name, ['vantage', '--name', name, '--listen', listen, ...pace], () => undefined)
  }
  const watching = watchServe(screen)
  run.service('holdfast', ['serve', '--json', '--lease', '9000', '--call', '3000', '--tick', '400'], watching.line)
  await watching.until(({ decision }) => decision?.do === 'stay' && /active and well/.test(decision.reason), signal)
  screen.line('three vantage points watch both regions, a controller holds the lease')
  return { run, watching, pointedTo: pointer(dir) }
}

/** Starts the jobs, and goes on until the training is half way and the standby knows of everything. */
async function train({ stage, cloud, estate, watching }: Acting): Promise<Firing> {
  stage.screen.chapter('A training job runs, and another waits for its node')
  await cloud.arm('PUT', `${estate.workspace}/jobs/${TRAINING}`, trainingJob(estate, PAUSE))
  await cloud.arm('PUT', `${estate.workspace}/jobs/${WAITING}`, waitingJob(estate))
  await trainedUntil(stage, cloud, estate.workspace, Math.floor(TOTAL_EPOCHS / 2) - 3)
  const firing = await scheduleSoon(cloud, estate)
  await watching.until(({ is, end }) => is === 'pass' && (end?.startedAt ?? 0) > firing.made, stage.signal)
  await trainedUntil(stage, cloud, estate.workspace, Math.floor(TOTAL_EPOCHS / 2))
  return firing
}

async function loseRegion({ stage, cloud, estate, standby, watching }: Acting) {
  const { emulator, screen, signal, dir } = stage
  screen.chapter('East US 2 is lost: its process is killed, without a warning')
  const killedAt = Date.now()
  await emulator.region(estate.location, 'kill')
  await showRegions(stage, estate.location)
  const failover = await watching.until((event) => event.is === 'failover', signal)
  const resubmitted = `${TRAINING}-${failover.id}`
  const runningAgainAt = await runningSince(stage, cloud, `${standby.workspace}/jobs/${resubmitted}`)
  const seconds = ((runningAgainAt - killedAt) / 1000).toFixed(1)
  screen.line(`${resubmitted} runs in Central US, ${seconds} s after the loss; config.json points there`)
  return {
    killedAt,
    runningAgainAt,
    resubmitted,
    checkpointEpoch: await verifiedEpoch(cloud, standby),
    pointsTo: pointer(dir),
  }
}

/** Gives when the lost region came back, after everything that follows from it is over. */
async function comeBack(
  { stage, cloud, estate, standby, watching }: Acting,
  firing: Firing,
  resubmitted: string,
): Promise<number> {
  const { emulator, screen, signal } = stage
  screen.chapter('East US 2 comes back, with a queued job and a schedule that is about to fire')
  await sleep(Math.max(0, firing.at - BACK_BEFORE_FIRING - Date.now()), undefined, { signal })
  await emulator.region(estate.location, 'start')
  const returnedAt = Date.now()
  await showRegions(stage, standby.location)
  await watching.until((event) => event.is === 'return', signal)
  screen.line('it was fenced before either did harm; what only it had was carried over')
  await sleep(Math.max(0, firing.at + 3000 - Date.now()), undefined, { signal })
  await ended(stage, cloud, `${standby.workspace}/jobs/${resubmitted}`)
  const over = Date.now()
  await watching.until(
    ({ is, end }) => is === 'pass' && (end?.startedAt ?? 0) > over && end?.behind?.length === 0,
    signal,
  )
  screen.line('the model is trained, and East US 2 follows Central US now')
  return returnedAt
}

async function showStatus(screen: Screen, run: Processes): Promise<void> {
  const { ageMilliseconds, kinds } = JSON.parse(await run.verb('status', '--json')) as {
    ageMilliseconds: number
    kinds: Record<string, number>
  }
  const items = Object.values(kinds).reduce((sum, count) => sum + count, 0)
  const age = `${(ageMilliseconds / 1000).toFixed(1)} s`
  screen.update({ recoveryPoint: `${age} old` })
  screen.line(`its ${items} items are in both regions; the recovery point is ${age} old`)
}

async function build(stage: Stage, cloud: Cloud, estate: Estate): Promise<void> {
  stage.screen.chapter('A team has a workspace in East US 2')
  await showRegions(stage, 'eastus2')
  await deployWorkspace(cloud, estate)
  await registerAssets(cloud, estate)
  await logHistory(cloud, estate)
  stage.screen.line(
    'a cluster, datastores, an environment, data, four versions of two models, a component, twenty runs',
  )
}

function standbyOf({ subscription }: Estate): Standby {
  const workspace = `/subscriptions/${subscription}/resourceGroups/churn-cus/providers/Microsoft.MachineLearningServices/workspaces/churn-dr`
  return { workspace, location: 'centralus' }
}

/** Writes holdfast.yaml and gives the ports of the vantage points. */
function writePolicy(dir: string, estate: Estate, standby: Standby): readonly number[] {
  const base = 20_000 + (process.pid % 20_000)
  const ports = POINTS.map((_, index) => base + index)
  const policy = {
    name: 'churn',
    primary: { workspace: estate.workspace },
    secondary: { location: standby.location, workspace: standby.workspace },
    objectives: { rpo: '30s', rto: '1m' },
    sync: { every: '1s' },
    failover: {
      mode: 'automatic',
      demo: true,
      after: '3s',
      maxLoss: '5m',
      vantagePoints: POINTS.map((name, index) => ({ name, url: `http://127.0.0.1:${ports[index]}` })),
    },
    pointer: [{ file: join(dir, 'config.json') }],
  }
  writeFileSync(join(dir, 'holdfast.yaml'), stringify(policy))
  return ports
}

/** A schedule that fires each minute, first some time after the loss. */
async function scheduleSoon(cloud: Cloud, estate: Estate): Promise<Firing> {
  const at = Math.ceil((Date.now() + 24_000) / 1000) * 1000
  await cloud.arm('PUT', `${estate.workspace}/schedules/nightly`, nightlySchedule(estate, new Date(at)))
  return { at, made: Date.now() }
}

async function trainedUntil({ screen, signal }: Stage, cloud: Cloud, workspace: string, epoch: number): Promise<void> {
  for (;;) {
    const step = await lastStep(cloud, workspace, TRAINING)
    screen.update({ jobs: [`${TRAINING} at epoch ${step} of ${TOTAL_EPOCHS}`, `${WAITING} waits`] })
    if (step >= epoch) return
    await sleep(150, undefined, { signal })
  }
}

async function lastStep(cloud: Cloud, workspace: string, run: string): Promise<number> {
  const found = await cloud.mlflow(workspace, 'GET', `mlflow/runs/get?run_id=${run}`).catch(() => undefined)
  const { data } = (found?.['run'] ?? {}) as { data?: { metrics?: { key: string; step?: number | string }[] } }
  return Number(data?.metrics?.find(({ key }) => key === 'loss')?.step ?? 0)
}

async function runningSince({ signal }: Stage, cloud: Cloud, job: string): Promise<number> {
  for (;;) {
    const status = await statusOf(cloud, job)
    if (status === 'Running' || status === 'Completed') return Date.now()
    if (status === 'Failed' || status === 'Canceled') throw new Error(`${job} is ${status}`)
    await sleep(50, undefined, { signal })
  }
}

async function ended({ screen, signal }: Stage, cloud: Cloud, job: string): Promise<void> {
  for (;;) {
    const status = await statusOf(cloud, job)
    const name = job.split('/').at(-1) ?? job
    screen.update({ jobs: [`${name} ${status.toLowerCase()}`] })
    if (status === 'Completed') return
    if (status === 'Failed' || status === 'Canceled') throw new Error(`${job} is ${status}`)
    await sleep(150, undefined, { signal })
  }
}

async function statusOf(cloud: Cloud, job: string): Promise<string> {
  const { properties } = (await cloud.arm('GET', job)) as { properties: { status: string } }
  return properties.status
}

/** The epoch of the last checkpoint that stood whole in the standby: what the job must go on from. */
async function verifiedEpoch(cloud: Cloud, standby: Standby): Promise<number> {
  const folder = `checkpoints/${TRAINING}/checkpoints`
  const { storageAccount } = (await cloud.arm('GET', standby.workspace))['properties'] as { storageAccount: string }
  const account = storageAccount.split('/').at(-1) ?? ''
  const manifest = await cloud.blob(account, 'holdfast', `${folder}/manifest.json`)
  const { generation } = JSON.parse(String(manifest)) as { generation: string }
  const checkpoint = await cloud.blob(account, 'holdfast', `${folder}/${generation}/checkpoint.json`)
  return (JSON.parse(String(checkpoint)) as { epoch: number }).epoch
}

async function showRegions({ emulator, screen }: Stage, active: string): Promise<void> {
  const { regions } = await emulator.status()
  screen.update({ active, regions: Object.fromEntries(regions.map(({ name, state }) => [name, state])) })
}

function pointer(dir: string): string {
  return (JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as { workspace_name: string }).workspace_name
}
