import { randomUUID } from 'node:crypto'
import type { Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { CopyState, NewBlob } from '../catalogue.ts'
import { checkSource, conditionsOf } from '../conditions.ts'
import type { Content } from '../contents.ts'
import { type Part, partOf } from '../parts.ts'
import {
  blobOf,
  changeable,
  headerOf,
  keeping,
  keptHeaders,
  metadataOf,
  noteOf,
  requiredHeader,
  type StorageRequest,
  tagsOf,
  verify,
  writable,
} from '../request.ts'
import type { Source } from '../sources.ts'
import { publicUrl } from '../url.ts'
import { blockId, keepAppended, keepBlock } from './blocks.ts'
import { parseRange } from './reading.ts'
import { checkName, newBlob, tierOf, written } from './writing.ts'

/** Copy Blob: done at once where the source is in this region, else pending while the bytes arrive. */
export async function copyBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, copies, clock } = request
  checkName(target.blob)
  writable(request)
  const source = await sourceOf(request)
  const isPending = source.parts === undefined
  const copy = isPending ? pending(source) : done(source, clock.now())
  return call.commit(() => {
    const { container } = writable(request)
    const parts = isPending ? [] : stillThere(request, source.parts ?? [])
    const sha256 = isPending ? null : source.sha256
    const blob = blobs.catalogue.put(container.key, target.blob, copied(request, source, { copy, sha256 }), parts)
    if (source.pages !== undefined) blobs.pages.copy(source.pages, blob.key)
    if (isPending) setImmediate(() => copies.start(blob, source))
    const note = noteOf(target, blob, { copy: copy.id, status: copy.status })
    return { status: 202, headers: { ...written(blob), ...copyTold(copy) }, note }
  })
}

/** The vendor's limits for a source that is fetched while the client waits. */
const MIB = 1024 * 1024
const LARGEST_SYNC_COPY = 256 * MIB
const LARGEST_PUT = 5000 * MIB

function checkSize(source: Source, limit: number): void {
  if (source.kind === 'PageBlob') {
    throw new Refusal(409, 'InvalidSourceBlobType', 'The copy source blob type is invalid for this operation.')
  }
  if (source.length > limit) {
    throw new Refusal(413, 'RequestBodyTooLarge', `The source has ${source.length} bytes; the limit is ${limit}.`)
  }
}

/** Copy Blob From URL: like Copy Blob, and answered when it is done. */
export async function copyFromUrl(request: StorageRequest): Promise<Reply> {
  const source = await sourceOf(request)
  checkSize(source, LARGEST_SYNC_COPY)
  const copy = done(source, request.clock.now())
  const wanted = copied(request, source, { copy, sha256: source.sha256 })
  const reply = await storeSource(request, source, wanted)
  return { ...reply, status: 202, headers: { ...reply.headers, ...copyTold(copy) } }
}

/** Put Blob From URL: a new block blob with the bytes of the source. */
export async function putFromUrl(request: StorageRequest): Promise<Reply> {
  const { call } = request
  const source = await sourceOf(request)
  checkSize(source, LARGEST_PUT)
  const own = newBlob(call, 'BlockBlob', {
    md5: headerOf(call, 'x-ms-blob-content-md5') ?? source.md5,
    sha256: source.sha256,
  })
  const keepsSource = headerOf(call, 'x-ms-copy-source-blob-properties') !== 'false'
  const wanted = keepsSource ? { ...own, headers: { ...source.headers, ...sentHeaders(request) } } : own
  return storeSource(request, source, wanted)
}

/** Put Block From URL. */
export async function putBlockFromUrl(request: StorageRequest): Promise<Reply> {
  const id = blockId(request.call)
  return keepBlock(request, id, await rangeOfSource(request))
}

/** Append Block From URL. */
export async function appendFromUrl(request: StorageRequest): Promise<Reply> {
  changeable(request)
  return keepAppended(request, await rangeOfSource(request))
}

/** Abort Copy Blob: the blob stays, without bytes. */
export async function abortCopy(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, copies, clock } = request
  const id = call.query.get('copyid') ?? ''
  const reply = await call.commit(() => {
    const blob = blobOf(request)
    if (blob.copy?.id !== id || blob.copy.status !== 'pending') {
      throw new Refusal(409, 'NoPendingCopyOperation', 'There is currently no pending copy operation.')
    }
    const copy = { ...blob.copy, status: 'aborted', ended: clock.now() } as const
    blobs.catalogue.note(blob, { copy })
    return { status: 204, note: noteOf(target, blob, { copy: id, status: 'aborted' }) }
  })
  copies.abort(id)
  return reply
}

