import type { Readable } from 'node:stream'
import type { Call, Note, Reply } from '../call.ts'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Container } from './accounts.ts'
import type { Grant } from './authorize.ts'
import type { Blobs } from './blobs.ts'
import type { Blob, BlobHeaders } from './catalogue.ts'
import { checkWrite, conditionsOf } from './conditions.ts'
import { type Content, INLINE, summed } from './contents.ts'
import type { Copies } from './copies.ts'
import { checkLease } from './lease.ts'
import { forbidden, invalidHeader, missingHeader, noBlob, noContainer } from './refusals.ts'
import type { Target } from './target.ts'

/** A request to the blob service, with what its operation needs to answer it. */
export interface StorageRequest {
  readonly call: Call
  readonly target: Target
  readonly grant: Grant
  readonly blobs: Blobs
  readonly copies: Copies
  readonly clock: Clock
  /** Answers a request within the request, from its authorization on; a refusal is an answer too. */
  readonly answer: (call: Call) => Promise<Reply>
}

/** A header's one value, or `undefined` where it is absent or empty. */
export function headerOf(call: Pick<Call, 'headers'>, name: string): string | undefined {
  const value = call.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A header's value, or the refusal for its absence. */
export function requiredHeader(call: Call, name: string): string {
  const value = headerOf(call, name)
  if (value === undefined) throw missingHeader(name)
  return value
}

/** A header that holds a whole number, or `undefined` where it is absent. */
export function numberHeader(call: Call, name: string): number | undefined {
  const value = headerOf(call, name)
  if (value === undefined) return undefined
  if (!/^-?\d+$/.test(value)) throw invalidHeader(name, value)
  return Number(value)
}

export function containerOf(request: StorageRequest): Container {
  const container = request.blobs.accounts.container(request.target.account, request.target.container)
  if (container === undefined) throw noContainer()
  return container
}

/** The blob, or the snapshot of it, that a request is about. */
export function blobOf(request: StorageRequest): Blob {
  const { call, target, blobs } = request
  const blob = blobs.catalogue.get(containerOf(request).key, target.blob, call.query.get('snapshot') ?? '')
  if (blob === undefined) throw noBlob()
  return blob
}

/**
 * What stands where a write wants to go, after checking that conditions, lease and grant allow the write.
 *
 * Call it inside the write's transaction: only there does its answer hold.
 */
export function writable(request: StorageRequest): { container: Container; found: Blob | undefined } {
  const { call, target, blobs, clock, grant } = request
  const container = containerOf(request)
  const found = blobs.catalogue.get(container.key, target.blob)
  checkWrite(conditionsOf(call.headers), found)
  if (found !== undefined && grant.letters !== undefined && !/[wa]/.test(grant.letters)) {
    throw forbidden('UnauthorizedBlobOverwrite', ' and may not overwrite the blob')
  }
  checkLease(found?.lease ?? null, headerOf(call, 'x-ms-lease-id'), { now: clock.now(), on: 'Blob', writes: true })
  if (found?.copy?.status === 'pending') {
    throw new Refusal(409, 'PendingCopyOperation', 'There is currently a pending copy operation.')
  }
  return { container, found }
}

/** Refuses what is done to the bytes of an archived blob, as the vendor's page on access tiers says. */
export function refuseArchived(blob: Blob | undefined): void {
  if (blob?.tier === 'Archive') {
    throw new Refusal(409, 'BlobArchived', 'This operation is not permitted on an archived blob.')
  }
}

/** {@link writable} for operations that change what is there. */
export function changeable(request: StorageRequest): Blob {
  const { container, target, blobs } = { ...request, container: containerOf(request) }
  if (blobs.catalogue.get(container.key, target.blob) === undefined) throw noBlob()
  const { found } = writable({ ...request, grant: { ...request.grant, letters: undefined } })
  if (found === undefined) throw noBlob()
  return found
}

/** True where the whole body is known to fit into the row. */
export function isSmall(call: Call): boolean {
  return Number(call.headers['content-length'] ?? Number.NaN) <= INLINE
}

/** Takes the body in, and checks it against the digests that came with it. */
export async function receiveBody(request: StorageRequest, md5: boolean): Promise<Content> {
  const { call, blobs } = request
  checkLength(call)
  const sentMd5 = headerOf(call, 'content-md5')
  const sentCrc64 = headerOf(call, 'x-ms-content-crc64')
  const body = isSmall(call) ? await collected(call.body) : call.body
  const content = await blobs.contents.receive(body, {
    md5: md5 || sentMd5 !== undefined,
    crc64: sentCrc64 !== undefined,
  })
  try {
    verify(content, sentMd5, sentCrc64)
  } catch (failure) {
    if (content.file !== null) blobs.contents.discard(content.file)
    throw failure
  }
  return content
}

/** A body that is text, checked against the digests that came with it. The record keeps it, within its own limit. */
export async function receiveText({ call }: StorageRequest, limit?: number): Promise<string> {
  const bytes = await call.bytes(limit)
  const [md5, crc64] = [headerOf(call, 'content-md5'), headerOf(call, 'x-ms-content-crc64')]
  verify(summed(bytes, { md5: md5 !== undefined, crc64: crc64 !== undefined }), md5, crc64)
  return bytes.toString('utf8')
}

/** A body that is needed at once, within the operation's limit. The record does not keep it. */
export async function receiveBytes(request: StorageRequest): Promise<Content & { readonly data: Uint8Array }> {
  const { call } = request
  checkLength(call)
  const [md5, crc64] = [headerOf(call, 'content-md5'), headerOf(call, 'x-ms-content-crc64')]
  const content = summed(await collected(call.body), { md5: md5 !== undefined, crc64: crc64 !== undefined })
  verify(content, md5, crc64)
  return content
}

const MIB = 1024 * 1024
/** The vendor's limits of one request; for other operations that of the largest. */
const LIMITS: Readonly<Record<string, number>> = {
  BlockBlob_StageBlock: 4000 * MIB,
  AppendBlob_AppendBlock: 100 * MIB,
  PageBlob_UploadPages: 4 * MIB,
  Service_SubmitBatch: 4 * MIB,
  Container_SubmitBatch: 4 * MIB,
}
const LARGEST = 5000 * MIB

function checkLength(call: Call): void {
  const length = numberHeader(call, 'content-length')
  if (length === undefined) throw new Refusal(411, 'MissingContentLengthHeader', 'Content-Length is required.')
  const limit = LIMITS[call.operation] ?? LARGEST
  if (length > limit) {
    throw new Refusal(413, 'RequestBodyTooLarge', `The request body has ${length} bytes; the limit is ${limit}.`)
  }
}

/** All of a small body. Listening costs less than iterating. */
function collected(body: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    body.on('data', (chunk: Buffer) => chunks.push(chunk))
    body.once('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)))
    body.once('error', reject)
    body.once('close', () => reject(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })))
  })
}

