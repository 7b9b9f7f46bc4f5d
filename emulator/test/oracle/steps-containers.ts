import { ask, each, leaseId, type Step } from './step.ts'

const HOUR = 3600 * 1000

/** Containers: what they say of themselves, who may see them, how they and their blobs are listed. */
export const CONTAINER_STEPS: readonly Step[] = [
  [
    'create a container',
    async ({ service }) => {
      await ask(service.createContainer('alpha', { metadata: { colour: 'red', Mixed: 'Case' } }))
      await ask(service.createContainer('alpha'))
      await ask(service.createContainer('beta'))
      for (const name of ['Upper', 'a', 'double--dash', '-start', 'end-', 'under_score', 'x'.repeat(64)]) {
        await ask(service.createContainer(name))
      }
    },
  ],
  [
    'read and change a container',
    async ({ service }) => {
      const alpha = service.getContainerClient('alpha')
      await ask(alpha.getProperties())
      await ask(service.getContainerClient('nowhere').getProperties())
      await ask(alpha.setMetadata({ size: 'small', Mixed: 'Again' }))
      await ask(alpha.getProperties())
      await ask(alpha.setMetadata({}, { conditions: { ifModifiedSince: new Date(Date.now() + HOUR) } }))
      await ask(alpha.setMetadata({}))
      await ask(service.getContainerClient('nowhere').setMetadata({ a: 'b' }))
    },
  ],
  [
    'access policies of a container',
    async ({ service }) => {
      const alpha = service.getContainerClient('alpha')
      const one = { id: 'reader', accessPolicy: { permissions: 'r', expiresOn: new Date('2031-01-02T03:04:05Z') } }
      await ask(alpha.setAccessPolicy(undefined, [one]))
      await ask(alpha.getAccessPolicy())
      const six = [1, 2, 3, 4, 5, 6].map((index) => ({ ...one, id: `policy${index}` }))
      await ask(alpha.setAccessPolicy(undefined, six))
      await ask(alpha.setAccessPolicy(undefined, [{ ...one, id: 'x'.repeat(65) }]))
      await ask(alpha.setAccessPolicy(undefined, []))
      await ask(alpha.getAccessPolicy())
      await ask(service.getContainerClient('nowhere').getAccessPolicy())
    },
  ],
  [
    'lease of a container',
    async ({ service }) => {
      const beta = service.getContainerClient('beta')
      const lease = beta.getBlobLeaseClient(leaseId(1))
      await ask(lease.acquireLease(20))
      await ask(beta.getBlobLeaseClient(leaseId(2)).acquireLease(20))
      await ask(beta.getProperties())
      await ask(beta.delete())
      await ask(beta.delete({ conditions: { leaseId: leaseId(3) } }))
      await ask(beta.setMetadata({ a: 'b' }))
      await ask(lease.renewLease())
      await ask(lease.changeLease(leaseId(4)))
      await ask(lease.breakLease(0))
      await ask(beta.getProperties())
      await ask(beta.getBlobLeaseClient(leaseId(4)).renewLease())
      await ask(beta.getBlobLeaseClient(leaseId(4)).releaseLease())
      await ask(beta.getBlobLeaseClient(leaseId(4)).releaseLease())
      await ask(beta.getBlobLeaseClient(leaseId(5)).acquireLease(10))
      await ask(beta.getBlobLeaseClient('no-uuid').acquireLease(20))
    },
  ],
  [
    'list containers',
    async ({ service }) => {
      for (const name of ['list-a', 'list-b', 'list-c']) await ask(service.createContainer(name))
      await each(service.listContainers({ prefix: 'list-', includeMetadata: true }).byPage({ maxPageSize: 2 }))
      await each(service.listContainers({ prefix: 'none' }).byPage())
    },
  ],
  [
    'list blobs',
    async ({ service }) => {
      const box = service.getContainerClient('list-a')
      for (const name of ['a/1', 'a/2', 'b', 'c/d/e', 'ünï code', 'q&<a>\'"']) {
        await ask(box.getBlockBlobClient(name).upload(name, Buffer.byteLength(name), { metadata: { Key: 'value' } }))
      }
      await each(box.listBlobsFlat().byPage({ maxPageSize: 2 }))
      await each(box.listBlobsFlat({ prefix: 'a/', includeMetadata: true }).byPage())
      await each(box.listBlobsByHierarchy('/').byPage({ maxPageSize: 2 }))
      await each(box.listBlobsByHierarchy('/', { prefix: 'c/' }).byPage())
      await each(box.listBlobsFlat({ prefix: 'none' }).byPage())
      await each(service.getContainerClient('nowhere').listBlobsFlat().byPage())
    },
  ],
  [
    'list what is not committed',
    async ({ service }) => {
      const box = service.getContainerClient('list-b')
      await ask(box.getBlockBlobClient('staged').stageBlock(Buffer.from('1').toString('base64'), 'x', 1))
      await each(box.listBlobsFlat().byPage())
      await each(box.listBlobsFlat({ includeUncommitedBlobs: true }).byPage())
    },
  ],
  [
    'delete a container',
    async ({ service }) => {
      await ask(service.deleteContainer('list-c'))
      await ask(service.deleteContainer('list-c'))
      await ask(service.getContainerClient('list-c').getBlobClient('x').getProperties())
    },
  ],
]
