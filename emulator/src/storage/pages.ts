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

interface ChunkRow {
  readonly chunk: number
  /** One byte a page: 1 where it was written and not cleared. */
  readonly written: Uint8Array
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

  /** Writes bytes over whole pages; without bytes, clears the pages. */
  write(blob: number, { from, to }: PageRange, bytes: Uint8Array | undefined): void {
    for (let at = from; at < to; ) {
      const chunk = Math.floor(at / CHUNK)
      const start = at - chunk * CHUNK
      const end = Math.min(CHUNK, to - chunk * CHUNK)
      this.#writeChunk({ blob, chunk }, { from: start, to: end }, bytes?.subarray(at - from, at - from + end - start))
      at += end - start
    }
  }

  /** Forgets what is behind the new end of a blob. */
  truncate(blob: number, length: number): void {
    const last = Math.ceil(length / CHUNK) * CHUNK
    if (length < last) this.write(blob, { from: length, to: last }, undefined)
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
    for (const row of this.#rows(blob, range)) {
      for (let page = 0; page < PAGES; page++) if (row.written[page] === 1) marks.add(row.chunk * CHUNK + page * PAGE)
    }
    return marks.ranges
  }

  /** Ranges in which a blob differs from an earlier state of it: written anew, and cleared. */
  changed(before: number, now: number, range: PageRange): { written: PageRange[]; cleared: PageRange[] } {
    const [written, cleared] = [new Marks(range), new Marks(range)]
    const old = new Map([...this.#rows(before, range)].map((row) => [row.chunk, row]))
    const rows = new Map([...this.#rows(now, range)].map((row) => [row.chunk, row]))
    for (const chunk of [...new Set([...old.keys(), ...rows.keys()])].toSorted((a, b) => a - b)) {
      const [was, is] = [old.get(chunk), rows.get(chunk)]
      for (let page = 0; page < PAGES; page++) {
        const at = chunk * CHUNK + page * PAGE
        if (is?.written[page] === 1) {
          if (was?.written[page] !== 1 || !pageOf(was, page).equals(pageOf(is, page))) written.add(at)
        } else if (was?.written[page] === 1) cleared.add(at)
      }
    }
    return { written: written.ranges, cleared: cleared.ranges }
  }

  #writeChunk(place: { blob: number; chunk: number }, { from, to }: PageRange, bytes: Uint8Array | undefined): void {
    const row = this.#row(place.blob, place.chunk)
    const data = row === undefined ? Buffer.alloc(CHUNK) : Buffer.from(row.data)
    const written = row === undefined ? Buffer.alloc(PAGES) : Buffer.from(row.written)
    data.fill(0, from, to)
    if (bytes !== undefined) data.set(bytes, from)
    written.fill(bytes === undefined ? 0 : 1, from / PAGE, to / PAGE)
    this.#db.run(
      'INSERT OR REPLACE INTO blob_pages (blob, chunk, written, data) VALUES (?, ?, ?, ?)',
      place.blob,
      place.chunk,
      written,
      data,
    )
  }

  #row(blob: number, chunk: number): ChunkRow | undefined {
    const sql = 'SELECT chunk, written, data FROM blob_pages WHERE blob = ? AND chunk = ?'
    return this.#db.get<ChunkRow>(sql, blob, chunk)
  }

  #rows(blob: number, { from, to }: PageRange): ChunkRow[] {
    return this.#db.all<ChunkRow>(
      'SELECT chunk, written, data FROM blob_pages WHERE blob = ? AND chunk >= ? AND chunk < ? ORDER BY chunk',
      blob,
      Math.floor(from / CHUNK),
      Math.ceil(to / CHUNK),
    )
  }

  async *#bytes(blob: number, { from, to }: PageRange): AsyncGenerator<Uint8Array> {
    for (let at = from; at < to; ) {
      const chunk = Math.floor(at / CHUNK)
      const start = at - chunk * CHUNK
      const end = Math.min(CHUNK, to - chunk * CHUNK)
      yield (this.#row(blob, chunk)?.data ?? ZEROS).subarray(start, end)
      at += end - start
    }
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
