import { ResourceManagementClient } from '@azure/arm-resources'
import { DeploymentsClient } from '@azure/arm-resourcesdeployments'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../support/emulator.ts'
import { allOf, enter, errorOf } from './connection.ts'

const GROUP = 'rg-npm'
const LOCATION = 'eastus2'
const SOON = { updateIntervalInMs: 100 }
const VAULT = [GROUP, 'Microsoft.KeyVault', '', 'vaults', 'npmvault', '2023-07-01'] as const
const ABSENT = [GROUP, 'Microsoft.KeyVault', '', 'vaults', 'none', '2023-07-01'] as const

let emulator: TestEmulator
let arm: ResourceManagementClient
let deployments: DeploymentsClient['deployments']
let steps: DeploymentsClient['deploymentOperations']

beforeAll(async () => {
  emulator = await startTestEmulator()
  const { subscription, credential } = enter(emulator)
  arm = new ResourceManagementClient(credential, subscription)
  const client = new DeploymentsClient(credential, subscription)
  deployments = client.deployments
  steps = client.deploymentOperations
  await arm.resourceGroups.createOrUpdate(GROUP, { location: LOCATION, tags: { team: 'churn' } })
})
afterAll(() => emulator.stop())

it('makes, changes, finds and removes resource groups', async () => {
  const made = await arm.resourceGroups.createOrUpdate('rg-gone', { location: 'Central US' })
  const changed = await arm.resourceGroups.update('rg-gone', { tags: { a: 'b' } })
  const tagged = await allOf(arm.resourceGroups.list({ filter: "tagName eq 'team' and tagValue eq 'churn'" }))
  expect(made).toMatchObject({ location: 'centralus', properties: { provisioningState: 'Succeeded' } })
  expect(changed.tags).toEqual({ a: 'b' })
  expect(tagged.map(({ name }) => name)).toEqual([GROUP])
  expect(await arm.resourceGroups.checkExistence('rg-gone')).toEqual({ body: true })
  await arm.resourceGroups.delete('rg-gone', SOON)
  expect(await arm.resourceGroups.checkExistence('rg-gone')).toEqual({ body: false })
  expect(await errorOf(arm.resourceGroups.get('rg-gone'))).toEqual(['ResourceGroupNotFound', 404])
})

it('makes, changes, lists and removes resources of any type', async () => {
  const properties = { tenantId: emulator.env['AZURE_TENANT_ID'], sku: { family: 'A', name: 'standard' } }
  const made = await arm.resources.createOrUpdate(...VAULT, { location: LOCATION, properties }, SOON)
  const { id = '' } = made
  const changed = await arm.resources.update(...VAULT, { tags: { a: 'b' } }, SOON)
  const ofType = await allOf(arm.resources.list({ filter: "resourceType eq 'Microsoft.KeyVault/vaults'" }))
  expect(made.properties).toMatchObject({ ...properties, vaultUri: 'https://npmvault.vault.azure.net/' })
  expect(changed).toMatchObject({ tags: { a: 'b' }, properties })
  expect(await arm.resources.getById(id, '2023-07-01')).toMatchObject({ name: 'npmvault', location: LOCATION })
  expect(ofType.map((one) => one.id)).toEqual([id])
  expect((await allOf(arm.resources.listByResourceGroup(GROUP))).map(({ name }) => name)).toEqual(['npmvault'])
  expect(await arm.resources.checkExistence(...ABSENT)).toEqual({ body: false })
  expect(await arm.resources.checkExistenceById(id, '2023-07-01')).toEqual({ body: true })
  await arm.resources.deleteById(id, '2023-07-01', SOON)
  expect(await errorOf(arm.resources.get(...VAULT))).toEqual(['ResourceNotFound', 404])
})

it('refuses what Azure refuses, with its codes', async () => {
  const groups = arm.resourceGroups
  const groupless = ['rg-none', ...VAULT.slice(1)] as unknown as typeof VAULT
  const put = arm.resources.createOrUpdate(...groupless, { location: LOCATION }, SOON)
  expect(await errorOf(Promise.resolve(put))).toEqual(['ResourceGroupNotFound', 404])
  expect(await errorOf(groups.createOrUpdate('rg-sea', { location: 'atlantis' }))).toEqual([
    'LocationNotAvailableForResourceGroup',
    400,
  ])
  expect(await errorOf(groups.createOrUpdate(GROUP, { location: 'centralus' }))).toEqual([
    'InvalidResourceGroupLocation',
    409,
  ])
})

