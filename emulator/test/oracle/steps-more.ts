import type { ContainerClient } from '@azure/storage-blob'
import { ask, each, type Place, type Step } from './step.ts'

async function box({ service }: Place, name = 'more'): Promise<ContainerClient> {
  const found = service.getContainerClient(name)
  await ask(found.createIfNotExists())
  return found
}

function page(letter: string, count = 1): Buffer {
  return Buffer.alloc(512 * count, letter)
}

/** Copies, pages, batches, the service itself, and names that invite mistakes. */
export const MORE_STEPS: readonly Step[] = [
  [
    'copies',
    async (place) => {
      const there = await box(place)
      const from = there.getBlockBlobClient('from')
      const headers = { blobHTTPHeaders: { blobContentType: 'text/plain' } }
      await ask(from.upload('source', 6, { metadata: { Who: 'source' }, tags: { t: '1' }, ...headers }))
      const to = there.getBlockBlobClient('to')
      await ask((async () => (await to.beginCopyFromURL(from.url)).pollUntilDone())())
      await ask(to.getProperties())
      await ask(to.download())
      await ask(to.syncCopyFromURL(from.url, { metadata: { own: 'metadata' } }))
      await ask(to.getProperties())
      const wrong = { sourceConditions: { ifMatch: '"0x1"' } }
      await ask((async () => (await to.beginCopyFromURL(from.url, wrong)).pollUntilDone())())
      await ask((async () => (await to.beginCopyFromURL(`${from.url}gone`)).pollUntilDone())())
      const exists = { conditions: { ifNoneMatch: '*' } }
      await ask((async () => (await to.beginCopyFromURL(from.url, exists)).pollUntilDone())())
      await ask(to.abortCopyFromURL('10000000-0000-4000-8000-000000000000'))
      await each(there.listBlobsFlat({ prefix: 'to', includeCopy: true }).byPage())
    },
  ],
  [
    'put from a URL',
    async (place) => {
      const there = await box(place)
      const from = there.getBlockBlobClient('from')
      const to = there.getBlockBlobClient('from-url')
      await ask(to.syncUploadFromURL(from.url))
      await ask(to.stageBlockFromURL('YQ==', from.url, 1, 3))
      const log = there.getAppendBlobClient('log-from-url')
      await ask(log.create())
      await ask(log.appendBlockFromURL(from.url, 0, 3))
    },
  ],
  [
    'page blobs',
    async (place) => {
      const there = await box(place, 'pages')
      const disk = there.getPageBlobClient('disk')
      await ask(disk.create(1000))
      await ask(disk.create(4096, { metadata: { a: 'b' }, blobSequenceNumber: 7 }))
      await ask(disk.getProperties())
      await ask(disk.download())
      await ask(disk.uploadPages(page('a', 2), 512, 1024))
      await ask(disk.uploadPages(page('b'), 2048, 512))
      await ask(disk.uploadPages(page('c'), 100, 512))
      await ask(disk.uploadPages(page('c'), 4096, 512))
      await ask(disk.download(0, 1600))
      await ask(disk.getPageRanges())
      await ask(disk.getPageRanges(1024, 1024))
      await ask(disk.clearPages(512, 512))
      await ask(disk.getPageRanges())
      await ask(disk.download(512, 1024))
      await each(there.listBlobsFlat().byPage())
    },
  ],
  [
    'page blobs on a condition',
    async (place) => {
      const there = await box(place, 'pages')
      const disk = there.getPageBlobClient('disk')
      await ask(disk.uploadPages(page('d'), 0, 512, { conditions: { ifSequenceNumberEqualTo: 7 } }))
      await ask(disk.uploadPages(page('d'), 0, 512, { conditions: { ifSequenceNumberEqualTo: 8 } }))
      await ask(disk.uploadPages(page('d'), 0, 512, { conditions: { ifSequenceNumberLessThan: 7 } }))
      await ask(disk.uploadPages(page('d'), 0, 512, { conditions: { ifSequenceNumberLessThanOrEqualTo: 6 } }))
      await ask(disk.uploadPages(page('d'), 0, 512, { conditions: { ifMatch: '"0x1"' } }))
      await ask(disk.updateSequenceNumber('increment'))
      await ask(disk.updateSequenceNumber('max', 5))
      await ask(disk.updateSequenceNumber('update', 3))
      await ask(disk.resize(8192))
      await ask(disk.resize(1536))
      await ask(disk.resize(100))
      await ask(disk.getProperties())
      await ask(disk.getPageRanges())
      await ask(disk.download())
    },
  ],
  [
    'page blobs and their snapshots',
    async (place) => {
      const there = await box(place, 'pages')
      const disk = there.getPageBlobClient('history')
      await ask(disk.create(2048))
      await ask(disk.uploadPages(page('a'), 0, 512))
      const before = (await ask(disk.createSnapshot()))?.snapshot ?? ''
      await ask(disk.uploadPages(page('b'), 512, 512))
      await ask(disk.clearPages(0, 512))
      await ask(disk.withSnapshot(before).getPageRanges())
      await ask(disk.getPageRangesDiff(0, 2048, before))
      await ask(disk.uploadPages(page('c'), 4096, 512))
      await ask(there.getBlockBlobClient('history').getBlockList('all'))
      await ask(there.getPageBlobClient('none').uploadPages(page('x'), 0, 512))
      await ask(there.getBlockBlobClient('plain').upload('x', 1))
      await ask(there.getPageBlobClient('plain').uploadPages(page('x'), 0, 512))
      await ask(there.getPageBlobClient('plain').getPageRanges())
    },
  ],
  [
    'batches',
    async (place) => {
      const there = await box(place, 'batches')
      for (const name of ['one', 'two', 'sp ace', 'three']) {
        await ask(there.getBlockBlobClient(name).upload('x', 1))
      }
      const urls = (...names: readonly string[]) => names.map((name) => there.getBlobClient(name).url)
      const batch = place.service.getBlobBatchClient()
      await ask(batch.setBlobsAccessTier(urls('one', 'two', 'gone'), place.credential, 'Cool'))
      await ask(batch.deleteBlobs(urls('one', 'sp ace', 'gone'), place.credential))
      await ask(there.getBlobBatchClient().deleteBlobs(urls('two'), place.credential))
      await each(there.listBlobsFlat().byPage())
    },
  ],
  [
    'the service',
    async ({ service }) => {
      await ask(service.getAccountInfo())
      await ask(service.getProperties())
      const rule = {
        allowedOrigins: 'https://example.com',
        allowedMethods: 'GET',
        allowedHeaders: '*',
        exposedHeaders: '*',
        maxAgeInSeconds: 5,
      }
      await ask(service.setProperties({ cors: [rule] }))
      await ask(service.getProperties())
      await ask(service.getContainerClient('alpha').getBlobClient('x').getAccountInfo())
    },
  ],
  [
    'hostile names',
    async (place) => {
      const there = await box(place, 'names')
      const names = [
        'ä/ö/ü',
        '日本語.txt',
        '😀',
        'a//b',
        '../up',
        'a/./b',
        'dot.',
        'trail/',
        'q?x=1',
        'hash#1',
        '100%',
        '%2F',
      ]
      for (const name of [...names, 'plus+and space', 'x'.repeat(1024)]) {
        const blob = there.getBlockBlobClient(name)
        await ask(blob.upload(name, Buffer.byteLength(name)))
        await ask(blob.download())
      }
      await each(there.listBlobsFlat().byPage())
      await each(there.listBlobsByHierarchy('/').byPage())
    },
  ],
  [
    'names that are too long or hold a backslash',
    async (place) => {
      const there = await box(place, 'odd-names')
      for (const name of ['back\\slash', 'y'.repeat(1025)]) {
        await ask(there.getBlockBlobClient(name).upload('x', 1))
        await ask(there.getBlockBlobClient(name).download())
      }
      await each(there.listBlobsFlat({ prefix: 'b' }).byPage())
    },
  ],
]
