import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type Answer, type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const HOUR_MILLISECONDS = 3_600_000
const MINUTES = 60_000
const GROUP = '/resourceGroups/clocks'
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w`

let emulator: RunningEmulator
let client: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'watchmaker')
  await client.arm('PUT', GROUP, { location: 'eastus2' })
  for (const region of ['eastus2', 'centralus']) await client.arm('PUT', vault(`at-${region}`), vaultIn(region))
  await client.arm('PUT', `${GROUP}/providers/Microsoft.Storage/storageAccounts/clockstore`, {
    location: 'eastus2',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
  })
  const id = (rest: string) => `/subscriptions/${SUBSCRIPTION}${GROUP}/providers/${rest}`
  const properties = {
    storageAccount: id('Microsoft.Storage/storageAccounts/clockstore'),
    keyVault: id('Microsoft.KeyVault/vaults/at-eastus2'),
  }
  await client.arm('PUT', WORKSPACE, { location: 'eastus2', identity: { type: 'SystemAssigned' }, properties })
})

afterEach(async () => {
  await emulator.control('DELETE', 'faults')
})

afterAll(async () => {
  await client?.close()
  await emulator?.end()
})

describe('a clock that is wrong', () => {
  it('is in the Date header and the timestamps of one region, and in no other', async () => {
    await order({ is: 'clock', at: 'eastus2', aheadSeconds: -7200 })

    expect(lag(await experiments('eastus2'))).toBeCloseTo(2 * HOUR_MILLISECONDS, -5)
    await client.arm('PUT', vault('here'), vaultIn('eastus2'))
    await client.arm('PUT', vault('there'), vaultIn('centralus'))
    const [here, there] = await Promise.all(['eastus2', 'centralus'].map(lastInstant))
    expect(Date.now() - (here ?? 0)).toBeGreaterThan(1.9 * HOUR_MILLISECONDS)
    expect(Math.abs(Date.now() - (there ?? 0))).toBeLessThan(5 * MINUTES)
  })

  it('judges tokens by its own time, and is right again when healed', async () => {
    expect((await experiments('eastus2')).status).toBe(200)
    await order({ is: 'clock', at: 'eastus2', aheadSeconds: 86_400 })
    expect((await experiments('eastus2')).status).toBe(401)
    await emulator.control('DELETE', 'faults')
    expect((await experiments('eastus2')).status).toBe(200)
  })

  it('is wrong for a region that is started again', async () => {
    await order({ is: 'clock', at: 'eastus2', aheadSeconds: -7200 })
    await emulator.control('POST', 'regions/eastus2/kill')
    await emulator.control('POST', 'regions/eastus2/start')
    expect(lag(await experiments('eastus2'))).toBeGreaterThan(1.9 * HOUR_MILLISECONDS)
  })

  it('of ARM’s front door is in its answers', async () => {
    await order({ is: 'clock', at: 'arm', aheadSeconds: 600 })
    expect(lag(await client.arm('GET', vault('at-centralus')))).toBeLessThan(-9 * MINUTES)
    await emulator.control('DELETE', 'faults')
    expect(lag(await client.arm('GET', vault('at-centralus')))).toBeGreaterThan(-1 * MINUTES)
  })

  it('is a state of the place and is not narrowed', async () => {
    await expect(order({ is: 'clock', at: 'eastus2', aheadSeconds: 1, plane: 'blob' })).rejects.toThrow(
      'is a state of the whole place',
    )
  })
})

function order(fault: object): Promise<unknown> {
  return emulator.control('PUT', 'faults', [fault])
}

function vault(name: string): string {
  return `${GROUP}/providers/Microsoft.KeyVault/vaults/${name}`
}

function vaultIn(location: string): object {
  return { location, properties: {} }
}

/** How far the Date header of an answer is behind. */
function lag({ headers }: Answer): number {
  return Date.now() - Date.parse(String(headers['date']))
}

/** A call that a region answers itself, without ARM. */
async function experiments(region: string): Promise<Answer> {
  const scope = `/subscriptions/${SUBSCRIPTION}${WORKSPACE}`
  const url = `https://${region}.api.azureml.ms/mlflow/v1.0${scope}/api/2.0/mlflow/experiments/search?max_results=5`
  return client.send('GET', url, { headers: { authorization: `Bearer ${await client.signIn()}` } })
}

/** When a region says that it acknowledged its last write. */
async function lastInstant(region: string): Promise<number> {
  const { lines } = await emulator.control('GET', `activity/${region}?last=1`)
  return Date.parse((lines as { at: string }[])[0]?.at ?? '')
}
