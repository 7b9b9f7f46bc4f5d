import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Address } from '../core/model.ts'
import type { Entry } from './ledger.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let files = 0
const fresh = () => openSqliteLedger(join(root, `${files++}.db`))

function entry(of: Address, recoveryPoint = 100): Entry {
  return { address: of, source: 'primary', sourceDigest: 'a', replicaDigest: 'b', recoveryPoint, verifiedAt: 120 }
}

it('gives back what was put, with what was kept for later', async () => {
  const ledger = fresh()
  const job: Entry = { ...entry('job/train'), kept: { properties: { command: 'node train.mjs' } } }
  await ledger.put('churn', [job, entry('model/m/1')])
  expect(ledger.get('churn', 'job/train')).toEqual(job)
  expect([...ledger.entries('churn', 'model')].map((e) => e.address)).toEqual(['model/m/1'])
  expect(ledger.get('fraud', 'job/train')).toBeUndefined()
})

it('moves the recovery point of all but the named ones, and never back', async () => {
  const ledger = fresh()
  await ledger.put('churn', [entry('model/a'), entry('model/b'), entry('model/c', 900)])
  await ledger.touch('churn', 500, new Set<Address>(['model/b']))
  expect([...ledger.entries('churn')].map((e) => e.recoveryPoint)).toEqual([500, 100, 900])
})

it('lists more entries than fit one page, each once', async () => {
  const ledger = fresh()
  const many = Array.from({ length: 2500 }, (_, n) => entry(`model/m${n}`))
  await ledger.put('churn', many)
  expect(new Set([...ledger.entries('churn')].map((e) => e.address)).size).toBe(2500)
  await ledger.forget('churn', ['model/m7'])
  expect([...ledger.entries('churn')].length).toBe(2499)
})
