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
  /** A job of this name, which runs for longer than the drill. */
  submits: async (cloud, subscription, [name = '']) => {
    const estate = estateOf(subscription)
    const { properties } = waitingJob(estate) as { properties: object }
    const command = 'node -e "setTimeout(() => undefined, 600_000)"'
    await cloud.arm('PUT', `${estate.workspace}/jobs/${name}`, { properties: { ...properties, command } })
  },
  /** A version of a model in East US 2: `team registers churn 4`. */
  registers: async (cloud, subscription, [name = '', version = '']) => {
    const estate = estateOf(subscription)
    const modelUri = 'azureml://datastores/workspaceblobstore/paths/models/churn/1'
    const properties = { modelType: 'custom_model', modelUri, tags: { by: 'team' } }
    await cloud.arm('PUT', `${estate.workspace}/models/${name}/versions/${version}`, { properties })
  },
}
