import {
  AccountSASPermissions,
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  type SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { accountSas, containerSas } from '../src/storage/sas.ts'
import { type Bench, openBench, urlOf } from './storage-client.ts'

const HOUR = 3600 * 1000

let bench: Bench
let box: ContainerClient
let credential: StorageSharedKeyCredential

beforeEach(async () => {
  bench = await openBench()
  credential = new StorageSharedKeyCredential(bench.account, bench.key)
  box = bench.service.getContainerClient('box')
  await box.create()
  await box.getBlockBlobClient('a/there').upload('there', 5)
})

afterEach(() => bench.close())

/** The container `box`, or another one, as somebody sees it who holds only this query string. */
function holding(sas: string, container = 'box'): ContainerClient {
  const service = new BlobServiceClient(`${urlOf(bench.account)}?${sas}`, new AnonymousCredential(), bench.options)
  return service.getContainerClient(container)
}

function later(milliseconds = HOUR): Date {
  return new Date(Date.now() + milliseconds)
}

function vendorSas(
  permissions: string,
  more: { startsOn?: Date; expiresOn?: Date; protocol?: SASProtocol } = {},
): string {
  const values = {
    containerName: 'box',
    permissions: ContainerSASPermissions.parse(permissions),
    expiresOn: later(),
    ...more,
  }
  return generateBlobSASQueryParameters(values, credential).toString()
}

test("the vendor's SAS and our own open the same doors", async () => {
  const own = containerSas({
    account: bench.account,
    key: bench.key,
    container: 'box',
    permissions: 'lrw',
    expires: later(),
  })
  for (const sas of [vendorSas('rwl'), own]) {
    const client = holding(sas)
    await client.getBlockBlobClient('b').upload('b', 1)
    expect((await client.getBlobClient('a/there').downloadToBuffer()).toString()).toBe('there')
    expect((await client.listBlobsFlat().next()).value?.name).toBe('a/there')
    await expect(client.getBlobClient('b').delete()).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationPermissionMismatch',
    })
  }
})

test('no signature is written into the activity log', async () => {
  await holding(vendorSas('w')).getBlockBlobClient('signed').upload('1', 1)
  const line = bench.region.activity.since(0).at(-1)
  expect(line).toMatchObject({ operation: 'BlockBlob_Upload', caller: 'sas' })
  expect(line?.target).toContain('sig=redacted')
})

test('a SAS of one container opens no other and not the account', async () => {
  await bench.service.createContainer('other')
  await expect(holding(vendorSas('rwl'), 'other').listBlobsFlat().next()).rejects.toMatchObject({
    statusCode: 403,
    code: 'AuthenticationFailed',
  })
  await expect(holding(vendorSas('racwdl')).getProperties()).rejects.toMatchObject({ code: 'AuthorizationFailure' })
  await expect(holding(vendorSas('racwdl')).delete()).rejects.toMatchObject({ code: 'AuthorizationFailure' })
})

test('a SAS of one blob opens that blob alone', async () => {
  const values = {
    containerName: 'box',
    blobName: 'a/there',
    permissions: BlobSASPermissions.parse('r'),
    expiresOn: later(),
  }
  const client = holding(generateBlobSASQueryParameters({ ...values, contentType: 'text/odd' }, credential).toString())
  expect((await client.getBlobClient('a/there').download()).contentType).toBe('text/odd')
  await expect(client.getBlobClient('a/ther').download()).rejects.toMatchObject({ code: 'AuthenticationFailed' })
  await expect(client.listBlobsFlat().next()).rejects.toMatchObject({ statusCode: 403 })
})

test('a SAS that is forged, expired or not yet valid is refused', async () => {
  const widened = vendorSas('r').replace('sp=r', 'sp=rw')
  const expired = vendorSas('r', { expiresOn: later(-HOUR), startsOn: later(-2 * HOUR) })
  const early = vendorSas('r', { startsOn: later(HOUR), expiresOn: later(2 * HOUR) })
  for (const sas of [widened, expired, early]) {
    await expect(holding(sas).getBlobClient('a/there').download()).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthenticationFailed',
    })
  }
  const sas = vendorSas('r')
  await holding(sas).getBlobClient('a/there').download()
  bench.region.clock.shift(2 * HOUR)
  await expect(holding(sas).getBlobClient('a/there').download()).rejects.toMatchObject({ code: 'AuthenticationFailed' })
})

test('a SAS that may only create does not overwrite', async () => {
  const client = holding(vendorSas('c'))
  await client.getBlockBlobClient('new').upload('1', 1)
  await expect(client.getBlockBlobClient('new').upload('2', 1)).rejects.toMatchObject({
    statusCode: 403,
    code: 'UnauthorizedBlobOverwrite',
  })
})

