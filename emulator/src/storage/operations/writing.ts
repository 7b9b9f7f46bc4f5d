import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Blob, BlobKind, NewBlob } from '../catalogue.ts'
import { checkRead, checkWrite, conditionsOf } from '../conditions.ts'
import { checkLease } from '../lease.ts'
import { partOf } from '../parts.ts'
import { invalidHeader } from '../refusals.ts'
import {
  blobOf,
  changeable,
  checkedTags,
  headerOf,
  isSmall,
  keeping,
  keptHeaders,
  metadataOf,
  noteOf,
  receiveBody,
  receiveText,
  refuseArchived,
  type StorageRequest,
  stamps,
  tagsOf,
  writable,
} from '../request.ts'
import { childrenOf, document, element, optional, parseXml, textOf } from '../xml.ts'

const LONGEST_NAME = 1024
const TIERS = new Set(['Hot', 'Cool', 'Cold', 'Archive'])

/** Put Blob of a block blob: the whole body at once. */
export async function putBlockBlob(request: StorageRequest): Promise<Reply> {
  const { call, target } = request
  checkName(target.blob)
  // A body that will be refused anyway need not cross the disk; for a small one, looking twice costs more.
  if (!isSmall(call)) writable(request)
  const content = await receiveBody(request, true)
  const wanted = newBlob(call, 'BlockBlob', {
    md5: headerOf(call, 'x-ms-blob-content-md5') ?? content.md5,
    sha256: content.sha256,
  })
  return keeping(request, content, () =>
    call.commit(() => {
      const { container, found } = writable(request)
      refuseArchived(found)
      const blob = request.blobs.catalogue.put(container.key, target.blob, wanted, [partOf(content)])
      request.blobs.parts.dropBlocks(container.key, target.blob)
      const md5 = content.md5 === null ? {} : { 'content-md5': content.md5 }
      return { status: 201, headers: { ...written(blob), ...md5 }, note: noteOf(target, blob) }
    }),
  )
}

/** Put Blob of an append blob: it starts without bytes. */
export async function putAppendBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  checkName(target.blob)
  const wanted = newBlob(call, 'AppendBlob', { md5: headerOf(call, 'x-ms-blob-content-md5') ?? null, sha256: null })
  return call.commit(() => {
    const { container } = writable(request)
    const blob = blobs.catalogue.put(container.key, target.blob, wanted, [])
    return { status: 201, headers: written(blob), note: noteOf(target, blob) }
  })
}

/** What a request says of the blob it makes. */
export function newBlob(call: Call, kind: BlobKind, sums: Pick<NewBlob, 'md5' | 'sha256'>): NewBlob {
  return {
    kind,
    headers: keptHeaders(call, true),
    ...sums,
    metadata: metadataOf(call),
    tags: tagsOf(call),
    tier: tierOf(call),
    copy: null,
  }
}

/** Headers of the answer to a write. */
export function written(blob: Blob): Record<string, string> {
  return { ...stamps(blob), 'x-ms-request-server-encrypted': 'true' }
}

export function checkName(name: string): void {
  if (name.length > LONGEST_NAME) {
    throw new Refusal(
      400,
      'InvalidResourceName',
      `The name of the blob has ${name.length} characters; at most 1024 are allowed.`,
    )
  }
}

export async function deleteBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const mode = headerOf(call, 'x-ms-delete-snapshots')
  if (mode !== undefined && mode !== 'include' && mode !== 'only') throw invalidHeader('x-ms-delete-snapshots', mode)
  return call.commit(() => {
    const one = call.query.has('snapshot') ? blobOf(request) : changeable(request)
    if (one.snapshot !== '' && mode !== undefined) {
      throw new Refusal(400, 'InvalidOperation', 'Invalid operation against a blob snapshot.')
    }
    const snapshots = one.snapshot === '' ? blobs.catalogue.snapshots(one.container, one.name) : []
    if (snapshots.length > 0 && mode === undefined) {
      throw new Refusal(409, 'SnapshotsPresent', 'This operation is not permitted because the blob has snapshots.')
    }
    for (const snapshot of snapshots) blobs.catalogue.remove(snapshot)
    if (mode !== 'only') blobs.catalogue.remove(one)
    const removed = { removed: mode !== 'only', snapshot: one.snapshot || undefined, etag: one.etag }
    const subject = `blob/${target.account}/${target.container}/${target.blob}`
    return { status: 202, headers: { 'x-ms-delete-type-permanent': 'true' }, note: { subject, facts: removed } }
  })
}

