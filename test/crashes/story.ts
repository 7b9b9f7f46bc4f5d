import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Cloud } from '../../demo/cloud.ts'
import {
  deployWorkspace,
  type Estate,
  estateOf,
  nightlySchedule,
  registerAssets,
  waitingJob,
} from '../../demo/estate.ts'
import { type Moment, onLanes, onStage, type Stage } from './stage.ts'

/** What is killed: a verb of a protection, begun at a moment. */
export interface Act {
  readonly name: 'sync' | 'failover' | 'return' | 'reverse sync' | 'failback'
  readonly verb: readonly string[]
  readonly at: Moment
  /** Done to the world before the verb begins. */
  before(stage: Stage): Promise<void>
}

/** Jobs wait for ever: what is compared must not depend on how far one came. */
export const WITHOUT_NODES = { EMULATOR_ALLOCATION_SECONDS: '86400' }

const DAY = 86_400_000
const TRAINING = 'train'
const QUEUED = 'report'

/** The acts of a story that was played into this folder. */
export function actsOf(root: string): readonly Act[] {
  const at = momentsOf(root)
  return [
    { name: 'sync', verb: ['sync'], at: at.fresh, before: nothing },
    { name: 'failover', verb: ['failover', '--yes'], at: at.synced, before: lost },
    { name: 'return', verb: ['sync'], at: at.failedOver, before: nothing },
    { name: 'reverse sync', verb: ['sync'], at: at.returned, before: nothing },
    // A switchover that names where to: run again when it is over, it does not go back.
    { name: 'failback', verb: ['failback', '--yes', '--jobs', 'resubmit'], at: at.returned, before: nothing },
  ]
}

function momentsOf(root: string) {
  const moment = (name: string): Moment => ({ root, name })
  return {
    fresh: moment('fresh'),
    synced: moment('synced'),
    failedOver: moment('failed-over'),
    returned: moment('returned'),
  }
}

const nothing = async (): Promise<void> => undefined
const lost = (stage: Stage): Promise<void> => stage.emulator.region('eastus2', 'kill')

/** Plays the story in which Holdfast is killed, once and undisturbed, and keeps the moments at which its acts begin. */
export async function playStory(root: string): Promise<void> {
  const { fresh, synced, failedOver, returned } = momentsOf(root)
  await onLanes({ root, env: { EMULATOR_ALLOCATION_SECONDS: '0' } }, ([lane]) =>
    onStage(lane, undefined, async (stage) => {
      await buildEstate(stage)
      await stage.keep(fresh)
      await stage.verb('sync')
      await changeAfterwards(stage.cloud, estateFor(stage))
      await stage.keep(synced)
    }),
  )
  // A job that ran has lost its node where a moment is loaded.
  await onLanes({ root, env: WITHOUT_NODES }, async ([lane]) => {
    await onStage(lane, synced, async (stage) => {
      await lost(stage)
      await stage.verb('failover', '--yes')
      await stage.keep(failedOver)
    })
    await onStage(lane, failedOver, async (stage) => {
      await stage.verb('sync')
      await workOn(stage.cloud, standbyOf(estateFor(stage)))
      await stage.keep(returned)
    })
  })
}

export function estateFor(stage: Stage): Estate {
  return estateOf(stage.emulator.subscription)
}

/** ARM id of the workspace that stands by. */
export function standbyOf({ subscription }: Estate): string {
  return `/subscriptions/${subscription}/resourceGroups/churn-cus/providers/Microsoft.MachineLearningServices/workspaces/churn-dr`
}

/** One thing of each kind that is carried: a running job with a checkpoint and a queued one among them. */
export async function buildEstate(stage: Stage): Promise<void> {
  const { cloud, dir } = stage
  const estate = estateFor(stage)
  await deployWorkspace(cloud, estate)
  await registerAssets(cloud, estate)
  await logRun(cloud, estate.workspace, 'first')
  await cloud.arm('PUT', `${estate.workspace}/schedules/nightly`, nightlySchedule(estate, new Date(Date.now() + DAY)))
  await cloud.arm('PUT', `${estate.workspace}/jobs/${TRAINING}`, checkpointing(estate))
  await until(async () => (await statusOf(cloud, estate)) === 'Running' && (await hasCheckpoint(cloud, estate)))
  await cloud.arm('PUT', `${estate.workspace}/jobs/${QUEUED}`, waitingJob(estate))
  const policy = {
    name: 'churn',
    primary: { workspace: estate.workspace },
    secondary: { location: 'centralus', workspace: standbyOf(estate) },
    objectives: { rpo: '5m', rto: '15m' },
    sync: { every: '1m' },
    failover: { mode: 'manual', after: '1s', maxLoss: '1h' },
    pointer: [{ file: 'config.json' }],
  }
  writeFileSync(join(dir, 'holdfast.yaml'), stringify(policy))
  await stage.verb('apply')
}

