import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { movableClock } from '../clock.ts'
import { Database } from '../state/database.ts'
import { Blobs } from './blobs.ts'

let dir: string
let db: Database
let blobs: Blobs

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'blobs-'))
  open()
  await blobs.ensureAccount('acct')
  await blobs.ensureContainer('acct', 'box')
})

afterEach(async () => {
  vi.restoreAllMocks()
  await close()
  await rm(dir, { recursive: true })
})

function open(): void {
  db = new Database(join(dir, 'state.db'))
  blobs = new Blobs(db, movableClock(), dir)
}

async function close(): Promise<void> {
  await blobs.close()
  db.close()
}

const at = (name: string) => ({ account: 'acct', container: 'box', name })

test('bytes of every size come back as they were, also after the region was opened again', async () => {
  const sizes = [0, 1, 65_536, 65_537, 3_000_000]
  const bodies = sizes.map((size) => randomBytes(size))
  for (const [index, body] of bodies.entries()) {
    const given = index % 2 === 0 ? body : Readable.from([body.subarray(0, 1), body.subarray(1)])
    await blobs.put(at(`blob ${sizes[index]}`), given)
  }
  await close()
  open()
  for (const [index, body] of bodies.entries()) {
    expect(await blobs.read(at(`blob ${sizes[index]}`), 1e9)).toEqual(body)
  }
})

test('names that look like paths are only names', async () => {
  const names = ['../../state.db', 'a//b', 'a%2Fb', 'übung/😀', '.', '..']
  for (const name of names) await blobs.put(at(name), Buffer.from(name))
  const listed = blobs.list('acct', 'box').map((info) => info.name)
  expect(new Set(listed)).toEqual(new Set(names))
  for (const name of names) expect(await blobs.read(at(name), 1e6)).toEqual(Buffer.from(name))
})

test('a range is cut to what is there', async () => {
  await blobs.put(at('large'), Buffer.alloc(200_000, 'x'))
  const chunks = await blobs.open(at('large'), { from: 199_990, to: 300_000 })?.stream.toArray()
  expect(Buffer.concat(chunks ?? []).length).toBe(10)
})

test('a reader sees the bytes it opened although they are replaced meanwhile', async () => {
  const first = randomBytes(2_000_000)
  await blobs.put(at('large'), first)
  const opened = blobs.open(at('large'))
  await blobs.put(at('large'), randomBytes(2_000_000))
  await blobs.remove(at('large'))
  const chunks = await opened?.stream.toArray()
  expect(Buffer.concat(chunks ?? []).equals(first)).toBe(true)
})

test('files that no blob needs are removed, at the latest at the next start', async () => {
  await blobs.put(at('kept'), randomBytes(100_000))
  await blobs.put(at('gone'), randomBytes(100_000))
  await blobs.remove(at('gone'))
  await writeFile(join(dir, 'blobs', 'left-by-a-crash'), 'x')
  await close()
  open()
  expect(await readdir(join(dir, 'blobs'))).toHaveLength(1)
  expect((await blobs.read(at('kept'), 1e6))?.length).toBe(100_000)
  expect((await blobs.read(at('kept'), 10))?.length).toBe(10)
})

test('a body that breaks off leaves nothing', async () => {
  const broken = Readable.from(
    (async function* () {
      yield randomBytes(300_000)
      throw new Error('the line is cut')
    })(),
  )
  await expect(blobs.put(at('never'), broken)).rejects.toThrow('the line is cut')
  expect(blobs.info(at('never'))).toBeUndefined()
  expect(await readdir(join(dir, 'blobs'))).toEqual([])
})

test('a blob that cannot be written down leaves nothing', async () => {
  vi.spyOn(db, 'write').mockRejectedValueOnce(new Error('database or disk is full'))
  await expect(blobs.put(at('never'), randomBytes(300_000))).rejects.toThrow('disk is full')
  await vi.waitFor(async () => expect(await readdir(join(dir, 'blobs'))).toEqual([]))
})

test('a region opens although blocks that were never committed cannot be removed', async () => {
  await close()
  vi.spyOn(Database.prototype, 'write').mockRejectedValue(new Error('database or disk is full'))
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  open()
  await vi.waitFor(() => expect(said.mock.calls.flat().join('')).toContain('disk is full'))
  vi.restoreAllMocks()
  expect((await blobs.put(at('new'), Buffer.from('x'))).length).toBe(1)
})

test('a list goes on after a name', async () => {
  for (const name of ['a/1', 'a/2', 'a/3', 'b/1']) await blobs.put(at(name), Buffer.from('x'))
  const page = blobs.list('acct', 'box', { prefix: 'a/', after: 'a/1', limit: 1 })
  expect(page.map((info) => info.name)).toEqual(['a/2'])
})
