import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ML, TestRegion } from '../test-region.ts'

const at = new TestRegion()
let workspace = ''

beforeAll(async () => {
  await at.open()
  workspace = await at.workspace('ws')
  await at.ask('PUT', `${workspace}/environments/env/versions/1`, { properties: { image: 'python' } })
  const modelUri = 'azureml://datastores/workspaceblobstore/paths/m'
  await at.ask('PUT', `${workspace}/models/net/versions/1`, { properties: { modelUri, modelType: 'custom_model' } })
  const compute = {
    computeType: 'AmlCompute',
    properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings: { maxNodeCount: 1 } },
  }
  await at.ended(await at.ask('PUT', `${workspace}/computes/cpu`, { location: 'eastus2', properties: compute }))
})
afterAll(() => at.end())

interface Usage {
  readonly name: { readonly value: string }
  readonly currentValue: number
}

/** PUTs and waits for the end; gives the answer to the PUT. */
async function made(path: string, properties: unknown, more = {}) {
  const answer = await at.ask('PUT', `${workspace}/${path}`, { location: 'eastus2', ...more, properties })
  if (answer.status < 300) await at.ended(answer)
  return answer
}

const deployment = (more = {}) => ({
  endpointComputeType: 'Managed',
  instanceType: 'Standard_DS3_v2',
  model: `${workspace}/models/net/versions/1`,
  environmentId: `${workspace}/environments/env/versions/1`,
  ...more,
})

async function endpoint(name: string, deployments: readonly string[], more = {}): Promise<string> {
  await made(`onlineEndpoints/${name}`, { authMode: 'Key', ...more })
  for (const one of deployments) {
    await made(`onlineEndpoints/${name}/deployments/${one}`, deployment(), { sku: { name: 'Default', capacity: 1 } })
  }
  return `${workspace}/onlineEndpoints/${name}`
}

