import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AzureClient, azureClient } from './azure-client.ts'
import { deploymentEnd } from './deployment-end.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/plans'
const DEPLOYMENTS = `${GROUP}/providers/Microsoft.Resources/deployments`

let emulator: RunningEmulator
let client: AzureClient

interface Change {
  readonly resourceId: string
  readonly changeType: string
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
  readonly delta?: readonly unknown[]
}

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'planner')
  await client.arm('PUT', GROUP, { location: 'eastus2' })
  for (const name of ['kept', 'other']) await client.arm('PUT', idOf(name), vaultBody({ owner: 'us', old: 'yes' }))
})

afterAll(async () => {
  await client.close()
  await emulator.end()
})

describe('a what-if', () => {
  it('names what would be created, changed, left and kept, and does nothing', async () => {
    const template = {
      parameters: { password: { type: 'securestring' } },
      resources: [
        vault('kept', { owner: 'them' }),
        vault('fresh', { pass: "[concat('it is ', parameters('password'))]" }),
        vault('late', { of: "[reference('fresh').vaultUri]" }),
      ],
    }

    const changes = await whatIf({ template, parameters: { password: { value: 'Hush-12345' } } })

    expect(changes.get('kept')).toMatchObject({
      changeType: 'Modify',
      delta: [
        { path: 'tags.owner', propertyChangeType: 'Modify', before: 'us', after: 'them' },
        { path: 'tags.old', propertyChangeType: 'Delete', before: 'yes' },
      ],
    })
    expect(changes.get('fresh')).toMatchObject({
      changeType: 'Create',
      after: { apiVersion: '2023-07-01', type: 'Microsoft.KeyVault/vaults', tags: { pass: 'it is *******' } },
    })
    expect(changes.get('late')?.after).toMatchObject({ tags: { of: "[reference('fresh').vaultUri]" } })
    expect(changes.get('other')).toMatchObject({ changeType: 'Ignore' })
    expect((await client.arm('GET', idOf('fresh'))).status).toBe(404)
    expect((await client.arm('GET', `${DEPLOYMENTS}/plan`)).status).toBe(404)
  })

  it('says nothing of what stays as it is', async () => {
    const same = { ...vault('kept', { owner: 'us', old: 'yes' }), location: 'East US 2' }
    expect((await whatIf({ template: { resources: [same] } })).get('kept')).toMatchObject({ changeType: 'NoChange' })
  })

  it('shows members of arrays by their positions', async () => {
    const subnets = (...prefixes: string[]) => ({
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2023-11-01',
      name: 'net',
      location: 'eastus2',
      properties: { addressSpace: { addressPrefixes: prefixes } },
    })
    const { type: _, name: __, apiVersion: ___, ...body } = subnets('10.0.0.0/16', '10.1.0.0/16')
    const net = `${GROUP}/providers/Microsoft.Network/virtualNetworks/net`
    expect((await client.arm('PUT', net, body)).status).toBeLessThan(300)
    const changes = await whatIf({ template: { resources: [subnets('10.0.0.0/16', '10.2.0.0/16', '10.3.0.0/16')] } })
    expect(changes.get('net')?.delta).toMatchObject([
      {
        path: 'properties.addressSpace.addressPrefixes',
        propertyChangeType: 'Array',
        children: [
          { path: '1', propertyChangeType: 'Modify', before: '10.1.0.0/16', after: '10.2.0.0/16' },
          { path: '2', propertyChangeType: 'Create', after: '10.3.0.0/16' },
        ],
      },
    ])
    await client.arm('DELETE', net)
  })

  it('that asks for ids only says which are deployed again, and shows none of them', async () => {
    const changes = await whatIf({
      template: { resources: [vault('kept', {}), vault('fresh', {})] },
      whatIfSettings: { resultFormat: 'ResourceIdOnly' },
    })
    const types = ['kept', 'fresh', 'other'].map((name) => changes.get(name)?.changeType)
    expect(types).toEqual(['Deploy', 'Create', 'Ignore'])
    expect([...changes.values()].some((change) => 'before' in change || 'after' in change)).toBe(false)
  })

  it('in the mode Complete names what would be deleted', async () => {
    const changes = await whatIf({ mode: 'Complete', template: { resources: [vault('kept', {})] } })
    expect(changes.get('other')).toMatchObject({ changeType: 'Delete', before: { name: 'other' } })
  })

  it('in the mode Complete foretells no deletion where a nested template cannot be read yet', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'inside',
      properties: {
        mode: 'Incremental',
        expressionEvaluationOptions: { scope: 'inner' },
        parameters: { count: { value: "[length(reference('kept').accessPolicies)]" } },
        template: { parameters: { count: { type: 'int' } }, resources: [] },
      },
    }
    const changes = await whatIf({ mode: 'Complete', template: { resources: [vault('kept', {}), nested] } })
    expect(changes.get('inside')).toMatchObject({ changeType: 'Unsupported' })
    expect(changes.get('other')).toMatchObject({
      changeType: 'Unsupported',
      unsupportedReason: expect.stringContaining('unless the nested deployment'),
    })
  })

  it('of a subscription looks into nested templates, also of groups that are not there yet', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'inside',
      resourceGroup: 'future',
      dependsOn: ['future'],
      properties: {
        mode: 'Incremental',
        expressionEvaluationOptions: { scope: 'inner' },
        template: { resources: [vault('inner', { group: '[resourceGroup().name]' })] },
      },
    }
    const group = {
      type: 'Microsoft.Resources/resourceGroups',
      apiVersion: '2022-09-01',
      name: 'future',
      location: 'eastus2',
    }
    const changes = await whatIf(
      { template: { resources: [group, nested] } },
      '/providers/Microsoft.Resources/deployments/wide',
    )
    expect(changes.get('future')).toMatchObject({ changeType: 'Create' })
    expect(changes.get('inner')).toMatchObject({ changeType: 'Create', after: { tags: { group: 'future' } } })
    expect(changes.has('inside')).toBe(false)
  })

  it('of a template that is not in order is refused as the deployment would be', async () => {
    const template = { resources: [vault('kept', { a: "[parameters('none')]" })] }
    const { status, body } = await client.arm('POST', `${DEPLOYMENTS}/plan/whatIf`, {
      properties: { mode: 'Incremental', template },
    })
    expect([status, body['error']]).toMatchObject([400, { code: 'InvalidTemplate' }])
  })
})

