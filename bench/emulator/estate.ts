import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRegion } from '../../emulator/src/region.ts'
import { SUBSCRIPTION } from '../../emulator/src/tokens.ts'
import type { AzureClient } from '../../emulator/test/azure-client.ts'

export const REGION = 'eastus2'
export const GROUP = '/resourceGroups/bench'
export const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/big`
export const ACCOUNT = 'benchstore'
export const CONTAINER = 'many'
/** A model that holds a fifth of all versions. */
export const FLEET = 'fleet'
const BATCH = 2000
const ARCHIVED_EVERY = 100

/** How much of each there shall be. */
export interface Size {
  readonly assets: number
  readonly runs: number
  readonly blobs: number
}

/** Makes group, account and workspace as a client does. */
export async function makeWorkspace(client: AzureClient): Promise<void> {
  const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
  const storageAccount = `/subscriptions/${SUBSCRIPTION}${account}`
  await made(client, GROUP, { location: REGION })
  await made(client, account, { location: REGION, sku: { name: 'Standard_LRS' }, kind: 'StorageV2' })
  await made(client, WORKSPACE, {
    location: REGION,
    identity: { type: 'SystemAssigned' },
    properties: { storageAccount, friendlyName: 'big' },
  })
}

async function made(client: AzureClient, path: string, body: unknown): Promise<void> {
  const { status, body: said } = await client.arm('PUT', path, body)
  if (status >= 300) throw new Error(`${path} was answered ${status}: ${JSON.stringify(said)}`)
  for (let tries = 0; tries < 200; tries++) {
    const { body: found } = await client.arm('GET', path)
    const state = (found['properties'] as { provisioningState?: string } | undefined)?.provisioningState
    if (state === undefined || state === 'Succeeded') return
    await sleep(50)
  }
  throw new Error(`${path} did not come to be`)
}

/**
 * Fills the workspace by the code of the store, without requests, while the region does not run: by requests it
 * would take some minutes, and what is measured is reading. Gives the seconds that it took.
 */
export async function fill(dir: string, size: Size): Promise<number> {
  const began = performance.now()
  const region = await openRegion({ name: REGION, root: dir })
  const workspace = `/subscriptions/${SUBSCRIPTION}${WORKSPACE}`
  const put = (id: string, properties: object) => region.resources.put(`${workspace}/${id}`, { properties }, 'bench')
  const { db } = region
  await inBatches(
    size.assets,
    (n) => putAsset(put, n, size.assets),
    (work) => db.write(work),
  )
  const experiment = await db.write(() => region.runs.experiment(workspace, 'long'))
  await inBatches(
    size.runs,
    (n) => {
      const name = `job-${n}`
      put(`jobs/${name}`, { ...JOB, displayName: name, tags: n % 1000 === 0 ? { rare: 'yes' } : {} })
      const run = region.runs.create(workspace, { ...RUN, id: name, name, experimentKey: experiment.key, start: n })
      region.runs.metrics.log(run.key, [{ key: 'loss', value: n % 977, timestamp: n, step: 0 }])
    },
    (work) => db.write(work),
  )
  await region.blobs.ensureContainer(ACCOUNT, CONTAINER)
  const bytes = Buffer.alloc(100, 1)
  for (let from = 0; from < size.blobs; from += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, size.blobs - from) }, (_, index) => nameOf(from + index))
    await Promise.all(names.map((name) => region.blobs.put({ account: ACCOUNT, container: CONTAINER, name }, bytes)))
  }
  await region.close()
  return (performance.now() - began) / 1000
}

/** A fifth are versions of one model; the rest are models, environments and data of five versions each. */
function putAsset(put: (id: string, properties: object) => unknown, n: number, all: number): void {
  const fleet = Math.floor(all / 5)
  const common = { ...ASSET, isArchived: n % ARCHIVED_EVERY === 0, tags: { n: String(n) } }
  if (n < fleet) {
    if (n === 0) put(`models/${FLEET}`, HOLDER)
    put(`models/${FLEET}/versions/${n + 1}`, { ...common, modelUri: `azureml://datastores/d/paths/${n}` })
    return
  }
  const [kind = 'models', uri = 'modelUri'] = KINDS[n % KINDS.length] ?? []
  const holder = `${kind}/thing-${Math.floor((n - fleet) / (KINDS.length * 5))}`
  const version = (Math.floor((n - fleet) / KINDS.length) % 5) + 1
  if (version === 1) put(holder, HOLDER)
  put(`${holder}/versions/${version}`, { ...common, [uri]: `azureml://datastores/d/paths/${n}` })
}

function nameOf(n: number): string {
  return join('folder', String(n % 100).padStart(2, '0'), `blob-${n}`)
}

async function inBatches(
  count: number,
  one: (n: number) => void,
  write: (work: () => void) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    await write(() => {
      for (let n = from; n < Math.min(count, from + BATCH); n++) one(n)
    })
  }
}

const KINDS = [
  ['models', 'modelUri'],
  ['environments', 'image'],
  ['data', 'dataUri'],
] as const
const HOLDER = { description: null, tags: {}, properties: {}, isArchived: false, provisioningState: 'Succeeded' }
const ASSET = { description: 'as many fields as one has', properties: {}, isAnonymous: false, stage: null }
const JOB = {
  jobType: 'Command',
  status: 'Completed',
  experimentName: 'long',
  command: 'python train.py --epochs 3',
  environmentId: 'azureml:plain:1',
  computeId: 'cpu',
  isArchived: false,
  properties: {},
  inputs: {},
  outputs: {},
}
const RUN = { status: 'Completed', user: 'bench', tags: {}, properties: {} } as const