describe('an online endpoint', () => {
  it('is made by a long-running operation, and says where it is called', async () => {
    const answer = await made('onlineEndpoints/fraud', { authMode: 'key', description: 'd' }, { tags: { a: 'b' } })

    expect([answer.status, answer.at('properties.provisioningState')]).toEqual([201, 'Creating'])
    const there = await at.ask('GET', `${workspace}/onlineEndpoints/fraud`)
    expect(there.body).toMatchObject({
      location: 'eastus2',
      tags: { a: 'b' },
      identity: { type: 'SystemAssigned', principalId: expect.any(String) },
      properties: {
        provisioningState: 'Succeeded',
        authMode: 'Key',
        scoringUri: 'https://fraud.eastus2.inference.ml.azure.com/score',
        traffic: {},
        mirrorTraffic: {},
        keys: null,
      },
    })
    const scored = await at.ask('POST', 'https://fraud.eastus2.inference.ml.azure.com/score', {})
    expect([scored.status, scored.at('error.message')]).toEqual([501, expect.stringContaining('online endpoints')])
    expect((await at.ask('POST', 'https://nobody.eastus2.inference.ml.azure.com/score', {})).status).toBe(404)
  })

  it('stays on its way out when what was begun before ends', async () => {
    const path = `${workspace}/onlineEndpoints/brief`
    const begun = await at.ask('PUT', path, { location: 'eastus2', properties: { authMode: 'Key' } })
    at.slow(500)
    const removed = await at.ask('DELETE', path)
    await at.ended(begun)
    expect((await at.ask('GET', path)).at('properties.provisioningState')).toBe('Deleting')
    await at.ended(removed)
  })

  it('keeps the keys it was made with, and makes those it was not given', async () => {
    const path = await endpoint('keyed', [], { keys: { primaryKey: 'first' } })
    const before = (await at.ask('POST', `${path}/listKeys`)).body as Record<string, string>
    expect(before).toEqual({ primaryKey: 'first', secondaryKey: expect.stringMatching(/.{20}/) })
    expect(JSON.stringify((await at.ask('GET', path)).body)).not.toContain('first')

    await at.ended(await at.ask('POST', `${path}/regenerateKeys`, { keyType: 'Primary', keyValue: 'second' }))
    await at.ended(await at.ask('POST', `${path}/regenerateKeys`, { keyType: 'Secondary' }))
    const after = (await at.ask('POST', `${path}/listkeys`)).body as Record<string, string>
    expect(after['primaryKey']).toBe('second')
    expect(after['secondaryKey']).not.toBe(before['secondaryKey'])
    await made('onlineEndpoints/keyed', { authMode: 'Key', keys: { primaryKey: 'late' } })
    expect((await at.ask('POST', `${path}/listKeys`)).body).toEqual(after)
    expect((await at.ask('POST', `${path}/token`)).status).toBe(400)
  })

  it('gives a token where it knows its callers by tokens', async () => {
    const path = await endpoint('tokens', [], { authMode: 'AMLToken' })

    const token = await at.ask('POST', `${path}/token`)

    expect(token.at('tokenType')).toBe('Bearer')
    expect((await at.region.tokens.verify(String(token.at('accessToken'))))?.audience).toContain('tokens.eastus2')
    expect((await at.ask('POST', `${path}/listKeys`)).status).toBe(400)
  })

  it('sends traffic only to deployments that are there, all of it or none', async () => {
    const path = await endpoint('shared', ['blue', 'green'])
    const put = async (traffic: object, mirrorTraffic: object = {}) =>
      (await made('onlineEndpoints/shared', { authMode: 'Key', traffic, mirrorTraffic })).status

    expect(await put({ blue: 90, green: 10 })).toBe(200)
    expect(await put({ blue: 90 })).toBe(400)
    expect(await put({ red: 100 })).toBe(400)
    expect(await put({ blue: 100 }, { green: 51 })).toBe(400)
    expect(await put({ blue: 100 }, { blue: 10 })).toBe(400)
    expect(await put({ blue: 100 }, { green: 50 })).toBe(200)
    expect((await at.ask('GET', path)).at('properties')).toMatchObject({
      traffic: { blue: 100 },
      mirrorTraffic: { green: 50 },
    })
    expect((await at.ask('DELETE', `${path}/deployments/blue`)).status).toBe(400)
    expect(await put({ green: 100 })).toBe(200)
    expect((await at.ended(await at.ask('DELETE', `${path}/deployments/blue`))).status).toBe(200)
  })

  it('changes its tags by PATCH, is listed, and goes with its deployments and keys', async () => {
    const path = await endpoint('patched', ['blue'])
    await at.ended(await at.ask('PATCH', path, { tags: { team: 'x' } }))

    const names = async (query: string) =>
      (await at.all(`${workspace}/onlineEndpoints?${query}`)).map(({ name }) => name)
    expect(await names('tags=team=x')).toEqual(['patched'])
    expect(await names('name=patched&computeType=Managed')).toEqual(['patched'])
    await at.ended(await at.ask('DELETE', path))

    expect((await at.ask('GET', `${path}/deployments/blue`)).status).toBe(404)
    expect((await at.ask('DELETE', path)).status).toBe(204)
    await endpoint('patched', [])
    expect(await at.all(`${path}/deployments`)).toEqual([])
  })

  it.each([
    ['a name that cannot be a host', 'a_b', { authMode: 'Key' }, 400],
    ['no authMode', 'plain', {}, 400],
  ])('is refused with %s', async (_what, name, properties, status) => {
    expect((await made(`onlineEndpoints/${name}`, properties)).status).toBe(status)
  })

  it('has a name of its own in the region', async () => {
    await endpoint('unique', [])
    const other = await at.workspace('other')
    const body = { location: 'eastus2', properties: { authMode: 'Key' } }

    expect((await at.ask('PUT', `${other}/onlineEndpoints/unique`, body)).status).toBe(409)
    expect((await made('batchEndpoints/unique', {})).status).toBe(409)
    expect(other).toContain(ML)
  })
})

