import { ClientSecretCredential } from '@azure/identity'

/** A program that makes a resource group and a storage account with Node's own `fetch` and a token of Microsoft's package. */
const ARM = 'https://management.azure.com'
const { AZURE_TENANT_ID = '', AZURE_CLIENT_ID = '', AZURE_CLIENT_SECRET = '', AZURE_SUBSCRIPTION_ID } = process.env
const credential = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)
const group = `/subscriptions/${AZURE_SUBSCRIPTION_ID}/resourceGroups/rg-node`

await put(`${group}?api-version=2022-09-01`, { location: 'eastus2' })
await put(`${group}/providers/Microsoft.Storage/storageAccounts/fromnode?api-version=2023-01-01`, {
  location: 'eastus2',
  kind: 'StorageV2',
  sku: { name: 'Standard_LRS' },
})

/** PUTs, and waits until what was accepted is there. */
async function put(path: string, body: unknown): Promise<void> {
  const { token } = await credential.getToken(`${ARM}/.default`)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(`${ARM}${path}`, { method: 'PUT', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`)
  while ((await fetch(`${ARM}${path}`, { headers })).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
