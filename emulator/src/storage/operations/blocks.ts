import { createHash } from 'node:crypto'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Blobs } from '../blobs.ts'
import type { Blob } from '../catalogue.ts'
import { checkRead, conditionsOf } from '../conditions.ts'
import type { Content } from '../contents.ts'
import { checkLease } from '../lease.ts'
import { type Part, partOf } from '../parts.ts'
import { invalidQuery, noBlob } from '../refusals.ts'
import {
  blobOf,
  changeable,
  containerOf,
  headerOf,
  keeping,
  noteOf,
  numberHeader,
  receiveBody,
  receiveText,
  refuseArchived,
  type StorageRequest,
  stamps,
  writable,
} from '../request.ts'
import { document, element, optional, parseXml } from '../xml.ts'
import { checkName, newBlob, written } from './writing.ts'

const MOST_BLOCKS = 50_000
const LONGEST_LIST = 16 * 1024 * 1024
/** Up to here a block list is read once more for the SHA-256 of the whole, which the activity log keeps. */
const SUMMED = 8 * 1024 * 1024

export async function putBlock(request: StorageRequest): Promise<Reply> {
  allowBlock(request)
  const id = blockId(request.call)
  const content = await receiveBody(request, false)
  return keepBlock(request, id, content)
}

/** Stores received bytes as an uncommitted block. */
export function keepBlock(request: StorageRequest, id: string, content: Content): Promise<Reply> {
  const { call, target, blobs } = request
  return keeping(request, content, () =>
    call.commit(() => {
      const container = allowBlock(request)
      const other = blobs.parts.someBlockId(container, target.blob)
      if (other !== undefined && other.length !== id.length) {
        throw new Refusal(
          400,
          'InvalidBlobOrBlock',
          `The block id '${id}' is not as long as '${other}', which waits for the same blob.`,
        )
      }
      blobs.parts.putBlock(container, target.blob, partOf(content, id))
      const md5 = content.md5 === null ? {} : { 'content-md5': content.md5 }
      const crc64 = content.crc64 === null ? {} : { 'x-ms-content-crc64': content.crc64 }
      const subject = `block/${target.account}/${target.container}/${target.blob}`
      return {
        status: 201,
        headers: { ...md5, ...crc64, 'x-ms-request-server-encrypted': 'true' },
        note: { subject, sha256: content.sha256, facts: { block: id, length: content.length } },
      }
    }),
  )
}

/** Refuses a block where a lease or the blob's kind forbids it; else the container's key. */
function allowBlock(request: StorageRequest): number {
  const { call, target, blobs, clock } = request
  checkName(target.blob)
  const container = containerOf(request)
  const found = blobs.catalogue.get(container.key, target.blob)
  if (found !== undefined && found.kind !== 'BlockBlob') throw wrongKind()
  const about = { now: clock.now(), on: 'Blob', writes: true } as const
  checkLease(found?.lease ?? null, headerOf(call, 'x-ms-lease-id'), about)
  return container.key
}

export function blockId(call: Call): string {
  const id = call.query.get('blockid') ?? ''
  const bytes = Buffer.from(id, 'base64')
  if (id === '' || bytes.length === 0 || bytes.length > 64 || bytes.toString('base64') !== id) {
    throw invalidQuery('blockid', id)
  }
  return id
}

/** Put Block List: the blob becomes the named blocks, in this order. */
export async function putBlockList(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  checkName(target.blob)
  const names = namesIn(await receiveText(request, LONGEST_LIST))
  const sum = await sumOf(blobs, partsFor(request, names))
  return call.commit(() => {
    const { container, found } = writable(request)
    if (found !== undefined && found.kind !== 'BlockBlob') throw wrongKind()
    refuseArchived(found)
    const parts = partsFor(request, names)
    const sha256 = sum?.of === keyOf(parts) ? sum.sha256 : null
    const wanted = newBlob(call, 'BlockBlob', { md5: headerOf(call, 'x-ms-blob-content-md5') ?? null, sha256 })
    const blob = blobs.catalogue.put(container.key, target.blob, wanted, parts)
    blobs.parts.dropBlocks(container.key, target.blob)
    const blocks = parts.map((part) => part.sha256)
    const facts = sha256 === null ? { parts: parts.length, sha256OfParts: digest(blocks.join('')) } : {}
    return { status: 201, headers: { ...written(blob), ...digestsSent(call) }, note: noteOf(target, blob, facts) }
  })
}

/** The digests that a list came with and was found to have: the client looks whether they are its own. */
function digestsSent(call: Call): Record<string, string> {
  const [md5, crc64] = [headerOf(call, 'content-md5'), headerOf(call, 'x-ms-content-crc64')]
  return {
    ...(md5 === undefined ? {} : { 'content-md5': md5 }),
    ...(crc64 === undefined ? {} : { 'x-ms-content-crc64': crc64 }),
  }
}

interface Named {
  readonly from: 'Committed' | 'Uncommitted' | 'Latest'
  readonly id: string
}

function namesIn(text: string): Named[] {
  const names = parseXml(text).children.map(({ name, text: id }) => {
    if (name !== 'Committed' && name !== 'Uncommitted' && name !== 'Latest')
      throw badList(`'${name}' is no kind of block`)
    return { from: name, id: id.trim() } as const
  })
  if (names.length > MOST_BLOCKS) {
    throw new Refusal(
      409,
      'BlockCountExceedsLimit',
      'The committed block count cannot exceed the maximum limit of 50,000 blocks.',
    )
  }
  return names
}

