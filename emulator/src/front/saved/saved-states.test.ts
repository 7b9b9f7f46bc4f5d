import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Database } from '../../state/database.ts'
import { SavedStates } from './saved-states.ts'

const REGIONS = ['east', 'west']

let dir: string
let saved: SavedStates
let stores: readonly Database[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'saved-states-'))
  stores = ['front.db', 'regions/east/state.db', 'regions/west/state.db'].map((file) => new Database(join(dir, file)))
  for (const db of stores) db.migrate('CREATE TABLE t (n)')
  for (const region of REGIONS) mkdirSync(join(dir, 'regions', region, 'blobs'))
  writeFileSync(join(dir, 'regions/east/blobs/one'), 'bytes')
  saved = new SavedStates(dir, REGIONS)
})

afterEach(() => {
  for (const db of stores) db.close()
  rmSync(dir, { recursive: true, force: true })
})

async function write(n: number): Promise<void> {
  await Promise.all(stores.map((db) => db.write(() => db.run('INSERT INTO t VALUES (?)', n))))
}

/** What the stores of a copy hold. */
async function copied(name: string): Promise<unknown> {
  const to = join(dir, 'copy')
  rmSync(to, { recursive: true, force: true })
  await saved.copyTo(name, to)
  return ['front.db', 'regions/east/state.db', 'regions/west/state.db'].map((file) => {
    const db = new Database(join(to, file))
    try {
      return db.all<{ n: number }>('SELECT n FROM t').map(({ n }) => n)
    } finally {
      db.close()
    }
  })
}

it('has what was written before, also what is in the log of a store that is open', async () => {
  await write(1)
  await saved.save('one', 5)
  await write(2)
  expect(await copied('one')).toEqual([[1], [1], [1]])
  expect(readFileSync(join(dir, 'copy/regions/east/blobs/one'), 'utf8')).toBe('bytes')
  expect(saved.list()).toEqual([
    { name: 'one', savedAt: expect.any(String), regions: REGIONS, clockShiftMilliseconds: 5 },
  ])
})

it('keeps the bytes of a blob once, and keeps them when the blob goes', async () => {
  await saved.save('one', 0)
  expect(statSync(join(dir, 'regions/east/blobs/one')).nlink).toBe(2)
  rmSync(join(dir, 'regions/east/blobs/one'))
  await copied('one')
  expect(readFileSync(join(dir, 'copy/regions/east/blobs/one'), 'utf8')).toBe('bytes')
})

it('is replaced only where that is asked for, and leaves nothing beside', async () => {
  await saved.save('one', 0)
  expect(() => saved.admit('one', false)).toThrow('already')
  saved.admit('one', true)
  await write(1)
  await saved.save('one', 0)
  expect(await copied('one')).toEqual([[1], [1], [1]])
  expect(readdirSync(join(dir, 'saved'))).toEqual(['one'])
})

it('leaves what was there under the name where a save breaks off', async () => {
  await write(1)
  await saved.save('one', 0)
  rmSync(join(dir, 'regions/west/blobs'), { recursive: true })
  await expect(saved.save('one', 0)).rejects.toThrow('ENOENT')
  expect(readdirSync(join(dir, 'saved'))).toEqual(['one'])
  expect(await copied('one').catch(String)).toEqual([[1], [1], [1]])
})

it('puts back what was about to be replaced when the process ended, and removes what is half', async () => {
  await saved.save('one', 0)
  renameSync(join(dir, 'saved/one'), join(dir, 'saved/.replaced-one'))
  mkdirSync(join(dir, 'saved/.half-1'))
  saved.restoreReplaced()
  expect(saved.list()).toMatchObject([{ name: 'one' }])
  await saved.save('two', 0)
  expect(readdirSync(join(dir, 'saved'))).toEqual(['one', 'two'])
})

it('refuses a state of other regions or of a newer emulator', async () => {
  await saved.save('one', 0)
  const other = new SavedStates(dir, ['east'])
  await expect(other.copyTo('one', join(dir, 'copy'))).rejects.toThrow('--regions east,west')
  const path = join(dir, 'saved/one/saved.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), schema: 99 }))
  await expect(saved.copyTo('one', join(dir, 'copy'))).rejects.toThrow('newer')
})
