import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Blobs } from '../blobs.ts'
import type { Blob } from '../catalogue.ts'
import { checkRead, conditionsOf } from '../conditions.ts'
import { checkLease } from '../lease.ts'
import { blobOf, headerOf, refuseArchived, type StorageRequest, sequenceHeader, stamps } from '../request.ts'
import { publicUrl } from '../url.ts'
import { leaseHeaders } from './containers.ts'

const LARGEST_SUMMED_RANGE = 4 * 1024 * 1024

export async function getBlob(request: StorageRequest): Promise<Reply> {
  const { call, blobs, clock } = request
  const blob = readable(request)
  refuseArchived(blob)
  const range = rangeOf(call, blob.length)
  const headers: Record<string, string> = {
    ...describing(blob, clock.now()),
    ...overrides(call),
    ...(blob.kind === 'AppendBlob' ? { 'x-ms-blob-committed-block-count': String(blobs.parts.count(blob.key)) } : {}),
  }
  const { from, to } = range ?? { from: 0, to: blob.length }
  headers['content-length'] = String(to - from)
  if (range !== undefined) {
    headers['content-range'] = `bytes ${from}-${to - 1}/${blob.length}`
    delete headers['content-md5']
    if (blob.md5 !== null) headers['x-ms-blob-content-md5'] = blob.md5
  }
  const isSummed = range !== undefined && headerOf(call, 'x-ms-range-get-content-md5') === 'true'
  if (isSummed && to - from > LARGEST_SUMMED_RANGE) {
    throw new Refusal(400, 'OutOfRangeInput', 'The range of a request with x-ms-range-get-content-md5 is over 4 MiB.')
  }
  // From here on nothing is refused: files that are opened stay until they are read.
  const body = bytesOf(blobs, blob, { from, to })
  if (!isSummed) return { status: range === undefined ? 200 : 206, headers, body }
  const bytes = Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray())
  headers['content-md5'] = createHash('md5').update(bytes).digest('base64')
  return { status: 206, headers, body: bytes }
}

/** What fits into one row is at hand; the rest comes as a stream. */
function bytesOf(blobs: Blobs, blob: Blob, { from, to }: { from: number; to: number }): Buffer | Readable {
  if (blob.kind === 'PageBlob') return blobs.pages.stream(blob.key, { from, to })
  const parts = blobs.parts.of(blob)
  const only = parts.length === 1 ? parts[0]?.data : undefined
  return only ? Buffer.from(only.buffer, only.byteOffset + from, to - from) : blobs.contents.stream(parts, from, to)
}

export async function blobProperties(request: StorageRequest): Promise<Reply> {
  const { blobs, clock } = request
  const blob = readable(request)
  const headers: Record<string, string> = { ...describing(blob, clock.now()), 'content-length': String(blob.length) }
  if (blob.kind === 'AppendBlob') headers['x-ms-blob-committed-block-count'] = String(blobs.parts.count(blob.key))
  if (blob.kind === 'BlockBlob') Object.assign(headers, tierHeaders(blob))
  return { status: 200, headers }
}

function tierHeaders({ tier, tierChanged }: Blob): Record<string, string> {
  if (tier === null) return { 'x-ms-access-tier': 'Hot', 'x-ms-access-tier-inferred': 'true' }
  const changed = tierChanged === null ? {} : { 'x-ms-access-tier-change-time': new Date(tierChanged).toUTCString() }
  return { 'x-ms-access-tier': tier, ...changed }
}

export async function blobMetadata(request: StorageRequest): Promise<Reply> {
  const blob = readable(request)
  return { status: 200, headers: { ...stamps(blob), ...metadataHeaders(blob) } }
}

/** The blob, after checking that conditions and lease allow to read it. */
function readable(request: StorageRequest): Blob {
  const blob = blobOf(request)
  checkRead(conditionsOf(request.call.headers), blob)
  const about = { now: request.clock.now(), on: 'Blob', writes: false } as const
  checkLease(blob.lease, headerOf(request.call, 'x-ms-lease-id'), about)
  return blob
}

function describing(blob: Blob, now: number): Record<string, string> {
  const { headers } = blob
  const tags = Object.keys(blob.tags).length
  return {
    ...stamps(blob),
    'content-type': headers.contentType,
    ...(headers.contentEncoding === undefined ? {} : { 'content-encoding': headers.contentEncoding }),
    ...(headers.contentLanguage === undefined ? {} : { 'content-language': headers.contentLanguage }),
    ...(headers.contentDisposition === undefined ? {} : { 'content-disposition': headers.contentDisposition }),
    ...(headers.cacheControl === undefined ? {} : { 'cache-control': headers.cacheControl }),
    ...(blob.md5 === null ? {} : { 'content-md5': blob.md5 }),
    ...metadataHeaders(blob),
    ...leaseHeaders(blob, now),
    ...copyHeaders(blob),
    ...sequenceHeader(blob),
    ...(blob.sealed ? { 'x-ms-blob-sealed': 'true' } : {}),
    ...(tags === 0 ? {} : { 'x-ms-tag-count': String(tags) }),
    'accept-ranges': 'bytes',
    'x-ms-blob-type': blob.kind,
    'x-ms-creation-time': new Date(blob.created).toUTCString(),
    'x-ms-server-encrypted': 'true',
  }
}

function metadataHeaders(blob: Blob): Record<string, string> {
  return Object.fromEntries(Object.entries(blob.metadata).map(([name, value]) => [`x-ms-meta-${name}`, value]))
}

/** The headers that tell of the last copy into a blob. */
export function copyHeaders({ copy }: Blob): Record<string, string> {
  if (copy === null) return {}
  return {
    'x-ms-copy-id': copy.id,
    'x-ms-copy-source': publicUrl(copy.source),
    'x-ms-copy-status': copy.status,
    'x-ms-copy-progress': `${copy.copied}/${copy.total}`,
    ...(copy.ended === null ? {} : { 'x-ms-copy-completion-time': new Date(copy.ended).toUTCString() }),
    ...(copy.reason === null ? {} : { 'x-ms-copy-status-description': copy.reason }),
  }
}

const OVERRIDES = {
  rscc: 'cache-control',
  rscd: 'content-disposition',
  rsce: 'content-encoding',
  rscl: 'content-language',
  rsct: 'content-type',
} as const

/** Headers that a SAS sets in the answer. They are signed, so only a SAS may bring them. */
function overrides(call: Call): Record<string, string> {
  if (!call.query.has('sig')) return {}
  const found: Record<string, string> = {}
  for (const [parameter, name] of Object.entries(OVERRIDES)) {
    const value = call.query.get(parameter)
    if (value !== null) found[name] = value
  }
  return found
}

/** The range asked for, cut to the blob; `undefined` where the whole blob is meant. Refuses one that starts behind the end. */
export function rangeOf(call: Pick<Call, 'headers'>, length: number): { from: number; to: number } | undefined {
  const text = headerOf(call, 'x-ms-range') ?? headerOf(call, 'range')
  return text === undefined ? undefined : parseRange(text, length)
}

/** Reads `bytes=1-5` and `bytes=1-`. Other forms are ignored, as Azure ignores them. */
export function parseRange(text: string, length: number): { from: number; to: number } | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(text.trim()) ?? []
  if (first === undefined) return undefined
  const from = Number(first)
  const to = last === undefined || last === '' ? length : Math.min(Number(last) + 1, length)
  if (from >= length || to <= from) {
    throw new Refusal(416, 'InvalidRange', 'The range specified is invalid for the current size of the resource.', {
      'content-range': `bytes */${length}`,
    })
  }
  return { from, to }
}
