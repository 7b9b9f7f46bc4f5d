import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'
import type { Container } from './accounts.ts'
import { newEtag } from './etag.ts'
import type { Lease } from './lease.ts'
import type { Pages } from './pages.ts'
import type { Part, Parts } from './parts.ts'

export type BlobKind = 'BlockBlob' | 'AppendBlob' | 'PageBlob'

/** Headers that a blob keeps and gives back. */
export interface BlobHeaders {
  readonly contentType: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly contentDisposition?: string
  readonly cacheControl?: string
}

/** The last copy into a blob. */
export interface CopyState {
  readonly id: string
  /** URL as it was asked for. While the copy is pending it may hold a signature: printed only through `publicUrl`. */
  readonly source: string
  readonly status: 'pending' | 'success' | 'failed' | 'aborted'
  readonly copied: number
  readonly total: number
  /** Milliseconds since 1970 when it ended. */
  readonly ended: number | null
  readonly reason: string | null
}

/** A blob as its row says, without its bytes. */
export interface Blob {
  readonly key: number
  readonly container: number
  /** Name as the client means it: decoded, otherwise untouched. */
  readonly name: string
  /** Instant that names a snapshot; empty for the blob itself. */
  readonly snapshot: string
  readonly kind: BlobKind
  readonly length: number
  /** With quotes. */
  readonly etag: string
  readonly created: number
  /** Milliseconds since 1970. */
  readonly modified: number
  readonly headers: BlobHeaders
  /** Base64, as computed for Put Blob or as the client set it. */
  readonly md5: string | null
  /** Hex, where the bytes came in one piece. */
  readonly sha256: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly tier: string | null
  /** Milliseconds since 1970 when the tier was set; `null` where it never was. */
  readonly tierChanged: number | null
  readonly lease: Lease | null
  readonly copy: CopyState | null
  /** Number by which writers of a page blob keep their order; 0 for other blobs. */
  readonly sequence: number
  /** True for an append blob that takes no more. */
  readonly sealed: boolean
}

/** A blob that was found by its tags. */
export interface Tagged {
  readonly container: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
}

/** What a new blob is given; the rest is computed. */
export interface NewBlob {
  readonly kind: BlobKind
  readonly headers: BlobHeaders
  readonly md5: string | null
  readonly sha256: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly tier: string | null
  readonly copy: CopyState | null
  /** Length of a page blob, whose bytes are no parts. */
  readonly pages?: number
  readonly sequence?: number
}

/** A row, column by column: a listing reads thousands, and rows with names take twice as long. */
type BlobRow = readonly [
  key: number,
  container: number,
  name: string,
  snapshot: string,
  kind: BlobKind,
  length: number,
  etag: string,
  created: number,
  modified: number,
  headers: string,
  md5: string | null,
  sha256: string | null,
  metadata: string,
  tags: string,
  tier: string | null,
  tierChanged: number | null,
  lease: string | null,
  copy: string | null,
  sequence: number,
  sealed: number,
]

