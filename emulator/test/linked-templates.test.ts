import { setTimeout as sleep } from 'node:timers/promises'
import { BlobSASPermissions, generateBlobSASQueryParameters, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID } from '../src/tokens.ts'
import { type Answer, type AzureClient, azureClient } from './azure-client.ts'
import { deploymentEnd } from './deployment-end.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/linked'
const DEPLOYMENTS = `${GROUP}/providers/Microsoft.Resources/deployments`
const STORE = `${GROUP}/providers/Microsoft.Storage/storageAccounts/linkedstore`
const VAULT = `${GROUP}/providers/Microsoft.KeyVault/vaults/linkedvault`
const FILES = 'https://linkedstore.blob.core.windows.net/templates'
const HOUR = 3_600_000

let emulator: RunningEmulator
let client: AzureClient
let vaultId: string
/** Opens the files for reading. */
let sas: string

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'deployer')
  await client.arm('PUT', GROUP, { location: 'eastus2' })
  await client.arm('PUT', STORE, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
  const vault = await client.arm('PUT', VAULT, {
    location: 'centralus',
    properties: { enabledForTemplateDeployment: true },
  })
  vaultId = String(vault.body['id'])
  await client.arm('PUT', `${STORE}/blobServices/default/containers/templates`, {})
  sas = await signature()
})

afterAll(async () => {
  await client.close()
  await emulator.end()
})

describe('a template that a deployment links to', () => {
  it('is read out of a storage account by the signature in its address, with parameters that are linked too', async () => {
    await upload('main.json', tagged("[parameters('team')]", { team: { type: 'string' } }))
    await upload('values.json', { contentVersion: '1.0.0.0', parameters: { team: { value: 'churn' } } })

    const done = await deployed('linked', {
      templateLink: { uri: `${FILES}/main.json?${sas}`, contentVersion: '1.0.0.0' },
      parametersLink: { uri: `${FILES}/values.json`, queryString: `?${sas}` },
    })

    expect(done).toMatchObject({
      provisioningState: 'Succeeded',
      templateLink: { uri: `${FILES}/main.json`, contentVersion: '1.0.0.0' },
      parametersLink: { uri: `${FILES}/values.json` },
      outputs: { link: { value: `${FILES}/main.json` } },
    })
    expect(JSON.stringify(done)).not.toContain('sig=')
    expect(await tagsOf('tagged')).toEqual({ team: 'churn' })
  })

  it('is refused where it is nested without end', async () => {
    await upload('deep.json', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)
    const properties = { mode: 'Incremental', templateLink: { uri: `${FILES}/deep.json?${sas}` } }
    const refused = await client.arm('PUT', `${DEPLOYMENTS}/deep`, { properties })
    expect([refused.status, refused.body['error']]).toMatchObject([400, { code: 'InvalidContentLink' }])
  })

  it('may lead on to what lies beside it, opened by the same signature, and be foreseen with it', async () => {
    await upload('inner/leaf.json', tagged('leaf'))
    await upload('root.json', template([nested('leaf', { templateLink: { relativePath: 'inner/leaf.json' } })]))
    const properties = { templateLink: { uri: `${FILES}/root.json`, queryString: sas } }

    const foreseen = await whatIf('root', properties)
    expect(foreseen.map((one) => [one['changeType'], String(one['resourceId']).split('/').at(-1)])).toContainEqual([
      'Modify',
      'tagged',
    ])
    expect(await deployed('root', properties)).toMatchObject({ provisioningState: 'Succeeded' })
    expect(await tagsOf('tagged')).toEqual({ team: 'leaf' })
    const inside = await client.arm('GET', `${DEPLOYMENTS}/leaf`)
    expect(inside.body['properties']).toMatchObject({ templateLink: { uri: `${FILES}/inner/leaf.json` } })
  })

  it.each([
    ['lies behind no signature', { templateLink: { uri: `${FILES}/main.json` } }, 'Unable to download'],
    ['is not there', () => ({ templateLink: { uri: `${FILES}/none.json?${sas}` } }), 'Unable to download'],
    ['lies outside the emulator', { templateLink: { uri: 'https://example.org/t.json' } }, 'Unable to download'],
    ['lies on this machine', { templateLink: { uri: 'https://127.0.0.1/t.json' } }, 'must be an absolute URI'],
    ['is a file', { templateLink: { uri: 'file:///etc/passwd' } }, 'must be an absolute URI'],
    ['is relative to nothing', { templateLink: { relativePath: 'x.json' } }, 'must be an absolute URI'],
    [
      'is of another version',
      () => ({ templateLink: { uri: `${FILES}/main.json?${sas}`, contentVersion: '2.0.0.0' } }),
      'is not',
    ],
  ])('is refused where it %s', async (_, given, message) => {
    const properties = typeof given === 'function' ? given() : given
    const { status, body } = await put('refused', properties)
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: { code: 'InvalidContentLink', message: expect.stringContaining(message) } })
    expect(JSON.stringify(body)).not.toContain('sig=')
    expect((await client.arm('GET', `${DEPLOYMENTS}/refused`)).status).toBe(404)
  })

  it('is refused beside a template of the request', async () => {
    const { body } = await put('both', { template: template([]), templateLink: { uri: `${FILES}/main.json?${sas}` } })
    expect(body).toMatchObject({ error: { code: 'InvalidRequestContent' } })
  })
})

