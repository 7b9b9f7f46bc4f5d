import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
