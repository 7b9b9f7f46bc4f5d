import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'
import type { Container } from './accounts.ts'
import type { Content, Piece } from './contents.ts'
import { newEtag } from './etag.ts'
import type { Lease } from './lease.ts'

export type BlobKind = 'BlockBlob' | 'AppendBlob'

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
  /** URL as it was asked for. It may hold a signature: never printed without {@link publicUrl}. */
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
  readonly lease: Lease | null
  readonly copy: CopyState | null
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
}

/** A piece together with what names and proves it. */
export interface Part extends Piece {
  /** Block id in base64; empty for bytes that did not come as a block. */
  readonly block: string
  readonly sha256: string
}

interface BlobRow extends Omit<Blob, 'headers' | 'metadata' | 'tags' | 'lease' | 'copy'> {
  readonly headers: string
  readonly metadata: string
  readonly tags: string
  readonly lease: string | null
  readonly copy: string | null
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blobs (
    key INTEGER PRIMARY KEY AUTOINCREMENT, container INTEGER NOT NULL, name TEXT NOT NULL, snapshot TEXT NOT NULL,
    kind TEXT NOT NULL, length INTEGER NOT NULL, etag TEXT NOT NULL, created INTEGER NOT NULL,
    modified INTEGER NOT NULL, headers TEXT NOT NULL, md5 TEXT, sha256 TEXT, metadata TEXT NOT NULL,
    tags TEXT NOT NULL, tier TEXT, lease TEXT, copy TEXT, UNIQUE (container, name, snapshot));
  CREATE TABLE IF NOT EXISTS blob_parts (
    blob INTEGER NOT NULL, seq INTEGER NOT NULL, block TEXT NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL,
    file TEXT, data BLOB);
  CREATE INDEX IF NOT EXISTS blob_parts_in_order ON blob_parts (blob, seq);
  CREATE INDEX IF NOT EXISTS blob_parts_by_file ON blob_parts (file) WHERE file IS NOT NULL;
  CREATE TABLE IF NOT EXISTS blob_blocks (
    container INTEGER NOT NULL, name TEXT NOT NULL, block TEXT NOT NULL, length INTEGER NOT NULL,
    sha256 TEXT NOT NULL, file TEXT, data BLOB, at INTEGER NOT NULL, UNIQUE (container, name, block));
  CREATE INDEX IF NOT EXISTS blob_blocks_by_file ON blob_blocks (file) WHERE file IS NOT NULL;
`

/**
 * The rows of a region's blobs. Reads are immediate; writes run inside a write of the database.
 *
 * A blob is an ordered list of parts; a part's bytes are in its row or in a file, and copies share files.
 * Files that lost a reference are handed to `onLoose` for a later look at {@link inUse}.
 */
export class Catalogue {
  readonly #db: Database
  readonly #clock: Clock
  readonly #onLoose: (file: string) => void

  constructor(db: Database, clock: Clock, onLoose: (file: string) => void) {
    this.#db = db
    this.#clock = clock
    this.#onLoose = onLoose
    db.migrate(SCHEMA)
  }

  get(container: number, name: string, snapshot = ''): Blob | undefined {
    const row = this.#db.get<BlobRow>(
      'SELECT * FROM blobs WHERE container = ? AND name = ? AND snapshot = ?',
      container,
      name,
      snapshot,
    )
    return row === undefined ? undefined : parsed(row)
  }

  /** Blobs in byte order of name from `from` on, which is included. */
  list(container: number, page: { prefix: string; from: string; limit: number; snapshots?: boolean }): Blob[] {
    return this.#db
      .all<BlobRow>(
        `SELECT * FROM blobs WHERE container = ? AND name >= max(?, ?) AND name < ? ${page.snapshots ? '' : "AND snapshot = ''"}
         ORDER BY name, snapshot = '', snapshot LIMIT ?`,
        container,
        page.from,
        page.prefix,
        after(page.prefix),
        page.limit,
      )
      .map(parsed)
  }

  snapshots(container: number, name: string): Blob[] {
    const sql = "SELECT * FROM blobs WHERE container = ? AND name = ? AND snapshot <> '' ORDER BY snapshot"
    return this.#db.all<BlobRow>(sql, container, name).map(parsed)
  }

  /** Parts in order. */
  parts(blob: Blob): Part[] {
    return this.#db.all<Part>(
      'SELECT block, length, sha256, file, data FROM blob_parts WHERE blob = ? ORDER BY seq',
      blob.key,
    )
  }

  /** Creates the blob or replaces it whole. A lease that is in force stays; one that has ended goes. */
  put(container: number, name: string, wanted: NewBlob, parts: readonly Part[]): Blob {
    this.#loosen(
      `DELETE FROM blob_parts
       WHERE blob = (SELECT key FROM blobs WHERE container = ? AND name = ? AND snapshot = '') RETURNING file`,
      container,
      name,
    )
    const now = this.#clock.now()
    const row = this.#db.get<BlobRow>(
      `INSERT INTO blobs (container, name, snapshot, kind, length, etag, created, modified, headers, md5, sha256,
         metadata, tags, tier, lease, copy) VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)
       ON CONFLICT (container, name, snapshot) DO UPDATE SET kind = excluded.kind, length = excluded.length,
         etag = excluded.etag, created = excluded.created, modified = excluded.modified, headers = excluded.headers,
         md5 = excluded.md5, sha256 = excluded.sha256, metadata = excluded.metadata, tags = excluded.tags,
         tier = excluded.tier, copy = excluded.copy RETURNING *`,
      container,
      name,
      wanted.kind,
      parts.reduce((sum, part) => sum + part.length, 0),
      newEtag(now),
      now,
      now,
      JSON.stringify(wanted.headers),
      wanted.md5,
      wanted.sha256,
      JSON.stringify(wanted.metadata),
      JSON.stringify(wanted.tags),
      wanted.tier,
      wanted.copy === null ? null : JSON.stringify(wanted.copy),
    )
    if (row === undefined) throw new Error(`the row of ${name} was not written`)
    this.#addParts(row.key, 0, parts)
    return parsed(row)
  }

  /** Adds bytes to the end of an append blob. */
  append(blob: Blob, part: Part): Blob {
    this.#addParts(blob.key, this.countParts(blob), [part])
    this.#db.run(
      'UPDATE blobs SET length = length + ?, etag = ?, modified = ?, sha256 = NULL WHERE key = ?',
      part.length,
      newEtag(this.#clock.now()),
      this.#clock.now(),
      blob.key,
    )
    return this.#need(blob.container, blob.name)
  }

  countParts(blob: Blob): number {
    return this.#db.get<{ n: number }>('SELECT count(*) AS n FROM blob_parts WHERE blob = ?', blob.key)?.n ?? 0
  }

  /** Changes what a blob says of itself; its ETag and time of change follow. */
  change(blob: Blob, change: Partial<Pick<Blob, 'headers' | 'md5' | 'metadata'>>): Blob {
    const next = { ...blob, ...change }
    this.#db.run(
      'UPDATE blobs SET etag = ?, modified = ?, headers = ?, md5 = ?, metadata = ? WHERE key = ?',
      newEtag(this.#clock.now()),
      this.#clock.now(),
      JSON.stringify(next.headers),
      next.md5,
      JSON.stringify(next.metadata),
      blob.key,
    )
    return this.#need(blob.container, blob.name)
  }

  /** Changes what leaves ETag and time of change as they are. */
  note(blob: Blob, change: Partial<Pick<Blob, 'lease' | 'tags' | 'copy' | 'tier'>>): void {
    const next = { ...blob, ...change }
    this.#db.run(
      'UPDATE blobs SET lease = ?, tags = ?, copy = ?, tier = ? WHERE key = ?',
      next.lease === null ? null : JSON.stringify(next.lease),
      JSON.stringify(next.tags),
      next.copy === null ? null : JSON.stringify(next.copy),
      next.tier,
      blob.key,
    )
  }

  /** A read-only copy of the blob as it is now, named by the instant. */
  snapshot(blob: Blob, metadata: Readonly<Record<string, string>> | undefined): Blob {
    let at = this.#clock.now()
    while (this.get(blob.container, blob.name, snapshotName(at)) !== undefined) at += 1
    const { lastInsertRowid } = this.#db.run(
      `INSERT INTO blobs (container, name, snapshot, kind, length, etag, created, modified, headers, md5, sha256,
         metadata, tags, tier, lease, copy)
       SELECT container, name, ?, kind, length, etag, created, modified, headers, md5, sha256, ?, tags, tier, NULL, copy
       FROM blobs WHERE key = ?`,
      snapshotName(at),
      JSON.stringify(metadata ?? blob.metadata),
      blob.key,
    )
    this.#addParts(lastInsertRowid, 0, this.parts(blob))
    return this.#need(blob.container, blob.name, snapshotName(at))
  }

  remove(blob: Blob): void {
    this.#dropParts(blob.key)
    this.#db.run('DELETE FROM blobs WHERE key = ?', blob.key)
  }

  /** Removes every blob and block of a container. */
  clear(container: Container): void {
    const files = this.#db.all<{ file: string }>(
      `SELECT file FROM blob_parts WHERE file IS NOT NULL AND blob IN (SELECT key FROM blobs WHERE container = ?)
       UNION SELECT file FROM blob_blocks WHERE file IS NOT NULL AND container = ?`,
      container.key,
      container.key,
    )
    this.#db.run('DELETE FROM blob_parts WHERE blob IN (SELECT key FROM blobs WHERE container = ?)', container.key)
    this.#db.run('DELETE FROM blobs WHERE container = ?', container.key)
    this.#db.run('DELETE FROM blob_blocks WHERE container = ?', container.key)
    for (const { file } of files) this.#onLoose(file)
  }

  /** Blocks that were put and not yet committed, in order of arrival. */
  blocks(container: number, name: string): Part[] {
    return this.#db.all<Part>(
      'SELECT block, length, sha256, file, data FROM blob_blocks WHERE container = ? AND name = ? ORDER BY rowid',
      container,
      name,
    )
  }

  putBlock(container: number, name: string, part: Part): void {
    const same = 'container = ? AND name = ? AND block = ?'
    this.#loosen(`DELETE FROM blob_blocks WHERE ${same} RETURNING file`, container, name, part.block)
    this.#db.run(
      'INSERT INTO blob_blocks (container, name, block, length, sha256, file, data, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      container,
      name,
      part.block,
      part.length,
      part.sha256,
      part.file,
      part.data,
      this.#clock.now(),
    )
  }

  /** Forgets the uncommitted blocks of a blob. */
  dropBlocks(container: number, name: string): void {
    this.#loosen('DELETE FROM blob_blocks WHERE container = ? AND name = ? RETURNING file', container, name)
  }

  /** True if some blob or block needs the file. */
  inUse(file: string): boolean {
    const sql = 'SELECT 1 FROM blob_parts WHERE file = ? UNION SELECT 1 FROM blob_blocks WHERE file = ?'
    return this.#db.get(sql, file, file) !== undefined
  }

  filesInUse(): Set<string> {
    const sql =
      'SELECT file FROM blob_parts WHERE file IS NOT NULL UNION SELECT file FROM blob_blocks WHERE file IS NOT NULL'
    return new Set(this.#db.all<{ file: string }>(sql).map((row) => row.file))
  }

  /** Blobs whose copy had not ended. */
  pendingCopies(): Blob[] {
    const sql = `SELECT * FROM blobs WHERE copy IS NOT NULL AND json_extract(copy, '$.status') = 'pending'`
    return this.#db.all<BlobRow>(sql).map(parsed)
  }

  #need(container: number, name: string, snapshot = ''): Blob {
    const blob = this.get(container, name, snapshot)
    if (blob === undefined) throw new Error(`the row of ${name} is gone in the middle of its write`)
    return blob
  }

  #addParts(blob: number, first: number, parts: readonly Part[]): void {
    for (const [index, part] of parts.entries()) {
      this.#db.run(
        'INSERT INTO blob_parts (blob, seq, block, length, sha256, file, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
        blob,
        first + index,
        part.block,
        part.length,
        part.sha256,
        part.file,
        part.data,
      )
    }
  }

  #dropParts(blob: number): void {
    this.#loosen('DELETE FROM blob_parts WHERE blob = ? RETURNING file', blob)
  }

  /** Runs a statement that removes rows and returns the files they named. */
  #loosen(sql: string, ...values: (number | string)[]): void {
    for (const { file } of this.#db.all<{ file: string | null }>(sql, ...values)) {
      if (file !== null) this.#onLoose(file)
    }
  }
}

/** The part that a received body makes. */
export function partOf(content: Content, block = ''): Part {
  return { block, length: content.length, sha256: content.sha256, file: content.file, data: content.data }
}

/** The instant of a snapshot with seven decimals, as Azure writes it. */
function snapshotName(at: number): string {
  return new Date(at).toISOString().replace('Z', '0000Z')
}

/** The first text in byte order that does not start with `prefix`. U+10FFFF sorts after all other text. */
function after(prefix: string): string {
  return `${prefix}\u{10ffff}`
}

function parsed(row: BlobRow): Blob {
  return {
    ...row,
    headers: JSON.parse(row.headers),
    metadata: row.metadata === '{}' ? {} : JSON.parse(row.metadata),
    tags: row.tags === '{}' ? {} : JSON.parse(row.tags),
    lease: row.lease === null ? null : JSON.parse(row.lease),
    copy: row.copy === null ? null : JSON.parse(row.copy),
  }
}