describe('a parameter out of a key vault', () => {
  const wanted = (reference: object) => ({
    template: {
      ...tagged("[parameters('word')]", { word: { type: 'securestring' } }),
      outputs: { length: { type: 'int', value: "[length(parameters('word'))]" } },
    },
    parameters: { word: { reference } },
  })

  it('has the newest value or that of a version, and only its place is told', async () => {
    const first = await setSecret('word', 'one')
    await setSecret('word', 'three')

    const newest = await deployed('newest', wanted({ keyVault: { id: vaultId }, secretName: 'word' }))
    expect(newest).toMatchObject({
      provisioningState: 'Succeeded',
      outputs: { length: { value: 5 } },
      parameters: { word: { type: 'SecureString', reference: { secretName: 'word' } } },
    })
    expect(await tagsOf('tagged')).toEqual({ team: 'three' })
    const version = String(first['id']).split('/').at(-1)
    await deployed('older', wanted({ keyVault: { id: vaultId }, secretName: 'word', secretVersion: version }))
    expect(await tagsOf('tagged')).toEqual({ team: 'one' })
    const { body } = await client.arm('GET', `${DEPLOYMENTS}/newest`)
    expect(JSON.stringify(body)).not.toContain('three')
  })

  it('is a secret that ARM itself may have set', async () => {
    await client.arm('PUT', `${VAULT}/secrets/by-arm`, { properties: { value: 'made' } })
    await deployed('by-arm', wanted({ keyVault: { id: vaultId }, secretName: 'by-arm' }))
    expect(await tagsOf('tagged')).toEqual({ team: 'made' })
    expect((await client.arm('GET', `${VAULT}/secrets/by-arm`)).body['properties']).not.toHaveProperty('value')
  })

  it('is refused where vault or secret are not there, or the vault is closed to deployments', async () => {
    const closed = `${VAULT.replace('linkedvault', 'closedvault')}`
    const made = await client.arm('PUT', closed, { location: 'eastus2', properties: {} })
    const code = async (id: unknown, secretName = 'word') => {
      const { status, body } = await put('refused', wanted({ keyVault: { id }, secretName }))
      return [status, (body['error'] as { code: string }).code]
    }
    expect(await code(vaultId, 'none')).toEqual([400, 'KeyVaultParameterReferenceSecretRetrieveFailed'])
    expect(await code(made.body['id'])).toEqual([400, 'KeyVaultParameterReferenceSecretRetrieveFailed'])
    expect(await code(`${vaultId}x`)).toEqual([400, 'KeyVaultParameterReferenceNotFound'])
    expect(await code('elsewhere')).toEqual([400, 'InvalidRequestContent'])
  })

  it('goes with its vault', async () => {
    const gone = VAULT.replace('linkedvault', 'goingvault')
    const made = await client.arm('PUT', gone, {
      location: 'eastus2',
      properties: { enabledForTemplateDeployment: true },
    })
    await client.arm('PUT', `${gone}/secrets/kept`, { properties: { value: 'x' } })
    await client.arm('DELETE', gone)
    await client.arm('PUT', gone, { location: 'eastus2', properties: { enabledForTemplateDeployment: true } })
    const { body } = await put('refused', wanted({ keyVault: { id: made.body['id'] }, secretName: 'kept' }))
    expect(body).toMatchObject({ error: { code: 'KeyVaultParameterReferenceSecretRetrieveFailed' } })
  })
})