describe('the template of a group', () => {
  it('makes its resources as they are, and is silent about no region that is away', async () => {
    const ask = () => client.arm('POST', `${GROUP}/exportTemplate`, { options: 'IncludeParameterDefaultValue' })
    const { template } = (await ask()).body as { template: object }

    const changes = await whatIf({ template })
    expect([...changes.values()].map(({ changeType }) => changeType)).toEqual(['NoChange', 'NoChange'])

    await emulator.control('POST', 'regions/eastus2/kill')
    const { status, body } = await ask()
    await emulator.control('POST', 'regions/eastus2/start')
    expect(status).toBe(200)
    expect(body['error']).toMatchObject({
      code: 'ExportTemplateCompletedWithErrors',
      details: [{ code: 'ServiceUnavailable' }, { code: 'ServiceUnavailable' }],
    })
  })
})

describe('the history of deployments', () => {
  it('goes with its resource group, and what-ifs go too', async () => {
    const group = '/resourceGroups/short'
    const deployment = `${group}/providers/Microsoft.Resources/deployments/once`
    const properties = { mode: 'Incremental', template: { resources: [] } }
    await client.arm('PUT', group, { location: 'eastus2' })
    await client.arm('PUT', deployment, { properties })
    const asked = await client.arm('POST', `${deployment}/whatIf`, { properties })
    await client.arm('DELETE', group)
    while ((await client.arm('GET', group)).status === 200) await sleep(50)

    await client.arm('PUT', group, { location: 'eastus2' })
    const { body } = await client.arm('GET', deployment.replace(/\/once$/, ''))
    expect(body).toEqual({ value: [] })
    const location = String(asked.headers['location']).replace(/^.*\/subscriptions\/[^/]+/, '')
    expect((await client.arm('GET', location)).status).toBe(404)
  })
})