/** Runs a transaction that takes received bytes over. Where it is refused, the bytes go. */
export async function keeping<T>(request: StorageRequest, content: Content, commit: () => Promise<T>): Promise<T> {
  try {
    return await commit()
  } catch (failure) {
    if (content.file !== null) request.blobs.contents.discard(content.file)
    throw failure
  }
}

export function verify(content: Content, md5: string | undefined, crc64: string | undefined): void {
  if (md5 !== undefined && md5 !== content.md5) {
    throw new Refusal(
      400,
      'Md5Mismatch',
      `The MD5 value specified in the request did not match with the MD5 value calculated by the server: ${md5} is not ${content.md5}.`,
    )
  }
  if (crc64 !== undefined && crc64 !== content.crc64) {
    throw new Refusal(
      400,
      'Crc64Mismatch',
      `The CRC64 value specified in the request did not match with the CRC64 value calculated by the server: ${crc64} is not ${content.crc64}.`,
    )
  }
}

const META = 'x-ms-meta-'

/** Metadata of a request, with its names in the case in which they were sent. */
export function metadataOf(call: Pick<Call, 'headers' | 'rawHeaders'>): Record<string, string> {
  const found: Record<string, string> = {}
  const sent = new Map((call.rawHeaders ?? []).map((name) => [name.toLowerCase(), name]))
  for (const header of Object.keys(call.headers)) {
    if (!header.startsWith(META)) continue
    const name = (sent.get(header) ?? header).slice(META.length)
    if (!/^[a-z_][a-z0-9_]*$/i.test(name)) {
      throw new Refusal(400, 'InvalidMetadata', `The metadata name '${name}' is not valid.`)
    }
    found[name] = String(call.headers[header])
  }
  return found
}

