import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenRegion, openRegion } from '../region.ts'
import { SUBSCRIPTION } from '../tokens.ts'

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`

let root: string
let region: OpenRegion
let port: number
let token: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'emulator-generic-'))
  region = await openRegion({ name: 'eastus2', root })
  port = await region.listen()
  token = await region.tokens.issue({
    subject: 'tester',
    audience: 'https://management.azure.com',
    lifetimeSeconds: 3600,
  })
})

afterAll(async () => {
  await region.close()
  await rm(root, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function arm(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await request(`http://127.0.0.1:${port}${path}?api-version=2024-01-01`, {
    method: method as 'GET',
    headers: { host: 'management.azure.com', authorization: `Bearer ${token}` },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: text === '' ? {} : JSON.parse(text) }
}

/** A request to the vault `Lister` itself. */
async function secrets(method: string, path: string, body?: unknown): Promise<Answer> {
  const audience = 'https://vault.azure.net'
  const bearer = await region.tokens.issue({ subject: 'tester', audience, lifetimeSeconds: 3600 })
  const answer = await request(`http://127.0.0.1:${port}/secrets/${path}?api-version=7.4`, {
    method: method as 'GET',
    headers: { host: 'lister.vault.azure.net', authorization: `Bearer ${bearer}` },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: answer.statusCode, body: (await answer.body.json()) as Answer['body'] }
}

describe('a resource of a provider that is not played', () => {
  it('comes back as it was sent, with what its provider computes', async () => {
    const path = `${GROUP}/providers/Microsoft.Insights/components/telemetry`
    const sent = { location: 'eastus2', kind: 'web', properties: { Application_Type: 'web', odd: [1, { a: null }] } }
    const made = await arm('PUT', path, sent)
    const again = await arm('PUT', path.toUpperCase().replace('/SUBSCRIPTIONS', '/subscriptions'), sent)
    expect(made).toMatchObject({ status: 201, body: { id: path, name: 'telemetry', kind: 'web' } })
    expect(made.body['properties']).toMatchObject({ odd: [1, { a: null }], provisioningState: 'Succeeded' })
    expect(again.status).toBe(200)
    expect(again.body['properties']).toEqual(made.body['properties'])
  })

  it('keeps what its provider computed, whatever a client sends', async () => {
    const path = `${GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs`
    const made = await arm('PUT', path, { location: 'eastus2' })
    const { customerId } = made.body['properties'] as { customerId: string }
    await arm('PUT', path, { location: 'eastus2', properties: { customerId: 'mine', retentionInDays: 90 } })
    const changed = await arm('PATCH', path, { tags: { a: 'b' }, properties: { customerId: 'mine' } })
    expect(changed.body).toMatchObject({ tags: { a: 'b' }, properties: { customerId, retentionInDays: 90 } })
  })

  it('gives a system identity once and for all', async () => {
    const path = `${GROUP}/providers/Microsoft.CognitiveServices/accounts/mind`
    const body = { location: 'eastus2', identity: { type: 'SystemAssigned' } }
    const made = await arm('PUT', path, body)
    const again = await arm('PUT', path, body)
    expect(made.body['identity']).toMatchObject({ type: 'SystemAssigned', principalId: expect.any(String) })
    expect(again.body['identity']).toEqual(made.body['identity'])
  })

  it('stands over children, which need it and go with it', async () => {
    const zone = `${GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.api.azureml.ms`
    const link = `${zone}/virtualNetworkLinks/hub`
    expect(await arm('PUT', link, {})).toMatchObject({
      status: 404,
      body: { error: { code: 'ParentResourceNotFound' } },
    })
    await arm('PUT', zone, { location: 'global' })
    expect((await arm('PUT', link, { location: 'global' })).body).toMatchObject({
      type: 'Microsoft.Network/privateDnsZones/virtualNetworkLinks',
    })
    const listed = await arm('GET', `${zone}/virtualNetworkLinks`)
    expect(listed.body['value']).toMatchObject([{ name: 'hub' }])
    expect((await arm('DELETE', zone)).status).toBe(200)
    expect((await arm('GET', link)).status).toBe(404)
    expect((await arm('DELETE', zone)).status).toBe(204)
  })

  it('lists by group and by subscription', async () => {
    for (const [group, name] of [
      ['rg', 'id1'],
      ['other', 'id2'],
    ]) {
      const path = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
      await arm('PUT', path, { location: 'eastus2' })
    }
    const type = 'providers/Microsoft.ManagedIdentity/userAssignedIdentities'
    const names = async (path: string) => {
      return ((await arm('GET', path)).body['value'] as { name: string }[]).map((one) => one.name)
    }
    expect(await names(`${GROUP}/${type}`)).toEqual(['id1'])
    expect(await names(`/subscriptions/${SUBSCRIPTION}/${type}`)).toEqual(['id1', 'id2'])
  })

  it.each(['a%2Fb', '..%2f..%2fx', 'a%5Cb', 'a%3Fb', 'a%00b', 'a%25b'])(
    'refuses the name %s, which could be read as another path',
    async (name) => {
      const made = await arm('PUT', `${GROUP}/providers/Microsoft.KeyVault/vaults/${name}`, { location: 'eastus2' })
      expect([made.status, made.body]).toMatchObject([400, { error: { code: 'InvalidResourceName' } }])
    },
  )

  it('hangs on a resource of a provider that is played, which it needs', async () => {
    const workspace = `${GROUP}/providers/Microsoft.OperationalInsights/workspaces/watched`
    const settings = (on: string) => `${on}/providers/Microsoft.Insights/diagnosticSettings/all`
    const sent = { properties: { workspaceId: workspace, logs: [{ categoryGroup: 'allLogs', enabled: true }] } }
    const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/hungon`
    expect((await arm('PUT', settings(account), sent)).status).toBe(404)
    const made = await arm('PUT', `${account}?api-version=2023-01-01`, {
      ...{ location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } },
    })
    expect(made.status).toBeLessThan(300)
    for (const on of [account, `${account}/blobServices/default`]) {
      expect(await arm('PUT', settings(on), sent)).toMatchObject({ status: 201, body: { id: settings(on) } })
      expect((await arm('GET', `${on}/providers/Microsoft.Insights/diagnosticSettings`)).body).toMatchObject({
        value: [{ name: 'all', properties: sent.properties }],
      })
    }
  })

  it('of a vault tells where its keys are', async () => {
    const vault = `${GROUP}/providers/Microsoft.KeyVault/vaults/Keeper`
    await arm('PUT', vault, { location: 'eastus2', properties: {} })
    const made = await arm('PUT', `${vault}/keys/first`, { properties: { kty: 'RSA' } })
    expect(made.body['properties']).toMatchObject({
      keyUri: 'https://keeper.vault.azure.net/keys/first',
      keyUriWithVersion: expect.stringMatching(/^https:\/\/keeper\.vault\.azure\.net\/keys\/first\/[0-9a-f]{32}$/),
    })
  })

  it('of a vault takes a new value of a secret by PATCH, too, and writes it in no record', async () => {
    const vault = `${GROUP}/providers/Microsoft.KeyVault/vaults/Hider`
    await arm('PUT', vault, { location: 'eastus2', properties: {} })
    const made = await arm('PUT', `${vault}/secrets/word`, { properties: { value: 'hush-1', contentType: 'text' } })
    const changed = await arm('PATCH', `${vault}/secrets/word`, { properties: { value: 'hush-2' } })
    const uri = (answer: Answer) => (answer.body['properties'] as Record<string, unknown>)['secretUriWithVersion']
    expect(region.vaultSecrets.get(vault, 'word')?.value).toBe('hush-2')
    expect(changed.body['properties']).toMatchObject({ contentType: 'text', secretUri: expect.any(String) })
    expect(uri(changed)).not.toBe(uri(made))
    expect(JSON.stringify([changed.body, region.activity.since(0, 10_000)])).not.toContain('hush')
  })

  it('of a vault keeps when a secret is meant to be used, and does not list its versions but says so', async () => {
    await arm('PUT', `${GROUP}/providers/Microsoft.KeyVault/vaults/Lister`, { location: 'eastus2', properties: {} })
    const attributes = { nbf: 1_700_000_000, exp: 4_102_444_800 }
    const made = await secrets('PUT', 'word', { value: 'hush', attributes })
    expect(made).toMatchObject({ status: 200, body: { attributes: { enabled: true, ...attributes } } })
    expect((await secrets('GET', 'word')).body['attributes']).toEqual(made.body['attributes'])
    expect(await secrets('GET', 'word/versions')).toMatchObject({
      status: 501,
      body: { error: { message: expect.stringContaining('GetSecretVersions') } },
    })
  })

  it('may have a name that ARM’s paths use', async () => {
    const registry = `${GROUP}/providers/Microsoft.ContainerRegistry/registries/named`
    await arm('PUT', registry, { location: 'eastus2' })
    expect(await arm('PUT', `${registry}/scopeMaps/providers`, {})).toMatchObject({
      status: 201,
      body: { name: 'providers', type: 'Microsoft.ContainerRegistry/registries/scopeMaps' },
    })
  })

  it('says what it does not do', async () => {
    const path = `${GROUP}/providers/Microsoft.ContainerRegistry/registries/images`
    await arm('PUT', path, { location: 'eastus2', sku: { name: 'Premium' } })
    expect(await arm('POST', `${path}/listCredentials`)).toMatchObject({
      status: 501,
      body: { error: { message: expect.stringContaining('listCredentials') } },
    })
  })
})
