import { buffer } from 'node:stream/consumers'
import type { ContainerClient, PageBlobClient, PageBlobGetPageRangesResponse } from '@azure/storage-blob'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Bench, openBench } from './storage-client.ts'

const PAGE = 512
const MIB = 1024 * 1024

let bench: Bench
let box: ContainerClient

beforeEach(async () => {
  bench = await openBench()
  box = bench.service.getContainerClient('box')
  await box.create()
})

afterEach(() => bench.close())

function pages(letter: string, count = 1): Buffer {
  return Buffer.alloc(PAGE * count, letter)
}

async function bytes(blob: PageBlobClient, from = 0, count?: number): Promise<Buffer> {
  const { readableStreamBody } = await blob.download(from, count)
  return readableStreamBody === undefined ? Buffer.alloc(0) : buffer(readableStreamBody)
}

async function rangesOf(blob: PageBlobClient): Promise<Ranges> {
  return pairs((await blob.getPageRanges()).pageRange)
}

type Ranges = readonly (readonly [from: number, length: number])[]

/** The vendor's client takes the last byte for the first one behind the range. */
function pairs(ranges: PageBlobGetPageRangesResponse['pageRange'] = []): Ranges {
  return ranges.map(({ offset, count = 0 }) => [offset, count + 1] as const)
}

test('a page blob holds what was written and zeros elsewhere, also after a restart', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(8 * MIB)
  const wide = Buffer.concat([pages('a', 200), pages('b', 200)])
  await disk.uploadPages(wide, 60 * PAGE, wide.length)
  await disk.uploadPages(pages('c'), 5 * MIB, PAGE)
  await disk.clearPages(100 * PAGE, 10 * PAGE)
  const expected = Buffer.alloc(8 * MIB)
  expected.set(wide, 60 * PAGE)
  expected.fill(0, 100 * PAGE, 110 * PAGE)
  expected.set(pages('c'), 5 * MIB)
  bench = await bench.reopen()
  const again = bench.service.getContainerClient('box').getPageBlobClient('disk')
  expect((await bytes(again)).equals(expected)).toBe(true)
  expect((await bytes(again, 60 * PAGE - 3, 7)).equals(expected.subarray(60 * PAGE - 3, 60 * PAGE + 4))).toBe(true)
  expect(await rangesOf(again)).toEqual([
    [60 * PAGE, 40 * PAGE],
    [110 * PAGE, 350 * PAGE],
    [5 * MIB, PAGE],
  ])
})

test('a snapshot of a page blob stays as it was, and tells what has changed since', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(16 * PAGE)
  await disk.uploadPages(pages('a', 4), 0, 4 * PAGE)
  const { snapshot = '' } = await disk.createSnapshot()
  await disk.uploadPages(pages('b'), PAGE, PAGE)
  await disk.uploadPages(pages('c'), 8 * PAGE, PAGE)
  await disk.clearPages(3 * PAGE, PAGE)
  expect((await bytes(disk.withSnapshot(snapshot), 0, 4 * PAGE)).equals(pages('a', 4))).toBe(true)
  const { pageRange, clearRange } = await disk.getPageRangesDiff(0, 16 * PAGE, snapshot)
  expect(pairs(pageRange)).toEqual([
    [PAGE, PAGE],
    [8 * PAGE, PAGE],
  ])
  expect(pairs(clearRange)).toEqual([[3 * PAGE, PAGE]])
  await disk.delete({ deleteSnapshots: 'include' })
  await disk.create(16 * PAGE)
  expect(await rangesOf(disk)).toEqual([])
})

test('a copy of a page blob has its pages, and changes alone', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(4 * PAGE, { blobSequenceNumber: 3 })
  await disk.uploadPages(pages('a'), PAGE, PAGE)
  const copy = box.getPageBlobClient('copy')
  await (await copy.beginCopyFromURL(disk.url)).pollUntilDone()
  await disk.uploadPages(pages('b'), PAGE, PAGE)
  expect((await bytes(copy, PAGE, PAGE)).equals(pages('a'))).toBe(true)
  expect(await copy.getProperties()).toMatchObject({
    blobType: 'PageBlob',
    contentLength: 4 * PAGE,
    blobSequenceNumber: 3,
  })
})

test('a page blob that shrinks forgets what was behind its end', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(400 * PAGE)
  await disk.uploadPages(pages('a', 400), 0, 400 * PAGE)
  await disk.resize(3 * PAGE)
  await disk.resize(400 * PAGE)
  expect(await rangesOf(disk)).toEqual([[0, 3 * PAGE]])
  expect((await bytes(disk, 3 * PAGE)).equals(Buffer.alloc(397 * PAGE))).toBe(true)
})

test('ranges of pages come in pages of the list', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(20 * PAGE)
  for (const at of [0, 2, 4, 6, 8]) await disk.uploadPages(pages('a'), at * PAGE, PAGE)
  const found: number[] = []
  for await (const page of disk.listPageRanges().byPage({ maxPageSize: 2 })) {
    for (const { start } of page.pageRange ?? []) found.push(start / PAGE)
  }
  expect(found).toEqual([0, 2, 4, 6, 8])
})

test('of writers that all expect the same sequence number, one after another is refused once it has moved', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(4 * PAGE)
  await disk.uploadPages(pages('a'), 0, PAGE, { conditions: { ifSequenceNumberEqualTo: 0 } })
  await disk.updateSequenceNumber('increment')
  const stale = disk.uploadPages(pages('b'), 0, PAGE, { conditions: { ifSequenceNumberEqualTo: 0 } })
  await expect(stale).rejects.toMatchObject({ statusCode: 412, code: 'SequenceNumberConditionNotMet' })
  expect((await bytes(disk, 0, PAGE)).equals(pages('a'))).toBe(true)
})

test('the highest sequence number is not passed', async () => {
  const disk = box.getPageBlobClient('disk')
  await disk.create(4 * PAGE, { blobSequenceNumber: Number.MAX_SAFE_INTEGER })
  const over = disk.updateSequenceNumber('increment')
  await expect(over).rejects.toMatchObject({ statusCode: 409, code: 'SequenceNumberIncrementTooLarge' })
  expect(await disk.getProperties()).toMatchObject({ blobSequenceNumber: Number.MAX_SAFE_INTEGER })
})

test('names of metadata keep their case, here and after a copy', async () => {
  const blob = box.getBlockBlobClient('cased')
  await blob.upload('x', 1, { metadata: { MixedCase: 'a', lower: 'b' } })
  await box.getBlockBlobClient('copy').syncCopyFromURL(blob.url)
  for await (const item of box.listBlobsFlat({ includeMetadata: true })) {
    expect(item.metadata, item.name).toEqual({ MixedCase: 'a', lower: 'b' })
  }
})
