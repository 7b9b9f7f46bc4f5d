import { AzureMachineLearningWorkspaces, type ComputeInstance } from '@azure/arm-machinelearning'
import { ResourceManagementClient } from '@azure/arm-resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../support/emulator.ts'
import { allOf, enter, errorOf } from './connection.ts'

const GROUP = 'rg-npm'
const WS = 'ws-npm'
const LOCATION = 'eastus2'
const NOT_FOUND = [expect.stringMatching(/NotFound/), 404]
/** Pollers of this package wait two seconds unless they are told otherwise. */
const SOON = { updateIntervalInMs: 100 }
const CURATED = 'azureml://registries/azureml/environments/sklearn/versions/1'

let emulator: TestEmulator
let ml: AzureMachineLearningWorkspaces
let base: string
let arm: ResourceManagementClient

beforeAll(async () => {
  emulator = await startTestEmulator({ regions: [LOCATION] })
  const { subscription, credential } = enter(emulator)
  ml = new AzureMachineLearningWorkspaces(credential, subscription)
  arm = new ResourceManagementClient(credential, subscription)
  await arm.resourceGroups.createOrUpdate(GROUP, { location: LOCATION })
  base = `/subscriptions/${subscription}/resourceGroups/${GROUP}`
  const account = { location: LOCATION, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }
  const path = [GROUP, 'Microsoft.Storage', '', 'storageAccounts', 'npmstore', '2023-01-01', account] as const
  await arm.resources.createOrUpdate(...path)
  await ml.workspaces.beginCreateOrUpdateAndWait(
    GROUP,
    WS,
    {
      location: LOCATION,
      identity: { type: 'SystemAssigned' },
      storageAccount: `${base}/providers/Microsoft.Storage/storageAccounts/npmstore`,
      tags: { team: 'churn' },
    },
    SOON,
  )
}, 60_000)
afterAll(() => emulator.stop())

describe('workspaces', () => {
  it('reads, changes and lists them', async () => {
    const found = await ml.workspaces.get(GROUP, WS)
    const changed = await ml.workspaces.beginUpdateAndWait(GROUP, WS, { description: 'of npm', tags: { a: 'b' } }, SOON)
    const resources = await allOf(arm.resources.listByResourceGroup(GROUP))
    const inGroup = await allOf(ml.workspaces.listByResourceGroup(GROUP))
    const inSubscription = await allOf(ml.workspaces.listBySubscription())
    expect(found).toMatchObject({
      name: WS,
      location: LOCATION,
      provisioningState: 'Succeeded',
      tags: { team: 'churn' },
    })
    expect(found.identity?.principalId).toMatch(/^[0-9a-f-]{36}$/)
    expect(changed).toMatchObject({ description: 'of npm', tags: { a: 'b' } })
    // A change is answered without a body, and is seen all the same where resources of every type are listed.
    expect(resources.find(({ name }) => name === WS)).toMatchObject({ location: LOCATION, tags: { a: 'b' } })
    expect([inGroup, inSubscription].map((list) => list.map(({ name }) => name))).toEqual([[WS], [WS]])
  })

  it('gives keys and tokens, and diagnoses', async () => {
    const { userStorageKey } = await ml.workspaces.listKeys(GROUP, WS)
    const storage = await ml.workspaces.listStorageAccountKeys(GROUP, WS)
    const token = await ml.workspaces.listNotebookAccessToken(GROUP, WS)
    const notebook = await ml.workspaces.listNotebookKeys(GROUP, WS)
    const diagnosis = await ml.workspaces.beginDiagnoseAndWait(GROUP, WS, { ...SOON, parameters: { value: {} } })
    await ml.workspaces.beginResyncKeysAndWait(GROUP, WS, SOON)
    const prepared = await ml.workspaces.beginPrepareNotebookAndWait(GROUP, WS, SOON)
    const outbound = await ml.workspaces.listOutboundNetworkDependenciesEndpoints(GROUP, WS)
    expect(userStorageKey).toBe(storage.userStorageKey)
    expect(Buffer.from(userStorageKey ?? '', 'base64')).toHaveLength(64)
    expect(token.accessToken?.split('.')).toHaveLength(3)
    expect(notebook.primaryAccessKey).toBeTypeOf('string')
    expect(diagnosis.value?.storageAccountResults).toEqual([])
    expect(prepared.fqdn).toBeTypeOf('string')
    expect(outbound.value?.length).toBeGreaterThan(0)
  })

  it('name what is not played: features, operations, private links', async () => {
    expect(await errorOf(allOf(ml.workspaceFeatures.list(GROUP, WS)))).toEqual(['NotImplemented', 501])
    expect(await errorOf(allOf(ml.operations.list()))).toEqual(['NotImplemented', 501])
    expect(await errorOf(ml.privateLinkResources.list(GROUP, WS))).toEqual(['NotImplemented', 501])
    expect(await errorOf(allOf(ml.privateEndpointConnections.list(GROUP, WS)))).toEqual(['NotImplemented', 501])
  })

  it('keeps connections without showing their secrets', async () => {
    const properties = {
      authType: 'PAT',
      category: 'PythonFeed',
      target: 'https://feed.example',
      credentials: { pat: 'hidden' },
    } as const
    const made = await ml.workspaceConnections.create(GROUP, WS, 'feed', { properties })
    const listed = await allOf(ml.workspaceConnections.list(GROUP, WS))
    expect(made.properties).toMatchObject({ authType: 'PAT', category: 'PythonFeed', target: 'https://feed.example' })
    expect(JSON.stringify(listed)).not.toContain('hidden')
    await ml.workspaceConnections.delete(GROUP, WS, 'feed')
    expect(await errorOf(ml.workspaceConnections.get(GROUP, WS, 'feed'))).toEqual(NOT_FOUND)
  })

  it('are removed', async () => {
    const storageAccount = `${base}/providers/Microsoft.Storage/storageAccounts/npmstore`
    await ml.workspaces.beginCreateOrUpdateAndWait(GROUP, 'ws-gone', { location: LOCATION, storageAccount }, SOON)
    await ml.workspaces.beginDeleteAndWait(GROUP, 'ws-gone', SOON)
    expect(await errorOf(ml.workspaces.get(GROUP, 'ws-gone'))).toEqual(['ResourceNotFound', 404])
  })
})

