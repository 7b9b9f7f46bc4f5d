import { createHash, randomBytes } from 'node:crypto'
import { BlobServiceClient, type ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { containerSas } from '../src/storage/sas.ts'
import { type Bench, openBench, urlOf } from './storage-client.ts'

let bench: Bench
let box: ContainerClient
let away: ContainerClient
const body = randomBytes(300_000)

beforeEach(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
  await box.getBlockBlobClient('from').upload(body, body.length, {
    metadata: { step: '1' },
    blobHTTPHeaders: { blobContentType: 'model/odd' },
  })
  await bench.region.blobs.ensureAccount('otheracct')
  const key = bench.region.blobs.account('otheracct')?.keys[0] ?? ''
  const credential = new StorageSharedKeyCredential('otheracct', key)
  away = new BlobServiceClient(urlOf('otheracct'), credential, bench.options).getContainerClient('away')
  await away.create()
})

afterEach(() => bench.close())

function readable(): string {
  const grant = {
    account: bench.account,
    key: bench.key,
    container: 'box',
    permissions: 'r',
    expires: new Date(Date.now() + 60_000),
  }
  return `${box.getBlobClient('from').url}?${containerSas(grant)}`
}

test('a copy within the account needs no SAS and carries everything', async () => {
  const to = box.getBlockBlobClient('to')
  const poller = await to.beginCopyFromURL(box.getBlobClient('from').url)
  expect(await poller.pollUntilDone()).toMatchObject({ copyStatus: 'success' })
  expect(await to.downloadToBuffer()).toEqual(body)
  expect(await to.getProperties()).toMatchObject({
    metadata: { step: '1' },
    contentType: 'model/odd',
    copyStatus: 'success',
  })
  await box.getBlockBlobClient('from').delete()
  expect(await to.downloadToBuffer()).toEqual(body)
})

test('a copy from another account needs a SAS, and its signature is not shown later', async () => {
  const to = away.getBlockBlobClient('to')
  await expect(to.beginCopyFromURL(box.getBlobClient('from').url)).rejects.toMatchObject({
    code: 'CannotVerifyCopySource',
  })
  await (await to.beginCopyFromURL(readable())).pollUntilDone()
  expect(await to.downloadToBuffer()).toEqual(body)
  const properties = await to.getProperties()
  expect(properties.copySource).toContain('/box/from')
  expect(properties.copySource).not.toContain('sig=')
})

test('a blob and its blocks are put from a URL', async () => {
  const to = away.getBlockBlobClient('put')
  await to.syncUploadFromURL(readable())
  expect(await to.getProperties()).toMatchObject({ contentType: 'model/odd', contentLength: body.length })
  const md5 = createHash('md5').update(body).digest()
  await to.syncUploadFromURL(readable(), { sourceContentMD5: md5 })
  const wrong = to.syncUploadFromURL(readable(), { sourceContentMD5: createHash('md5').digest() })
  await expect(wrong).rejects.toMatchObject({ statusCode: 400, code: 'Md5Mismatch' })
  const blocks = away.getBlockBlobClient('blocks')
  await blocks.stageBlockFromURL('YQ==', readable(), 100_000, 50_000)
  await blocks.stageBlockFromURL('Yg==', readable(), 0, 100_000)
  await blocks.commitBlockList(['Yg==', 'YQ=='])
  expect(await blocks.downloadToBuffer()).toEqual(body.subarray(0, 150_000))
  const synced = await away.getBlobClient('synced').syncCopyFromURL(readable())
  expect(synced.copyStatus).toBe('success')
})

test('a copy takes a tier, and not one of page blobs', async () => {
  const to = box.getBlockBlobClient('tiered')
  const from = box.getBlobClient('from').url
  await to.syncCopyFromURL(from, { tier: 'Cool' })
  expect((await to.getProperties()).accessTier).toBe('Cool')
  const wrong = to.beginCopyFromURL(from, { tier: 'P10' })
  await expect(wrong).rejects.toMatchObject({ statusCode: 400, code: 'InvalidHeaderValue' })
})

test('a copy holds to the conditions of its source and of its destination', async () => {
  const to = box.getBlockBlobClient('to')
  const from = box.getBlobClient('from')
  const stale = to.beginCopyFromURL(from.url, { sourceConditions: { ifMatch: '"0x1"' } })
  await expect(stale).rejects.toMatchObject({ statusCode: 412, code: 'SourceConditionNotMet' })
  const { etag } = await from.getProperties()
  await to.beginCopyFromURL(from.url, { sourceConditions: { ifMatch: etag ?? '' }, conditions: { ifNoneMatch: '*' } })
  const again = to.beginCopyFromURL(from.url, { conditions: { ifNoneMatch: '*' } })
  await expect(again).rejects.toMatchObject({ statusCode: 409, code: 'BlobAlreadyExists' })
  await expect(to.abortCopyFromURL('00000000-0000-0000-0000-000000000000')).rejects.toMatchObject({
    code: 'NoPendingCopyOperation',
  })
})

test('a source that is not there or cannot be reached is named as such', async () => {
  const to = box.getBlockBlobClient('to')
  await expect(to.beginCopyFromURL(box.getBlobClient('nothing').url)).rejects.toMatchObject({
    statusCode: 404,
    code: 'CannotVerifyCopySource',
  })
  await expect(to.beginCopyFromURL(`${urlOf('elsewhere')}/box/x`)).rejects.toMatchObject({
    code: 'CannotVerifyCopySource',
  })
  await expect(to.beginCopyFromURL('https://example.com/x')).rejects.toMatchObject({ statusCode: 501 })
})
