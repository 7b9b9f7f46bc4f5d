import { Readable } from 'node:stream'
import type { Database } from '../state/database.ts'

/** Bytes of a page, the unit of every write to a page blob. */
export const PAGE = 512
const CHUNK = 64 * 1024
const PAGES = CHUNK / PAGE

/** Bytes `from` up to but not including `to`. */
export interface PageRange {
  readonly from: number
  readonly to: number
}

/** Which pages of a chunk are written, without their bytes. */
interface MarkRow {
  readonly chunk: number
  /** One byte a page: 1 where it was written and not cleared. */
  readonly written: Uint8Array
}

interface ChunkRow extends MarkRow {
  readonly data: Uint8Array
}

const ZEROS = Buffer.alloc(CHUNK)

/**
 * The pages of page blobs: rows of 64 KiB, and none where nothing was written.
 *
 * A write of pages shares the group commit with its blob's row. Writes run inside a write of the database.
 */
export class Pages {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`CREATE TABLE IF NOT EXISTS blob_pages (
      blob INTEGER NOT NULL, chunk INTEGER NOT NULL, written BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (blob, chunk))`)
  }

  /** Writes bytes over whole pages. */
  write(blob: number, { from, to }: PageRange, bytes: Uint8Array): void {
    for (const piece of piecesOf({ from, to })) {
      const start = piece.chunk * CHUNK + piece.from - from
      this.#writeChunk(blob, piece, bytes.subarray(start, start + piece.to - piece.from))
    }
  }

  /** Clears whole pages. It costs what was written there, however long the range is. */
  erase(blob: number, { from, to }: PageRange): void {
    const [first, last] = [Math.ceil(from / CHUNK), Math.floor(to / CHUNK)]
    this.#db.run('DELETE FROM blob_pages WHERE blob = ? AND chunk >= ? AND chunk < ?', blob, first, last)
    const edges = [
      { from, to: Math.min(to, first * CHUNK) },
      { from: Math.max(first, last) * CHUNK, to },
    ]
    for (const piece of edges.flatMap((edge) => [...piecesOf(edge)])) this.#writeChunk(blob, piece, undefined)
  }

  /** Forgets what is behind the new end of a blob. */
  truncate(blob: number, length: number): void {
    this.erase(blob, { from: length, to: Math.ceil(length / CHUNK) * CHUNK })
    this.#db.run('DELETE FROM blob_pages WHERE blob = ? AND chunk >= ?', blob, Math.ceil(length / CHUNK))
  }

  /** Gives one blob the pages of another. */
  copy(from: number, to: number): void {
    this.drop(to)
    this.#db.run(
      'INSERT INTO blob_pages (blob, chunk, written, data) SELECT ?, chunk, written, data FROM blob_pages WHERE blob = ?',
      to,
      from,
    )
  }

  drop(blob: number): void {
    this.#db.run('DELETE FROM blob_pages WHERE blob = ?', blob)
  }

  clear(container: number): void {
    this.#db.run('DELETE FROM blob_pages WHERE blob IN (SELECT key FROM blobs WHERE container = ?)', container)
  }

  /** Bytes of a range, zeros where nothing was written. A row is read when its turn comes. */
  stream(blob: number, range: PageRange): Readable {
    return Readable.from(this.#bytes(blob, range), { objectMode: false })
  }

  /** Ranges of pages that were written and not cleared since. */
  written(blob: number, range: PageRange): PageRange[] {
    const marks = new Marks(range)
    for (const row of this.#marks(blob, range)) {
      for (let page = 0; page < PAGES; page++) if (row.written[page] === 1) marks.add(row.chunk * CHUNK + page * PAGE)
    }
    return marks.ranges
  }

  /** Ranges in which a blob differs from an earlier state of it: written anew, and cleared. */
  changed(before: number, now: number, range: PageRange): { written: PageRange[]; cleared: PageRange[] } {
    const [written, cleared] = [new Marks(range), new Marks(range)]
    const old = new Map(this.#marks(before, range).map((row) => [row.chunk, row.written]))
    const rows = new Map(this.#marks(now, range).map((row) => [row.chunk, row.written]))
    for (const chunk of [...new Set([...old.keys(), ...rows.keys()])].toSorted((a, b) => a - b)) {
      const [was, is] = [old.get(chunk), rows.get(chunk)]
      const isSame = was === undefined || is === undefined ? () => false : this.#comparing(chunk, before, now)
      for (let page = 0; page < PAGES; page++) {
        const at = chunk * CHUNK + page * PAGE
        if (is?.[page] === 1) {
          if (was?.[page] !== 1 || !isSame(page)) written.add(at)
        } else if (was?.[page] === 1) cleared.add(at)
      }
    }
    return { written: written.ranges, cleared: cleared.ranges }
  }

  /** Tells of a page of a chunk whether two blobs have the same bytes there. */
  #comparing(chunk: number, one: number, other: number): (page: number) => boolean {
    const [a, b] = [this.#row(one, chunk), this.#row(other, chunk)]
    return (page) => a !== undefined && b !== undefined && pageOf(a, page).equals(pageOf(b, page))
  }

  /** Writes the pages of one chunk; without bytes, clears them where there are any. */
  #writeChunk(blob: number, { chunk, from, to }: Piece, bytes: Uint8Array | undefined): void {
    const row = this.#row(blob, chunk)
    if (row === undefined && bytes === undefined) return
    const data = row === undefined ? Buffer.alloc(CHUNK) : Buffer.from(row.data)
    const written = row === undefined ? Buffer.alloc(PAGES) : Buffer.from(row.written)
    data.fill(0, from, to)
    if (bytes !== undefined) data.set(bytes, from)
    written.fill(bytes === undefined ? 0 : 1, from / PAGE, to / PAGE)
    const sql = 'INSERT OR REPLACE INTO blob_pages (blob, chunk, written, data) VALUES (?, ?, ?, ?)'
    this.#db.run(sql, blob, chunk, written, data)
  }

  #row(blob: number, chunk: number): ChunkRow | undefined {
    const sql = 'SELECT chunk, written, data FROM blob_pages WHERE blob = ? AND chunk = ?'
    return this.#db.get<ChunkRow>(sql, blob, chunk)
  }

  #marks(blob: number, { from, to }: PageRange): MarkRow[] {
    return this.#db.all<MarkRow>(
      'SELECT chunk, written FROM blob_pages WHERE blob = ? AND chunk >= ? AND chunk < ? ORDER BY chunk',
      blob,
      Math.floor(from / CHUNK),
      Math.ceil(to / CHUNK),
    )
  }

  async *#bytes(blob: number, range: PageRange): AsyncGenerator<Uint8Array> {
    for (const { chunk, from, to } of piecesOf(range)) yield (this.#row(blob, chunk)?.data ?? ZEROS).subarray(from, to)
  }
}

/** The part of a range that is in one chunk, counted from the chunk's beginning. */
interface Piece extends PageRange {
  readonly chunk: number
}

function* piecesOf({ from, to }: PageRange): Generator<Piece> {
  for (let at = from; at < to; ) {
    const chunk = Math.floor(at / CHUNK)
    const end = Math.min(CHUNK, to - chunk * CHUNK)
    yield { chunk, from: at - chunk * CHUNK, to: end }
    at = chunk * CHUNK + end
  }
}

/** Pages in order, joined to ranges where they touch, and only those of one range. */
class Marks {
  readonly ranges: { from: number; to: number }[] = []
  readonly #within: PageRange

  constructor(within: PageRange) {
    this.#within = within
  }

  add(at: number): void {
    if (at + PAGE <= this.#within.from || at >= this.#within.to) return
    const last = this.ranges.at(-1)
    if (last?.to === at) last.to = at + PAGE
    else this.ranges.push({ from: at, to: at + PAGE })
  }
}

function pageOf(row: ChunkRow, page: number): Buffer {
  return Buffer.from(row.data.buffer, row.data.byteOffset + page * PAGE, PAGE)
}
