import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { containerSas } from '../src/storage/sas.ts'
import { type Bench, openBench, urlOf } from './storage-client.ts'

let bench: Bench
let box: ContainerClient

beforeEach(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
})

afterEach(() => bench.close())

async function names(client: ContainerClient, prefix = ''): Promise<string[]> {
  const found: string[] = []
  for await (const item of client.listBlobsFlat({ prefix })) found.push(item.name)
  return found
}

test('a blob comes back with its bytes, its headers and its metadata', async () => {
  const blob = box.getBlockBlobClient('folder/a b+c ü.txt')
  const body = randomBytes(5000)
  const put = await blob.upload(body, body.length, {
    metadata: { colour: 'red', step: '7' },
    blobHTTPHeaders: { blobContentType: 'text/plain', blobCacheControl: 'no-cache' },
    tier: 'Cool',
    tags: { team: 'vision' },
  })
  const got = await blob.download()
  expect(await buffer(got.readableStreamBody ?? Readable.from([]))).toEqual(body)
  expect(got).toMatchObject({ contentType: 'text/plain', cacheControl: 'no-cache', etag: put.etag, tagCount: 1 })
  expect(got.metadata).toEqual({ colour: 'red', step: '7' })
  expect(got.contentMD5).toEqual(createHash('md5').update(body).digest())
  expect(await blob.getProperties()).toMatchObject({ contentLength: 5000, blobType: 'BlockBlob', accessTier: 'Cool' })
  expect((await blob.getTags()).tags).toEqual({ team: 'vision' })
})

test('a large blob goes up in blocks side by side and comes down in ranges', async () => {
  const blob = box.getBlockBlobClient('large')
  const body = randomBytes(3_000_000)
  await blob.uploadData(body, { blockSize: 256 * 1024, concurrency: 4, maxSingleShotSize: 0 })
  expect(await blob.downloadToBuffer(0, undefined, { blockSize: 200_000, concurrency: 3 })).toEqual(body)
  const part = await blob.download(262_140, 10)
  expect(await buffer(part.readableStreamBody ?? Readable.from([]))).toEqual(body.subarray(262_140, 262_150))
  expect(part.contentRange).toBe('bytes 262140-262149/3000000')
  const list = await blob.getBlockList('all')
  expect(list.committedBlocks?.length).toBe(12)
  expect(list.uncommittedBlocks ?? []).toEqual([])
})

test('a stream of unknown length is stored', async () => {
  const blob = box.getBlockBlobClient('streamed')
  const chunks = Array.from({ length: 20 }, () => randomBytes(100_000))
  await blob.uploadStream(Readable.from(chunks), 500_000, 2)
  expect(await blob.downloadToBuffer()).toEqual(Buffer.concat(chunks))
})

test('blocks are committed in the order of the list, old and new together', async () => {
  const blob = box.getBlockBlobClient('blocks')
  const id = (text: string) => Buffer.from(text).toString('base64')
  await blob.stageBlock(id('a'), 'one,', 4)
  await blob.stageBlock(id('b'), 'two,', 4)
  expect((await blob.getBlockList('uncommitted')).uncommittedBlocks?.map((one) => one.size)).toEqual([4, 4])
  await blob.commitBlockList([id('b'), id('a')])
  await blob.stageBlock(id('c'), 'three,', 6)
  await blob.commitBlockList([id('a'), id('c'), id('b'), id('a')])
  expect((await blob.downloadToBuffer()).toString()).toBe('one,three,two,one,')
  await expect(blob.commitBlockList([id('missing')])).rejects.toMatchObject({
    statusCode: 400,
    code: 'InvalidBlockList',
  })
})

test('an append blob grows only where the writer thinks its end is', async () => {
  const blob = box.getAppendBlobClient('log')
  await blob.create()
  await blob.appendBlock('first ', 6)
  await blob.appendBlock('second', 6, { conditions: { appendPosition: 6 } })
  const late = blob.appendBlock('third', 5, { conditions: { appendPosition: 6 } })
  await expect(late).rejects.toMatchObject({ statusCode: 412, code: 'AppendPositionConditionNotMet' })
  expect((await blob.downloadToBuffer()).toString()).toBe('first second')
  expect((await blob.getProperties()).blobCommittedBlockCount).toBe(2)
  await expect(box.getBlockBlobClient('log').stageBlock('YQ==', 'x', 1)).rejects.toMatchObject({
    code: 'InvalidBlobType',
  })
})

