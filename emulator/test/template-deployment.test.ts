import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AzureClient, azureClient } from './azure-client.ts'
import { deploymentEnd } from './deployment-end.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const DEPLOYMENTS = '/resourceGroups/templates/providers/Microsoft.Resources/deployments'

let emulator: RunningEmulator
let client: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'deployer')
  await client.arm('PUT', '/resourceGroups/templates', { location: 'eastus2' })
})

afterAll(async () => {
  await client.close()
  await emulator.end()
})

describe('a template deployed through the front', () => {
  it('makes resources in two regions, children and extensions after their parents', async () => {
    const begun = await deploy('pair', {
      parameters: { stem: { type: 'string', defaultValue: "[concat('st', uniqueString(resourceGroup().id))]" } },
      resources: [
        {
          type: 'Microsoft.Storage/storageAccounts/blobServices/containers',
          apiVersion: '2023-01-01',
          name: "[concat(parameters('stem'), '/default/models')]",
          dependsOn: ["[parameters('stem')]"],
        },
        {
          type: 'Microsoft.Storage/storageAccounts',
          apiVersion: '2023-01-01',
          name: "[parameters('stem')]",
          location: '[resourceGroup().location]',
          sku: { name: 'Standard_LRS' },
          kind: 'StorageV2',
        },
        {
          type: 'Microsoft.OperationalInsights/workspaces',
          apiVersion: '2020-08-01',
          name: 'logs-centralus',
          location: 'Central US',
          tags: { blob: "[reference(parameters('stem')).primaryEndpoints.blob]" },
        },
        {
          type: 'Microsoft.Authorization/roleAssignments',
          apiVersion: '2022-04-01',
          name: "[guid(resourceGroup().id, 'reader')]",
          scope: "[concat('Microsoft.Storage/storageAccounts/', parameters('stem'))]",
          dependsOn: ["[parameters('stem')]"],
          properties: {
            roleDefinitionId:
              "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')]",
            principalId: '10ca1e00-0000-4000-8000-0000000000c1',
          },
        },
      ],
      outputs: {
        account: { type: 'string', value: "[parameters('stem')]" },
        blob: { type: 'string', value: "[reference(parameters('stem')).primaryEndpoints.blob]" },
        keys: { type: 'int', value: "[length(listKeys(parameters('stem'), '2023-01-01').keys)]" },
      },
    })
    expect(begun).toBe(201)

    const { properties } = await ended('pair')

    expect(properties).toMatchObject({ provisioningState: 'Succeeded' })
    const { account, blob, keys } = properties['outputs'] as Record<string, { value: unknown }>
    expect([blob?.value, keys?.value]).toEqual([`https://${account?.value}.blob.core.windows.net/`, 2])
    const logs = '/resourceGroups/templates/providers/Microsoft.OperationalInsights/workspaces/logs-centralus'
    expect((await client.arm('GET', logs)).body['tags']).toEqual({ blob: blob?.value })
    const container = `/resourceGroups/templates/providers/Microsoft.Storage/storageAccounts/${account?.value}/blobServices/default/containers/models`
    expect((await client.arm('GET', container)).status).toBe(200)
  })

  it('fails with the words of ARM where a region is away, and leaves the other region its part', async () => {
    await emulator.control('POST', 'regions/centralus/kill')
    const insights = (name: string, location: string) => ({
      type: 'Microsoft.Insights/components',
      apiVersion: '2020-02-02',
      name,
      location,
      kind: 'web',
    })
    await deploy('half', { resources: [insights('here', 'eastus2'), insights('away', 'centralus')] })

    const { properties } = await ended('half')

    expect(properties).toMatchObject({
      provisioningState: 'Failed',
      error: { code: 'DeploymentFailed', details: [{ code: 'ServiceUnavailable' }] },
    })
    const here = '/resourceGroups/templates/providers/Microsoft.Insights/components/here'
    expect((await client.arm('GET', here)).status).toBe(200)
  })
})

async function deploy(name: string, template: object): Promise<number> {
  const { status } = await client.arm('PUT', `${DEPLOYMENTS}/${name}`, {
    properties: { mode: 'Incremental', template },
  })
  return status
}

/** The deployment once it is at its end. */
async function ended(name: string): Promise<{ properties: Record<string, unknown> }> {
  return { properties: await deploymentEnd(client, `${DEPLOYMENTS}/${name}`) }
}
