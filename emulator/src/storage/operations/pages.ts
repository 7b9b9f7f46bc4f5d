import type { Call, Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Blob } from '../catalogue.ts'
import { checkRead, conditionsOf } from '../conditions.ts'
import { checkLease } from '../lease.ts'
import { PAGE, type PageRange } from '../pages.ts'
import { invalidHeader, invalidQuery, missingHeader } from '../refusals.ts'
import {
  blobOf,
  changeable,
  headerOf,
  keptHeaders,
  noteOf,
  numberHeader,
  receiveBytes,
  refuseArchived,
  requiredHeader,
  type StorageRequest,
  sequenceHeader,
  stamps,
  writable,
} from '../request.ts'
import { document, element, optional } from '../xml.ts'
import { parseRange } from './reading.ts'
import { checkName, newBlob, written } from './writing.ts'

const LARGEST = 8 * 1024 ** 4
const MOST_RANGES = 10_000

/** Put Blob of a page blob: as long as it says, and empty. */
export async function putPageBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  checkName(target.blob)
  requiredHeader(call, 'x-ms-blob-content-length')
  const length = sizeOf(call) ?? 0
  const sequence = sequenceOf(call) ?? 0
  const wanted = newBlob(call, 'PageBlob', { md5: headerOf(call, 'x-ms-blob-content-md5') ?? null, sha256: null })
  return call.commit(() => {
    const { container } = writable(request)
    const blob = blobs.catalogue.put(container.key, target.blob, { ...wanted, pages: length, sequence }, [])
    return { status: 201, headers: written(blob), note: noteOf(target, blob) }
  })
}

/** Put Page: writes whole pages, or clears them. */
export async function putPage(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const mode = requiredHeader(call, 'x-ms-page-write').toLowerCase()
  if (mode !== 'update' && mode !== 'clear') throw invalidHeader('x-ms-page-write', mode)
  const range = pagesOf(call)
  const content = mode === 'update' ? await receiveBytes(request) : undefined
  const sent = content?.length ?? numberHeader(call, 'content-length') ?? 0
  if (sent !== (mode === 'update' ? range.to - range.from : 0)) throw invalidHeader('Content-Length', String(sent))
  return call.commit(() => {
    const before = pageBlob(request)
    if (range.to > before.length) throw badPages()
    checkSequence(call, before)
    if (content === undefined) blobs.pages.erase(before.key, range)
    else blobs.pages.write(before.key, range, content.data)
    const blob = blobs.catalogue.change(before, {})
    const md5 = content?.md5 == null ? {} : { 'content-md5': content.md5 }
    const crc64 = content?.crc64 == null ? {} : { 'x-ms-content-crc64': content.crc64 }
    const facts = { from: range.from, to: range.to, pages: content?.sha256 ?? 'cleared' }
    const headers = { ...written(blob), ...md5, ...crc64, ...sequenceHeader(blob) }
    return { status: 201, headers, note: noteOf(target, blob, facts) }
  })
}

/** Get Page Ranges: what was written, or what has changed since a snapshot. */
export async function getPageRanges(request: StorageRequest): Promise<Reply> {
  const { call, blobs, clock } = request
  const blob = blobOf(request)
  if (blob.kind !== 'PageBlob') throw wrongKind()
  if (call.query.has('prevsnapshoturl') || headerOf(call, 'x-ms-previous-snapshot-url') !== undefined) {
    throw notImplemented(`${call.operation} with the URL of a snapshot`)
  }
  checkRead(conditionsOf(call.headers), blob)
  const about = { now: clock.now(), on: 'Blob', writes: false } as const
  checkLease(blob.lease, headerOf(call, 'x-ms-lease-id'), about)
  const sent = headerOf(call, 'x-ms-range') ?? headerOf(call, 'range')
  const range = (sent === undefined ? undefined : parseRange(sent, blob.length)) ?? { from: 0, to: blob.length }
  const previous = call.query.get('prevsnapshot')
  const found =
    previous === null
      ? { written: blobs.pages.written(blob.key, range), cleared: [] }
      : blobs.pages.changed(snapshotOf(request, blob, previous).key, blob.key, range)
  const { items, next } = pageOf(call, found)
  const body = items.map(({ name, from, to }) => element(name, optional('Start', from) + optional('End', to - 1)))
  const headers = { 'content-type': 'application/xml', 'x-ms-blob-content-length': String(blob.length) }
  return {
    status: 200,
    headers: { ...headers, ...stamps(blob) },
    body: document(element('PageList', body.join('') + optional('NextMarker', next))),
  }
}

/** Set Blob Properties: every header that is not sent is cleared. */
export async function setBlobHeaders(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const md5 = headerOf(call, 'x-ms-blob-content-md5') ?? null
  return call.commit(() => {
    const before = changeable(request)
    refuseArchived(before)
    const change = { headers: keptHeaders(call, false), md5, ...resized(request, before) }
    const blob = blobs.catalogue.change(before, change)
    return {
      status: 200,
      headers: { ...stamps(blob), ...sequenceHeader(blob) },
      note: noteOf(target, blob, { headers: blob.headers }),
    }
  })
}

