import { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../support/emulator.ts'
import { allOf, enter, errorOf } from './connection.ts'

const GROUP = 'rg-door'
let emulator: TestEmulator
/** Address of the emulator as a cloud of its own, and the options by which Microsoft's packages find it. */
let endpoint: string
let credential: ClientSecretCredential
let options: { readonly endpoint: string; readonly credentialScopes: string[] }

beforeAll(async () => {
  emulator = await startTestEmulator({ regions: ['eastus2'] })
  enter(emulator)
  const answer = await fetch(`${emulator.control}/emulator/env?client=node&cloud`)
  const env = (await answer.json()) as Record<string, string>
  // Without the proxy, a request for a public name of Azure would end nowhere.
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY']) delete process.env[name]
  endpoint = env['AZURE_AUTHORITY_HOST'] ?? ''
  credential = credentialWith(env['AZURE_CLIENT_SECRET'] ?? '')
  options = { endpoint, credentialScopes: [`${endpoint}/.default`] }
})
afterAll(() => emulator.stop())

function credentialWith(secret: string): ClientSecretCredential {
  const { AZURE_TENANT_ID: tenant = '', AZURE_CLIENT_ID: client = '' } = emulator.env
  return new ClientSecretCredential(tenant, client, secret, { authorityHost: endpoint, disableInstanceDiscovery: true })
}

it('signs in at the authority that the program names', async () => {
  const { token } = await credential.getToken(`${endpoint}/.default`)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { readonly aud: string }
  expect(claims.aud).toBe(endpoint)
  expect(await errorOf(credentialWith('wrong').getToken(`${endpoint}/.default`))).toEqual([
    'AuthenticationRequiredError',
    undefined,
  ])
})

it('makes a workspace, a cluster and assets at the endpoint that the program names', async () => {
  const { subscription } = emulator
  const arm = new ResourceManagementClient(credential, subscription, {
    ...options,
    credentials: { scopes: options.credentialScopes },
  })
  const ml = new AzureMachineLearningWorkspaces(credential, subscription, options)
  await arm.resourceGroups.createOrUpdate(GROUP, { location: 'eastus2' })
  const store = [GROUP, 'Microsoft.Storage', '', 'storageAccounts', 'doorstore', '2023-01-01'] as const
  const { id = '' } = await arm.resources.createOrUpdate(...store, {
    location: 'eastus2',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
  })
  const workspace = { location: 'eastus2', storageAccount: id }
  await ml.workspaces.beginCreateOrUpdateAndWait(GROUP, 'ws', workspace, { updateIntervalInMs: 100 })
  const image = { properties: { image: 'ubuntu:24.04' } }
  for (const version of ['1', '2']) await ml.environmentVersions.createOrUpdate(GROUP, 'ws', 'plain', version, image)
  const pages: number[] = []
  for await (const page of ml.environmentVersions.list(GROUP, 'ws', 'plain', { top: 1 }).byPage())
    pages.push(page.length)
  expect((await allOf(ml.workspaces.listBySubscription())).map(({ name }) => name)).toEqual(['ws'])
  expect(pages.filter((size) => size > 0)).toEqual([1, 1])
  await arm.resourceGroups.delete(GROUP, { updateIntervalInMs: 100 })
  expect(await errorOf(ml.workspaces.get(GROUP, 'ws'))).toEqual(['ResourceGroupNotFound', 404])
})