describe('computes', () => {
  const scale = { minNodeCount: 0, maxNodeCount: 1 }

  it('makes, changes, lists and removes a cluster', async () => {
    const cluster = {
      computeType: 'AmlCompute',
      properties: { vmSize: 'Standard_DS3_v2', scaleSettings: scale },
    } as const
    const made = await ml.computeOperations.beginCreateOrUpdateAndWait(
      GROUP,
      WS,
      'cpu',
      { location: LOCATION, properties: cluster },
      SOON,
    )
    const update = { properties: { scaleSettings: { ...scale, maxNodeCount: 3 } } }
    const changed = await ml.computeOperations.beginUpdateAndWait(GROUP, WS, 'cpu', update, SOON)
    expect(made.properties).toMatchObject({ computeType: 'AmlCompute', provisioningState: 'Succeeded' })
    expect(changed.properties).toMatchObject({ properties: { scaleSettings: { maxNodeCount: 3 } } })
    expect((await allOf(ml.computeOperations.list(GROUP, WS))).map(({ name }) => name)).toEqual(['cpu'])
    expect(await allOf(ml.computeOperations.listNodes(GROUP, WS, 'cpu'))).toEqual([])
    expect(await errorOf(ml.computeOperations.get(GROUP, WS, 'none'))).toEqual(['ResourceNotFound', 404])
  })

  it('stops, starts and restarts an instance', async () => {
    const instance = { computeType: 'ComputeInstance', properties: { vmSize: 'Standard_DS3_v2' } } as const
    const place = [GROUP, WS, 'desk'] as const
    const state = async () => {
      const { properties } = await ml.computeOperations.get(...place)
      return (properties as ComputeInstance).properties?.state
    }
    await ml.computeOperations.beginCreateOrUpdateAndWait(...place, { location: LOCATION, properties: instance }, SOON)
    const states = [await state()]
    await ml.computeOperations.beginStopAndWait(...place, SOON)
    states.push(await state())
    await ml.computeOperations.beginStartAndWait(...place, SOON)
    states.push(await state())
    await ml.computeOperations.beginRestartAndWait(...place, SOON)
    states.push(await state())
    await ml.computeOperations.beginDeleteAndWait(...place, 'Delete', SOON)
    expect(states).toEqual(['Running', 'Stopped', 'Running', 'Running'])
    expect(await errorOf(ml.computeOperations.get(...place))).toEqual(['ResourceNotFound', 404])
  })

  it('tells sizes, usages and quotas of the region', async () => {
    const sizes = await ml.virtualMachineSizes.list(LOCATION)
    const usages = await allOf(ml.usages.list(LOCATION))
    const quotas = await allOf(ml.quotas.list(LOCATION))
    expect(sizes.value?.map(({ name }) => name)).toContain('Standard_DS3_v2')
    const family = usages.find(({ name }) => name?.value === 'Standard DSv2 Family Cluster Dedicated vCPUs')
    expect(family).toMatchObject({ type: 'Microsoft.MachineLearningServices/vmFamily/usages', limit: 300 })
    const kinds = new Set(usages.map(({ type }) => type?.split('/')[1]))
    expect([...kinds]).toEqual(expect.arrayContaining(['totalCores', 'dedicatedCores', 'lowPriorityCores', 'vmFamily']))
    expect(quotas[0]).toMatchObject({ unit: 'Count', limit: expect.any(Number) })
  })
})

