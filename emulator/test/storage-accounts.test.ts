import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OpenRegion, openRegion } from '../src/region.ts'
import { SUBSCRIPTION } from '../src/tokens.ts'

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/churnstore`
const BODY = { location: 'eastus2', sku: { name: 'Standard_LRS' }, kind: 'StorageV2', tags: { team: 'churn' } }

interface Answer {
  readonly status: number
  // The tests look into bodies whose shape they state themselves.
  readonly body: Record<string, never>
}

let root: string
let region: OpenRegion
let port: number

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'accounts-'))
  await start()
})

afterEach(async () => {
  await region.close()
  await rm(root, { recursive: true })
})

async function start(): Promise<void> {
  region = await openRegion({ name: 'eastus2', root })
  port = await region.listen()
}

async function arm(method: string, path: string, body?: unknown): Promise<Answer> {
  const token = await region.tokens.issue({
    subject: 'tester',
    audience: 'https://management.azure.com',
    lifetimeSeconds: 600,
  })
  const mark = path.includes('?') ? '&' : '?'
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'management.azure.com',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    }
    const target = `${path}${mark}api-version=2023-05-01`
    const sent = httpRequest({ host: '127.0.0.1', port, method, path: target, headers }, (response) => {
      const status = response.statusCode ?? 0
      const isEmpty = response.headers['content-length'] === '0' || status === 204
      if (isEmpty) response.resume()
      const parsed = isEmpty ? Promise.resolve({}) : json(response)
      parsed.then((value) => resolve({ status, body: value as Answer['body'] }), reject)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

test('an account is created, read in any case, changed and listed', async () => {
  const made = await arm('PUT', ACCOUNT, { ...BODY, properties: { allowSharedKeyAccess: true, custom: { kept: 1 } } })
  expect(made.status).toBe(200)
  expect(made.body).toMatchObject({
    id: ACCOUNT,
    name: 'churnstore',
    sku: { name: 'Standard_LRS', tier: 'Standard' },
    properties: {
      provisioningState: 'Succeeded',
      primaryEndpoints: { blob: 'https://churnstore.blob.core.windows.net/' },
      custom: { kept: 1 },
    },
  })
  await arm('PATCH', ACCOUNT, { tags: { team: 'new' }, properties: { allowBlobPublicAccess: true } })
  const read = await arm('GET', ACCOUNT.toUpperCase().replace('/SUBSCRIPTIONS', '/subscriptions'))
  expect(read.body).toMatchObject({
    tags: { team: 'new' },
    properties: { allowBlobPublicAccess: true, custom: { kept: 1 } },
  })
  await arm('PUT', ACCOUNT.replace('churnstore', 'second1'), BODY)
  const inGroup = await arm('GET', `${GROUP}/providers/Microsoft.Storage/storageAccounts`)
  expect(inGroup.body['value']).toMatchObject([{ name: 'churnstore' }, { name: 'second1' }])
  const inAll = await arm('GET', `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts`)
  expect(inAll.body['value']).toHaveLength(2)
})

test('keys are kept over a restart, stay out of the account, and change one at a time', async () => {
  const made = await arm('PUT', ACCOUNT, BODY)
  const first = (await arm('POST', `${ACCOUNT}/listKeys`)).body['keys'] as unknown as { value: string }[]
  expect(first.map(({ value }) => Buffer.from(value, 'base64').length)).toEqual([64, 64])
  expect(JSON.stringify(made.body)).not.toContain(first[0]?.value)
  await region.close()
  await start()
  await arm('PUT', ACCOUNT, BODY)
  const second = (await arm('POST', `${ACCOUNT}/regenerateKey`, { keyName: 'key1' })).body['keys'] as unknown as {
    value: string
  }[]
  expect(second[0]?.value).not.toBe(first[0]?.value)
  expect(second[1]?.value).toBe(first[1]?.value)
  const lines = JSON.stringify(region.activity.since(0))
  for (const { value } of [...first, ...second]) expect(lines).not.toContain(value)
})

test('what is not valid or not done here is refused by name', async () => {
  expect(await arm('GET', ACCOUNT)).toMatchObject({ status: 404, body: { error: { code: 'ResourceNotFound' } } })
  const named = await arm('PUT', ACCOUNT.replace('churnstore', 'Not_Good'), BODY)
  expect(named).toMatchObject({ status: 400, body: { error: { code: 'AccountNameInvalid' } } })
  const hns = await arm('PUT', ACCOUNT, { ...BODY, properties: { isHnsEnabled: true } })
  expect(hns).toMatchObject({ status: 501, body: { error: { code: 'NotImplemented' } } })
  await arm('PUT', ACCOUNT, BODY)
  const other = await arm('PUT', ACCOUNT.replace('/rg/', '/rg2/'), BODY)
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'StorageAccountAlreadyTaken' } } })
  const policy = await arm('PUT', `${ACCOUNT}/managementPolicies/default`, {})
  expect(policy.status).toBe(501)
  const versions = { properties: { isVersioningEnabled: true } }
  expect((await arm('PUT', `${ACCOUNT}/blobServices/default`, versions)).status).toBe(501)
  const check = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability`
  expect((await arm('POST', check, { name: 'churnstore' })).body).toMatchObject({ nameAvailable: false })
  expect((await arm('POST', check, { name: 'stillfree' })).body).toMatchObject({ nameAvailable: true })
})