test('an append blob of many small blocks is read whole and in ranges', async () => {
  const blob = box.getAppendBlobClient('many')
  await blob.create()
  const blocks = Array.from({ length: 40 }, () => randomBytes(50_000))
  for (const block of blocks) await blob.appendBlock(block, block.length)
  const whole = Buffer.concat(blocks)
  expect(await blob.downloadToBuffer()).toEqual(whole)
  expect(await blob.downloadToBuffer(1_234_567, 100_000)).toEqual(whole.subarray(1_234_567, 1_334_567))
})

test('a body without a length, and block ids of unequal length, are refused', async () => {
  const sas = containerSas({
    account: bench.account,
    key: bench.key,
    container: 'box',
    permissions: 'w',
    expires: new Date(Date.now() + 60_000),
  })
  const headers = { 'x-ms-blob-type': 'BlockBlob', 'transfer-encoding': 'chunked' }
  expect(await bench.raw('PUT', `/box/chunked?${sas}`, headers)).toBe(411)
  const blob = box.getBlockBlobClient('unequal')
  await blob.stageBlock('YQ==', 'a', 1)
  const longer = blob.stageBlock('YWFhYQ==', 'a', 1)
  await expect(longer).rejects.toMatchObject({ statusCode: 400, code: 'InvalidBlobOrBlock' })
})

test('a list goes to its last page, folds by delimiter and shows metadata', async () => {
  for (let index = 0; index < 25; index++) {
    const name = `run/${index % 5}/file ${String(index).padStart(2, '0')} <&>`
    await box.getBlockBlobClient(name).upload('x', 1, { metadata: { index: String(index) } })
  }
  await box.getBlockBlobClient('top').upload('x', 1)
  const pages: string[][] = []
  for await (const page of box.listBlobsFlat({ includeMetadata: true }).byPage({ maxPageSize: 7 })) {
    pages.push(page.segment.blobItems.map((item) => item.name))
  }
  expect(pages.map((page) => page.length)).toEqual([7, 7, 7, 5])
  expect(pages.flat()).toEqual(pages.flat().toSorted())
  const top: string[] = []
  for await (const page of box.listBlobsByHierarchy('/').byPage({ maxPageSize: 1 })) {
    top.push(...(page.segment.blobPrefixes ?? []).map((one) => one.name))
    top.push(...page.segment.blobItems.map((one) => one.name))
  }
  expect(top).toEqual(['run/', 'top'])
  const folders: string[] = []
  for await (const page of box.listBlobsByHierarchy('/', { prefix: 'run/' }).byPage({ maxPageSize: 2 })) {
    folders.push(...(page.segment.blobPrefixes ?? []).map((one) => one.name))
  }
  expect(folders).toEqual(['run/0/', 'run/1/', 'run/2/', 'run/3/', 'run/4/'])
})

test('small pages end where a fold or a snapshot ends one of them', async () => {
  for (const name of ['a/1', 'a/2', 'b', 'c/1', 'd']) await box.getBlockBlobClient(name).upload(name, name.length)
  for (let taken = 0; taken < 5; taken++) await box.getBlobClient('b').createSnapshot()
  const folded: string[] = []
  for await (const page of box.listBlobsByHierarchy('/').byPage({ maxPageSize: 2 })) {
    const { blobPrefixes = [], blobItems } = page.segment
    folded.push([...blobPrefixes, ...blobItems].map(({ name }) => name).join(' '))
  }
  expect(folded).toEqual(['a/ b', 'c/ d'])
  for (const maxPageSize of [1, 2, 3]) {
    const seen: string[] = []
    for await (const page of box.listBlobsFlat({ prefix: 'b', includeSnapshots: true }).byPage({ maxPageSize })) {
      seen.push(...page.segment.blobItems.map(({ name, snapshot }) => `${name} ${snapshot ?? ''}`))
    }
    expect(new Set(seen).size).toBe(6)
    expect(seen).toHaveLength(6)
  }
})

test('names that look like paths stay names, and none leaves its container', async () => {
  const odd = ['a//b', '%2e%2e%2fx', '..%2f..%2fstate.db', 'ü/😀', 'trailing/', 'q?a=b#c']
  for (const name of odd) await box.getBlockBlobClient(name).upload(name, Buffer.byteLength(name))
  expect(new Set(await names(box))).toEqual(new Set(odd))
  for (const name of odd) expect((await box.getBlockBlobClient(name).downloadToBuffer()).toString()).toBe(name)
})

