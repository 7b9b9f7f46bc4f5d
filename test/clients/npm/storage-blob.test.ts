import { ResourceManagementClient } from '@azure/arm-resources'
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
} from '@azure/core-rest-pipeline'
import { EnvironmentCredential } from '@azure/identity'
import {
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  newPipeline,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../support/emulator.ts'
import { allOf, enter, errorOf } from './connection.ts'

const ACCOUNT = 'npmblobs'
const URL_OF_ACCOUNT = `https://${ACCOUNT}.blob.core.windows.net`
const SOON = { intervalInMs: 50 }

let emulator: TestEmulator
let service: BlobServiceClient
let key: StorageSharedKeyCredential
let things: ContainerClient

beforeAll(async () => {
  emulator = await startTestEmulator({ regions: ['eastus2'] })
  const { subscription, credential } = enter(emulator)
  const arm = new ResourceManagementClient(credential, subscription)
  await arm.resourceGroups.createOrUpdate('rg-npm', { location: 'eastus2' })
  const account = { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }
  const path = ['rg-npm', 'Microsoft.Storage', '', 'storageAccounts', ACCOUNT, '2023-01-01'] as const
  const { id } = await arm.resources.createOrUpdate(...path, account, { updateIntervalInMs: 100 })
  const { token } = await credential.getToken('https://management.azure.com/.default')
  service = new BlobServiceClient(URL_OF_ACCOUNT, new EnvironmentCredential())
  key = new StorageSharedKeyCredential(ACCOUNT, await keyOf(`${id}`, token))
  things = service.getContainerClient('things')
  await things.create({ metadata: { by: 'npm' } })
})
afterAll(() => emulator.stop())

/** The account's first key, asked for by the pipeline of a package, which goes by the proxy. */
async function keyOf(id: string, token: string): Promise<string> {
  const url = `https://management.azure.com${id}/listKeys?api-version=2023-01-01`
  const headers = createHttpHeaders({ authorization: `Bearer ${token}` })
  const request = createPipelineRequest({ url, method: 'POST', headers })
  const answer = await createPipelineFromOptions({}).sendRequest(createDefaultHttpClient(), request)
  return (JSON.parse(answer.bodyAsText ?? '') as { keys: { value: string }[] }).keys[0]?.value ?? ''
}

describe('containers', () => {
  it('are made once, described, changed, listed in pages and removed', async () => {
    const names = ['page-a', 'page-b', 'page-c']
    for (const name of names) await service.createContainer(name)
    const made = await things.createIfNotExists()
    await things.setMetadata({ by: 'npm', more: 'yes' })
    const pages: string[][] = []
    for await (const page of service.listContainers({ prefix: 'page-' }).byPage({ maxPageSize: 2 })) {
      pages.push(page.containerItems.map(({ name }) => name))
    }
    expect(made).toMatchObject({ succeeded: false, errorCode: 'ContainerAlreadyExists' })
    expect((await things.getProperties()).metadata).toEqual({ by: 'npm', more: 'yes' })
    expect(pages).toEqual([['page-a', 'page-b'], ['page-c']])
    for (const name of names) await service.deleteContainer(name)
    expect(await service.getContainerClient('page-a').exists()).toBe(false)
    expect(await errorOf(service.createContainer('No-Capitals'))).toEqual(['InvalidResourceName', 400])
    expect(await errorOf(service.createContainer('ab'))).toEqual(['OutOfRangeInput', 400])
  })

  it('hold a lease against removal', async () => {
    const held = service.getContainerClient('held')
    await held.create()
    const lease = held.getBlobLeaseClient()
    await lease.acquireLease(-1)
    expect(await errorOf(held.delete())).toEqual(['LeaseIdMissing', 412])
    await lease.releaseLease()
    await held.delete()
  })
})

describe('block blobs', () => {
  it('are put together from blocks in the order of the list', async () => {
    const blob = things.getBlockBlobClient('blocks')
    const [one, two] = ['AAAA', 'AAAB'].map((id) => Buffer.from(id).toString('base64'))
    await blob.stageBlock(`${one}`, 'one ', 4)
    await blob.stageBlock(`${two}`, 'two ', 4)
    expect((await blob.getBlockList('uncommitted')).uncommittedBlocks).toHaveLength(2)
    await blob.commitBlockList([`${two}`, `${one}`], { blobHTTPHeaders: { blobContentType: 'text/plain' } })
    expect(String(await blob.downloadToBuffer())).toBe('two one ')
    expect(String(await blob.downloadToBuffer(4, 3))).toBe('one')
    expect((await blob.getBlockList('committed')).committedBlocks).toHaveLength(2)
    expect(await errorOf(blob.commitBlockList(['bm9uZQ==']))).toEqual(['InvalidBlockList', 400])
  })

  it('keep headers, metadata and tags', async () => {
    const blob = things.getBlockBlobClient('described')
    await blob.upload('x', 1, { metadata: { a: 'b' }, tags: { team: 'churn' } })
    await blob.setHTTPHeaders({ blobContentType: 'text/csv', blobCacheControl: 'no-store' })
    await blob.setMetadata({ c: 'd' })
    await blob.setTags({ team: 'churn', stage: 'raw' })
    expect(await blob.getProperties()).toMatchObject({ contentType: 'text/csv', cacheControl: 'no-store', tagCount: 2 })
    expect((await blob.getProperties()).metadata).toEqual({ c: 'd' })
    expect((await blob.getTags()).tags).toEqual({ team: 'churn', stage: 'raw' })
  })

  it('are listed in pages, by folders and with what is asked for', async () => {
    for (const name of ['list/a', 'list/b', 'list/sub/c']) {
      await things.getBlockBlobClient(name).upload('x', 1, { metadata: { name: 'n' } })
    }
    const pages: number[] = []
    for await (const page of things.listBlobsFlat({ prefix: 'list/' }).byPage({ maxPageSize: 2 })) {
      pages.push(page.segment.blobItems.length)
    }
    const folders = await allOf(things.listBlobsByHierarchy('/', { prefix: 'list/' }))
    const [first] = await allOf(things.listBlobsFlat({ prefix: 'list/', includeMetadata: true }))
    expect(pages).toEqual([2, 1])
    expect(folders.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'blob list/a',
      'blob list/b',
      'prefix list/sub/',
    ])
    expect(first?.metadata).toEqual({ name: 'n' })
  })

  it('keep snapshots, which must go before or with them', async () => {
    const blob = things.getBlockBlobClient('kept')
    await blob.upload('old', 3)
    const { snapshot = '' } = await blob.createSnapshot()
    await blob.upload('new', 3)
    const all = await allOf(things.listBlobsFlat({ prefix: 'kept', includeSnapshots: true }))
    expect(String(await blob.withSnapshot(snapshot).downloadToBuffer())).toBe('old')
    expect(all.map((one) => one.snapshot)).toEqual([snapshot, undefined])
    expect(await errorOf(blob.delete())).toEqual(['SnapshotsPresent', 409])
    await blob.delete({ deleteSnapshots: 'include' })
    expect(await blob.exists()).toBe(false)
  })

  it('hold leases, which can be renewed, changed and broken', async () => {
    const blob = things.getBlockBlobClient('leased')
    await blob.upload('x', 1)
    const lease = blob.getBlobLeaseClient()
    await lease.acquireLease(15)
    await lease.renewLease()
    await lease.changeLease(crypto.randomUUID())
    expect(await blob.getProperties()).toMatchObject({ leaseState: 'leased', leaseDuration: 'fixed' })
    expect(await errorOf(blob.upload('y', 1))).toEqual(['LeaseIdMissing', 412])
    await blob.upload('y', 1, { conditions: { leaseId: lease.leaseId } })
    await lease.breakLease(0)
    expect((await blob.getProperties()).leaseState).toBe('broken')
    await blob.delete()
  })

  it('are written only where the conditions hold', async () => {
    const blob = things.getBlockBlobClient('once')
    const { etag = '' } = await blob.upload('1', 1, { conditions: { ifNoneMatch: '*' } })
    const again = blob.upload('2', 1, { conditions: { ifNoneMatch: '*' } })
    expect(await errorOf(again)).toEqual(['BlobAlreadyExists', 409])
    await blob.upload('2', 1, { conditions: { ifMatch: etag } })
    expect(await errorOf(blob.upload('3', 1, { conditions: { ifMatch: etag } }))).toEqual(['ConditionNotMet', 412])
    expect(await errorOf(blob.download(0, 1, { conditions: { ifModifiedSince: new Date('2100-01-01') } }))).toEqual([
      'RestError',
      304,
    ])
  })

  it('are copied by the service, in the background and at once', async () => {
    const source = things.getBlockBlobClient('source')
    await source.upload('bytes', 5, { metadata: { a: 'b' } })
    const poller = await things.getBlobClient('copy-1').beginCopyFromURL(source.url, SOON)
    const permissions = BlobSASPermissions.parse('r')
    const signed = await withKey('source').generateSasUrl({ permissions, expiresOn })
    const target = things.getBlockBlobClient('copy-2')
    expect((await poller.pollUntilDone()).copyStatus).toBe('success')
    expect((await target.syncCopyFromURL(signed)).copyStatus).toBe('success')
    expect(await target.getProperties()).toMatchObject({ metadata: { a: 'b' }, contentLength: 5 })
    await things.getBlockBlobClient('copy-3').syncUploadFromURL(signed)
    expect(String(await things.getBlobClient('copy-3').downloadToBuffer())).toBe('bytes')
  })
})