describe('an online deployment', () => {
  it('has its defaults, and always scale settings', async () => {
    const path = `${await endpoint('defaults', ['blue'])}/deployments/blue`

    const there = await at.ask('GET', path)
    expect(there.at('sku')).toEqual({ name: 'Default', tier: 'Standard', capacity: 1 })
    expect(there.at('properties')).toMatchObject({
      provisioningState: 'Succeeded',
      endpointComputeType: 'Managed',
      scaleSettings: { scaleType: 'Default' },
      requestSettings: { requestTimeout: 'PT5S' },
    })
    expect((await at.ask('GET', `${path}/skus`)).at('value')).toHaveLength(1)
    expect((await at.ask('POST', `${path}/getLogs`, { tail: 5 })).at('content')).toContain('blue')
  })

  it('shows whether it collects data in the words of the spec, whatever their case was', async () => {
    const path = `onlineEndpoints/${(await endpoint('collecting', [])).split('/').at(-1)}/deployments/blue`
    const collections = { model_inputs: { dataCollectionMode: 'enabled', samplingRate: 0.5 }, other: {} }

    await made(path, deployment({ dataCollector: { collections, rollingRate: 'Hour' } }))
    const wrong = { dataCollector: { collections: { model_inputs: { dataCollectionMode: 'sometimes' } } } }
    const refused = await made(`${path}-two`, deployment(wrong))

    expect((await at.ask('GET', `${workspace}/${path}`)).at('properties.dataCollector')).toEqual({
      collections: { model_inputs: { dataCollectionMode: 'Enabled', samplingRate: 0.5 }, other: {} },
      rollingRate: 'Hour',
    })
    expect(refused.status).toBe(400)
  })

  it('grows by PATCH, as far as the region has cores', async () => {
    const path = `${await endpoint('growing', ['blue'])}/deployments/blue`
    const location = `/subscriptions/x/providers/Microsoft.MachineLearningServices/locations/eastus2`
    const usage = async () => {
      const all = (await at.ask('GET', `${location}/usages`)).at('value') as readonly Usage[]
      return all.find(({ name }) => name.value.toLowerCase().includes('dsv2'))
    }
    const cores = async () => (await usage())?.currentValue ?? 0
    const before = await cores()

    await at.ended(await at.ask('PATCH', path, { sku: { capacity: 3 } }))

    expect((await at.ask('GET', path)).at('sku')).toEqual({ name: 'Default', tier: 'Standard', capacity: 3 })
    expect((await cores()) - before).toBe(8)
    const limit = { id: `x/${(await usage())?.name.value}`, limit: (await cores()) + 4 }
    await at.ask('POST', `${location}/updateQuotas`, { value: [limit] })
    expect((await at.ask('PATCH', path, { sku: { capacity: 5 } })).at('error.code')).toBe('ClusterCoreQuotaReached')
    await at.ask('POST', `${location}/updateQuotas`, { value: [{ ...limit, limit: -1 }] })
  })

  it.each([
    ['a model that is not there', { model: '/subscriptions/s/x/models/lost/versions/1' }, 'models/lost'],
    [
      'an environment that is not there',
      { environmentId: `azureml:/x/environments/lost/versions/1` },
      'environments/lost',
    ],
    ['no instance type', { instanceType: null }, 'instanceType'],
  ])('is refused with %s', async (_what, more, message) => {
    await endpoint('strict', [])
    const answer = await made('onlineEndpoints/strict/deployments/blue', deployment(more))

    expect([answer.status, answer.at('error.message')]).toEqual([400, expect.stringContaining(message)])
  })

  it('cannot change its machines, and needs its endpoint', async () => {
    await endpoint('fixed', ['blue'])

    const other = deployment({ instanceType: 'Standard_F4s_v2' })
    expect((await made('onlineEndpoints/fixed/deployments/blue', other)).status).toBe(400)
    expect((await made('onlineEndpoints/nowhere/deployments/blue', deployment())).status).toBe(404)
  })
})

describe('a batch endpoint', () => {
  it('has a default deployment that is there, and forgets it when it goes', async () => {
    await made('batchEndpoints/nightly', { description: 'd' })
    const properties = {
      compute: `${workspace}/computes/cpu`,
      model: { referenceType: 'Id', assetId: deployment().model },
    }
    await made('batchEndpoints/nightly/deployments/one', properties)
    const path = `${workspace}/batchEndpoints/nightly`
    const put = async (deploymentName: string) =>
      (await made('batchEndpoints/nightly', { authMode: 'AADToken', defaults: { deploymentName } })).status

    expect([await put('two'), await put('one')]).toEqual([400, 200])
    expect((await at.ask('GET', path)).at('properties')).toMatchObject({
      defaults: { deploymentName: 'one' },
      authMode: 'AADToken',
      scoringUri: 'https://nightly.eastus2.inference.ml.azure.com/jobs',
    })
    expect((await at.ask('GET', `${path}/deployments/one`)).at('properties')).toMatchObject({
      miniBatchSize: 10,
      outputAction: 'AppendRow',
      provisioningState: 'Succeeded',
    })
    await at.ended(await at.ask('PATCH', `${path}/deployments/one`, { properties: { description: 'new' } }))
    expect((await at.ask('GET', `${path}/deployments/one`)).at('properties.description')).toBe('new')
    await at.ended(await at.ask('DELETE', `${path}/deployments/one`))
    expect((await at.ask('GET', path)).at('properties.defaults')).toEqual({})
    expect((await at.ask('POST', 'https://nightly.eastus2.inference.ml.azure.com/jobs', {})).status).toBe(501)
  })
})