it('keeps datastores, lists them in pages, and gives secrets only when asked', async () => {
  const datastore = {
    datastoreType: 'AzureBlob',
    accountName: 'npmstore',
    containerName: 'mine',
    credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey', key: 'c2VjcmV0' } },
  } as const
  const place = [GROUP, WS, 'mine'] as const
  const made = await ml.datastores.createOrUpdate(...place, { properties: datastore }, { skipValidation: true })
  const pages: number[] = []
  for await (const page of ml.datastores.list(GROUP, WS, { count: 2 }).byPage()) pages.push(page.length)
  expect(made.properties).toMatchObject({ datastoreType: 'AzureBlob', containerName: 'mine' })
  expect(JSON.stringify(await ml.datastores.get(...place))).not.toContain('c2VjcmV0')
  expect(await ml.datastores.listSecrets(...place)).toEqual({ secretsType: 'AccountKey', key: 'c2VjcmV0' })
  expect(pages).toEqual([2, 2, 1])
  await ml.datastores.delete(...place)
  expect(await errorOf(ml.datastores.get(...place))).toEqual(['ResourceNotFound', 404])
})

/** A kind of versioned asset: its two groups of operations, and the properties of a container and a version. */
const ASSETS = {
  code: () => [ml.codeContainers, ml.codeVersions, {}, { codeUri: 'https://npmstore.blob.core.windows.net/c/code' }],
  components: () => [
    ml.componentContainers,
    ml.componentVersions,
    {},
    { componentSpec: { name: 'asset', version: '1', type: 'command', command: 'echo', environment: CURATED } },
  ],
  data: () => [
    ml.dataContainers,
    ml.dataVersions,
    { dataType: 'uri_file' },
    { dataType: 'uri_file', dataUri: 'https://x.example/a.csv' },
  ],
  environments: () => [ml.environmentContainers, ml.environmentVersions, {}, { image: 'ubuntu:24.04' }],
  models: () => [
    ml.modelContainers,
    ml.modelVersions,
    {},
    { modelType: 'custom_model', modelUri: 'azureml://datastores/workspaceblobstore/paths/m' },
  ],
} as const

/** What all ten groups of asset operations have in common, without their types of bodies. */
interface Containers {
  createOrUpdate(...args: readonly unknown[]): Promise<{ readonly name?: string; readonly properties: unknown }>
  get(group: string, workspace: string, name: string): Promise<{ readonly properties: unknown }>
  list(group: string, workspace: string): AsyncIterable<{ readonly name?: string }>
  delete(group: string, workspace: string, name: string): Promise<void>
}
interface Versions {
  createOrUpdate(...args: readonly unknown[]): Promise<{ readonly name?: string; readonly properties: unknown }>
  get(group: string, workspace: string, name: string, version: string): Promise<{ readonly properties: unknown }>
  list(...args: readonly unknown[]): AsyncIterable<{ readonly name?: string }>
  delete(group: string, workspace: string, name: string, version: string): Promise<void>
}

describe.each(Object.entries(ASSETS))('%s', (kind, groups) => {
  it('have containers and versions that are made, read, listed and removed', async () => {
    const [containers, versions, container, version] = groups() as unknown as [Containers, Versions, object, object]
    await containers.createOrUpdate(GROUP, WS, 'asset', { properties: { ...container, description: kind } })
    const made = await versions.createOrUpdate(GROUP, WS, 'asset', '1', { properties: version })
    const second = { ...version, ...('componentSpec' in version ? {} : { tags: { n: '2' } }) }
    await versions.createOrUpdate(GROUP, WS, 'asset', '2', { properties: second })
    const latest = await allOf(versions.list(GROUP, WS, 'asset', { orderBy: 'createdtime desc', top: 1 }))
    expect(made).toMatchObject({ name: '1', properties: kind === 'components' ? {} : version })
    expect((await containers.get(GROUP, WS, 'asset')).properties).toMatchObject({
      latestVersion: '2',
      nextVersion: '3',
    })
    expect((await allOf(containers.list(GROUP, WS))).map(({ name }) => name)).toContain('asset')
    expect((await allOf(versions.list(GROUP, WS, 'asset'))).map(({ name }) => name)).toEqual(['2', '1'])
    expect(latest.map(({ name }) => name)[0]).toBe('2')
    await versions.delete(GROUP, WS, 'asset', '1')
    expect(await errorOf(versions.get(GROUP, WS, 'asset', '1'))).toEqual(NOT_FOUND)
    await containers.delete(GROUP, WS, 'asset')
    expect(await errorOf(containers.get(GROUP, WS, 'asset'))).toEqual(NOT_FOUND)
  })
})

