import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ML, STORAGE_ID, TestRegion } from './test-region.ts'
import { workspaceOf } from './workspace-of.ts'

const test = new TestRegion()
beforeAll(() => test.open())
afterAll(() => test.end())

const LAKE = { datastoreType: 'AzureDataLakeGen2', accountName: 'other', filesystem: 'raw' }
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('workspaces', () => {
  it('are made by an operation that ends', async () => {
    await test.region.blobs.ensureAccount('teststore')
    const body = { location: 'East US 2', tags: { team: 'a' }, properties: { storageAccount: STORAGE_ID, own: [1] } }

    const made = await test.ask('PUT', `${ML}/workspaces/first`, body)
    const status = await test.ended(made)
    const read = await test.ask('GET', `${ML}/workspaces/first`)

    expect(made.status).toBe(201)
    expect(made.at('properties.provisioningState')).toBe('Creating')
    expect(made.headers['azure-asyncoperation']).toContain('/locations/eastus2/mfeOperationsStatus/')
    expect(status.body).toMatchObject({ status: 'Succeeded' })
    expect(read.body).toMatchObject({
      id: `${ML}/workspaces/first`,
      name: 'first',
      type: 'Microsoft.MachineLearningServices/workspaces',
      location: 'eastus2',
      kind: 'Default',
      tags: { team: 'a' },
      identity: { type: 'SystemAssigned', principalId: expect.stringMatching(GUID) },
      properties: {
        own: [1],
        storageAccount: STORAGE_ID,
        workspaceId: expect.stringMatching(GUID),
        provisioningState: 'Succeeded',
        discoveryUrl: 'https://eastus2.api.azureml.ms/discovery',
        mlFlowTrackingUri: `azureml://eastus2.api.azureml.ms/mlflow/v1.0${ML}/workspaces/first`,
      },
      systemData: { createdBy: 'tester' },
    })
  })

  it('bring two containers and four datastores', async () => {
    const id = await test.workspace('stores')

    const { workspaceId } = workspaceOf(test.region, id.toUpperCase())
    const stores = await test.all(`${id}/datastores`)

    const facts = stores.map((one) => [one.name, one.properties['containerName'] ?? one.properties['fileShareName']])
    expect(facts).toEqual([
      ['workspaceblobstore', `azureml-blobstore-${workspaceId}`],
      ['workspaceartifactstore', 'azureml'],
      ['workspacefilestore', `azureml-filestore-${workspaceId}`],
      ['workspaceworkingdirectory', 'code-391ff5ac-6576-460f-ba4d-7e03433c68b6'],
    ])
    expect(test.region.blobs.accounts.container('teststore', `azureml-blobstore-${workspaceId}`)).toBeDefined()
    expect(test.region.blobs.accounts.container('teststore', 'azureml')).toBeDefined()
  })

  it('are found whatever the case of the id', async () => {
    const id = await test.workspace('CamelCase')

    const read = await test.ask('GET', id.replace('CamelCase', 'camelcase').replace('resourceGroups', 'resourcegroups'))

    expect(read.status).toBe(200)
    expect(read.at('id')).toBe(id)
  })

  it('keep their identity and their GUID when written again', async () => {
    const id = await test.workspace('again')
    const before = await test.ask('GET', id)

    const body = {
      location: 'eastus2',
      tags: { b: '2' },
      properties: { storageAccount: STORAGE_ID, description: 'new' },
    }
    const written = await test.ask('PUT', id, body)
    await test.ended(written)
    const after = await test.ask('GET', id)

    expect(written.status).toBe(200)
    expect(after.at('properties.workspaceId')).toBe(before.at('properties.workspaceId'))
    expect(after.at('identity.principalId')).toBe(before.at('identity.principalId'))
    expect(after.body).toMatchObject({ tags: { b: '2' }, properties: { description: 'new' } })
  })

  it('have truth as truth, whichever way it was sent', async () => {
    const id = `${ML}/workspaces/typed`
    const body = { location: 'eastus2', properties: { storageAccount: STORAGE_ID, hbiWorkspace: 'false' } }
    await test.ended(await test.ask('PUT', id, body))
    await test.ended(await test.ask('PATCH', id, { properties: { v1LegacyMode: 'True' } }))
    expect((await test.ask('GET', id)).body).toMatchObject({ properties: { hbiWorkspace: false, v1LegacyMode: true } })
  })

  it('are changed in part by a PATCH', async () => {
    const id = await test.workspace('patched')

    const begun = await test.ask('PATCH', id, { tags: { x: 'y' }, properties: { description: 'd' } })
    await test.ended(begun)
    const after = await test.ask('GET', id)

    expect(begun.status).toBe(202)
    expect(after.body).toMatchObject({ tags: { x: 'y' }, properties: { description: 'd', friendlyName: 'patched' } })
  })

  it('stay on their way out when what was begun before ends', async () => {
    const id = await test.workspace('parting')
    const changed = await test.ask('PATCH', id, { tags: { a: 'b' } })
    test.slow(500)
    const removed = await test.ask('DELETE', id)
    await test.ended(changed)
    expect((await test.ask('GET', id)).at('properties.provisioningState')).toBe('Deleting')
    await test.ended(removed)
  })

  it('take no job once they are to go, which nobody would end', async () => {
    const id = await test.workspace('closing')
    test.slow(500)
    const removed = await test.ask('DELETE', id)
    const properties = { jobType: 'Command', command: 'true', environmentId: 'azureml:env:1' }
    const late = await test.ask('PUT', `${id}/jobs/late`, { properties })
    expect([late.status, late.at('error.code')]).toEqual([409, 'Conflict'])
    await test.ended(removed)
  })

  it('need a storage account of the region', async () => {
    const elsewhere = STORAGE_ID.replace('teststore', 'nowhere')

    const without = await test.ask('PUT', `${ML}/workspaces/bad`, { location: 'eastus2', properties: {} })
    const missing = await test.ask('PUT', `${ML}/workspaces/bad`, {
      location: 'eastus2',
      properties: { storageAccount: elsewhere },
    })

    expect([without.status, missing.status]).toEqual([400, 400])
    expect(missing.at('error.message')).toContain('was not found in eastus2')
  })

  it('answer questions about keys, notebooks and health', async () => {
    const id = await test.workspace('asked')
    const key = test.region.blobs.account('teststore')?.keys[0]

    const keys = await test.ask('POST', `${id}/listkeys`)
    const storage = await test.ask('POST', `${id}/listStorageAccountKeys`)
    const notebook = await test.ask('POST', `${id}/listNotebookAccessToken`)
    const health = await test.ended(await test.ask('POST', `${id}/diagnose`, {}))
    const resync = await test.ended(await test.ask('POST', `${id}/resyncKeys`))
    const prepared = await test.ended(await test.ask('POST', `${id}/prepareNotebook`))
    const outbound = await test.ask('GET', `${id}/outboundNetworkDependenciesEndpoints`)

    expect(keys.body).toMatchObject({ userStorageKey: key, userStorageResourceId: STORAGE_ID })
    expect(storage.body).toEqual({ userStorageKey: key })
    expect(notebook.at('accessToken')).toMatch(/^ey/)
    expect(Object.values(health.at('value') as object)).toEqual(Array.from({ length: 9 }, () => []))
    expect(resync.status).toBe(204)
    expect(prepared.at('fqdn')).toContain('.notebooks.azure.net')
    expect(outbound.at('value.0.category')).toBeDefined()
  })

  it('go with all that is in them, and come back empty', async () => {
    const id = await test.workspace('leaving')
    const model = `${id}/models/m/versions/1`
    await test.ask('PUT', model, { properties: { modelUri: 'azureml://a' } })
    await test.ask('DELETE', model)

    const begun = await test.ask('DELETE', `${id}?forceToPurge=true`)
    await test.ended(begun)
    const gone = await test.ask('GET', id)
    await test.workspace('leaving')
    const remade = await test.ask('PUT', model, { properties: { modelUri: 'azureml://a' } })

    expect([begun.status, gone.status, remade.status]).toEqual([202, 404, 201])
  })

  it('can be had back after a deletion that was not for good', async () => {
    const id = await test.workspace('softly')
    await test.ask('PUT', `${id}/models/m/versions/1`, { properties: { modelUri: 'azureml://a' } })
    const properties = { storageAccount: STORAGE_ID }

    await test.ended(await test.ask('DELETE', id))
    const gone = await test.ask('GET', id)
    const listed = await test.all(`${ML}/workspaces`)
    const again = await test.ask('PUT', id, { location: 'eastus2', properties })
    const back = await test.ask('PUT', id, {
      location: 'eastus2',
      properties: { ...properties, allowRecoverSoftDeletedWorkspace: true },
    })
    await test.ended(back)
    const models = await test.all(`${id}/models/m/versions`)

    expect([gone.status, again.status, back.status]).toEqual([404, 409, 200])
    expect(again.at('error.message')).toBe('Soft-deleted workspace exists. Please purge or recover it.')
    expect(listed.map((one) => one.name)).not.toContain('softly')
    expect(models.map((one) => one.id)).toEqual([`${id}/models/m/versions/1`])
    expect(back.at('properties.allowRecoverSoftDeletedWorkspace')).toBeUndefined()
  })

  it('lose computes, endpoints and jobs that run at once, and come back with what had ended', async () => {
    const id = await test.workspace('running')
    const made = async (path: string, properties: unknown) => {
      await test.ended(await test.ask('PUT', `${id}/${path}`, { location: 'eastus2', properties }))
    }
    const environmentId = `${id}/environments/env/versions/1`
    const job = (command: string) => ({ jobType: 'Command', command, environmentId })
    const jobOf = async (name: string) => (await test.ask('GET', `${id}/jobs/${name}`)).at('properties.status')
    await test.ask('PUT', environmentId, { properties: { image: 'python' } })
    await made('computes/box', { computeType: 'ComputeInstance', properties: { vmSize: 'STANDARD_DS3_V2' } })
    await made('onlineEndpoints/scores', { authMode: 'Key' })
    await test.ask('PUT', `${id}/datastores/lake`, { properties: LAKE })
    await test.ask('PUT', `${id}/jobs/done`, { properties: { jobType: 'AutoML', taskDetails: {} } })
    await test.ask('PUT', `${id}/jobs/open`, { properties: job('sleep 60') })
    await expect.poll(() => jobOf('done')).toBe('Failed')

    await test.ended(await test.ask('DELETE', id))
    const back = await test.ask('PUT', id, {
      location: 'eastus2',
      properties: { storageAccount: STORAGE_ID, allowRecoverSoftDeletedWorkspace: true },
    })
    await test.ended(back)

    const there = ['computes/box', 'onlineEndpoints/scores', 'jobs/open', 'datastores/lake', 'jobs/done']
    const statuses = await Promise.all(there.map(async (path) => (await test.ask('GET', `${id}/${path}`)).status))
    expect(statuses).toEqual([404, 404, 404, 200, 200])
    expect(test.region.runs.need(id, 'open').status).toBe('Canceled')
    expect(test.region.runs.need(id, 'done').status).toBe('Failed')
  })

  it('free their name at once where they are purged after a soft deletion, and keep nothing', async () => {
    const id = await test.workspace('purged')
    const body = { location: 'eastus2', properties: { storageAccount: STORAGE_ID } }
    const before = (await test.ask('GET', id)).at('properties.workspaceId')
    await test.ask('PUT', `${id}/models/m/versions/1`, { properties: { modelUri: 'azureml://a' } })
    await test.ended(await test.ask('DELETE', id))
    await test.ask('DELETE', `${id}?forceToPurge=true`)

    const again = await test.ask('PUT', id, body)

    expect([again.status, again.at('properties.workspaceId') === before]).toEqual([201, false])
    await test.ended(again)
    expect(await test.all(`${id}/models`)).toEqual([])
  })

  it('can be had back on the thirteenth day', async () => {
    const id = await test.workspace('thirteen')
    await test.ended(await test.ask('DELETE', id))
    test.region.clock.shift(13 * 86_400_000)
    const properties = { storageAccount: STORAGE_ID, allowRecoverSoftDeletedWorkspace: true }
    const back = await test.ask('PUT', id, { location: 'eastus2', properties })
    test.region.clock.shift(0)

    expect(back.status).toBe(200)
  })

  it('are gone for good once the retention has passed, and at once if they are hubs', async () => {
    const id = await test.workspace('expired')
    const hub = `${ML}/workspaces/hub`
    const body = { location: 'eastus2', kind: 'Hub', properties: { storageAccount: STORAGE_ID } }
    await test.ended(await test.ask('PUT', hub, body))

    await test.ended(await test.ask('DELETE', id))
    await test.ended(await test.ask('DELETE', hub))
    const made = await test.ask('PUT', hub, body)
    test.region.clock.shift(15 * 86_400_000)
    const again = await test.ask('PUT', id, { location: 'eastus2', properties: { storageAccount: STORAGE_ID } })
    test.region.clock.shift(0)

    expect([made.status, again.status]).toEqual([201, 201])
  })

  it('are listed by group and by subscription, filtered by kind', async () => {
    await test.workspace('listed')
    const body = { location: 'eastus2', kind: 'Hub', properties: { storageAccount: STORAGE_ID } }
    await test.ended(await test.ask('PUT', `${ML}/workspaces/listed-hub`, body))
    const subscription = ML.split('/').slice(0, 3).join('/')

    const inGroup = await test.all(`${ML}/workspaces`)
    const inAll = await test.all(`${subscription}/providers/Microsoft.MachineLearningServices/workspaces?kind=default`)
    const hubs = await test.all(`${ML}/workspaces?kind=Hub,FeatureStore`)

    expect(inGroup.map((one) => one.name)).toContain('listed')
    expect(inAll.length).toBe(inGroup.length - hubs.length)
    expect(hubs.map((one) => one.name)).toContain('listed-hub')
  })

  it('stand in the activity log once they are acknowledged', async () => {
    const id = await test.workspace('noted')

    const line = test.region.activity.since(0).find((one) => one.subject === id && one.method === 'PUT')

    expect(line).toMatchObject({ operation: 'workspaces_create_or_update', caller: 'tester', status: 201 })
  })

  it('finish their making after the region was closed in the middle', async () => {
    await test.region.blobs.ensureAccount('teststore')
    const id = `${ML}/workspaces/cut`
    const made = await test.ask('PUT', id, { location: 'eastus2', properties: { storageAccount: STORAGE_ID } })

    await test.reopen()
    const status = await test.ended(made)
    const read = await test.ask('GET', id)

    expect(status.at('status')).toBe('Succeeded')
    expect(read.at('properties.provisioningState')).toBe('Succeeded')
  })

  it('have a discovery document that asks for no token', async () => {
    const answer = await test.ask('GET', '/discovery', undefined, { host: 'eastus2.api.azureml.ms', signed: false })

    expect(answer.body).toMatchObject({
      api: 'https://eastus2.api.azureml.ms',
      history: 'https://eastus2.api.azureml.ms',
    })
  })
})