test('dots in a URL are part of the name', async () => {
  const sas = containerSas({
    account: bench.account,
    key: bench.key,
    container: 'box',
    permissions: 'rw',
    expires: new Date(Date.now() + 60_000),
  })
  const path = `/box/../../state.db?${sas}`
  expect(await bench.raw('PUT', path, { 'x-ms-blob-type': 'BlockBlob', 'content-length': '0' })).toBe(201)
  expect(await names(box)).toEqual(['../../state.db'])
  expect(await bench.raw('GET', `/box/%zz?${sas}`, {})).toBe(400)
})

test('conditions decide whether a write or a read happens', async () => {
  const blob = box.getBlockBlobClient('lock')
  const first = await blob.upload('1', 1, { conditions: { ifNoneMatch: '*' } })
  await expect(blob.upload('2', 1, { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({
    statusCode: 409,
    code: 'BlobAlreadyExists',
  })
  await expect(blob.upload('2', 1, { conditions: { ifMatch: '"0x1"' } })).rejects.toMatchObject({
    statusCode: 412,
    code: 'ConditionNotMet',
  })
  const second = await blob.upload('2', 1, { conditions: { ifMatch: first.etag ?? '' } })
  expect(second.etag).not.toBe(first.etag)
  await expect(blob.download(0, undefined, { conditions: { ifNoneMatch: second.etag ?? '' } })).rejects.toMatchObject({
    statusCode: 304,
  })
  const future = new Date(Date.now() + 60_000)
  await expect(blob.getProperties({ conditions: { ifModifiedSince: future } })).rejects.toMatchObject({
    statusCode: 304,
  })
  const past = new Date(Date.now() - 60_000)
  await expect(blob.delete({ conditions: { ifUnmodifiedSince: past } })).rejects.toMatchObject({ statusCode: 412 })
})

test('a read with two conditions on what the client has needs only one of them', async () => {
  const blob = box.getBlockBlobClient('seen')
  const { etag = '' } = await blob.upload('x', 1)
  const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)]
  const read = (conditions: { ifNoneMatch: string; ifModifiedSince: Date }) => blob.getProperties({ conditions })
  await expect(read({ ifNoneMatch: etag, ifModifiedSince: past })).resolves.toMatchObject({ etag })
  await expect(read({ ifNoneMatch: '"0x1"', ifModifiedSince: future })).resolves.toMatchObject({ etag })
  await expect(read({ ifNoneMatch: etag, ifModifiedSince: future })).rejects.toMatchObject({ statusCode: 304 })
})

test('of many writers that create the same blob at once, one succeeds', async () => {
  const blob = box.getBlockBlobClient('once')
  const tries = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      blob.upload(`${index}`, `${index}`.length, { conditions: { ifNoneMatch: '*' } }),
    ),
  )
  expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
})

test('a body that does not match its digest is not stored', async () => {
  const blob = box.getBlockBlobClient('summed')
  const wrong = createHash('md5').update('other').digest()
  await expect(blob.upload('body', 4, { blobHTTPHeaders: { blobContentMD5: wrong } })).resolves.toBeDefined()
  const staged = blob.stageBlock('YQ==', 'body', 4, { transactionalContentMD5: wrong })
  await expect(staged).rejects.toMatchObject({ statusCode: 400, code: 'Md5Mismatch' })
  await blob.stageBlock('YQ==', 'body', 4, { transactionalContentMD5: createHash('md5').update('body').digest() })
  // The check value of CRC-64/NVME, in the byte order of the header.
  const crc = Buffer.from('ae8b14860a799888', 'hex').reverse()
  await blob.stageBlock('Yg==', '123456789', 9, { transactionalContentCrc64: crc })
  const bad = blob.stageBlock('Yg==', '123456780', 9, { transactionalContentCrc64: crc })
  await expect(bad).rejects.toMatchObject({ statusCode: 400, code: 'Crc64Mismatch' })
})

test('a range that is too long to be summed is refused, and keeps no file of a blob that goes', async () => {
  const blob = box.getBlockBlobClient('long')
  await blob.upload(randomBytes(5_000_000), 5_000_000)
  const tooLong = blob.download(0, 4_500_000, { rangeGetContentMD5: true })
  await expect(tooLong).rejects.toMatchObject({ statusCode: 400, code: 'OutOfRangeInput' })
  const { contentMD5 } = await blob.download(0, 4_000_000, { rangeGetContentMD5: true })
  expect(contentMD5).toHaveLength(16)
  await blob.delete()
  await vi.waitFor(() => expect(readdirSync(join(bench.region.dir, 'blobs'))).toEqual([]))
})