it('appends to append blobs where it was expected to', async () => {
  const blob = things.getAppendBlobClient('log')
  await blob.create()
  await blob.appendBlock('one ', 4)
  await blob.appendBlock('two', 3, { conditions: { appendPosition: 4 } })
  const wrong = blob.appendBlock('x', 1, { conditions: { appendPosition: 4 } })
  expect(await errorOf(wrong)).toEqual(['AppendPositionConditionNotMet', 412])
  expect(String(await blob.downloadToBuffer())).toBe('one two')
  expect((await blob.getProperties()).blobType).toBe('AppendBlob')
})

const expiresOn = new Date(Date.now() + 3_600_000)

function withKey(name: string) {
  return new BlobServiceClient(URL_OF_ACCOUNT, key).getContainerClient('things').getBlockBlobClient(name)
}

describe('shared access signatures', () => {
  it('of the key open a container for what they say', async () => {
    await things.getBlockBlobClient('secret').upload('open', 4)
    const permissions = ContainerSASPermissions.parse('rl')
    const url = await new BlobServiceClient(URL_OF_ACCOUNT, key)
      .getContainerClient('things')
      .generateSasUrl({ permissions, expiresOn })
    const opened = new BlobServiceClient(url.replace('/things?', '?'), newPipeline()).getContainerClient('things')
    expect(String(await opened.getBlobClient('secret').downloadToBuffer())).toBe('open')
    expect((await allOf(opened.listBlobsFlat({ prefix: 'secret' }))).map(({ name }) => name)).toEqual(['secret'])
    expect(await errorOf(opened.getBlobClient('secret').delete())).toEqual(['AuthorizationPermissionMismatch', 403])
  })

  it('of a person open one blob, until they run out', async () => {
    const delegated = await service.getUserDelegationKey(new Date(Date.now() - 60_000), expiresOn)
    const said = { containerName: 'things', blobName: 'secret', permissions: BlobSASPermissions.parse('r') }
    const open = (until: Date) => {
      const signature = generateBlobSASQueryParameters({ ...said, expiresOn: until }, delegated, ACCOUNT)
      const url = new BlobServiceClient(`${URL_OF_ACCOUNT}?${signature}`).getContainerClient('things')
      return url.getBlobClient('secret').downloadToBuffer()
    }
    expect(String(await open(expiresOn))).toBe('open')
    expect((await errorOf(open(new Date(Date.now() - 1000))))[1]).toBe(403)
  })

  it('and keys that are wrong open nothing', async () => {
    const wrong = new StorageSharedKeyCredential(ACCOUNT, Buffer.from('wrong').toString('base64'))
    const blobs = new BlobServiceClient(URL_OF_ACCOUNT, wrong)
    expect(await errorOf(blobs.getContainerClient('things').getProperties())).toMatchObject([expect.any(String), 403])
    const bare = new BlobServiceClient(URL_OF_ACCOUNT).getContainerClient('things').getBlobClient('secret')
    expect((await errorOf(bare.downloadToBuffer()))[1]).toBe(401)
  })
})

it('tells the properties of the service and the kind of the account', async () => {
  expect(await service.getProperties()).toHaveProperty('deleteRetentionPolicy')
  expect(await service.getAccountInfo()).toMatchObject({ accountKind: 'StorageV2', skuName: 'Standard_LRS' })
})
