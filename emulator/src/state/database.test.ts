import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database } from './database.ts'

let folder: string
let db: Database

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'database-'))
  db = new Database(join(folder, 'state.db'))
})

afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true, force: true })
})

function tables(): readonly string[] {
  return db.all<{ name: string }>('SELECT name FROM sqlite_schema ORDER BY name').map(({ name }) => name)
}

describe('migrate', () => {
  it('makes all tables or none', () => {
    expect(() => db.migrate('CREATE TABLE one (n); CREATE TABLE two (n')).toThrow('incomplete')
    expect(tables()).toEqual([])
    db.migrate('CREATE TABLE one (n); CREATE TABLE two (n)')
    expect(tables()).toEqual(['one', 'two'])
  })

  it('makes tables inside a write too, which goes with them if it fails', async () => {
    await db.write(() => {
      db.migrate('CREATE TABLE kept (n)')
      db.run('INSERT INTO kept VALUES (1)')
    })
    const failing = db.write(() => {
      db.migrate('CREATE TABLE gone (n)')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(tables()).toEqual(['kept'])
    expect(db.get('SELECT n FROM kept')).toEqual({ n: 1 })
  })
})

describe('write', () => {
  it('rolls back alone what throws, and keeps its neighbours of one group', async () => {
    db.migrate('CREATE TABLE t (n)')
    const add = (n: number) => db.write(() => db.run('INSERT INTO t VALUES (?)', n))
    const failing = db.write(() => {
      db.run('INSERT INTO t VALUES (2)')
      throw new Error('no')
    })
    const outcomes = await Promise.allSettled([add(1), failing, add(3)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(db.all('SELECT n FROM t')).toEqual([{ n: 1 }, { n: 3 }])
  })

  it('fails with its neighbours, for the reason of the first, where SQLite takes the whole group back', async () => {
    db.migrate('CREATE TABLE t (n PRIMARY KEY)')
    const add = (n: number) => db.write(() => db.run('INSERT OR ROLLBACK INTO t VALUES (?)', n))
    const outcomes = await Promise.allSettled([add(1), add(1), add(2)])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('UNIQUE') } })
    }
    expect(db.all('SELECT n FROM t')).toEqual([])
    await add(3)
    expect(db.all('SELECT n FROM t')).toEqual([{ n: 3 }])
  })
})

describe('hold', () => {
  it('lets writes wait, those that were on their way too, and release does them', async () => {
    db.migrate('CREATE TABLE t (n)')
    const add = (n: number) => db.write(() => db.run('INSERT INTO t VALUES (?)', n))
    const first = add(1)
    db.hold()
    const second = add(2)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(db.all('SELECT n FROM t')).toEqual([])
    db.release()
    await Promise.all([first, second])
    expect(db.all('SELECT n FROM t')).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('does not keep a write from being done where the store is closed', async () => {
    db.migrate('CREATE TABLE t (n)')
    db.hold()
    const write = db.write(() => db.run('INSERT INTO t VALUES (1)'))
    db.close()
    await write
    db = new Database(join(folder, 'state.db'))
    expect(db.all('SELECT n FROM t')).toEqual([{ n: 1 }])
  })
})