describe('a deployment that fails', () => {
  const bad = {
    type: 'Microsoft.Storage/storageAccounts',
    apiVersion: '2023-01-01',
    name: 'NOT_VALID',
    location: 'eastus2',
  }
  const failing = template([resource('other', 'new'), { ...bad, kind: 'StorageV2', sku: { name: 'Standard_LRS' } }])
  const place = '/resourceGroups/back'
  const at = (name: string) => `${place}/providers/Microsoft.Resources/deployments/${name}`

  it('gives its place to the last that succeeded and stands in no other, beside which nothing stays', async () => {
    await client.arm('PUT', place, { location: 'eastus2' })
    await deployed(at('middle'), { template: template([nested('inside', { template: tagged('changed') })]) })

    const end = await deployed(at('second'), { template: failing, onErrorDeployment: { type: 'LastSuccessful' } })

    expect(end).toMatchObject({
      provisioningState: 'Failed',
      error: { code: 'DeploymentFailed' },
      onErrorDeployment: { type: 'LastSuccessful', deploymentName: 'middle', provisioningState: 'Succeeded' },
    })
    expect(await namesIn(place)).toEqual(['tagged'])
    expect(await tagsOf('tagged', place)).toEqual({ team: 'changed' })
  })

  it('gives its place to the one that is named, with the secrets that it had', async () => {
    const named = tagged("[parameters('word')]", { word: { type: 'securestring' } })
    await deployed(at('named'), { template: named, parameters: { word: { value: 'hush' } } })
    await deployed(at('later'), { template: tagged('later') })
    const onErrorDeployment = { type: 'SpecificDeployment', deploymentName: 'named' }
    const end = await deployed(at('third'), { template: failing, onErrorDeployment })
    expect(end).toMatchObject({ onErrorDeployment: { ...onErrorDeployment, provisioningState: 'Succeeded' } })
    expect(await tagsOf('tagged', place)).toEqual({ team: 'hush' })
    expect(JSON.stringify((await client.arm('GET', at('named'))).body)).not.toContain('hush')
  })

  it('says so where there is none, and leaves what it made', async () => {
    const onErrorDeployment = { type: 'SpecificDeployment', deploymentName: 'nobody' }
    const end = await deployed(at('fourth'), { template: failing, onErrorDeployment })
    expect(end).toMatchObject({ onErrorDeployment: { ...onErrorDeployment, provisioningState: 'Failed' } })
    expect(JSON.stringify(end['error'])).toContain("The deployment 'nobody' was not found")
    expect((await namesIn(place)).toSorted()).toEqual(['other', 'tagged'])
  })

  it('is not given a place outside resource groups', async () => {
    const path = '/providers/Microsoft.Resources/deployments/wide'
    const properties = { mode: 'Incremental', template: failing, onErrorDeployment: { type: 'LastSuccessful' } }
    const { body } = await client.arm('PUT', path, { location: 'eastus2', properties })
    expect(body).toMatchObject({ error: { code: 'InvalidRequestContent' } })
  })
})

describe('a template that deploys itself under ever new names', () => {
  it('comes to an end, since so many at most may be under way', async () => {
    const again = { templateLink: { uri: `${FILES}/again.json`, queryString: sas } }
    await upload('again.json', template([nested('[uniqueString(deployment().name)]', again)]))
    await put('again', again)
    const failed = `${DEPLOYMENTS}?$filter=${encodeURIComponent("provisioningState eq 'Failed'")}`
    let errors = ''
    while (!errors.includes('DeploymentQuotaExceeded')) {
      await sleep(100)
      errors = JSON.stringify((await client.arm('GET', failed)).body)
    }
  }, 60_000)
})

