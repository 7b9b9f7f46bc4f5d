import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Database } from '../state/database.ts'
import { PAGE, Pages } from './pages.ts'

const CHUNK = 64 * 1024
const MIB = 1024 * 1024

/** A database that tells how many bytes its largest answer had. */
class Measured extends Database {
  largest = 0

  override all<Row>(...asked: Parameters<Database['all']>): Row[] {
    return this.#measured(super.all<Row>(...asked))
  }

  override get<Row>(...asked: Parameters<Database['get']>): Row | undefined {
    return this.#measured([super.get<Row>(...asked)])[0]
  }

  #measured<Row>(rows: Row[]): Row[] {
    const sizes = rows.flatMap((row) =>
      Object.values(row ?? {}).map((one) => (one instanceof Uint8Array ? one.length : 0)),
    )
    this.largest = Math.max(
      this.largest,
      sizes.reduce((sum, size) => sum + size, 0),
    )
    return rows
  }
}

let dir: string
let db: Measured
let pages: Pages

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pages-'))
  db = new Measured(join(dir, 'state.db'))
  pages = new Pages(db)
})

afterEach(async () => {
  db.close()
  await rm(dir, { recursive: true })
})

function write(blob: number, from: number, bytes: Buffer): Promise<void> {
  return db.write(() => pages.write(blob, { from, to: from + bytes.length }, bytes))
}

function erase(from: number, to: number): Promise<void> {
  return db.write(() => pages.erase(1, { from, to }))
}

function rows(): number {
  return db.get<{ rows: number }>('SELECT count(*) AS rows FROM blob_pages')?.rows ?? Number.NaN
}

async function bytes(from: number, to: number): Promise<Buffer> {
  return Buffer.concat(await pages.stream(1, { from, to }).toArray())
}

test('clearing what was never written keeps nothing, however long it is', async () => {
  await erase(PAGE, 64 * MIB - PAGE)
  expect(rows()).toBe(0)
})

test.each([
  ['pages within a chunk', PAGE, 3 * PAGE],
  ['one whole chunk', CHUNK, 2 * CHUNK],
  ['the ends of two chunks', CHUNK - PAGE, CHUNK + PAGE],
  ['chunks with an end of their neighbours', CHUNK - PAGE, 3 * CHUNK + PAGE],
  ['up to the end of a chunk', PAGE, 2 * CHUNK],
  ['from the beginning of a chunk', CHUNK, 2 * CHUNK + PAGE],
  ['everything', 0, 4 * CHUNK],
])('clearing %s clears that alone', async (_what, from, to) => {
  const whole = Buffer.alloc(4 * CHUNK, 'a')
  await write(1, 0, whole)
  await erase(from, to)
  expect((await bytes(0, 4 * CHUNK)).equals(Buffer.from(whole).fill(0, from, to))).toBe(true)
  const left = [
    { from: 0, to: from },
    { from: to, to: 4 * CHUNK },
  ].filter((range) => range.from < range.to)
  expect(pages.written(1, { from: 0, to: 4 * CHUNK })).toEqual(left)
})

test('what is written is told without reading it', async () => {
  await write(1, 0, Buffer.alloc(MIB, 'a'))
  db.largest = 0
  expect(pages.written(1, { from: 0, to: MIB })).toEqual([{ from: 0, to: MIB }])
  expect(db.largest).toBeLessThan(CHUNK)
})

test('what has changed is found with one chunk at hand at a time', async () => {
  await write(1, 0, Buffer.alloc(MIB, 'a'))
  await db.write(() => pages.copy(1, 2))
  await write(2, 5 * CHUNK, Buffer.alloc(PAGE, 'b'))
  await write(2, 20 * CHUNK, Buffer.alloc(PAGE, 'c'))
  await db.write(() => pages.erase(2, { from: 0, to: PAGE }))
  db.largest = 0
  expect(pages.changed(1, 2, { from: 0, to: 2 * MIB })).toEqual({
    written: [
      { from: 5 * CHUNK, to: 5 * CHUNK + PAGE },
      { from: 20 * CHUNK, to: 20 * CHUNK + PAGE },
    ],
    cleared: [{ from: 0, to: PAGE }],
  })
  expect(db.largest).toBeLessThan(2 * CHUNK)
})
