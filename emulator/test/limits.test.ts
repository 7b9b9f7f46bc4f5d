import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type AzureClient, azureClient } from './azure-client.ts'
import { deploymentEnd } from './deployment-end.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/limited'
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w`
const TRACKING = `https://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}/api/2.0/mlflow`
/** Refills so slowly that a test does not see it. */
const SLOW = 0.001

let emulator: RunningEmulator
let client: AzureClient

beforeAll(async () => {
  emulator = await runEmulator({ regions: 'eastus2', limits: JSON.stringify({ reads: { burst: 3, perSecond: SLOW } }) })
  client = azureClient(emulator, 'limited')
})

afterAll(async () => {
  await client?.close()
  await emulator?.end()
})

function limit(limits: unknown): Promise<unknown> {
  return emulator.control('PUT', 'limits', { limits })
}

describe('a client within ARM’s limits', () => {
  it('is told what remains, then refused with a time to wait, and writes go on', async () => {
    const group = await client.arm('PUT', GROUP, { location: 'eastus2' })
    expect([group.status, group.headers['x-ms-ratelimit-remaining-subscription-writes']]).toEqual([201, '199'])
    const remaining: unknown[] = []
    for (let read = 0; read < 3; read++) {
      const { headers } = await client.arm('GET', GROUP)
      remaining.push(headers['x-ms-ratelimit-remaining-subscription-reads'])
    }
    expect(remaining).toEqual(['2', '1', '0'])
    const { status, headers, body } = await client.arm('GET', GROUP)
    expect([status, body['error']]).toMatchObject([429, { code: 'SubscriptionRequestsThrottled' }])
    expect(Number(headers['retry-after'])).toBeGreaterThan(900)
    expect((await client.arm('PUT', GROUP, { location: 'eastus2' })).status).toBe(200)
  })

  it('spends nothing on what a deployment does inside', async () => {
    await limit({ reads: { burst: 2, perSecond: SLOW }, writes: { burst: 1, perSecond: SLOW } })
    const vault = (name: string) => ({
      type: 'Microsoft.KeyVault/vaults',
      apiVersion: '2023-07-01',
      name,
      location: 'eastus2',
      properties: {},
    })
    const properties = { mode: 'Incremental', template: { resources: [vault('one'), vault('two')] } }
    const path = `${GROUP}/providers/Microsoft.Resources/deployments/d`
    expect((await client.arm('PUT', path, { properties })).status).toBe(201)
    expect((await client.arm('PUT', path, { properties })).status).toBe(429)
    await limit('none')
    expect((await deploymentEnd(client, path))['provisioningState']).toBe('Succeeded')
  })

  it('is not refused where there are none, and told of a full bucket', async () => {
    await limit('none')
    const { status, headers } = await client.arm('GET', GROUP)
    expect([status, headers['x-ms-ratelimit-remaining-subscription-reads']]).toEqual([200, '249'])
  })
})

describe('limits of tracking', () => {
  it('refuse what is above them in the words of MLflow', async () => {
    await limit('none')
    const id = (rest: string) => `/subscriptions/${SUBSCRIPTION}${GROUP}/providers/${rest}`
    const storage = `${GROUP}/providers/Microsoft.Storage/storageAccounts/limitedstore`
    const made = [
      await client.arm('PUT', storage, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } }),
      await client.arm('PUT', WORKSPACE, {
        location: 'eastus2',
        identity: { type: 'SystemAssigned' },
        properties: {
          storageAccount: id('Microsoft.Storage/storageAccounts/limitedstore'),
          keyVault: id('Microsoft.KeyVault/vaults/one'),
        },
      }),
    ]
    expect(made.every(({ status }) => status < 300)).toBe(true)
    const headers = { authorization: `Bearer ${await client.signIn()}` }
    const search = () => client.send('POST', `${TRACKING}/runs/search`, { body: { experiment_ids: ['0'] }, headers })
    expect((await search()).status).toBe(200)
    await limit({ searchRuns: { burst: 2, perSecond: SLOW } })
    expect([(await search()).status, (await search()).status]).toEqual([200, 200])
    const { status, body } = await search()
    expect([status, body['error_code']]).toEqual([429, 'REQUEST_LIMIT_EXCEEDED'])
  })
})

it('limits that make no sense are refused with the reason', async () => {
  await expect(limit({ gets: { burst: 1, perSecond: 1 } })).rejects.toThrow('`gets` is no limit')
})
