import type { Reply } from '../../call.ts'
import { notImplemented } from '../../refusal.ts'
import type { Blob, BlobHeaders, Catalogue } from '../catalogue.ts'
import { leaseState } from '../lease.ts'
import { invalidQuery } from '../refusals.ts'
import { containerOf, type StorageRequest } from '../request.ts'
import { publicUrl } from '../url.ts'
import { document, element, escaped, nameElement, optional } from '../xml.ts'
import { pageSize } from './service.ts'

/** What a listing shows beyond names and properties. Deleted blobs and versions are never there to be shown. */
const INCLUDES = new Set([
  'metadata',
  'snapshots',
  'copy',
  'tags',
  'deleted',
  'versions',
  'legalhold',
  'immutabilitypolicy',
  'deletedwithversions',
])

/** Where a listing goes on: at this name, and behind this snapshot of it. */
interface Place {
  readonly name: string
  readonly snapshot: string | undefined
}

/** A blob, or the common start of names that the delimiter folds into one. */
type Entry = { readonly blob: Blob } | { readonly folded: string }

interface Query {
  readonly container: number
  readonly prefix: string
  readonly delimiter: string
  readonly snapshots: boolean
  readonly limit: number
}

export async function listBlobs(request: StorageRequest): Promise<Reply> {
  const { call, target, blobs, clock } = request
  const container = containerOf(request)
  const includes = includesOf(call.query)
  const marker = call.query.get('marker') ?? ''
  const query: Query = {
    container: container.key,
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    snapshots: includes.has('snapshots'),
    limit: pageSize(call.query.get('maxresults')),
  }
  const start = marker === '' ? { name: call.query.get('startFrom') ?? '', snapshot: undefined } : placeIn(marker)
  const { entries, next } = page(blobs.catalogue, query, start)
  const shown = entries.map((entry) =>
    'folded' in entry
      ? element('BlobPrefix', nameElement('Name', entry.folded))
      : blobElement(entry.blob, includes, clock.now()),
  )
  const body =
    optional('Prefix', query.prefix) +
    optional('Marker', marker) +
    optional('MaxResults', query.limit) +
    optional('Delimiter', query.delimiter || undefined) +
    element('Blobs', shown.join('')) +
    element('NextMarker', next === undefined ? '' : escaped(markerFor(next)))
  const opening = `<EnumerationResults ServiceEndpoint="https://${call.host}/" ContainerName="${escaped(target.container)}">`
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: document(`${opening}${body}</EnumerationResults>`),
  }
}

const FOLDING = 16

/** One page in order of names. Names below a folded start are skipped in the index, not read one by one. */
function page(catalogue: Catalogue, query: Query, start: Place): { entries: Entry[]; next: Place | undefined } {
  const entries: Entry[] = []
  let place: Place = start
  for (;;) {
    // A name that is folded makes all rows behind it useless, so that few are read at a time where names may be.
    const wanted = Math.min(
      query.limit - entries.length + 1,
      query.delimiter === '' ? Number.MAX_SAFE_INTEGER : FOLDING,
    )
    const rows = catalogue.list(query.container, {
      ...query,
      from: place.name,
      behind: place.snapshot,
      limit: wanted,
    })
    for (const blob of rows) {
      const folded = foldedName(blob.name, query)
      if (folded !== undefined && isLast(entries, folded)) continue
      if (entries.length === query.limit)
        return { entries, next: { name: blob.name, snapshot: before(blob, rows, place) } }
      entries.push(folded === undefined ? { blob } : { folded })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < wanted) return { entries, next: undefined }
    const folded = foldedName(last.name, query)
    place =
      folded === undefined
        ? { name: last.name, snapshot: last.snapshot }
        : { name: `${folded}\u{10ffff}`, snapshot: undefined }
  }
}

/** The snapshot of the same blob that comes before it, if any: the next page starts behind it. The blob itself comes last. */
function before(blob: Blob, rows: readonly Blob[], place: Place): string | undefined {
  const previous = rows[rows.indexOf(blob) - 1] ?? place
  return previous.name === blob.name ? previous.snapshot : undefined
}

function foldedName(name: string, { prefix, delimiter }: Query): string | undefined {
  const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
  return end < 0 ? undefined : name.slice(0, end + delimiter.length)
}

function isLast(entries: readonly Entry[], folded: string): boolean {
  const last = entries.at(-1)
  return last !== undefined && 'folded' in last && last.folded === folded
}

function includesOf(query: URLSearchParams): Set<string> {
  const includes = new Set((query.get('include') ?? '').split(',').filter((one) => one !== ''))
  for (const one of includes) {
    if (one === 'uncommittedblobs') throw notImplemented('Container_ListBlobs with include=uncommittedblobs')
    if (!INCLUDES.has(one)) throw invalidQuery('include', one)
  }
  return includes
}