/** A job that leaves a checkpoint and goes on for longer than any test. */
function checkpointing(estate: Estate): unknown {
  const { properties } = waitingJob(estate) as { properties: object }
  const script = "require('fs').writeFileSync(process.argv[1] + '/epoch.json', '7'); setTimeout(() => {}, 600000)"
  const outputs = { checkpoints: { jobOutputType: 'uri_folder', mode: 'ReadWriteMount' } }
  return { properties: { ...properties, command: `node -e "${script}" \${{outputs.checkpoints}}`, outputs } }
}

/** What only the side knows that is about to be lost. */
async function changeAfterwards(cloud: Cloud, estate: Estate): Promise<void> {
  const { workspace, storage } = estate
  await registerModel(cloud, workspace, storage, { name: 'churn', version: '4' })
  await logRun(cloud, workspace, 'unseen')
}

/** What the side in charge does after the failover: one thing of each kind, new. */
async function workOn(cloud: Cloud, workspace: string): Promise<void> {
  const { storageAccount } = (await cloud.arm('GET', workspace))['properties'] as { storageAccount: string }
  const storage = storageAccount.split('/').at(-1) ?? ''
  await registerModel(cloud, workspace, storage, { name: 'later', version: '1' })
  const path = 'azureml://datastores/workspaceblobstore/paths/models/later/1/weights.json'
  await cloud.arm('PUT', `${workspace}/data/later/versions/1`, { properties: { dataType: 'uri_file', dataUri: path } })
  await cloud.arm('PUT', `${workspace}/environments/later/versions/1`, { properties: { image: 'ubuntu:24.04' } })
  await logRun(cloud, workspace, 'later')
}

interface Model {
  readonly name: string
  readonly version: string
  /** Where its weights are. */
  readonly folder?: string
}

export async function registerModel(cloud: Cloud, workspace: string, storage: string, model: Model): Promise<void> {
  const { name, version, folder = `models/${name}/${version}` } = model
  const { workspaceId } = (await cloud.arm('GET', workspace))['properties'] as { workspaceId: string }
  await cloud.putBlob(storage, `azureml-blobstore-${workspaceId}/${folder}/weights.json`, `[${version}]`)
  await cloud.arm('PUT', `${workspace}/models/${name}/versions/${version}`, {
    properties: { modelType: 'custom_model', modelUri: `azureml://datastores/workspaceblobstore/paths/${folder}` },
  })
}

/** A finished run with points, parameters and a child. */
async function logRun(cloud: Cloud, workspace: string, name: string): Promise<void> {
  const call = (path: string, body: unknown) => cloud.mlflow(workspace, 'POST', `mlflow/${path}`, body)
  const { experiment_id } = await call('experiments/create', { name: `tries-${name}` })
  let parent: string | undefined
  for (const run_name of [name, `${name}-child`]) {
    const tags = parent === undefined ? [] : [{ key: 'mlflow.parentRunId', value: parent }]
    const { run } = (await call('runs/create', { experiment_id, run_name, start_time: 1_700_000_000_000, tags })) as {
      run: { info: { run_id: string } }
    }
    const { run_id } = run.info
    parent = run_id
    const metrics = [1, 2, 3].map((step) => ({
      key: 'auc',
      value: step / 4,
      timestamp: 1_700_000_000_000 + step,
      step,
    }))
    await call('runs/log-batch', { run_id, metrics, params: [{ key: 'depth', value: '3' }] })
    await call('runs/update', { run_id, status: 'FINISHED', end_time: 1_700_000_060_000 })
  }
}

async function statusOf(cloud: Cloud, { workspace }: Estate): Promise<string> {
  const { properties } = (await cloud.arm('GET', `${workspace}/jobs/${TRAINING}`)) as { properties: { status: string } }
  return properties.status
}

async function hasCheckpoint(cloud: Cloud, { workspace, storage }: Estate): Promise<boolean> {
  const { workspaceId } = (await cloud.arm('GET', workspace))['properties'] as { workspaceId: string }
  const name = `azureml/${TRAINING}/checkpoints/epoch.json`
  return (await cloud.blob(storage, `azureml-blobstore-${workspaceId}`, name)) !== undefined
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 300) throw new Error(`It did not come true in time: ${holds}`)
    await sleep(100)
  }
}