/** Columns of a {@link BlobRow}. */
const COLUMNS = `key, container, name, snapshot, kind, length, etag, created, modified, headers, md5, sha256, metadata, tags,
  tier, tierChanged, lease, copy, sequence, sealed`

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blobs (
    key INTEGER PRIMARY KEY AUTOINCREMENT, container INTEGER NOT NULL, name TEXT NOT NULL, snapshot TEXT NOT NULL,
    kind TEXT NOT NULL, length INTEGER NOT NULL, etag TEXT NOT NULL, created INTEGER NOT NULL,
    modified INTEGER NOT NULL, headers TEXT NOT NULL, md5 TEXT, sha256 TEXT, metadata TEXT NOT NULL,
    tags TEXT NOT NULL, tier TEXT, tierChanged INTEGER, lease TEXT, copy TEXT, sequence INTEGER NOT NULL DEFAULT 0,
    sealed INTEGER NOT NULL DEFAULT 0, UNIQUE (container, name, snapshot));
  CREATE INDEX IF NOT EXISTS blobs_with_copies ON blobs (key) WHERE copy IS NOT NULL;
  CREATE INDEX IF NOT EXISTS blobs_with_tags ON blobs (container, name) WHERE tags <> '{}';`

/** Columns that a store of an earlier version of the emulator lacks. */
const LATER_COLUMNS = [
  ['tierChanged', 'INTEGER'],
  ['sequence', 'INTEGER NOT NULL DEFAULT 0'],
  ['sealed', 'INTEGER NOT NULL DEFAULT 0'],
] as const

/** A write ends a lease that time or a break has ended already: from then on nobody can renew it. Takes the time of now. */
const LIVE_LEASE = `CASE WHEN coalesce(json_extract(lease, '$.breakAt'), json_extract(lease, '$.until')) <= ? THEN NULL
  ELSE lease END`

/** The rows of a region's blobs. Reads are immediate; writes run inside a write of the database. */
export class Catalogue {
  readonly #db: Database
  readonly #clock: Clock
  readonly #parts: Parts
  readonly #pages: Pages

  constructor(db: Database, clock: Clock, bytes: { readonly parts: Parts; readonly pages: Pages }) {
    this.#db = db
    this.#clock = clock
    this.#parts = bytes.parts
    this.#pages = bytes.pages
    db.migrate(SCHEMA)
    const there = new Set(db.all<{ name: string }>('PRAGMA table_info(blobs)').map(({ name }) => name))
    for (const [column, type] of LATER_COLUMNS) {
      if (!there.has(column)) db.migrate(`ALTER TABLE blobs ADD COLUMN ${column} ${type}`)
    }
  }

  get(container: number, name: string, snapshot = ''): Blob | undefined {
    const [row] = this.#db.tuples<BlobRow>(
      `SELECT ${COLUMNS} FROM blobs WHERE container = ? AND name = ? AND snapshot = ?`,
      container,
      name,
      snapshot,
    )
    return row === undefined ? undefined : parsed(row)
  }

  /**
   * Blobs in byte order of name from `from` on, which is included unless `behind` is given: then the page goes on
   * behind that snapshot of `from`, and behind the whole name where it is empty.
   */
  list(
    container: number,
    page: { prefix: string; from: string; behind?: string | undefined; limit: number; snapshots?: boolean },
  ): Blob[] {
    // Of each name there is one row, unless snapshots are asked for: nothing is left to sort by then.
    const order = page.snapshots === true ? "name, snapshot = '', snapshot" : 'name'
    return this.#db
      .tuples<BlobRow>(
        `SELECT ${COLUMNS} FROM blobs WHERE container = ?1 AND name >= max(?2, ?3) AND name < ?4
           AND (name > ?2 OR ?5 IS NULL OR (?5 <> '' AND (snapshot = '' OR snapshot > ?5))) AND (?6 OR snapshot = '')
         ORDER BY ${order} LIMIT ?7`,
        container,
        page.from,
        page.prefix,
        after(page.prefix),
        page.behind ?? null,
        page.snapshots === true ? 1 : 0,
        page.limit,
      )
      .map(parsed)
  }

  /** Blobs with tags, in order of container and name, behind a place. One row at a time: stop when there are enough. */
  *tagged(account: string, behind: readonly [container: string, name: string]): Generator<Tagged> {
    const rows = this.#db.each<Omit<Tagged, 'tags'> & { tags: string }>(
      `SELECT storage_containers.name AS container, blobs.name AS name, tags FROM storage_containers
         JOIN blobs ON blobs.container = storage_containers.key AND snapshot = '' AND tags <> '{}'
       WHERE account = ?1 AND (storage_containers.name > ?2 OR (storage_containers.name = ?2 AND blobs.name > ?3))
       ORDER BY storage_containers.name, blobs.name`,
      account,
      ...behind,
    )
    for (const { tags, ...row } of rows) yield { ...row, tags: JSON.parse(tags) }
  }

  snapshots(container: number, name: string): Blob[] {
    const sql = `SELECT ${COLUMNS} FROM blobs WHERE container = ? AND name = ? AND snapshot <> '' ORDER BY snapshot`
    return this.#db.tuples<BlobRow>(sql, container, name).map(parsed)
  }

  /** Creates the blob or replaces it whole. A lease that is in force stays; one that has ended goes. */
  put(container: number, name: string, wanted: NewBlob, parts: readonly Part[]): Blob {
    const now = this.#clock.now()
    const [row] = this.#db.tuples<BlobRow>(
      `INSERT INTO blobs (container, name, snapshot, kind, length, etag, created, modified, headers, md5, sha256,
         metadata, tags, tier, tierChanged, lease, copy, sequence)
         VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)
       ON CONFLICT (container, name, snapshot) DO UPDATE SET kind = excluded.kind, length = excluded.length,
         etag = excluded.etag, created = excluded.created, modified = excluded.modified, headers = excluded.headers,
         md5 = excluded.md5, sha256 = excluded.sha256, metadata = excluded.metadata, tags = excluded.tags,
         tier = excluded.tier, tierChanged = excluded.tierChanged, copy = excluded.copy, sequence = excluded.sequence,
         sealed = 0, lease = ${LIVE_LEASE} RETURNING ${COLUMNS}`,
      container,
      name,
      wanted.kind,
      wanted.pages ?? parts.reduce((sum, part) => sum + part.length, 0),
      newEtag(now),
      now,
      now,
      JSON.stringify(wanted.headers),
      wanted.md5,
      wanted.sha256,
      JSON.stringify(wanted.metadata),
      JSON.stringify(wanted.tags),
      wanted.tier,
      wanted.tier === null ? null : now,
      wanted.copy === null ? null : JSON.stringify(wanted.copy),
      wanted.sequence ?? 0,
      now,
    )
    if (row === undefined) throw new Error(`the row of ${name} was not written`)
    const blob = parsed(row)
    this.#parts.replace(blob.key, parts)
    this.#pages.drop(blob.key)
    return blob
  }

  /** Adds bytes to the end of an append blob. */
  append(blob: Blob, part: Part): Blob {
    this.#parts.append(blob.key, [part])
    const now = this.#clock.now()
    this.#db.run(
      `UPDATE blobs SET length = length + ?, etag = ?, modified = ?, sha256 = NULL, lease = ${LIVE_LEASE} WHERE key = ?`,
      part.length,
      newEtag(now),
      now,
      now,
      blob.key,
    )
    return this.#need(blob.container, blob.name)
  }

  /** Changes what a blob says of itself; its ETag and time of change follow. */
  change(
    blob: Blob,
    change: Partial<Pick<Blob, 'headers' | 'md5' | 'metadata' | 'length' | 'sequence' | 'sealed'>>,
  ): Blob {
    const next = { ...blob, ...change }
    const now = this.#clock.now()
    this.#db.run(
      `UPDATE blobs SET etag = ?, modified = ?, headers = ?, md5 = ?, metadata = ?, length = ?, sequence = ?, sealed = ?,
         lease = ${LIVE_LEASE} WHERE key = ?`,
      newEtag(now),
      now,
      JSON.stringify(next.headers),
      next.md5,
      JSON.stringify(next.metadata),
      next.length,
      next.sequence,
      next.sealed ? 1 : 0,
      now,
      blob.key,
    )
    return this.#need(blob.container, blob.name)
  }

  /** Changes what leaves ETag and time of change as they are. */
  note(blob: Blob, change: Partial<Pick<Blob, 'lease' | 'tags' | 'copy' | 'tier' | 'tierChanged'>>): void {
    const next = { ...blob, ...change }
    this.#db.run(
      'UPDATE blobs SET lease = ?, tags = ?, copy = ?, tier = ?, tierChanged = ? WHERE key = ?',
      next.lease === null ? null : JSON.stringify(next.lease),
      JSON.stringify(next.tags),
      next.copy === null ? null : JSON.stringify(next.copy),
      next.tier,
      next.tierChanged,
      blob.key,
    )
  }

  /** A read-only copy of the blob as it is now, named by the instant. */
  snapshot(blob: Blob, metadata: Readonly<Record<string, string>> | undefined): Blob {
    let at = this.#clock.now()
    while (this.get(blob.container, blob.name, snapshotName(at)) !== undefined) at += 1
    const { lastInsertRowid } = this.#db.run(
      `INSERT INTO blobs (container, name, snapshot, kind, length, etag, created, modified, headers, md5, sha256,
         metadata, tags, tier, tierChanged, lease, copy, sequence, sealed)
       SELECT container, name, ?, kind, length, etag, created, modified, headers, md5, sha256, ?, tags, tier, tierChanged,
         NULL, copy, sequence, sealed FROM blobs WHERE key = ?`,
      snapshotName(at),
      JSON.stringify(metadata ?? blob.metadata),
      blob.key,
    )
    this.#parts.append(lastInsertRowid, this.#parts.of(blob))
    if (blob.kind === 'PageBlob') this.#pages.copy(blob.key, lastInsertRowid)
    return this.#need(blob.container, blob.name, snapshotName(at))
  }

  remove(blob: Blob): void {
    this.#parts.drop(blob.key)
    this.#pages.drop(blob.key)
    this.#db.run('DELETE FROM blobs WHERE key = ?', blob.key)
  }

  /** Removes every blob and block of a container. */
  clear(container: Container): void {
    this.#parts.clear(container.key)
    this.#pages.clear(container.key)
    this.#db.run('DELETE FROM blobs WHERE container = ?', container.key)
  }

  /** Blobs whose copy had not ended. */
  pendingCopies(): Blob[] {
    const sql = `SELECT ${COLUMNS} FROM blobs WHERE copy IS NOT NULL AND json_extract(copy, '$.status') = 'pending'`
    return this.#db.tuples<BlobRow>(sql).map(parsed)
  }

  #need(container: number, name: string, snapshot = ''): Blob {
    const blob = this.get(container, name, snapshot)
    if (blob === undefined) throw new Error(`the row of ${name} is gone in the middle of its write`)
    return blob
  }
}

/** The instant of a snapshot with seven decimals, as Azure writes it. */
function snapshotName(at: number): string {
  return new Date(at).toISOString().replace('Z', '0000Z')
}

/** The first text in byte order that does not start with `prefix`. U+10FFFF sorts after all other text. */
function after(prefix: string): string {
  return `${prefix}\u{10ffff}`
}

function parsed([key, container, name, snapshot, kind, length, etag, created, modified, ...rest]: BlobRow): Blob {
  const [headers, md5, sha256, metadata, tags, tier, tierChanged, lease, copy, sequence, sealed] = rest
  return {
    key,
    container,
    name,
    snapshot,
    kind,
    length,
    etag,
    created,
    modified,
    headers: headersOf(headers),
    md5,
    sha256,
    metadata: metadata === '{}' ? NOTHING : JSON.parse(metadata),
    tags: tags === '{}' ? NOTHING : JSON.parse(tags),
    tier,
    tierChanged,
    lease: lease === null ? null : JSON.parse(lease),
    copy: copy === null ? null : JSON.parse(copy),
    sequence,
    sealed: sealed === 1,
  }
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({})
let lastHeaders: { readonly text: string; readonly headers: BlobHeaders } = { text: '', headers: { contentType: '' } }

/** Blobs that stand together mostly have the same headers: they share the object. */
function headersOf(text: string): BlobHeaders {
  if (text !== lastHeaders.text) lastHeaders = { text, headers: Object.freeze(JSON.parse(text)) }
  return lastHeaders.headers
}