test('an account SAS is held to its services, resource types and letters', async () => {
  const make = (resourceTypes: string, permissions: string, services = 'b') =>
    generateAccountSASQueryParameters(
      { services, resourceTypes, permissions: AccountSASPermissions.parse(permissions), expiresOn: later() },
      credential,
    ).toString()
  await holding(make('c', 'c'), 'made').create()
  expect((await holding(make('o', 'r')).getBlobClient('a/there').downloadToBuffer()).toString()).toBe('there')
  await expect(holding(make('c', 'r')).getBlobClient('a/there').download()).rejects.toMatchObject({
    code: 'AuthorizationResourceTypeMismatch',
  })
  await expect(
    holding(make('o', 'r', 'q'))
      .getBlobClient('a/there')
      .download(),
  ).rejects.toMatchObject({
    code: 'AuthorizationServiceMismatch',
  })
  const own = accountSas({
    account: bench.account,
    key: bench.key,
    resourceTypes: 'sco',
    permissions: 'rl',
    expires: later(),
  })
  expect((await holding(own).listBlobsFlat().next()).value?.name).toBe('a/there')
})

test('a stored policy gives a SAS its rights, and takes them away', async () => {
  const accessPolicy = { permissions: 'r', startsOn: later(-HOUR), expiresOn: later() }
  await box.setAccessPolicy(undefined, [{ id: 'readers', accessPolicy }])
  expect((await box.getAccessPolicy()).signedIdentifiers[0]).toMatchObject({
    id: 'readers',
    accessPolicy: { permissions: 'r' },
  })
  const sas = generateBlobSASQueryParameters({ containerName: 'box', identifier: 'readers' }, credential).toString()
  await holding(sas).getBlobClient('a/there').download()
  await expect(holding(sas).getBlobClient('a/there').delete()).rejects.toMatchObject({ statusCode: 403 })
  await box.setAccessPolicy()
  await expect(holding(sas).getBlobClient('a/there').download()).rejects.toMatchObject({ code: 'AuthenticationFailed' })
})

test('a token opens the account; a wrong audience and no token do not', async () => {
  const as = (audience: string) => ({
    getToken: async () => ({
      token: await bench.region.tokens.issue({ subject: 'tester', audience, lifetimeSeconds: 600 }),
      expiresOnTimestamp: Date.now() + 600_000,
    }),
  })
  const service = new BlobServiceClient(urlOf(bench.account), as('https://storage.azure.com/'), bench.options)
  expect((await service.getContainerClient('box').getProperties()).etag).toBeDefined()
  const wrong = new BlobServiceClient(urlOf(bench.account), as('https://vault.azure.net'), bench.options)
  await expect(wrong.getContainerClient('box').getProperties()).rejects.toMatchObject({ statusCode: 401 })
  await expect(holding('').getBlobClient('a/there').download()).rejects.toMatchObject({
    statusCode: 401,
    code: 'NoAuthenticationInformation',
  })
  await bench.region.db.write(() => bench.region.blobs.accounts.create(bench.account, { sharedKeyAllowed: false }))
  await expect(box.getProperties()).rejects.toMatchObject({
    statusCode: 403,
    code: 'KeyBasedAuthenticationNotPermitted',
  })

  const key = await service.getUserDelegationKey(later(-60_000), later())
  const values = { containerName: 'box', permissions: ContainerSASPermissions.parse('rl'), expiresOn: later() }
  const sas = generateBlobSASQueryParameters(values, key, bench.account).toString()
  expect((await holding(sas).getBlobClient('a/there').downloadToBuffer()).toString()).toBe('there')
  await expect(holding(sas).getBlobClient('a/there').delete()).rejects.toMatchObject({ statusCode: 403 })
  await expect(holding(sas.replace('skoid=tester', 'skoid=other')).listBlobsFlat().next()).rejects.toMatchObject({
    code: 'AuthenticationFailed',
  })
})

test('a container is open to everybody only where account and container say so', async () => {
  const refused = bench.service.createContainer('open', { access: 'blob' })
  await expect(refused).rejects.toMatchObject({ statusCode: 409, code: 'PublicAccessNotPermitted' })
  await bench.region.db.write(() => bench.region.blobs.accounts.create(bench.account, { publicAccessAllowed: true }))
  await box.setAccessPolicy('blob')
  await holding('').getBlobClient('a/there').download()
  await expect(holding('').listBlobsFlat().next()).rejects.toMatchObject({ statusCode: 401 })
  await expect(holding('').getBlockBlobClient('x').upload('x', 1)).rejects.toMatchObject({ statusCode: 401 })
  await box.setAccessPolicy('container')
  expect((await holding('').listBlobsFlat().next()).value?.name).toBe('a/there')
})

test('a wrong key is refused, and a replaced one from then on', async () => {
  const wrong = new StorageSharedKeyCredential(bench.account, Buffer.alloc(64).toString('base64'))
  const client = new BlobServiceClient(urlOf(bench.account), wrong, bench.options).getContainerClient('box')
  await expect(client.getProperties()).rejects.toMatchObject({ statusCode: 403, code: 'AuthenticationFailed' })
  await box.getProperties()
  await bench.region.db.write(() => bench.region.blobs.accounts.regenerateKey(bench.account, 'key1'))
  await expect(box.getProperties()).rejects.toMatchObject({ statusCode: 403 })
})
