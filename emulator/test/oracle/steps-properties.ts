import type { BlobRequestConditions, BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import { ask, each, leaseId, type Place, type Step } from './step.ts'

const HOUR = 3600 * 1000

async function box({ service }: Place, name = 'props'): Promise<ContainerClient> {
  const found = service.getContainerClient(name)
  await ask(found.createIfNotExists())
  return found
}

/** What blobs say of themselves, and what is done on a condition. */
export const PROPERTY_STEPS: readonly Step[] = [
  [
    'metadata and headers',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('said')
      await ask(blob.upload('text', 4))
      await ask(blob.setMetadata({ One: '1', two_words: 'a b' }))
      await ask(blob.getProperties())
      await ask(blob.setMetadata({ '1bad': 'x' }))
      await ask(blob.setMetadata({ 'bad-name': 'x' }))
      await ask(blob.setMetadata({}))
      await ask(blob.setHTTPHeaders({ blobContentType: 'text/csv', blobCacheControl: 'max-age=3' }))
      await ask(blob.getProperties())
      await ask(blob.setHTTPHeaders({}))
      await ask(blob.getProperties())
    },
  ],
  [
    'conditions of a read',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('read')
      const etag = (await ask(blob.upload('text', 4)))?.etag ?? ''
      const [past, future] = [new Date(Date.now() - HOUR), new Date(Date.now() + HOUR)]
      const sets = [
        { ifMatch: etag },
        { ifMatch: '"0x1"' },
        { ifMatch: '*' },
        { ifNoneMatch: etag },
        { ifNoneMatch: '"0x1"' },
        { ifModifiedSince: past },
        { ifModifiedSince: future },
        { ifUnmodifiedSince: past },
        { ifUnmodifiedSince: future },
        { ifNoneMatch: etag, ifModifiedSince: past },
        { ifNoneMatch: '"0x1"', ifModifiedSince: future },
        { ifMatch: etag, ifUnmodifiedSince: past },
        { ifMatch: '"0x1"', ifUnmodifiedSince: future },
        { leaseId: leaseId(1) },
        { tagConditions: `"a" = '1'` },
      ]
      for (const conditions of sets) {
        await ask(blob.getProperties({ conditions }))
        await ask(blob.download(0, 2, { conditions }))
      }
    },
  ],
  [
    'conditions of a write',
    async (place) => {
      const there = await box(place)
      const [blob, none] = [there.getBlockBlobClient('write'), there.getBlockBlobClient('unwritten')]
      const etag = (await ask(blob.upload('text', 4, { tags: { a: '1' } })))?.etag ?? ''
      const [past, future] = [new Date(Date.now() - HOUR), new Date(Date.now() + HOUR)]
      const sets: readonly BlobRequestConditions[] = [
        { ifMatch: '"0x1"' },
        { ifNoneMatch: '*' },
        { ifNoneMatch: 'its own' },
        { ifModifiedSince: future },
        { ifUnmodifiedSince: past },
        { leaseId: leaseId(1) },
        { tagConditions: `"a" = '2'` },
      ]
      for (const [index, unmet] of sets.entries()) {
        const fresh = (name: string) => there.getBlockBlobClient(`${name}${index}`)
        const writes: readonly ((one: BlockBlobClient, conditions: BlobRequestConditions) => Promise<unknown>)[] = [
          (one, conditions) => one.upload('more', 4, { conditions }),
          (one, conditions) => one.setMetadata({ a: 'b' }, { conditions }),
          (one, conditions) => one.setHTTPHeaders({}, { conditions }),
          (one, conditions) => one.commitBlockList([], { conditions }),
          (one, conditions) => one.createSnapshot({ conditions }),
          (one, conditions) => one.delete({ conditions }),
        ]
        for (const [which, write] of writes.entries()) {
          const one = fresh(`w${which}-`)
          const etag = (await ask(one.upload('text', 4, { tags: { a: '1' } })))?.etag ?? ''
          await ask(write(one, unmet.ifNoneMatch === 'its own' ? { ifNoneMatch: etag } : unmet))
        }
      }
      await ask(none.upload('x', 1, { conditions: { ifMatch: '*' } }))
      await ask(none.upload('x', 1, { conditions: { ifMatch: etag } }))
      await ask(none.setMetadata({ a: 'b' }, { conditions: { ifMatch: etag } }))
      await ask(none.upload('x', 1, { conditions: { ifNoneMatch: '*' } }))
      await ask(blob.upload('more', 4, { conditions: { tagConditions: `"a" = '1'` } }))
    },
  ],
  [
    'tags of a blob',
    async (place) => {
      const there = await box(place)
      const blob = there.getBlockBlobClient('tagged')
      await ask(blob.upload('text', 4, { tags: { project: 'one', 'a b': 'c+d/e:f=g_h.i-j' } }))
      await ask(blob.getTags())
      await ask(blob.setTags({ project: 'two', stage: 'raw' }))
      await ask(blob.getTags())
      await ask(blob.getProperties())
      await each(there.listBlobsFlat({ prefix: 'tagged', includeTags: true }).byPage())
      const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, 'v']))
      await ask(blob.setTags(eleven))
      await ask(blob.setTags({ ['k'.repeat(129)]: 'v' }))
      await ask(blob.setTags({ k: 'v'.repeat(257) }))
      await ask(blob.setTags({ 'k!': 'v' }))
      await ask(blob.setTags({ k: 'v&w' }))
      await ask(blob.setTags({}))
      await ask(blob.getTags())
    },
  ],
  [
    'find by tags',
    async (place) => {
      const there = await box(place, 'tagfind')
      for (const [index, stage] of ['raw', 'raw', 'clean'].entries()) {
        await ask(there.getBlockBlobClient(`f${index}`).upload('x', 1, { tags: { stage, rank: `0${index}` } }))
      }
      await each(place.service.findBlobsByTags(`stage = 'raw'`).byPage())
      await each(place.service.findBlobsByTags(`@container = 'tagfind' AND stage = 'clean'`).byPage())
      await each(there.findBlobsByTags(`"rank" >= '01' AND "rank" < '03'`).byPage())
      await each(there.findBlobsByTags(`stage = 'nothing'`).byPage())
      await each(there.findBlobsByTags(`stage is 'raw'`).byPage())
      await each(there.findBlobsByTags(`stage = 'raw'`).byPage({ maxPageSize: 1 }))
    },
  ],
  [
    'tiers',
    async (place) => {
      const there = await box(place)
      const blob = there.getBlockBlobClient('tier')
      await ask(blob.upload('text', 4))
      for (const tier of ['Cool', 'Hot', 'Cold', 'Archive']) await ask(blob.setAccessTier(tier))
      await ask(blob.getProperties())
      await ask(blob.download())
      await ask(blob.upload('text', 4))
      await ask(blob.setAccessTier('Hot', { rehydratePriority: 'High' }))
      await ask(blob.getProperties())
      await ask(there.getBlockBlobClient('none').setAccessTier('Hot'))
      await ask(there.getAppendBlobClient('untiered').create())
      await ask(there.getAppendBlobClient('untiered').setAccessTier('Hot'))
    },
  ],
  [
    'snapshots',
    async (place) => {
      const there = await box(place, 'snaps')
      const blob = there.getBlockBlobClient('photo')
      await ask(blob.upload('first', 5, { metadata: { age: 'old' }, tags: { t: '1' } }))
      const first = (await ask(blob.createSnapshot()))?.snapshot ?? ''
      await ask(blob.createSnapshot({ metadata: { own: 'yes' } }))
      await ask(blob.upload('second', 6))
      const old = blob.withSnapshot(first)
      await ask(old.download())
      await ask(old.getProperties())
      await ask(old.getTags())
      await ask(blob.delete())
      await ask(old.delete({ deleteSnapshots: 'include' }))
      await ask(old.delete())
      await ask(old.download())
      await ask(blob.delete({ deleteSnapshots: 'only' }))
      await ask(blob.createSnapshot())
      await ask(blob.delete({ deleteSnapshots: 'include' }))
      await each(there.listBlobsFlat({ includeSnapshots: true }).byPage())
      await ask(blob.withSnapshot('not a time').getProperties())
    },
  ],
  [
    'write to a snapshot',
    async (place) => {
      const blob = (await box(place, 'snaps')).getBlockBlobClient('kept')
      await ask(blob.upload('first', 5))
      const old = blob.withSnapshot((await ask(blob.createSnapshot()))?.snapshot ?? '')
      await ask(old.setMetadata({ no: 'no' }))
      await ask(old.setHTTPHeaders({ blobContentType: 'text/plain' }))
      await ask(old.getBlobLeaseClient(leaseId(1)).acquireLease(15))
      await ask(old.setAccessTier('Cool'))
    },
  ],
  [
    'list snapshots',
    async (place) => {
      const there = await box(place, 'snap-list')
      const blob = there.getBlockBlobClient('photo')
      await ask(blob.upload('first', 5))
      await ask(blob.createSnapshot())
      await ask(blob.createSnapshot())
      await each(there.listBlobsFlat({ includeSnapshots: true }).byPage())
      await each(there.listBlobsFlat({ includeSnapshots: true }).byPage({ maxPageSize: 2 }))
    },
  ],
  [
    'change what is archived',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('archived')
      await ask(blob.upload('text', 4, { tier: 'Archive' }))
      await ask(blob.createSnapshot())
      await ask(blob.setMetadata({ a: 'b' }))
      await ask(blob.setTags({ a: 'b' }))
      await ask(blob.delete({ deleteSnapshots: 'include' }))
    },
  ],
  [
    'leases of a blob',
    async (place) => {
      const blob = (await box(place)).getBlockBlobClient('leased')
      await ask(blob.upload('text', 4))
      const lease = blob.getBlobLeaseClient(leaseId(1))
      await ask(lease.acquireLease(-1))
      await ask(lease.acquireLease(15))
      await ask(blob.getBlobLeaseClient(leaseId(2)).acquireLease(15))
      await ask(blob.getProperties())
      await ask(blob.upload('more', 4))
      await ask(blob.upload('more', 4, { conditions: { leaseId: leaseId(2) } }))
      await ask(blob.upload('more', 4, { conditions: { leaseId: leaseId(1) } }))
      await ask(blob.stageBlock('YQ==', 'x', 1))
      await ask(blob.setTags({ a: 'b' }))
      await ask(blob.setAccessTier('Cool'))
      await ask(blob.createSnapshot())
      await ask(blob.delete({ deleteSnapshots: 'include' }))
      await ask(blob.download(0, 2, { conditions: { leaseId: leaseId(2) } }))
      await ask(blob.getBlobLeaseClient(leaseId(2)).renewLease())
      await ask(blob.getBlobLeaseClient(leaseId(2)).releaseLease())
      await ask(lease.changeLease(leaseId(3)))
      await ask(blob.getBlobLeaseClient(leaseId(3)).renewLease())
      await ask(blob.getBlobLeaseClient(leaseId(3)).breakLease(5))
      await ask(blob.getProperties())
      await ask(blob.getBlobLeaseClient(leaseId(3)).renewLease())
      await ask(blob.getBlobLeaseClient(leaseId(3)).acquireLease(15))
      await ask(blob.getBlobLeaseClient(leaseId(3)).changeLease(leaseId(4)))
      await ask(blob.getBlobLeaseClient(leaseId(3)).releaseLease())
      await ask(blob.getBlobLeaseClient(leaseId(5)).acquireLease(61))
      await ask(blob.getBlobLeaseClient(leaseId(5)).breakLease(61))
      await ask(blob.getBlobLeaseClient(leaseId(5)).breakLease(5))
    },
  ],
]