export async function setBlobMetadata(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const metadata = metadataOf(call)
  return call.commit(() => {
    const before = changeable(request)
    refuseArchived(before)
    const blob = blobs.catalogue.change(before, { metadata })
    return { status: 200, headers: written(blob), note: noteOf(target, blob, { metadata }) }
  })
}

export async function snapshotBlob(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock } = request
  const metadata = metadataOf(call)
  return call.commit(() => {
    const blob = blobOf(request)
    refuseArchived(blob)
    checkWrite(conditionsOf(call.headers), blob)
    const about = { now: clock.now(), on: 'Blob', writes: false } as const
    checkLease(blob.lease, headerOf(call, 'x-ms-lease-id'), about)
    const taken = blobs.catalogue.snapshot(blob, Object.keys(metadata).length === 0 ? undefined : metadata)
    const headers = { ...written(taken), 'x-ms-snapshot': taken.snapshot }
    return { status: 201, headers, note: noteOf(target, taken, { snapshot: taken.snapshot }) }
  })
}

export async function setTier(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock } = request
  const tier = tierOf(call)
  if (tier === null) throw invalidHeader('x-ms-access-tier', '')
  return call.commit(() => {
    const blob = blobOf(request)
    if (blob.kind !== 'BlockBlob') {
      throw new Refusal(409, 'InvalidBlobType', 'The blob type is invalid for this operation.')
    }
    checkWrite(conditionsOf(call.headers), blob)
    const about = { now: clock.now(), on: 'Blob', writes: true } as const
    checkLease(blob.lease, headerOf(call, 'x-ms-lease-id'), about)
    blobs.catalogue.note(blob, { tier, tierChanged: clock.now() })
    // Azure takes hours to bring a blob back from the archive; here it is back when this is answered.
    const status = blob.tier === 'Archive' && tier !== 'Archive' ? 202 : 200
    return { status, note: noteOf(target, blob, { tier }) }
  })
}

/** The tier that a request asks for; a refusal where it is none. */
export function tierOf(call: Call): string | null {
  const tier = headerOf(call, 'x-ms-access-tier')
  if (tier !== undefined && !TIERS.has(tier)) throw invalidHeader('x-ms-access-tier', tier)
  return tier ?? null
}

export async function getTags(request: StorageRequest): Promise<Reply> {
  const blob = blobOf(request)
  checkRead(conditionsOf(request.call.headers), blob)
  const tags = Object.entries(blob.tags).map(([key, value]) =>
    element('Tag', optional('Key', key) + optional('Value', value)),
  )
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: document(element('Tags', element('TagSet', tags.join('')))),
  }
}

export async function setTags(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs } = request
  const set = childrenOf(parseXml(await receiveText(request)), 'TagSet')[0]
  const found = childrenOf(set, 'Tag').map((tag) => [textOf(tag, 'Key'), textOf(tag, 'Value')] as const)
  const tags = checkedTags(found)
  return call.commit(() => {
    const blob = taggable(request)
    blobs.catalogue.note(blob, { tags })
    const facts = { tags, snapshot: blob.snapshot || undefined }
    return { status: 204, note: noteOf(target, blob, facts) }
  })
}

/** The blob, or the snapshot of it, whose tags a request sets. No lease is on a snapshot. */
function taggable(request: StorageRequest): Blob {
  const { call } = request
  if (!call.query.has('snapshot')) return changeable(request)
  const snapshot = blobOf(request)
  checkWrite(conditionsOf(call.headers), snapshot)
  return snapshot
}