function template(resources: readonly object[], parameters: object = {}): object {
  const outputs = {
    link: {
      type: 'string',
      value: "[coalesce(tryGet(deployment().properties, 'templateLink'), createObject('uri', '')).uri]",
    },
  }
  return { contentVersion: '1.0.0.0', parameters, resources, outputs }
}

/** A template that makes one thing with a tag. */
function tagged(team: string, parameters: object = {}): object {
  return template([resource('tagged', team)], parameters)
}

function resource(name: string, team: string): object {
  return {
    type: 'Microsoft.OperationalInsights/workspaces',
    apiVersion: '2020-08-01',
    name,
    location: '[resourceGroup().location]',
    tags: { team },
  }
}

function nested(name: string, content: object): object {
  const properties = { mode: 'Incremental', ...content }
  return { type: 'Microsoft.Resources/deployments', apiVersion: '2021-04-01', name, properties }
}

function put(name: string, properties: object): Promise<Answer> {
  return client.arm('PUT', pathOf(name), { properties: { mode: 'Incremental', ...properties } })
}

function pathOf(name: string): string {
  return name.startsWith('/') ? name : `${DEPLOYMENTS}/${name}`
}

/** Deploys, waits, and gives the properties of the deployment at its end. */
async function deployed(name: string, properties: object): Promise<Record<string, unknown>> {
  const begun = await put(name, properties)
  expect([200, 201], JSON.stringify(begun.body)).toContain(begun.status)
  return deploymentEnd(client, pathOf(name))
}

async function whatIf(name: string, properties: object): Promise<Record<string, unknown>[]> {
  const body = { properties: { mode: 'Incremental', ...properties } }
  const begun = await client.arm('POST', `${DEPLOYMENTS}/${name}/whatIf`, body)
  const location = String(begun.headers['location'])
  for (;;) {
    const answer = await client.send('GET', location, { headers: { authorization: `Bearer ${await client.signIn()}` } })
    const found = answer.body['properties'] as { changes: Record<string, unknown>[] } | undefined
    if (answer.status !== 202) return found?.changes ?? []
    await sleep(50)
  }
}

async function tagsOf(name: string, group = GROUP): Promise<unknown> {
  const path = `${group}/providers/Microsoft.OperationalInsights/workspaces/${name}`
  return (await client.arm('GET', path)).body['tags']
}

async function namesIn(group: string): Promise<string[]> {
  return ((await client.arm('GET', `${group}/resources`)).body['value'] as { name: string }[]).map(({ name }) => name)
}

async function setSecret(name: string, value: string): Promise<Record<string, unknown>> {
  const token = await client.signIn('https://vault.azure.net')
  const url = `https://linkedvault.vault.azure.net/secrets/${name}?api-version=7.4`
  const { status, body } = await client.send('PUT', url, {
    body: { value },
    headers: { authorization: `Bearer ${token}` },
  })
  expect(status, CLIENT_ID).toBe(200)
  return body
}

async function upload(name: string, content: object | string): Promise<void> {
  const token = await client.signIn('https://storage.azure.com')
  const answer = await client.send('PUT', `${FILES}/${name}`, {
    body: content,
    headers: { authorization: `Bearer ${token}`, 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2021-12-02' },
  })
  expect(answer.status).toBe(201)
}

async function signature(): Promise<string> {
  const { body } = await client.arm('POST', `${STORE}/listKeys`)
  const [{ value }] = body['keys'] as [{ value: string }]
  const credential = new StorageSharedKeyCredential('linkedstore', value)
  const values = {
    containerName: 'templates',
    permissions: BlobSASPermissions.parse('r'),
    expiresOn: new Date(Date.now() + HOUR),
  }
  return generateBlobSASQueryParameters(values, credential).toString()
}
