import { createHash } from 'node:crypto'
import { type BlockBlobClient, ContainerClient, type WebResource } from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountSas } from '../src/storage/sas.ts'
import { type Bench, openBench } from './storage-client.ts'

const VERSION = '2024-05-01T10:00:00.0000000Z'

let bench: Bench
let box: ContainerClient
let kept: BlockBlobClient

beforeAll(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
  kept = box.getBlockBlobClient('kept')
  await kept.upload('kept', 4, { tags: { of: 'now' } })
})

afterAll(() => bench.close())

/** The container for a client that sends more headers than the vendor's would, to what the URL says. */
function saying(headers: (request: WebResource) => Readonly<Record<string, string>>): ContainerClient {
  const grant = { account: bench.account, key: bench.key, permissions: 'rwdlact', resourceTypes: 'sco' }
  const sas = accountSas({ ...grant, expires: new Date(Date.now() + 3_600_000) })
  const sendRequest = (request: WebResource) => {
    for (const [name, value] of Object.entries(headers(request))) request.headers.set(name, value)
    return bench.dial.sendRequest(request)
  }
  return new ContainerClient(`${box.url}?${sas}`, undefined, { ...bench.options, httpClient: { sendRequest } })
}

const NOT_DONE = { statusCode: 501 }

test('no operation on a version of a blob is done to the blob as it is now', async () => {
  const version = kept.withVersion(VERSION)
  const to = box.getBlockBlobClient('to')
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    delete: () => version.delete(),
    tags: () => version.setTags({ of: 'then' }),
    tier: () => version.setAccessTier('Cool'),
    read: () => version.downloadToBuffer(),
    'list of blocks': () => version.getBlockBlobClient().getBlockList('all'),
    copy: () => to.beginCopyFromURL(version.url),
    'copy that is waited for': () => to.syncCopyFromURL(version.url),
    'put from a URL': () => to.syncUploadFromURL(version.url),
    'block from a URL': () => to.stageBlockFromURL('YQ==', version.url),
  }
  for (const [what, ask] of Object.entries(asked)) await expect(ask(), what).rejects.toMatchObject(NOT_DONE)
  expect((await kept.downloadToBuffer()).toString()).toBe('kept')
  expect((await kept.getTags()).tags).toEqual({ of: 'now' })
  expect((await kept.getProperties()).accessTierInferred).toBe(true)
  expect(await to.exists()).toBe(false)
})

test('tags that are set on a snapshot are the snapshot’s, and the blob keeps its own', async () => {
  const { snapshot = '' } = await kept.createSnapshot()
  const old = kept.withSnapshot(snapshot)
  await old.setTags({ of: 'then' })
  expect((await old.getTags()).tags).toEqual({ of: 'then' })
  expect((await kept.getTags()).tags).toEqual({ of: 'now' })
  const unmet = old.setTags({ of: 'nobody' }, { conditions: { tagConditions: `of = 'now'` } })
  await expect(unmet).rejects.toMatchObject({ statusCode: 412 })
  const missing = kept.withSnapshot(VERSION).setTags({ of: 'nobody' })
  await expect(missing).rejects.toMatchObject({ statusCode: 404, code: 'BlobNotFound' })
})

const BLOCK = Buffer.from('one').toString('base64')

/** Writes of each kind to blobs that are there, and to new ones. */
function writesOf(to: ContainerClient): Readonly<Record<string, () => Promise<unknown>>> {
  const [blocks, from] = [to.getBlockBlobClient('blocks'), to.getBlobClient('kept').url]
  return {
    upload: () => to.getBlockBlobClient('new').upload('x', 1),
    block: () => blocks.stageBlock(BLOCK, 'x', 1),
    list: () => blocks.commitBlockList([BLOCK]),
    append: () => to.getAppendBlobClient('log').create(),
    pages: () => to.getPageBlobClient('disk').create(512),
    metadata: () => blocks.setMetadata({ of: 'a' }),
    headers: () => blocks.setHTTPHeaders({ blobContentType: 'text/plain' }),
    snapshot: () => blocks.createSnapshot(),
    copy: () => to.getBlobClient('copied').beginCopyFromURL(from),
    'copy that is waited for': () => to.getBlobClient('copied').syncCopyFromURL(from),
    'put from a URL': () => to.getBlockBlobClient('copied').syncUploadFromURL(from),
  }
}

const UNHEARD: readonly (readonly [name: string, value: string])[] = [
  ['x-ms-legal-hold', 'true'],
  ['x-ms-immutability-policy-until-date', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ['x-ms-immutability-policy-mode', 'unlocked'],
  ['x-ms-encryption-scope', 'ours'],
  ['x-ms-encryption-key', Buffer.alloc(32).toString('base64')],
  ['x-ms-copy-source-tag-option', 'COPY'],
  ['x-ms-seal-blob', 'true'],
]

test.each(UNHEARD)('no write with the header %s is taken as if it were obeyed', async (name, value) => {
  await box.getBlockBlobClient('blocks').upload('blocks', 6)
  const before = bench.region.activity.since(0).length
  for (const [what, write] of Object.entries(writesOf(saying(() => ({ [name]: value }))))) {
    await expect(write(), what).rejects.toMatchObject(NOT_DONE)
  }
  expect(bench.region.activity.since(0)).toHaveLength(before)
})

test('a header that asks for nothing is as good as none', async () => {
  const nothing = { 'x-ms-legal-hold': 'false', 'x-ms-copy-source-tag-option': 'REPLACE', 'x-ms-seal-blob': 'false' }
  for (const [what, write] of Object.entries(writesOf(saying(() => nothing))))
    await expect(write(), what).resolves.toBeDefined()
})

test('a list of blocks and a set of tags are taken with their digest, and with another change nothing', async () => {
  const summed = box.getBlockBlobClient('summed')
  await summed.upload('before', 6, { tags: { of: 'before' } })
  const writesOf = (to: ContainerClient) => {
    const blob = to.getBlockBlobClient('summed')
    return [() => blob.commitBlockList([], { tags: { of: 'before' } }), () => blob.setTags({ of: 'after' })]
  }
  const md5 = (text: unknown) => ({ 'content-md5': createHash('md5').update(String(text)).digest('base64') })
  const crc64 = { 'x-ms-content-crc64': Buffer.alloc(8).toString('base64') }
  for (const [digest, code] of [[md5('other'), 'Md5Mismatch'] as const, [crc64, 'Crc64Mismatch'] as const]) {
    for (const write of writesOf(saying(() => digest))) {
      await expect(write()).rejects.toMatchObject({ statusCode: 400, code })
    }
  }
  expect((await summed.downloadToBuffer()).toString()).toBe('before')
  expect((await summed.getTags()).tags).toEqual({ of: 'before' })
  for (const write of writesOf(saying(({ body }) => md5(body)))) await write()
  expect((await summed.getProperties()).contentLength).toBe(0)
  expect((await summed.getTags()).tags).toEqual({ of: 'after' })
})