describe('the mode Complete', () => {
  it('removes what the template and its nested ones do not name, and lists it among the operations', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'inner',
      properties: { mode: 'Incremental', template: { resources: [vault('nested', {})] } },
    }
    const end = await deployed('whole', { mode: 'Complete', template: { resources: [vault('kept', {}), nested] } })

    expect(end).toMatchObject({ provisioningState: 'Succeeded', mode: 'Complete' })
    const there = await Promise.all(
      ['kept', 'nested', 'other'].map(async (name) => (await client.arm('GET', idOf(name))).status),
    )
    expect(there).toEqual([200, 200, 404])
    const { body } = await client.arm('GET', `${DEPLOYMENTS}/whole/operations`)
    const operations = body['value'] as { properties: { provisioningOperation: string; targetResource?: unknown } }[]
    expect(operations.map(({ properties }) => properties.provisioningOperation)).toEqual([
      'Create',
      'Create',
      'Delete',
      'EvaluateDeploymentOutput',
    ])
  })

  it('removes nothing where a resource of the group cannot be read', async () => {
    await client.arm('PUT', idOf('near'), vaultBody({}))
    await client.arm('PUT', idOf('far'), { ...vaultBody({}), location: 'centralus' })
    await emulator.control('POST', 'regions/centralus/kill')

    const end = await deployed('careful', { mode: 'Complete', template: { resources: [vault('kept', {})] } })

    expect(end).toMatchObject({ provisioningState: 'Failed', error: { details: [{ code: 'ServiceUnavailable' }] } })
    expect((await client.arm('GET', idOf('near'))).status).toBe(200)
    await emulator.control('POST', 'regions/centralus/start')
    expect((await client.arm('GET', idOf('far'))).status).toBe(200)
  })

  it('is not for nested deployments', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'inner',
      properties: { mode: 'Complete', template: { resources: [] } },
    }
    const { status, body } = await client.arm('PUT', `${DEPLOYMENTS}/no`, {
      properties: { mode: 'Incremental', template: { resources: [nested] } },
    })
    expect([status, body['error']]).toMatchObject([400, { code: 'InvalidTemplate' }])
  })
})

function idOf(name: string): string {
  return `${GROUP}/providers/Microsoft.KeyVault/vaults/${name}`
}

function vaultBody(tags: object): { location: string; tags: object; properties: object } {
  return { location: 'eastus2', tags, properties: { tenantId: '10ca1e00-0000-4000-8000-000000000001' } }
}

function vault(name: string, tags: object): object {
  return { type: 'Microsoft.KeyVault/vaults', apiVersion: '2023-07-01', name, ...vaultBody(tags) }
}

/** Asks as the vendor's clients do: begins, polls the place to ask, and gives the changes by name. */
async function whatIf(properties: object, deployment = `${DEPLOYMENTS}/plan`): Promise<ReadonlyMap<string, Change>> {
  const body = { location: 'eastus2', properties: { mode: 'Incremental', ...properties } }
  const begun = await client.arm('POST', `${deployment}/whatIf`, body)
  expect(begun.status).toBe(202)
  const location = String(begun.headers['location']).replace(/^.*\/subscriptions\/[^/]+/, '')
  for (;;) {
    const { status, body: result } = await client.arm('GET', location)
    if (status === 202) {
      await sleep(20)
      continue
    }
    expect([status, result['status']]).toEqual([200, 'Succeeded'])
    const { changes } = result['properties'] as { changes: readonly Change[] }
    return new Map(changes.map((change) => [change.resourceId.split('/').at(-1) ?? '', change]))
  }
}

async function deployed(name: string, properties: object): Promise<Readonly<Record<string, unknown>>> {
  await client.arm('PUT', `${DEPLOYMENTS}/${name}`, { properties })
  return deploymentEnd(client, `${DEPLOYMENTS}/${name}`)
}
