import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud } from '../../demo/cloud.ts'
import { nightlySchedule, waitingJob } from '../../demo/estate.ts'
import type { Finding } from '../../src/engine/return/sort-out.ts'
import { HOLDFAST, type Moment, openStageAlone, type Stage } from '../crashes/stage.ts'
import { buildEstate, estateFor, registerModel, standbyOf, until } from '../crashes/story.ts'

/** A region that Holdfast does not reach and that goes on working: its team, its jobs and its schedules notice nothing. */

const DAY = 86_400_000
const NODES = { EMULATOR_ALLOCATION_SECONDS: '0' }
const AT_ONCE = 16
export const TRAINING = 'train'
export const ENDED = new Set(['Completed', 'Failed', 'Canceled'])

/** An estate that was synced once, kept for several tests. Gives the first instant of its schedule. */
export async function keepSynced(moment: Moment): Promise<number> {
  const stage = await openStageAlone({ root: moment.root, env: NODES })
  const first = Math.ceil((Date.now() + DAY) / 1000) * 1000
  try {
    await buildEstate(stage)
    const { workspace } = estateFor(stage)
    await stage.cloud.arm('PUT', `${workspace}/schedules/nightly`, nightlySchedule(estateFor(stage), new Date(first)))
    await stage.verb('sync')
    await stage.keep(moment)
  } finally {
    await stage.end()
  }
  return first
}

/** The estate with a job that runs, synced; then Holdfast loses sight of the primary, and fails over. */
export async function partitioned(moment: Moment): Promise<Stage> {
  const stage = await openStageAlone({ at: moment, env: NODES })
  const { cloud, emulator } = stage
  const estate = estateFor(stage)
  const { properties } = waitingJob(estate) as { properties: object }
  const command = 'node -e "setTimeout(() => undefined, 600000)"'
  await cloud.arm('PUT', `${estate.workspace}/jobs/${TRAINING}-on`, { properties: { ...properties, command } })
  await until(async () => (await jobsOf(cloud, estate.workspace)).get(`${TRAINING}-on`) === 'Running')
  await stage.verb('sync')
  await emulator.faults([{ is: 'down', at: 'eastus2', client: HOLDFAST }])
  await stage.verb('failover', '--yes')
  return stage
}

/** Names of the jobs of a workspace, with their status. */
export async function jobsOf(cloud: Cloud, workspace: string): Promise<ReadonlyMap<string, string>> {
  const jobs = await cloud.armList(`${workspace}/jobs?listViewType=All`)
  return new Map(jobs.map(({ name, properties }) => [String(name), String((properties as { status: string }).status)]))
}

/** The team of the lost side makes so many things: runs, blobs and versions of data in turn, named by their number. */
export async function makeThings(stage: Stage, count: number): Promise<void> {
  const { cloud } = stage
  const { workspace, storage } = estateFor(stage)
  const container = await containerOf(cloud, workspace)
  const { experiment_id } = await cloud.mlflow(workspace, 'POST', 'mlflow/experiments/create', { name: 'apart' })
  const numbers = Array.from({ length: count }, (_, n) => n).values()
  const dataUri = 'azureml://datastores/workspaceblobstore/paths/data/iris/iris.csv'
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const n of numbers) {
        if (n % 3 === 0) await makeRun(cloud, workspace, { experiment_id, name: `only-${n}`, value: n })
        else if (n % 3 === 1) await cloud.putBlob(storage, `${container}/apart/only-${n}`, `bytes of ${n}`)
        else
          await cloud.arm('PUT', `${workspace}/data/only-${n}/versions/1`, {
            properties: { dataType: 'uri_file', dataUri },
          })
      }
    }),
  )
}

async function makeRun(
  cloud: Cloud,
  workspace: string,
  { experiment_id, name, value }: { experiment_id: unknown; name: string; value: number },
): Promise<void> {
  const call = (path: string, body: unknown) => cloud.mlflow(workspace, 'POST', `mlflow/${path}`, body)
  const created = await call('runs/create', { experiment_id, run_name: name, start_time: 1_700_000_000_000 })
  const { run_id } = (created['run'] as { info: { run_id: string } }).info
  const metrics = [{ key: 'auc', value, timestamp: 1_700_000_000_001, step: 1 }]
  await call('runs/log-batch', { run_id, metrics })
  await call('runs/update', { run_id, status: 'FINISHED', end_time: 1_700_000_060_000 })
}