/** Tags that came with a write in one header, as a query string. */
export function tagsOf(call: Call): Record<string, string> {
  return checkedTags([...new URLSearchParams(headerOf(call, 'x-ms-tags') ?? '')])
}

const MOST_TAGS = 10
/** Letters, digits, space and + - . / : = _, as the vendor's page "Set Blob Tags" lists them. */
const TAG_TEXT = /^[\w +\-./:=]*$/

/** Tags with the vendor's limits on their number, length and letters. */
export function checkedTags(tags: readonly (readonly [key: string, value: string])[]): Record<string, string> {
  const isLong = ([key, value]: readonly [string, string]) => key === '' || key.length > 128 || value.length > 256
  if (tags.length > MOST_TAGS || tags.some(isLong)) {
    throw new Refusal(400, 'TagsTooLarge', 'The tags specified exceed the maximum permissible limit.')
  }
  if (tags.some(([key, value]) => !TAG_TEXT.test(key) || !TAG_TEXT.test(value))) {
    throw new Refusal(400, 'InvalidInput', 'A tag holds a character that tags may not hold.')
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new Refusal(400, 'DuplicateTagNames', 'The tags specified contain duplicate names.')
  }
  return Object.fromEntries(tags)
}

/** Headers that a new blob keeps; `inherited` are the request's own, which stand in for absent ones. */
export function keptHeaders(call: Call, inherited: boolean): BlobHeaders {
  const of = (name: string) => headerOf(call, `x-ms-blob-${name}`) ?? (inherited ? headerOf(call, name) : undefined)
  const [encoding, language, disposition] = [of('content-encoding'), of('content-language'), of('content-disposition')]
  const cache = of('cache-control')
  return {
    contentType: of('content-type') ?? 'application/octet-stream',
    ...(encoding === undefined ? {} : { contentEncoding: encoding }),
    ...(language === undefined ? {} : { contentLanguage: language }),
    ...(disposition === undefined ? {} : { contentDisposition: disposition }),
    ...(cache === undefined ? {} : { cacheControl: cache }),
  }
}

/** `ETag` and `Last-Modified` of what a request was about. */
export function stamps(of: { readonly etag: string; readonly modified: number }): Record<string, string> {
  return { etag: of.etag, 'last-modified': new Date(of.modified).toUTCString() }
}

/** Number of the last ordered write, which answers about page blobs carry. */
export function sequenceHeader({ kind, sequence }: Blob): Record<string, string> {
  return kind === 'PageBlob' ? { 'x-ms-blob-sequence-number': String(sequence) } : {}
}

/** What the activity log keeps of a write to a blob. */
export function noteOf(target: Target, blob: Blob, facts: Readonly<Record<string, unknown>> = {}): Note {
  return {
    subject: `blob/${target.account}/${target.container}/${target.blob}`,
    ...(blob.sha256 === null ? {} : { sha256: blob.sha256 }),
    facts: { etag: blob.etag, length: blob.length, ...facts },
  }
}

/** What the activity log keeps of a write to a container. */
export function containerNote(target: Target, facts: Readonly<Record<string, unknown>> = {}): Note {
  return { subject: `container/${target.account}/${target.container}`, facts }
}