/** What Set Blob Properties changes of a page blob beside its headers. */
function resized(request: StorageRequest, before: Blob): Partial<Pick<Blob, 'length' | 'sequence' | 'headers'>> {
  const { call, blobs } = request
  const length = sizeOf(call)
  const action = headerOf(call, 'x-ms-sequence-number-action')?.toLowerCase()
  if (length === undefined && action === undefined) return {}
  if (before.kind !== 'PageBlob') throw wrongKind()
  if (length !== undefined) blobs.pages.truncate(before.key, length)
  const sequence = action === undefined ? before.sequence : sequenceAfter(call, action, before.sequence)
  // Without a header of its own such a request leaves the headers as they are.
  const { contentType, ...others } = keptHeaders(call, false)
  const sends = Object.keys(others).length > 0 || headerOf(call, 'x-ms-blob-content-type') !== undefined
  const headers = sends ? { contentType, ...others } : before.headers
  return { length: length ?? before.length, sequence, headers }
}

function sequenceAfter(call: Call, action: string, now: number): number {
  const given = sequenceOf(call)
  if (action === 'increment') {
    if (given !== undefined) throw invalidHeader('x-ms-blob-sequence-number', String(given))
    if (now === Number.MAX_SAFE_INTEGER) throw tooLarge()
    return now + 1
  }
  if (action !== 'max' && action !== 'update') throw invalidHeader('x-ms-sequence-number-action', action)
  if (given === undefined) throw missingHeader('x-ms-blob-sequence-number')
  return action === 'max' ? Math.max(now, given) : given
}

function pageBlob(request: StorageRequest): Blob {
  const blob = changeable(request)
  if (blob.kind !== 'PageBlob') throw wrongKind()
  return blob
}

function snapshotOf({ blobs }: StorageRequest, blob: Blob, name: string): Blob {
  const found = blobs.catalogue.get(blob.container, blob.name, name)
  if (name === '') throw invalidQuery('prevsnapshot', name)
  if (found === undefined) {
    throw new Refusal(409, 'PreviousSnapshotNotFound', 'The previous snapshot is not found.')
  }
  if (blob.snapshot !== '' && name > blob.snapshot) {
    throw new Refusal(409, 'PreviousSnapshotCannotBeNewer', 'The prevsnapshot query parameter is newer than snapshot.')
  }
  return found
}

interface Item extends PageRange {
  readonly name: 'PageRange' | 'ClearRange'
}

/** One page of the answer, in order of place. The marker is the place where the next one starts. */
function pageOf(
  call: Call,
  found: { written: readonly PageRange[]; cleared: readonly PageRange[] },
): { items: Item[]; next: number | undefined } {
  const asked = call.query.get('maxresults')
  const limit = asked === null ? MOST_RANGES : Number(asked)
  if (!Number.isInteger(limit) || limit < 1) throw invalidQuery('maxresults', asked ?? '')
  const marker = Number(call.query.get('marker') ?? 0)
  if (!Number.isInteger(marker) || marker < 0) throw invalidQuery('marker', String(marker))
  const all = [
    ...found.written.map((range) => ({ name: 'PageRange', ...range }) as const),
    ...found.cleared.map((range) => ({ name: 'ClearRange', ...range }) as const),
  ]
  const items = all.filter(({ from }) => from >= marker).toSorted((one, other) => one.from - other.from)
  const most = Math.min(limit, MOST_RANGES)
  return { items: items.slice(0, most), next: items[most]?.from }
}

function pagesOf(call: Call): PageRange {
  const text = headerOf(call, 'x-ms-range') ?? headerOf(call, 'range')
  if (text === undefined) throw missingHeader('x-ms-range')
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(text) ?? []
  const range = { from: Number(first), to: Number(last) + 1 }
  if (first === '' || range.from % PAGE !== 0 || range.to % PAGE !== 0 || range.to <= range.from) throw badPages()
  return range
}

function sizeOf(call: Call): number | undefined {
  const size = numberHeader(call, 'x-ms-blob-content-length')
  if (size !== undefined && (size < 0 || size > LARGEST || size % PAGE !== 0)) {
    throw invalidHeader('x-ms-blob-content-length', String(size))
  }
  return size
}

function sequenceOf(call: Call): number | undefined {
  const number = numberHeader(call, 'x-ms-blob-sequence-number')
  if (number !== undefined && (number < 0 || !Number.isSafeInteger(number))) {
    throw invalidHeader('x-ms-blob-sequence-number', String(number))
  }
  return number
}

/** How the blob's number must stand to that of the condition. */
const SEQUENCE_CONDITIONS: Readonly<Record<string, (now: number, given: number) => boolean>> = {
  'x-ms-if-sequence-number-le': (now, given) => now <= given,
  'x-ms-if-sequence-number-lt': (now, given) => now < given,
  'x-ms-if-sequence-number-eq': (now, given) => now === given,
}

function checkSequence(call: Call, { sequence }: Blob): void {
  for (const [name, holds] of Object.entries(SEQUENCE_CONDITIONS)) {
    const given = numberHeader(call, name)
    if (given !== undefined && !holds(sequence, given)) {
      throw new Refusal(412, 'SequenceNumberConditionNotMet', 'The sequence number condition specified was not met.')
    }
  }
}

function tooLarge(): Refusal {
  const message =
    'The sequence number increment cannot be performed because it would result in overflow of the sequence number.'
  return new Refusal(409, 'SequenceNumberIncrementTooLarge', message)
}

function badPages(): Refusal {
  return new Refusal(416, 'InvalidPageRange', 'The page range specified is invalid.')
}

function wrongKind(): Refusal {
  return new Refusal(409, 'InvalidBlobType', 'The blob type is invalid for this operation.')
}
