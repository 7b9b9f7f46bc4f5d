import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'
import type { Content, Piece } from './contents.ts'

/** A piece of a blob together with what names and proves it. */
export interface Part extends Piece {
  /** Block id in base64; empty for bytes that did not come as a block. */
  readonly block: string
  readonly sha256: string
}

interface PartRow extends Omit<Part, 'load'> {
  readonly row: number
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blob_parts (
    blob INTEGER NOT NULL, seq INTEGER NOT NULL, block TEXT NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL,
    file TEXT, data BLOB);
  CREATE INDEX IF NOT EXISTS blob_parts_in_order ON blob_parts (blob, seq);
  CREATE INDEX IF NOT EXISTS blob_parts_by_file ON blob_parts (file) WHERE file IS NOT NULL;
  CREATE TABLE IF NOT EXISTS blob_blocks (
    container INTEGER NOT NULL, name TEXT NOT NULL, block TEXT NOT NULL, length INTEGER NOT NULL,
    sha256 TEXT NOT NULL, file TEXT, data BLOB, at INTEGER NOT NULL, UNIQUE (container, name, block));
  CREATE INDEX IF NOT EXISTS blob_blocks_by_file ON blob_blocks (file) WHERE file IS NOT NULL;
  CREATE INDEX IF NOT EXISTS blob_blocks_by_time ON blob_blocks (at);
`

/** Up to this length of a blob its inline bytes are read with its rows; beyond, one row at a time. */
const EAGER = 1024 * 1024

/**
 * The parts of blobs in order, and the blocks that wait to become parts.
 *
 * A part's bytes are in its row or in a file, and copies share files. Files that lost a reference are
 * handed to `onLoose` for a later look at {@link inUse}. Writes run inside a write of the database.
 */
export class Parts {
  readonly #db: Database
  readonly #clock: Clock
  readonly #onLoose: (file: string) => void

  constructor(db: Database, clock: Clock, onLoose: (file: string) => void) {
    this.#db = db
    this.#clock = clock
    this.#onLoose = onLoose
    db.migrate(SCHEMA)
  }

  /** Parts of a blob in order. */
  of(blob: { readonly key: number; readonly length: number }): Part[] {
    const rows = this.#db.all<PartRow>(
      `SELECT rowid AS row, block, length, sha256, file, CASE WHEN ? THEN data END AS data
       FROM blob_parts WHERE blob = ? ORDER BY seq`,
      blob.length <= EAGER ? 1 : 0,
      blob.key,
    )
    return rows.map((row) => this.#loadable(row, 'blob_parts'))
  }

  count(blob: number): number {
    return this.#db.get<{ n: number | null }>('SELECT max(seq) + 1 AS n FROM blob_parts WHERE blob = ?', blob)?.n ?? 0
  }

  /** Adds parts behind those that are there. */
  append(blob: number, parts: readonly Part[]): void {
    this.#insert(blob, parts.length === 0 ? 0 : this.count(blob), parts)
  }

  /** Gives a blob these parts and no others. Bytes of the old parts may be among the new. */
  replace(blob: number, parts: readonly Part[]): void {
    const last = this.#db.get<{ row: number | null }>('SELECT max(rowid) AS row FROM blob_parts')?.row ?? 0
    this.#insert(blob, 0, parts)
    this.#loosen('DELETE FROM blob_parts WHERE blob = ? AND rowid <= ? RETURNING file', blob, last)
  }

  drop(blob: number): void {
    this.#loosen('DELETE FROM blob_parts WHERE blob = ? RETURNING file', blob)
  }

  /** Removes the parts and blocks of everything in a container. */
  clear(container: number): void {
    this.#loosen(
      'DELETE FROM blob_parts WHERE blob IN (SELECT key FROM blobs WHERE container = ?) RETURNING file',
      container,
    )
    this.#loosen('DELETE FROM blob_blocks WHERE container = ? RETURNING file', container)
  }

  /** Blocks that were put and not yet committed, in order of arrival. */
  blocks(container: number, name: string): Part[] {
    const rows = this.#db.all<PartRow>(
      `SELECT rowid AS row, block, length, sha256, file, NULL AS data
       FROM blob_blocks WHERE container = ? AND name = ? ORDER BY rowid`,
      container,
      name,
    )
    return rows.map((row) => this.#loadable(row, 'blob_blocks'))
  }

  /** Id of some waiting block, or `undefined` where none waits: all ids of a blob are of one length. */
  someBlockId(container: number, name: string): string | undefined {
    const sql = 'SELECT block FROM blob_blocks WHERE container = ? AND name = ? LIMIT 1'
    return this.#db.get<{ block: string }>(sql, container, name)?.block
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

  /** Forgets uncommitted blocks that came before an instant. */
  expireBlocks(before: number): void {
    this.#loosen('DELETE FROM blob_blocks WHERE at < ? RETURNING file', before)
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

  #insert(blob: number, first: number, parts: readonly Part[]): void {
    for (const [index, part] of parts.entries()) {
      this.#db.run(
        'INSERT INTO blob_parts (blob, seq, block, length, sha256, file, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
        blob,
        first + index,
        part.block,
        part.length,
        part.sha256,
        part.file,
        part.file === null ? (part.data ?? part.load?.() ?? null) : null,
      )
    }
  }

  #loadable({ row, ...part }: PartRow, table: 'blob_parts' | 'blob_blocks'): Part {
    if (part.file !== null || part.data !== null) return part
    // Row numbers are given again once the highest is free; the digest says that the bytes are still the same.
    const sql = `SELECT data FROM ${table} WHERE rowid = ? AND sha256 = ?`
    const load = () => {
      const found = this.#db.get<{ data: Uint8Array }>(sql, row, part.sha256)
      if (found === undefined) throw new Error('the blob was replaced while it was read')
      return found.data
    }
    return { ...part, load }
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