describe('jobs', () => {
  const command = {
    jobType: 'Command',
    command: 'sleep 600',
    environmentId: CURATED,
    computeId: 'waits',
    experimentName: 'npm',
  } as const

  it('are sent, read, listed, cancelled and removed', async () => {
    const scale = { minNodeCount: 0, maxNodeCount: 1 }
    const properties = {
      computeType: 'AmlCompute',
      properties: { vmSize: 'Standard_DS3_v2', scaleSettings: scale },
    } as const
    const { id = '' } = await ml.computeOperations.beginCreateOrUpdateAndWait(
      GROUP,
      WS,
      'waits',
      { location: LOCATION, properties },
      SOON,
    )
    const sent = await ml.jobs.createOrUpdate(GROUP, WS, 'job-1', { properties: { ...command, computeId: id } })
    await ml.jobs.createOrUpdate(GROUP, WS, 'job-2', { properties: { ...command, computeId: id, tags: { a: 'b' } } })
    const listed = await allOf(ml.jobs.list(GROUP, WS, { jobType: 'Command' }))
    expect(sent.properties).toMatchObject({ jobType: 'Command', command: 'sleep 600', status: expect.any(String) })
    expect(sent.properties.services).toHaveProperty('Studio')
    expect(listed.map(({ name }) => name).sort()).toEqual(['job-1', 'job-2'])
    await ml.jobs.beginCancelAndWait(GROUP, WS, 'job-1', SOON)
    expect((await ml.jobs.get(GROUP, WS, 'job-1')).properties.status).toBe('Canceled')
    await ml.jobs.beginDeleteAndWait(GROUP, WS, 'job-1', SOON)
    expect(await errorOf(ml.jobs.get(GROUP, WS, 'job-1'))).toEqual(NOT_FOUND)
    await ml.jobs.beginCancelAndWait(GROUP, WS, 'job-2', SOON)
  })

  it('are made by schedules', async () => {
    const schedule = {
      action: { actionType: 'CreateJob', jobDefinition: { ...command, computeId: 'waits' } },
      trigger: { triggerType: 'Cron', expression: '0 3 * * *', startTime: '2030-01-01T00:00:00', timeZone: 'UTC' },
    } as const
    const place = [GROUP, WS, 'nightly'] as const
    const made = await ml.schedules.beginCreateOrUpdateAndWait(...place, { properties: schedule }, SOON)
    expect(made.properties).toMatchObject({
      action: { actionType: 'CreateJob', jobDefinition: { jobType: 'Command', command: 'sleep 600' } },
      trigger: { triggerType: 'Cron', expression: '0 3 * * *' },
      provisioningState: 'Succeeded',
    })
    expect((await allOf(ml.schedules.list(GROUP, WS))).map(({ name }) => name)).toEqual(['nightly'])
    await ml.schedules.beginDeleteAndWait(...place, SOON)
    expect(await errorOf(ml.schedules.get(...place))).toEqual(NOT_FOUND)
  })
})