function markerFor(place: Place): string {
  return `2!${Buffer.from(JSON.stringify([place.name, place.snapshot ?? null])).toString('base64url')}`
}

function placeIn(marker: string): Place {
  try {
    const [name, snapshot] = JSON.parse(Buffer.from(marker.slice(2), 'base64url').toString('utf8'))
    if (typeof name === 'string') return { name, snapshot: snapshot ?? undefined }
  } catch {
    // Refused below, together with a marker that holds something else.
  }
  throw invalidQuery('marker', marker)
}

function blobElement(blob: Blob, includes: ReadonlySet<string>, now: number): string {
  return element(
    'Blob',
    nameElement('Name', blob.name) +
      optional('Snapshot', blob.snapshot || undefined) +
      element('Properties', properties(blob, now) + (includes.has('copy') ? copyProperties(blob) : '')) +
      (includes.has('metadata') ? metadataElement(blob) : '') +
      (includes.has('tags') ? tagsElement(blob) : ''),
  )
}

function metadataElement({ metadata }: Blob): string {
  const entries = Object.entries(metadata).map(([name, value]) => optional(name, value))
  return element('Metadata', entries.join(''))
}

function tagsElement({ tags }: Blob): string {
  const entries = Object.entries(tags).map(([key, value]) =>
    element('Tag', optional('Key', key) + optional('Value', value)),
  )
  return entries.length === 0 ? '' : element('Tags', element('TagSet', entries.join('')))
}

function properties(blob: Blob, now: number): string {
  const { headers, created, modified } = blob
  const state = leaseState(blob.lease, now)
  const tags = Object.keys(blob.tags).length
  return (
    `<Creation-Time>${dateOf(created)}</Creation-Time><Last-Modified>${dateOf(modified)}</Last-Modified>` +
    `<Etag>${blob.etag.replaceAll('"', '')}</Etag><Content-Length>${blob.length}</Content-Length>` +
    headerElements(headers) +
    optional('Content-MD5', blob.md5 ?? '') +
    optional('x-ms-blob-sequence-number', blob.kind === 'PageBlob' ? blob.sequence : undefined) +
    optional('BlobType', blob.kind) +
    (blob.kind === 'BlockBlob'
      ? optional('AccessTier', blob.tier ?? 'Hot') +
        optional('AccessTierInferred', blob.tier === null ? true : undefined) +
        optional('AccessTierChangeTime', blob.tierChanged === null ? undefined : dateOf(blob.tierChanged))
      : '') +
    `<LeaseStatus>${state === 'leased' || state === 'breaking' ? 'locked' : 'unlocked'}</LeaseStatus>` +
    `<LeaseState>${state}</LeaseState>` +
    optional('LeaseDuration', state === 'leased' ? (blob.lease?.seconds === -1 ? 'infinite' : 'fixed') : undefined) +
    optional('Sealed', blob.sealed ? true : undefined) +
    '<ServerEncrypted>true</ServerEncrypted>' +
    optional('TagCount', tags === 0 ? undefined : tags)
  )
}

let lastHeaders: { readonly of: BlobHeaders | undefined; readonly text: string } = { of: undefined, text: '' }

/** Elements of the kept headers. Blobs that stand together mostly share them. */
function headerElements(headers: BlobHeaders): string {
  if (headers !== lastHeaders.of) {
    const text =
      optional('Content-Type', headers.contentType) +
      optional('Content-Encoding', headers.contentEncoding ?? '') +
      optional('Content-Language', headers.contentLanguage ?? '') +
      '<Content-CRC64></Content-CRC64>' +
      optional('Cache-Control', headers.cacheControl ?? '') +
      optional('Content-Disposition', headers.contentDisposition ?? '')
    lastHeaders = { of: headers, text }
  }
  return lastHeaders.text
}

let lastDate = { second: Number.NaN, text: '' }

/** A time to the second, as headers have it. Blobs that stand together were mostly written together. */
function dateOf(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000)
  if (second !== lastDate.second) lastDate = { second, text: new Date(milliseconds).toUTCString() }
  return lastDate.text
}

function copyProperties({ copy }: Blob): string {
  if (copy === null) return ''
  return (
    optional('CopyId', copy.id) +
    optional('CopySource', publicUrl(copy.source)) +
    optional('CopyStatus', copy.status) +
    optional('CopyProgress', `${copy.copied}/${copy.total}`) +
    optional('CopyCompletionTime', copy.ended === null ? undefined : new Date(copy.ended).toUTCString())
  )
}
