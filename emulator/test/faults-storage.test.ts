import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Fault } from '../src/faults-kinds.ts'
import { readFault } from '../src/faults-read.ts'
import { type Bench, openBench, urlOf } from './storage-client.ts'

let bench: Bench
let box: ContainerClient

beforeAll(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
  for (const name of ['a', 'b', 'c', 'd', 'e']) await upload(name)
})

afterEach(() => bench.region.faults.set([]))

afterAll(() => bench?.close())

function faults(...list: Readonly<Record<string, unknown>>[]): void {
  bench.region.faults.set(list.map((one): Fault => readFault(one, [])))
}

async function upload(name: string, text = `body of ${name}`): Promise<void> {
  await box.getBlockBlobClient(name).upload(text, text.length)
}

/** Status and code of what the vendor's client rejects with. */
async function refusal(work: Promise<unknown>): Promise<readonly unknown[]> {
  const thrown: unknown = await work.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  return thrown instanceof RestError ? [thrown.statusCode, thrown.code] : [thrown]
}

/** Names on each page that the vendor's iterator brings. */
async function pages(most = 9): Promise<string[]> {
  const seen: string[] = []
  for await (const { segment } of box.listBlobsFlat().byPage({ maxPageSize: 2 })) {
    seen.push(segment.blobItems.map(({ name }) => name).join(''))
    if (seen.length === most) break
  }
  return seen
}

function acknowledged(name: string): number {
  return bench.region.activity.since(0).filter(({ subject }) => subject.endsWith(`/box/${name}`)).length
}

it('a blob whose answer is lost is there, and in the record', async () => {
  faults({ is: 'lost-answer', route: 'PUT /box/lost', times: 1 })
  expect(await refusal(upload('lost'))).toEqual([504, 'GatewayTimeout'])
  expect(acknowledged('lost')).toBe(1)
  expect((await box.getBlobClient('lost').downloadToBuffer()).toString()).toBe('body of lost')
  await box.getBlobClient('lost').delete()
})

it('a blob that is cut short on its way is read anew from where it broke off', async () => {
  await upload('f', 'x'.repeat(5000))
  faults({ is: 'reset', plane: 'blob', route: 'GET /box/f', afterBytes: 100, times: 1 })
  const { readableStreamBody } = await box.getBlobClient('f').download(0, undefined, { maxRetryRequests: 0 })
  await expect(
    (async () => {
      for await (const _ of readableStreamBody ?? []);
    })(),
  ).rejects.toThrow()
  faults({ is: 'reset', plane: 'blob', route: 'GET /box/f', afterBytes: 100, times: 1 })
  expect(await box.getBlobClient('f').downloadToBuffer()).toHaveLength(5000)
  await box.getBlobClient('f').delete()
})

it('a list of blobs brings a page twice, is stale, or loses its marker', async () => {
  faults({ is: 'duplicate-page', times: 1 })
  expect(await pages()).toEqual(['ab', 'ab', 'cd', 'e'])
  faults({ is: 'lost-page-token', plane: 'blob' })
  expect(await refusal(pages())).toEqual([400, 'InvalidQueryParameterValue'])
  faults({ is: 'stale-list' })
  await upload('new')
  expect(await pages()).toEqual(['ab', 'cd', 'e'])
  expect(await box.getBlobClient('new').exists()).toBe(true)
  faults()
  expect(await pages()).toEqual(['ab', 'cd', 'enew'])
})

it('a view that is older than a list may lag is taken anew', async () => {
  faults({ is: 'stale-list', seconds: 60 })
  await upload('later')
  expect((await pages()).join('')).not.toContain('later')
  bench.region.clock.shift(61_000)
  expect((await pages()).join('')).toContain('later')
  bench.region.clock.shift(0)
})

it('an ETag that is right is refused, and the blob stays as it was', async () => {
  const { etag } = await box.getBlobClient('a').getProperties()
  const change = () =>
    box.getBlockBlobClient('a').upload('changed', 7, { conditions: etag === undefined ? {} : { ifMatch: etag } })
  faults({ is: 'wrong-etag', times: 1 })
  expect(await refusal(change())).toEqual([412, 'ConditionNotMet'])
  expect((await box.getBlobClient('a').downloadToBuffer()).toString()).toBe('body of a')
  await change()
})

/** The vendor's client of the account with a bearer token in place of a key. */
async function signedIn(): Promise<BlobServiceClient> {
  const token = await bench.region.tokens.issue({
    subject: 'tester',
    audience: 'https://storage.azure.com',
    lifetimeSeconds: 3600,
  })
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
  return new BlobServiceClient(urlOf(bench.account), credential, bench.options)
}

it('an expired bearer is refused, and a key is not', async () => {
  const container = (await signedIn()).getContainerClient('box')
  faults({ is: 'expired-token', plane: 'blob' })
  expect(await refusal(container.listBlobsFlat().next())).toEqual([401, 'InvalidAuthenticationInfo'])
  expect(await box.getBlobClient('b').exists()).toBe(true)
  faults()
  expect(await container.getBlobClient('b').exists()).toBe(true)
})

it('a full disk takes no blob, and says nothing of one in the record', async () => {
  faults({ is: 'disk-full' })
  expect(await refusal(upload('much'))).toEqual([507, 'InsufficientStorage'])
  expect((await box.getBlobClient('c').downloadToBuffer()).toString()).toBe('body of c')
  const until = new Date(Date.now() + 60_000)
  expect((await (await signedIn()).getUserDelegationKey(new Date(), until)).value).not.toBe('')
  expect(acknowledged('much')).toBe(0)
  faults()
  expect(await box.getBlobClient('much').exists()).toBe(false)
})

it('an operation is throttled by the name that the vendor’s spec gives it', async () => {
  faults({ is: 'throttle', route: 'BlockBlob_Upload', retryAfterAs: 'absent' })
  expect(await refusal(upload('more'))).toEqual([503, 'ServerBusy'])
  expect(await box.getBlobClient('d').exists()).toBe(true)
})
