import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import type { Address } from '../core/model.ts'
import type { Entry } from './ledger.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'
import type { Lease } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let files = 0
const LEASE: Lease = { protection: 'churn', holder: 'a', epoch: 4, milliseconds: 1000 }
async function fresh(lease = LEASE) {
  const ledger = openSqliteLedger(join(root, `${files++}.db`))
  await ledger.begin(lease)
  return ledger
}

function entry(of: Address, recoveryPoint = 100): Entry {
  return { address: of, source: 'primary', sourceDigest: 'a', replicaDigest: 'b', recoveryPoint, verifiedAt: 120 }
}

it('gives back what was put, with what was kept for later', async () => {
  const ledger = await fresh()
  const job: Entry = { ...entry('job/train'), kept: { properties: { command: 'node train.mjs' } } }
  await ledger.put('churn', [job, entry('model/m/1')], LEASE)
  expect(ledger.get('churn', 'job/train')).toEqual(job)
  expect([...ledger.entries('churn', 'model')].map((e) => e.address)).toEqual(['model/m/1'])
  expect(ledger.get('fraud', 'job/train')).toBeUndefined()
})

it('gives back why something was never carried, also in a file of an earlier release', async () => {
  const path = join(root, 'earlier.db')
  const file = new DatabaseSync(path)
  file.exec(`CREATE TABLE entries (protection TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
    sourceDigest TEXT NOT NULL, replicaDigest TEXT NOT NULL, recoveryPoint INTEGER NOT NULL, verifiedAt INTEGER NOT NULL,
    kept TEXT, PRIMARY KEY (protection, address)) WITHOUT ROWID;
    INSERT INTO entries VALUES ('churn', 'model/m/1', 'model', 'primary', 'a', 'b', 100, 120, NULL)`)
  file.close()
  const ledger = openSqliteLedger(path)
  expect(ledger.get('churn', 'model/m/1')).toEqual(entry('model/m/1'))
  const never: Entry = { ...entry('compute/k8s', 0), replicaDigest: '', refused: 'it is attached' }
  await ledger.begin(LEASE)
  await ledger.put('churn', [never], LEASE)
  expect(ledger.get('churn', 'compute/k8s')).toEqual(never)
})

it('moves the recovery point of all but the named ones, and never back', async () => {
  const ledger = await fresh()
  await ledger.put('churn', [entry('model/a'), entry('model/b'), entry('model/c', 900)], LEASE)
  await ledger.touch('churn', 500, new Set<Address>(['model/b']), LEASE)
  expect([...ledger.entries('churn')].map((e) => e.recoveryPoint)).toEqual([500, 100, 900])
})

it('lists more entries than fit one page, each once', async () => {
  const ledger = await fresh()
  const many = Array.from({ length: 2500 }, (_, n) => entry(`model/m${n}`))
  await ledger.put('churn', many, LEASE)
  expect(new Set([...ledger.entries('churn')].map((e) => e.address)).size).toBe(2500)
  await ledger.forget('churn', ['model/m7'], LEASE)
  expect([...ledger.entries('churn')].length).toBe(2499)
})

it('guards I1: is written by the lease that has begun last, and by none before it', async () => {
  const ledger = await fresh()
  await ledger.put('churn', [entry('model/a')], LEASE)
  const next = { ...LEASE, holder: 'b', epoch: 5 }
  expect(await ledger.begin(next)).toBe(true)
  expect(await ledger.begin(LEASE)).toBe(false)
  const fenced = { code: 'run/fenced' }
  await expect(ledger.put('churn', [entry('model/b')], LEASE)).rejects.toMatchObject(fenced)
  await expect(ledger.put('churn left', [entry('model/b')], LEASE)).rejects.toMatchObject(fenced)
  await expect(ledger.touch('churn', 500, new Set(), LEASE)).rejects.toMatchObject(fenced)
  await expect(ledger.forget('churn', ['model/a'], LEASE)).rejects.toMatchObject(fenced)
  expect([...ledger.entries('churn')]).toEqual([entry('model/a')])
  await ledger.forget('churn', ['model/a'], next)
  expect([...ledger.entries('churn')]).toEqual([])
})

it('is written under an earlier epoch again where that is known to be the latest', async () => {
  const ledger = await fresh({ ...LEASE, epoch: 9 })
  await expect(ledger.put('churn', [entry('model/a')], LEASE)).rejects.toMatchObject({ code: 'run/fenced' })
  expect(await ledger.begin(LEASE, true)).toBe(true)
  await ledger.put('churn', [entry('model/a')], LEASE)
  expect(ledger.get('churn', 'model/a')).toBeDefined()
})
