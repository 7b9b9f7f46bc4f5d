import type { BlobLeaseClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Bench, openBench } from './storage-client.ts'

let bench: Bench
let box: ContainerClient
let blob: BlockBlobClient
let lease: BlobLeaseClient

beforeEach(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
  blob = box.getBlockBlobClient('leased')
  await blob.upload('1', 1)
  lease = blob.getBlobLeaseClient()
})

afterEach(() => bench.close())

test('while a lease is held, only its holder writes and everybody reads', async () => {
  await lease.acquireLease(30)
  const conditions = { leaseId: lease.leaseId }
  await expect(blob.upload('2', 1)).rejects.toMatchObject({ statusCode: 412, code: 'LeaseIdMissing' })
  const stranger = { leaseId: '11111111-1111-1111-1111-111111111111' }
  await expect(blob.upload('2', 1, { conditions: stranger })).rejects.toMatchObject({
    code: 'LeaseIdMismatchWithBlobOperation',
  })
  await blob.upload('2', 1, { conditions })
  expect((await blob.downloadToBuffer()).toString()).toBe('2')
  await expect(blob.getBlobLeaseClient().acquireLease(15)).rejects.toMatchObject({
    statusCode: 409,
    code: 'LeaseAlreadyPresent',
  })
  expect(await blob.getProperties()).toMatchObject({
    leaseState: 'leased',
    leaseStatus: 'locked',
    leaseDuration: 'fixed',
  })
  await lease.releaseLease()
  await expect(blob.upload('3', 1, { conditions })).rejects.toMatchObject({ code: 'LeaseNotPresentWithBlobOperation' })
  await blob.upload('3', 1)
})

test('a lease ends by time, and another may then take it', async () => {
  await lease.acquireLease(15)
  bench.region.clock.shift(14_000)
  await lease.renewLease()
  bench.region.clock.shift(28_000)
  expect((await blob.getProperties()).leaseState).toBe('leased')
  bench.region.clock.shift(30_000)
  expect((await blob.getProperties()).leaseState).toBe('expired')
  await expect(blob.upload('2', 1, { conditions: { leaseId: lease.leaseId } })).rejects.toMatchObject({
    code: 'LeaseLost',
  })
  const other = blob.getBlobLeaseClient()
  await other.acquireLease(-1)
  await expect(lease.renewLease()).rejects.toMatchObject({ code: 'LeaseIdMismatchWithLeaseOperation' })
  bench.region.clock.shift(1e12)
  expect((await blob.getProperties()).leaseDuration).toBe('infinite')
})

test('a write by another ends the hope of an expired lease', async () => {
  await lease.acquireLease(15)
  bench.region.clock.shift(20_000)
  await blob.upload('2', 1)
  expect((await blob.getProperties()).leaseState).toBe('available')
  await expect(lease.renewLease()).rejects.toMatchObject({ statusCode: 409 })
})

test('of many that want the lease at once, one gets it', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 10 }, () => blob.getBlobLeaseClient().acquireLease(60)))
  expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
})

test('a break waits for its period and leaves a lease that cannot be renewed', async () => {
  await lease.acquireLease(60)
  expect((await lease.breakLease(10)).leaseTime).toBe(10)
  expect((await blob.getProperties()).leaseState).toBe('breaking')
  await expect(blob.upload('2', 1)).rejects.toMatchObject({ code: 'LeaseIdMissing' })
  await expect(blob.getBlobLeaseClient().acquireLease(15)).rejects.toMatchObject({ code: 'LeaseAlreadyPresent' })
  bench.region.clock.shift(11_000)
  expect((await blob.getProperties()).leaseState).toBe('broken')
  await expect(lease.renewLease()).rejects.toMatchObject({ code: 'LeaseIsBrokenAndCannotBeRenewed' })
  await blob.upload('2', 1)
  await blob.getBlobLeaseClient().acquireLease(15)
})

test('a lease may change its id', async () => {
  await lease.acquireLease(60)
  const before = lease.leaseId
  await lease.changeLease('22222222-2222-2222-2222-222222222222')
  await expect(blob.delete({ conditions: { leaseId: before } })).rejects.toMatchObject({ statusCode: 412 })
  await blob.delete({ conditions: { leaseId: '22222222-2222-2222-2222-222222222222' } })
})

test('a leased container is removed only by the holder', async () => {
  const held = box.getBlobLeaseClient()
  await held.acquireLease(30)
  await expect(box.delete()).rejects.toMatchObject({ statusCode: 412, code: 'LeaseIdMissing' })
  await box.getBlockBlobClient('free').upload('x', 1)
  await box.delete({ conditions: { leaseId: held.leaseId } })
})

test('a lease survives the region', async () => {
  await lease.acquireLease(-1)
  bench = await bench.reopen()
  blob = bench.service.getContainerClient('box').getBlockBlobClient('leased')
  await expect(blob.upload('2', 1)).rejects.toMatchObject({ code: 'LeaseIdMissing' })
  await blob.upload('2', 1, { conditions: { leaseId: lease.leaseId } })
})