test('for how long to keep what is deleted is given back as it was set', async () => {
  await arm('PUT', ACCOUNT, BODY)
  const softDelete = { properties: { deleteRetentionPolicy: { enabled: true, days: 7 } } }
  expect((await arm('PUT', `${ACCOUNT}/blobServices/default`, softDelete)).status).toBe(200)
  expect((await arm('GET', `${ACCOUNT}/blobServices/default`)).body).toMatchObject(softDelete)
})

test('containers and shares are there for ARM as for the data plane, and go with the account', async () => {
  await arm('PUT', ACCOUNT, BODY)
  const box = `${ACCOUNT}/blobServices/default/containers/box`
  expect((await arm('PUT', box, { properties: { metadata: { a: '1' } } })).status).toBe(201)
  expect((await arm('PUT', box, {})).status).toBe(200)
  expect((await arm('GET', box)).body).toMatchObject({
    name: 'box',
    properties: { publicAccess: 'None', metadata: { a: '1' } },
  })
  expect(region.blobs.accounts.container('churnstore', 'box')).toBeDefined()
  await region.blobs.put({ account: 'churnstore', container: 'box', name: 'x' }, Buffer.from('x'))
  await region.blobs.ensureContainer('churnstore', 'another')
  const listed = await arm('GET', `${ACCOUNT}/blobServices/default/containers?$maxpagesize=1`)
  expect(listed.body['value']).toMatchObject([{ name: 'another' }])
  expect(listed.body['nextLink']).toBeDefined()
  expect((await arm('GET', `${ACCOUNT}/blobServices/default/containers?$maxpagesize=1.5`)).status).toBe(400)
  expect((await arm('DELETE', box)).status).toBe(200)
  expect((await arm('DELETE', box)).status).toBe(204)
  const share = `${ACCOUNT}/fileServices/default/shares/code`
  expect((await arm('PUT', share, { properties: { shareQuota: 100 } })).status).toBe(201)
  expect((await arm('GET', share)).body).toMatchObject({ properties: { shareQuota: 100 } })
  expect((await arm('GET', `${ACCOUNT}/blobServices/default`)).body).toMatchObject({ name: 'default' })
  expect((await arm('DELETE', ACCOUNT)).status).toBe(200)
  expect((await arm('DELETE', ACCOUNT)).status).toBe(204)
  expect(region.blobs.account('churnstore')).toBeUndefined()
  expect(region.blobs.accounts.container('churnstore', 'another')).toBeUndefined()
})