async function sourceOf(request: StorageRequest): Promise<Source> {
  const { call, target, grant, copies } = request
  const source = await copies.sources.open(requiredHeader(call, 'x-ms-copy-source'), {
    authorization: headerOf(call, 'x-ms-copy-source-authorization'),
    trusted: grant.letters === undefined ? target.account : undefined,
  })
  checkSource(conditionsOf(call.headers, 'x-ms-source-'), source)
  return source
}

/** Stores the whole source: its parts are shared where that is possible, else its bytes are fetched first. */
async function storeSource(request: StorageRequest, source: Source, wanted: NewBlob): Promise<Reply> {
  const { call, target, blobs } = request
  checkName(target.blob)
  writable(request)
  const content = isShareable(request, source)
    ? undefined
    : await bytesOf(request, source, { from: 0, to: source.length })
  const commit = () =>
    call.commit(() => {
      const { container } = writable(request)
      const parts = content === undefined ? stillThere(request, source.parts ?? []) : [partOf(content)]
      const sums = content === undefined ? {} : { sha256: content.sha256 }
      const blob = blobs.catalogue.put(container.key, target.blob, { ...wanted, ...sums }, parts)
      const md5 = blob.md5 === null ? {} : { 'content-md5': blob.md5 }
      return { status: 201, headers: { ...written(blob), ...md5 }, note: noteOf(target, blob) }
    })
  return content === undefined ? commit() : keeping(request, content, commit)
}

/** A digest that the client sent must be checked on the bytes, so they are read even where they could be shared. */
function isShareable({ call }: StorageRequest, source: Source): boolean {
  const isSummed = headerOf(call, 'x-ms-source-content-md5') ?? headerOf(call, 'x-ms-source-content-crc64')
  return source.parts !== undefined && isSummed === undefined
}

async function rangeOfSource(request: StorageRequest): Promise<Content> {
  const source = await sourceOf(request)
  const range = headerOf(request.call, 'x-ms-source-range')
  const bounds = range === undefined ? undefined : parseRange(range, source.length)
  return bytesOf(request, source, bounds ?? { from: 0, to: source.length })
}

async function bytesOf(request: StorageRequest, source: Source, range: { from: number; to: number }): Promise<Content> {
  const { call, blobs } = request
  const md5 = headerOf(call, 'x-ms-source-content-md5')
  const crc64 = headerOf(call, 'x-ms-source-content-crc64')
  const stream = await source.read(range.from, range.to)
  const content = await blobs.contents.receive(stream, { md5: md5 !== undefined, crc64: crc64 !== undefined })
  return keeping(request, content, async () => {
    verify(content, md5, crc64)
    return content
  })
}

/** Parts of a source that was removed since it was opened may be without their files: then there is no source any more. */
function stillThere({ blobs }: StorageRequest, parts: readonly Part[]): readonly Part[] {
  if (parts.every(({ file }) => file === null || blobs.parts.inUse(file))) return parts
  throw new Refusal(404, 'CannotVerifyCopySource', 'The copy source was removed meanwhile.')
}

/** What a copy is, apart from its bytes: the source's headers and metadata, or the metadata that was sent. */
function copied(request: StorageRequest, source: Source, how: Pick<NewBlob, 'copy' | 'sha256'>): NewBlob {
  const { call } = request
  const metadata = metadataOf(call)
  return {
    kind: source.kind,
    headers: source.headers,
    md5: source.md5,
    metadata: Object.keys(metadata).length === 0 ? source.metadata : metadata,
    tags: tagsOf(call),
    tier: tierOf(call),
    ...(source.pages === undefined ? {} : { pages: source.length, sequence: source.sequence ?? 0 }),
    ...how,
  }
}

/** Headers of the new blob that the request sets itself. */
function sentHeaders({ call }: StorageRequest): Record<string, string> {
  const { contentType, ...others } = keptHeaders(call, false)
  return headerOf(call, 'x-ms-blob-content-type') === undefined ? others : { contentType, ...others }
}

function pending(source: Source): CopyState {
  const total = source.length
  return { id: randomUUID(), source: source.url, status: 'pending', copied: 0, total, ended: null, reason: null }
}

function done(source: Source, now: number): CopyState {
  const url = publicUrl(source.url)
  return { ...pending(source), source: url, status: 'success', copied: source.length, ended: now }
}

function copyTold(copy: CopyState): Record<string, string> {
  return { 'x-ms-copy-id': copy.id, 'x-ms-copy-status': copy.status }
}
