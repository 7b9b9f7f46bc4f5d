import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud } from '../../demo/cloud.ts'
import {
  deployWorkspace,
  estateOf,
  logHistory,
  nightlySchedule,
  registerAssets,
  waitingJob,
} from '../../demo/estate.ts'

const DAY = 86_400_000

/** What a job has of logs once it runs. */
const LOGS = ['user_logs/std_log.txt', 'system_logs/lifecycler/lifecycler.log']
const PATIENCE_MILLISECONDS = 60_000

export type Deed = (cloud: Cloud, subscription: string, args: readonly string[]) => Promise<void>

/** What a team does that knows nothing of Holdfast. */
export const TEAM: Readonly<Record<string, Deed>> = {
  /** A workspace `churn` in East US 2 with assets of each kind, and run history. */
  builds: async (cloud, subscription) => {
    const estate = estateOf(subscription)
    await deployWorkspace(cloud, estate)
    await registerAssets(cloud, estate)
    await logHistory(cloud, estate)
    const tomorrow = new Date(Date.now() + DAY)
    await cloud.arm('PUT', `${estate.workspace}/schedules/nightly`, nightlySchedule(estate, tomorrow))
  },
  /** A job of this name, which runs for longer than the drill. The team has seen its logs when this ends. */
  submits: async (cloud, subscription, [name = '']) => {
    const estate = estateOf(subscription)
    const { properties } = waitingJob(estate) as { properties: object }
    const command = 'node -e "setTimeout(() => undefined, 600_000)"'
    await cloud.arm('PUT', `${estate.workspace}/jobs/${name}`, { properties: { ...properties, command } })
    await Promise.all(LOGS.map((log) => seen(cloud, estate.storage, `ExperimentRun/dcid.${name}/${log}`)))
  },
  /** A version of a model in East US 2: `team registers churn 4`. */
  registers: async (cloud, subscription, [name = '', version = '']) => {
    const estate = estateOf(subscription)
    const modelUri = 'azureml://datastores/workspaceblobstore/paths/models/churn/1'
    const properties = { modelType: 'custom_model', modelUri, tags: { by: 'team' } }
    await cloud.arm('PUT', `${estate.workspace}/models/${name}/versions/${version}`, { properties })
  },
}

/** Waits until a file of the workspace's run history is there. */
async function seen(cloud: Cloud, account: string, name: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS
  while ((await cloud.blob(account, 'azureml', name)) === undefined) {
    if (Date.now() > deadline) throw new Error(`${name} did not come`)
    await sleep(50)
  }
}