/** The parts that the names stand for at this moment. */
function partsFor(request: StorageRequest, names: readonly Named[]): Part[] {
  const { target, blobs } = request
  const container = containerOf(request)
  const found = blobs.catalogue.get(container.key, target.blob)
  const byId = (parts: readonly Part[]) => new Map(parts.map((part) => [part.block, part]))
  const uncommitted = byId(blobs.parts.blocks(container.key, target.blob))
  const reuses = names.some(({ from, id }) => from === 'Committed' || (from === 'Latest' && !uncommitted.has(id)))
  const committed = byId(reuses && found !== undefined ? blobs.parts.of(found) : [])
  return names.map(({ from, id }) => {
    const part =
      (from === 'Committed' ? undefined : uncommitted.get(id)) ??
      (from === 'Uncommitted' ? undefined : committed.get(id))
    if (part === undefined) throw badList(`there is no block '${id}'`)
    return part
  })
}

function badList(reason: string): Refusal {
  return new Refusal(400, 'InvalidBlockList', `The specified block list is invalid: ${reason}.`)
}

/** SHA-256 of small contents, together with what it is of: by the time it is used, the blocks may be others. */
async function sumOf(blobs: Blobs, parts: readonly Part[]): Promise<{ sha256: string; of: string } | undefined> {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return { sha256: only.sha256, of: keyOf(parts) }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > SUMMED) return undefined
  const hash = createHash('sha256')
  try {
    for await (const chunk of blobs.contents.stream(parts, 0, length)) hash.update(chunk)
  } catch {
    // Somebody else committed these blocks meanwhile. The commit finds that out and says so.
    return undefined
  }
  return { sha256: hash.digest('hex'), of: keyOf(parts) }
}

function keyOf(parts: readonly Part[]): string {
  return parts.map((part) => part.sha256).join()
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export async function getBlockList(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const type = (call.query.get('blocklisttype') ?? 'committed').toLowerCase()
  if (!['committed', 'uncommitted', 'all'].includes(type)) throw invalidQuery('blocklisttype', type)
  const container = containerOf(request)
  const found = blobs.catalogue.get(container.key, target.blob, call.query.get('snapshot') ?? '')
  if (found !== undefined) checkRead(conditionsOf(call.headers), found)
  const waiting = blobs.parts.blocks(container.key, target.blob)
  if (found === undefined && waiting.length === 0) throw noBlob()
  if (found !== undefined && found.kind !== 'BlockBlob') throw wrongKind()
  const committed = found === undefined ? [] : blobs.parts.of(found).filter((part) => part.block !== '')
  const body =
    (type === 'uncommitted' ? '' : element('CommittedBlocks', committed.map(blockElement).join(''))) +
    (type === 'committed' ? '' : element('UncommittedBlocks', waiting.map(blockElement).join('')))
  return {
    status: 200,
    headers: {
      'content-type': 'application/xml',
      'x-ms-blob-content-length': String(found?.length ?? 0),
      ...(found === undefined ? {} : stamps(found)),
    },
    body: document(element('BlockList', body)),
  }
}

function blockElement(part: Part): string {
  return element('Block', optional('Name', part.block) + optional('Size', part.length))
}

/** Append Block: the bytes go to the end, if the end is where the client thinks. */
export async function appendBlock(request: StorageRequest): Promise<Reply> {
  appendable(request)
  const content = await receiveBody(request, false)
  return keepAppended(request, content)
}

/** Adds received bytes to the end of an append blob. */
export function keepAppended(request: StorageRequest, content: Content): Promise<Reply> {
  const { call, target, blobs } = request
  return keeping(request, content, () =>
    call.commit(() => {
      const before = appendable(request)
      const count = blobs.parts.count(before.key)
      if (count >= MOST_BLOCKS) {
        throw new Refusal(
          409,
          'BlockCountExceedsLimit',
          'The committed block count cannot exceed the maximum limit of 50,000 blocks.',
        )
      }
      checkPlace(call, before, content.length)
      const blob = blobs.catalogue.append(before, partOf(content))
      const headers = {
        ...written(blob),
        ...(content.md5 === null ? {} : { 'content-md5': content.md5 }),
        'x-ms-blob-append-offset': String(before.length),
        'x-ms-blob-committed-block-count': String(count + 1),
      }
      const note = noteOf(target, blob, { offset: before.length, appended: content.sha256 })
      return { status: 201, headers, note }
    }),
  )
}

function appendable(request: StorageRequest): Blob {
  const blob = blobOf(request)
  if (blob.kind !== 'AppendBlob') throw wrongKind()
  if (blob.sealed) {
    throw new Refusal(409, 'BlobIsSealed', 'The specified blob is sealed and its contents cannot be modified.')
  }
  return changeable(request)
}

/** Append Blob Seal: the blob takes no more. To be asked again changes nothing. */
export async function sealBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  return call.commit(() => {
    const before = changeable(request)
    if (before.kind !== 'AppendBlob') throw wrongKind()
    checkPlace(call, before, 0)
    const blob = before.sealed ? before : blobs.catalogue.change(before, { sealed: true })
    const headers = { ...stamps(blob), 'x-ms-blob-sealed': 'true' }
    return { status: 200, headers, note: noteOf(target, blob, { sealed: true }) }
  })
}

function checkPlace(call: Call, blob: Blob, added: number): void {
  const place = numberHeader(call, 'x-ms-blob-condition-appendpos')
  if (place !== undefined && place !== blob.length) {
    throw new Refusal(412, 'AppendPositionConditionNotMet', 'The append position condition specified was not met.')
  }
  const most = numberHeader(call, 'x-ms-blob-condition-maxsize')
  if (most !== undefined && blob.length + added > most) {
    throw new Refusal(412, 'MaxBlobSizeConditionNotMet', 'The max blob size condition specified was not met.')
  }
}

function wrongKind(): Refusal {
  return new Refusal(409, 'InvalidBlobType', 'The blob type is invalid for this operation.')
}