it('tells providers', async () => {
  expect(await arm.providers.get('Microsoft.MachineLearningServices')).toMatchObject({
    registrationState: 'Registered',
  })
  expect((await allOf(arm.providers.list())).map(({ namespace }) => namespace)).toContain('Microsoft.Storage')
})

describe('deployments', () => {
  const template = {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    parameters: { name: { type: 'string' } },
    resources: [
      {
        type: 'Microsoft.Storage/storageAccounts',
        apiVersion: '2023-01-01',
        name: "[parameters('name')]",
        location: '[resourceGroup().location]',
        kind: 'StorageV2',
        sku: { name: 'Standard_LRS' },
      },
    ],
    outputs: { blobs: { type: 'string', value: "[reference(parameters('name')).primaryEndpoints.blob]" } },
  }
  const asking = (name: string) => ({
    properties: { template, parameters: { name: { value: name } }, mode: 'Incremental' as const },
  })

  it('are validated and foreseen, and change nothing by that', async () => {
    const valid = await deployments.validate(GROUP, 'ahead', asking('npmdeployed'), SOON)
    const foreseen = await deployments.whatIf(GROUP, 'ahead', asking('npmdeployed'), SOON)
    expect(valid.properties?.provisioningState).toBe('Succeeded')
    expect(foreseen).toMatchObject({ status: 'Succeeded', changes: [{ changeType: 'Create' }] })
    const nameless = { properties: { template, mode: 'Incremental' as const } }
    // This package takes the 400 of a validation for an operation that failed, and loses the reason.
    await expect(async () => await deployments.validate(GROUP, 'ahead', nameless, SOON)).rejects.toThrow(/has failed/)
    const put = deployments.createOrUpdate(GROUP, 'ahead', nameless, SOON)
    expect(await errorOf(Promise.resolve(put))).toEqual(['InvalidTemplate', 400])
    expect(await allOf(deployments.listByResourceGroup(GROUP))).toEqual([])
  })

  it('make what the template says, and give outputs, steps and the template again', async () => {
    const done = await deployments.createOrUpdate(GROUP, 'first', asking('npmdeployed'), SOON)
    const all = await allOf(steps.list(GROUP, 'first'))
    expect(done.properties).toMatchObject({
      provisioningState: 'Succeeded',
      outputs: { blobs: { value: 'https://npmdeployed.blob.core.windows.net/' } },
      outputResources: [{ id: expect.stringMatching(/storageAccounts\/npmdeployed$/) }],
    })
    expect(new Set(all.map(({ properties }) => properties?.provisioningState))).toEqual(new Set(['Succeeded']))
    expect((await deployments.exportTemplate(GROUP, 'first')).template).toEqual(template)
    expect(await deployments.checkExistence(GROUP, 'first')).toEqual({ body: true })
    expect((await allOf(deployments.listByResourceGroup(GROUP))).map(({ name }) => name)).toEqual(['first'])
  })

  it('end as failed with the reason of the resource', async () => {
    const failure = await Promise.resolve(deployments.createOrUpdate(GROUP, 'bad', asking('NOT_VALID'), SOON)).then(
      () => 'nothing',
      (thrown: Error) => `${thrown.message} ${JSON.stringify(thrown)}`,
    )
    const { properties } = await deployments.get(GROUP, 'bad')
    expect(failure).toMatch(/failed/i)
    expect(properties).toMatchObject({
      provisioningState: 'Failed',
      error: { code: 'DeploymentFailed', details: [{ code: 'AccountNameInvalid' }] },
    })
  })

  it('are removed from the list, and what they made stays', async () => {
    await deployments.delete(GROUP, 'first', SOON)
    expect(await errorOf(deployments.get(GROUP, 'first'))).toEqual(['DeploymentNotFound', 404])
    expect((await allOf(arm.resources.listByResourceGroup(GROUP))).map(({ name }) => name)).toContain('npmdeployed')
  })
})