/** Both sides register the next version of one model, each its own. */
export async function registerOnBoth(stage: Stage): Promise<void> {
  const estate = estateFor(stage)
  for (const workspace of [estate.workspace, standbyOf(estate)]) {
    const storage = await storageOf(stage.cloud, workspace)
    const folder = `models/churn/4-${workspace === estate.workspace ? 'there' : 'here'}`
    await registerModel(stage.cloud, workspace, storage, { name: 'churn', version: '4', folder })
  }
}

/** What of the things stands in a workspace as it was made: the numbers. */
export async function thingsIn(stage: Stage, workspace: string, count: number): Promise<ReadonlySet<number>> {
  const { cloud } = stage
  const [storage, container] = [await storageOf(cloud, workspace), await containerOf(cloud, workspace)]
  const found = new Set<number>()
  for (const { name } of await cloud.armList(`${workspace}/data`)) addNumber(found, String(name))
  for (const run of await runsOf(cloud, workspace)) {
    const number = Number(/^only-(\d+)$/.exec(run.info.run_name)?.[1])
    const whole = run.info.status === 'FINISHED' && run.data.metrics?.[0]?.value === number
    // A second one of a name would be one too many.
    if (whole) found.has(number) ? found.add(Number.NaN) : found.add(number)
  }
  for (let n = 1; n < count; n += 3) {
    if (String(await cloud.blob(storage, container, `apart/only-${n}`)) === `bytes of ${n}`) found.add(n)
  }
  return found
}

interface Run {
  readonly info: { readonly run_name: string; readonly status: string }
  readonly data: { readonly metrics?: readonly { readonly value: number }[] }
}

async function runsOf(cloud: Cloud, workspace: string): Promise<readonly Run[]> {
  const name = encodeURIComponent('apart')
  const { experiment } = await cloud.mlflow(workspace, 'GET', `mlflow/experiments/get-by-name?experiment_name=${name}`)
  const { experiment_id } = experiment as { experiment_id: string }
  const body = { experiment_ids: [experiment_id], max_results: 1000 }
  const { runs = [] } = (await cloud.mlflow(workspace, 'POST', 'mlflow/runs/search', body)) as { runs?: readonly Run[] }
  return runs
}

function addNumber(numbers: Set<number>, name: string): void {
  const number = /^only-(\d+)$/.exec(name)?.[1]
  if (number !== undefined) numbers.add(Number(number))
}

/** Takes the other side back by a person's hand, if that is not done yet, and gives what the journal tells of it. */
export async function takeBack(stage: Stage): Promise<readonly Finding[]> {
  await stage.start(['sync']).over
  const store = stage.openStore()
  try {
    const told = store.prepare("SELECT body FROM journal WHERE type = 'return/done'").all()
    if (told.length !== 1) throw new Error(`The side was taken back ${told.length} times`)
    return (JSON.parse(String(told[0]?.['body'])) as { findings: readonly Finding[] }).findings
  } finally {
    store.close()
  }
}

/** Moves the time of the whole emulator to a second before an instant. */
export async function almostAt(stage: Stage, instant: number): Promise<void> {
  const { control } = stage.emulator
  const { clock } = (await (await fetch(`${control}/emulator/status`)).json()) as { clock: { now: string } }
  const shiftMilliseconds = instant - 1000 - Date.parse(clock.now)
  const answer = await fetch(`${control}/emulator/clock`, {
    method: 'POST',
    body: JSON.stringify({ shiftMilliseconds }),
  })
  if (!answer.ok) throw new Error(`The clock was answered ${answer.status}: ${await answer.text()}`)
}

/** The region dies once a call of the return has reached the other side, and comes again. */
export async function dieInTheMiddle(stage: Stage): Promise<number | null> {
  const { emulator } = stage
  const route = 'PUT **/data/*/versions/*'
  await emulator.faults([{ is: 'held-answer', at: 'centralus', route, client: HOLDFAST, times: 1 }])
  const { over } = stage.start(['sync'])
  while ((await emulator.met()) === 0) await sleep(20)
  await emulator.region('eastus2', 'kill')
  await emulator.faults([])
  const { code } = await over
  await emulator.region('eastus2', 'start')
  return code
}

async function storageOf(cloud: Cloud, workspace: string): Promise<string> {
  const { storageAccount } = (await cloud.arm('GET', workspace))['properties'] as { storageAccount: string }
  return storageAccount.split('/').at(-1) ?? ''
}

async function containerOf(cloud: Cloud, workspace: string): Promise<string> {
  const { workspaceId } = (await cloud.arm('GET', workspace))['properties'] as { workspaceId: string }
  return `azureml-blobstore-${workspaceId}`
}
