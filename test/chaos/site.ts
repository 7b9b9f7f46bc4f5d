import { ARM_HOST, type ChaosClient, STORAGE_AUDIENCE } from './client.ts'
import { until } from './mortal-emulator.ts'
import { explained, type Site } from './things/thing.ts'

/** The vault of a site, which holds its secrets. */
export function vaultOf({ region, group }: Pick<Site, 'region' | 'group'>): string {
  return `${group}/providers/Microsoft.KeyVault/vaults/secrets-${region}`
}

/** Makes a group, an account and a workspace in a region, with what the load needs to be there. */
export async function makeSite(client: ChaosClient, subscription: string, region: string): Promise<Site> {
  const group = `/subscriptions/${subscription}/resourceGroups/chaos-${region}`
  const account = `chaos${region}`
  const workspace = `${group}/providers/Microsoft.MachineLearningServices/workspaces/ws-${region}`
  const storageAccount = `${group}/providers/Microsoft.Storage/storageAccounts/${account}`
  const put = async (path: string, body: object): Promise<void> => {
    const url = `${ARM_HOST}${path}?api-version=2025-12-01`
    explained(await client.send('PUT', url, { body }), path)
    await until(`${path} is made`, async () => {
      const state = (await client.send('GET', url)).at('properties.provisioningState')
      return state === undefined || state === 'Succeeded'
    })
  }
  await put(group, { location: region })
  await put(storageAccount, { location: region, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} })
  await put(vaultOf({ region, group }), { location: region, properties: {} })
  await put(workspace, { location: region, identity: { type: 'SystemAssigned' }, properties: { storageAccount } })
  await put(`${workspace}/environments/base/versions/1`, { properties: { image: 'python' } })
  const scaleSettings = { minNodeCount: 0, maxNodeCount: 1 }
  await put(`${workspace}/computes/cluster`, {
    location: region,
    properties: { computeType: 'AmlCompute', properties: { vmSize: 'STANDARD_DS1_V2', scaleSettings } },
  })
  const model = `https://${region}.api.azureml.ms/mlflow/v2.0${workspace}/api/2.0/mlflow/registered-models/create`
  explained(await client.send('POST', model, { body: { name: 'numbered' } }), model)
  const container = `https://${account}.blob.core.windows.net/chaos?restype=container`
  explained(await client.send('PUT', container, { audience: STORAGE_AUDIENCE }), container)
  return { region, subscription, group, workspace, account }
}