describe('online endpoints', () => {
  const place = [GROUP, WS, 'npm-online'] as const
  const deployed = [...place, 'blue'] as const

  it('are made with deployments, and share traffic between them', async () => {
    const made = await ml.onlineEndpoints.beginCreateOrUpdateAndWait(
      ...place,
      { location: LOCATION, identity: { type: 'SystemAssigned' }, properties: { authMode: 'Key' } },
      SOON,
    )
    const deployment = await ml.onlineDeployments.beginCreateOrUpdateAndWait(
      ...deployed,
      {
        location: LOCATION,
        sku: { name: 'Default', capacity: 1 },
        properties: {
          endpointComputeType: 'Managed',
          instanceType: 'Standard_DS3_v2',
          scaleSettings: { scaleType: 'Default' },
          environmentId: CURATED,
        },
      },
      SOON,
    )
    const traffic = { authMode: 'Key', traffic: { blue: 100 } } as const
    await ml.onlineEndpoints.beginCreateOrUpdateAndWait(...place, { location: LOCATION, properties: traffic }, SOON)
    const update = { sku: { name: 'Default', capacity: 2 }, tags: { a: 'b' } }
    const changed = await ml.onlineDeployments.beginUpdateAndWait(...deployed, update, SOON)
    expect(made.properties).toMatchObject({
      authMode: 'Key',
      provisioningState: 'Succeeded',
      scoringUri: expect.stringMatching(/^https:/),
    })
    expect(deployment.properties).toMatchObject({ endpointComputeType: 'Managed', provisioningState: 'Succeeded' })
    expect((await ml.onlineEndpoints.get(...place)).properties.traffic).toEqual({ blue: 100 })
    expect(changed).toMatchObject({ sku: { capacity: 2 }, tags: { a: 'b' } })
    expect((await allOf(ml.onlineEndpoints.list(GROUP, WS))).map(({ name }) => name)).toEqual(['npm-online'])
    expect((await allOf(ml.onlineDeployments.list(...place))).map(({ name }) => name)).toEqual(['blue'])
    expect((await allOf(ml.onlineDeployments.listSkus(...deployed))).length).toBeGreaterThan(0)
    expect(await ml.onlineDeployments.getLogs(...deployed, { tail: 10 })).toHaveProperty('content')
  })

  it('give keys, make new ones, and give tokens only where they were made so', async () => {
    const before = await ml.onlineEndpoints.listKeys(...place)
    await ml.onlineEndpoints.beginRegenerateKeysAndWait(...place, { keyType: 'Primary' }, SOON)
    const after = await ml.onlineEndpoints.listKeys(...place)
    expect(after.primaryKey).not.toBe(before.primaryKey)
    expect(after.secondaryKey).toBe(before.secondaryKey)
    expect((await errorOf(ml.onlineEndpoints.getToken(...place)))[1]).toBe(400)
  })

  it('are removed with their deployments', async () => {
    await ml.onlineEndpoints.beginUpdateAndWait(...place, { tags: { c: 'd' } }, SOON)
    await ml.onlineEndpoints.beginDeleteAndWait(...place, SOON)
    expect(await errorOf(ml.onlineEndpoints.get(...place))).toEqual(NOT_FOUND)
    expect(await errorOf(ml.onlineDeployments.get(...deployed))).toEqual(NOT_FOUND)
  })
})

it('makes, changes and removes batch endpoints and their deployments', async () => {
  const place = [GROUP, WS, 'npm-batch'] as const
  const deployed = [...place, 'first'] as const
  const endpoint = { location: LOCATION, properties: { authMode: 'AADToken' } } as const
  const made = await ml.batchEndpoints.beginCreateOrUpdateAndWait(...place, endpoint, SOON)
  const model = `${base}/providers/Microsoft.MachineLearningServices/workspaces/${WS}/models/batched/versions/1`
  const modelUri = 'azureml://datastores/workspaceblobstore/paths/m'
  await ml.modelVersions.createOrUpdate(GROUP, WS, 'batched', '1', { properties: { modelUri } })
  const compute = `${base}/providers/Microsoft.MachineLearningServices/workspaces/${WS}/computes/waits`
  const deployment = await ml.batchDeployments.beginCreateOrUpdateAndWait(
    ...deployed,
    {
      location: LOCATION,
      properties: { compute, model: { referenceType: 'Id', assetId: model }, miniBatchSize: 5 },
    },
    SOON,
  )
  const changed = await ml.batchDeployments.beginUpdateAndWait(
    ...deployed,
    { properties: { description: 'new' } },
    SOON,
  )
  await ml.batchEndpoints.beginUpdateAndWait(...place, { tags: { a: 'b' } }, SOON)
  expect(made.properties).toMatchObject({ authMode: 'AADToken', provisioningState: 'Succeeded' })
  expect(deployment.properties).toMatchObject({ miniBatchSize: 5, model: { assetId: model } })
  expect(changed.properties).toMatchObject({ description: 'new', miniBatchSize: 5 })
  expect((await ml.batchEndpoints.get(...place)).tags).toEqual({ a: 'b' })
  expect((await allOf(ml.batchDeployments.list(...place))).map(({ name }) => name)).toEqual(['first'])
  expect((await allOf(ml.batchEndpoints.list(GROUP, WS))).map(({ name }) => name)).toEqual(['npm-batch'])
  await ml.batchDeployments.beginDeleteAndWait(...deployed, SOON)
  await ml.batchEndpoints.beginDeleteAndWait(...place, SOON)
  expect(await errorOf(ml.batchEndpoints.get(...place))).toEqual(NOT_FOUND)
})
