import type { ContainerClient } from '@azure/storage-blob'
import { ask, type Place, type Step } from './step.ts'

const TEXT = 'the quick brown fox'

async function box({ service }: Place): Promise<ContainerClient> {
  const found = service.getContainerClient('blocks')
  await ask(found.createIfNotExists())
  return found
}

function id(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Block blobs: the whole at once, in blocks, in ranges. */
export const BLOCK_STEPS: readonly Step[] = [
  [
    'put a block blob',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('put')
      await ask(blob.upload(TEXT, TEXT.length))
      await ask(blob.getProperties())
      await ask(blob.download())
      const headers = {
        blobContentType: 'text/plain',
        blobContentEncoding: 'identity',
        blobContentLanguage: 'en',
        blobContentDisposition: 'inline',
        blobCacheControl: 'no-cache',
      }
      const more = { metadata: { Kind: 'test' }, tags: { a: '1', b: '2' }, tier: 'Cool' }
      await ask(blob.upload(TEXT, TEXT.length, { blobHTTPHeaders: headers, ...more }))
      await ask(blob.getProperties())
      await ask(blob.download())
      await ask(blob.upload('', 0))
      await ask(blob.download())
      await ask(blob.getProperties())
    },
  ],
  [
    'put with a digest',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('md5')
      const wrong = new Uint8Array(16)
      await ask(blob.upload(TEXT, TEXT.length, { blobHTTPHeaders: { blobContentMD5: wrong } }))
      await ask(blob.getProperties())
      await ask(blob.stageBlock(id('1'), TEXT, TEXT.length, { transactionalContentMD5: wrong }))
      await ask(blob.stageBlock(id('1'), TEXT, TEXT.length, { transactionalContentCrc64: new Uint8Array(8) }))
    },
  ],
  [
    'where nothing is',
    async (place) => {
      const there = await box(place)
      const none = there.getBlockBlobClient('none')
      await ask(none.getProperties())
      await ask(none.download())
      await ask(none.delete())
      await ask(none.setMetadata({ a: 'b' }))
      await ask(none.getBlockList('all'))
      await ask(none.commitBlockList([id('x')]))
      await ask(place.service.getContainerClient('nowhere').getBlockBlobClient('x').upload('x', 1))
    },
  ],
  [
    'blocks and block lists',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('staged')
      await ask(blob.stageBlock(id('b1'), 'one ', 4))
      await ask(blob.stageBlock(id('b2'), 'two ', 4))
      await ask(blob.stageBlock(id('longer'), 'x', 1))
      await ask(blob.stageBlock('not base64!', 'x', 1))
      await ask(blob.getProperties())
      await ask(blob.getBlockList('all'))
      await ask(blob.commitBlockList([id('b2'), id('b1'), id('b2')]))
      await ask(blob.download())
      await ask(blob.getBlockList('committed'))
      await ask(blob.getBlockList('uncommitted'))
      await ask(blob.stageBlock(id('b3'), 'three', 5))
      await ask(blob.getBlockList('all'))
      await ask(blob.commitBlockList([id('b1'), id('b3')], { metadata: { n: '2' }, tier: 'Hot' }))
      await ask(blob.download())
      await ask(blob.commitBlockList([id('b2')]))
      await ask(blob.commitBlockList([]))
      await ask(blob.download())
    },
  ],
  [
    'a put forgets waiting blocks',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('forgets')
      await ask(blob.stageBlock(id('w1'), 'wait', 4))
      await ask(blob.upload('x', 1))
      await ask(blob.getBlockList('all'))
    },
  ],
  [
    'ranges',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('ranges')
      await ask(blob.upload(TEXT, TEXT.length))
      await ask(blob.download(0, 5))
      await ask(blob.download(4))
      await ask(blob.download(4, 1000))
      await ask(blob.download(TEXT.length))
      await ask(blob.download(1000, 5))
      await ask(blob.download(0, 5, { rangeGetContentMD5: true }))
      await ask(blob.download(0, 5, { rangeGetContentCrc64: true }))
      await ask(blob.download(0, undefined, { rangeGetContentMD5: true }))
      const empty = (await box(place)).getBlockBlobClient('empty')
      await ask(empty.upload('', 0))
      await ask(empty.download(0, 1))
    },
  ],
  [
    'append blobs',
    async (place) => {
      const there = await box(place)
      const log = there.getAppendBlobClient('log')
      await ask(log.create({ metadata: { a: 'b' } }))
      await ask(log.appendBlock('one,', 4))
      await ask(log.appendBlock('two,', 4, { conditions: { appendPosition: 4 } }))
      await ask(log.appendBlock('no', 2, { conditions: { appendPosition: 4 } }))
      await ask(log.appendBlock('no', 2, { conditions: { maxSize: 9 } }))
      await ask(log.appendBlock('no', 2, { conditions: { ifMatch: '"0x0"' } }))
      await ask(log.getProperties())
      await ask(log.download())
      await ask(there.getBlockBlobClient('log').getBlockList('all'))
      await ask(there.getBlockBlobClient('log').stageBlock(id('x1'), 'x', 1))
      await ask(there.getBlockBlobClient('log').commitBlockList([]))
      await ask(there.getAppendBlobClient('put').appendBlock('x', 1))
      await ask(there.getAppendBlobClient('none').appendBlock('x', 1))
      await ask(log.createIfNotExists())
      await ask(log.seal())
      await ask(log.appendBlock('x', 1))
      await ask(log.getProperties())
      await ask(log.create())
      await ask(log.download())
    },
  ],
]