test('metadata, headers and snapshots change what they should and nothing else', async () => {
  const blob = box.getBlockBlobClient('kept')
  const put = await blob.upload('one', 3, { metadata: { a: '1' } })
  const { snapshot } = await blob.createSnapshot()
  const set = await blob.setMetadata({ b: '2' })
  expect(set.etag).not.toBe(put.etag)
  await blob.setHTTPHeaders({ blobContentType: 'application/json' })
  await blob.upload('three', 5)
  const old = blob.withSnapshot(snapshot ?? '')
  expect((await old.downloadToBuffer()).toString()).toBe('one')
  expect((await old.getProperties()).metadata).toEqual({ a: '1' })
  const shown: (string | undefined)[] = []
  for await (const item of box.listBlobsFlat({ includeSnapshots: true })) shown.push(item.snapshot)
  expect(shown).toEqual([snapshot, undefined])
  await expect(blob.delete()).rejects.toMatchObject({ statusCode: 409, code: 'SnapshotsPresent' })
  await blob.delete({ deleteSnapshots: 'include' })
  await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 })
})

test('containers are created once, described, listed and removed with what is in them', async () => {
  await expect(box.create()).rejects.toMatchObject({ statusCode: 409, code: 'ContainerAlreadyExists' })
  await expect(bench.service.createContainer('No_Good')).rejects.toMatchObject({ code: 'InvalidResourceName' })
  await box.setMetadata({ owner: 'me' })
  expect((await box.getProperties()).metadata).toEqual({ owner: 'me' })
  for (let index = 0; index < 5; index++) await bench.service.createContainer(`more-${index}`)
  const found: string[] = []
  for await (const page of bench.service.listContainers({ prefix: 'more' }).byPage({ maxPageSize: 2 })) {
    found.push(...page.containerItems.map((one) => one.name))
  }
  expect(found).toEqual(['more-0', 'more-1', 'more-2', 'more-3', 'more-4'])
  await box.getBlockBlobClient('x').upload('x', 1)
  await box.delete()
  expect(await box.exists()).toBe(false)
  await box.create()
  expect(await names(box)).toEqual([])
})

test('the properties of the service are given back, and what is not done here is named', async () => {
  const cors = [
    { allowedOrigins: '*', allowedMethods: 'GET', allowedHeaders: '', exposedHeaders: '', maxAgeInSeconds: 5 },
  ]
  await bench.service.setProperties({ cors })
  expect((await bench.service.getProperties()).cors).toMatchObject(cors)
  const softDelete = bench.service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } })
  await expect(softDelete).rejects.toMatchObject({ statusCode: 501, code: 'NotImplemented' })
  expect((await bench.service.getAccountInfo()).accountKind).toBe('StorageV2')
  await expect(box.getBlockBlobClient('q').query('SELECT *')).rejects.toMatchObject({ statusCode: 501 })
})

test('everything that was answered is there after the region was opened again', async () => {
  const large = randomBytes(700_000)
  const etags = new Map<string, string | undefined>()
  for (let index = 0; index < 30; index++) {
    const body = index % 3 === 0 ? large : Buffer.from(`small ${index}`)
    etags.set(`b${index}`, (await box.getBlockBlobClient(`b${index}`).upload(body, body.length)).etag)
  }
  bench = await bench.reopen()
  box = bench.service.getContainerClient('box')
  for (const [name, etag] of etags) expect((await box.getBlockBlobClient(name).getProperties()).etag).toBe(etag)
  expect(await box.getBlockBlobClient('b0').downloadToBuffer()).toEqual(large)
  const lines = bench.region.activity.since(0).filter((line) => line.subject.startsWith('blob/benchacct/box/'))
  expect(lines).toHaveLength(30)
  expect(lines[0]?.sha256).toBe(createHash('sha256').update(large).digest('hex'))
})

test('an account that is nowhere is refused', async () => {
  const other = new BlobServiceClient(urlOf('nowhere'), bench.service.credential, bench.options)
  await expect(other.getContainerClient('x').getProperties()).rejects.toMatchObject({ statusCode: 404 })
})
