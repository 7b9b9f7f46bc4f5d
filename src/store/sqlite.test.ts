import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import { all, conforms, taken } from './conformance.ts'
import { openSqliteStore } from './sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let now = 1000
let boot = 'first'
const clock = () => ({ boot, milliseconds: now })
let files = 0
const freshPath = () => join(root, `${files++}`, 'holdfast.db')

conforms('SQLite', {
  pair: async () => {
    const path = freshPath()
    return { one: openSqliteStore(path, clock), two: openSqliteStore(path, clock) }
  },
  pass: (milliseconds) => {
    now += milliseconds
  },
})

it('ends every lease when the host starts anew, since its clock does too', async () => {
  const store = openSqliteStore(freshPath(), clock)
  const lease = await taken(store, 'a', 60_000)
  boot = 'second'
  await expect(store.append(lease, [])).rejects.toMatchObject({ code: 'run/fenced' })
  expect((await taken(store, 'b')).epoch).toBe(lease.epoch + 1)
})

it('refuses a journal in which a record was changed', async () => {
  const path = freshPath()
  const store = openSqliteStore(path, clock)
  const lease = await taken(store, 'a')
  await store.append(
    lease,
    [1, 2, 3].map((n) => ({ run: 'r', type: 'step/done', body: { n } })),
  )
  const sqlite = new DatabaseSync(path)
  sqlite.exec(`UPDATE journal SET body = '{"n":9}' WHERE seq = 2`)
  sqlite.close()
  await expect(all(store)).rejects.toMatchObject({ code: 'store/damaged' })
})

it('refuses a journal from which a record was taken', async () => {
  const path = freshPath()
  const store = openSqliteStore(path, clock)
  const lease = await taken(store, 'a')
  await store.append(
    lease,
    [1, 2, 3].map((n) => ({ run: 'r', type: 'step/done', body: { n } })),
  )
  const sqlite = new DatabaseSync(path)
  sqlite.exec('DELETE FROM journal WHERE seq = 2')
  sqlite.close()
  await expect(all(store)).rejects.toMatchObject({ code: 'store/damaged' })
})

it('guards I8: finds any change of any letter of any record, and names the first that is not as it was written', async () => {
  const path = freshPath()
  const store = openSqliteStore(path, clock)
  const lease = await taken(store, 'a')
  await store.append(
    lease,
    [1, 2, 3].map((n) => ({ run: `r${n}`, type: 'step/done', body: { address: `model/größe/${n}` } })),
  )
  const sqlite = new DatabaseSync(path)
  let flips = 0
  for (const seq of [1, 2, 3]) {
    for (const column of ['epoch', 'run', 'type', 'at', 'body', 'chain']) {
      const { value } = sqlite.prepare(`SELECT ${column} AS value FROM journal WHERE seq = ?`).get(seq) as {
        value: string | number
      }
      const set = sqlite.prepare(`UPDATE journal SET ${column} = ? WHERE seq = ?`)
      for (const other of flipped(value)) {
        set.run(other, seq)
        await expect(all(store), `${column} of ${seq}: ${other}`).rejects.toMatchObject({ facts: { seq } })
        flips++
      }
      set.run(value, seq)
    }
  }
  sqlite.close()
  expect(flips).toBeGreaterThan(350)
  expect((await all(store)).length).toBe(3)
})

/** A value with each of its letters changed, one at a time. */
function flipped(value: string | number): readonly (string | number)[] {
  if (typeof value === 'number') return [value + 1, value ^ 1024]
  return [...value].map((_, at) => {
    const letters = [...value]
    letters[at] = String.fromCodePoint((letters[at]?.codePointAt(0) ?? 0) ^ 1)
    return letters.join('')
  })
}

it('is all there again after it was closed and opened', async () => {
  const path = freshPath()
  const store = openSqliteStore(path, clock)
  const lease = await taken(store, 'a')
  await store.append(lease, [{ run: 'r', type: 'failover/begun', body: { id: 'f1' } }])
  await store.setFact(lease, 'roles', { active: 'primary', epoch: 1 })
  await store.close()
  const again = openSqliteStore(path, clock)
  expect(await all(again)).toMatchObject([{ type: 'failover/begun', body: { id: 'f1' } }])
  expect(await again.fact('churn', 'roles')).toEqual({ active: 'primary', epoch: 1 })
})

it.each([
  ["UPDATE facts SET value = replace(value, '7', '5')", 'fact'],
  ["DELETE FROM facts WHERE name = 'roles'", 'fact'],
  ["UPDATE facts SET name = 'rolet' WHERE name = 'roles'", 'fact'],
  ['DELETE FROM leases', 'fact'],
  ['UPDATE leases SET epoch = epoch - 1', 'acquire'],
  ['UPDATE leases SET until = until - 1', 'acquire'],
  ["UPDATE leases SET holder = 'b'", 'acquire'],
  ['DELETE FROM leases', 'acquire'],
  ["UPDATE words SET word = replace(word, 'ada', 'adb')", 'words'],
])('guards I8: acts on nothing after %s', async (damage, asked) => {
  const path = freshPath()
  const store = openSqliteStore(path, clock)
  const lease = await taken(store, 'a')
  await store.append(lease, [{ run: 'r', type: 'step/done', body: {} }])
  await store.setFact(lease, 'roles', { active: 'primary', epoch: 7 })
  await store.leave('churn', { id: 'w', is: 'pause', by: 'ada', body: {} })
  const sqlite = new DatabaseSync(path)
  sqlite.exec(damage)
  sqlite.close()
  const asking = {
    fact: () => store.fact('churn', 'roles'),
    acquire: () => store.acquire('churn', 'c', 1000),
    words: () => store.words('churn'),
  }[asked]
  await expect(asking?.()).rejects.toMatchObject({ code: 'store/damaged' })
})

it('goes on with a store of the form that had no sums, and notices from then on what is changed', async () => {
  const path = freshPath()
  await openSqliteStore(path, clock).close()
  const old = new DatabaseSync(path)
  old.exec(`DROP TABLE leases; DROP TABLE words; PRAGMA user_version = 0;
    CREATE TABLE leases (protection TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, boot TEXT NOT NULL, until INTEGER NOT NULL);
    CREATE TABLE words (protection TEXT NOT NULL, id TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (protection, id));
    INSERT INTO leases VALUES ('churn', 'a', 6, 'none', 5);
    INSERT INTO words VALUES ('churn', 'w', '{"is":"pause","by":"ada","body":{}}');
    INSERT INTO facts VALUES ('churn', 'roles', '{"active":"secondary"}')`)
  const store = openSqliteStore(path, clock)
  expect(await store.fact('churn', 'roles')).toEqual({ active: 'secondary' })
  expect(await store.words('churn')).toEqual([{ id: 'w', is: 'pause', by: 'ada', body: {} }])
  expect((await taken(store, 'b')).epoch).toBe(7)
  old.exec(`UPDATE facts SET value = '{"active":"primary"}'`)
  old.close()
  await expect(store.fact('churn', 'roles')).rejects.toMatchObject({ code: 'store/damaged' })
})

it('refuses a store of a later form than it knows', async () => {
  const path = freshPath()
  await openSqliteStore(path, clock).close()
  const later = new DatabaseSync(path)
  later.exec('PRAGMA user_version = 9')
  later.close()
  expect(() => openSqliteStore(path, clock)).toThrow('has form 9, and 1 is the latest')
})
