import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Ledger } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'
import { type Tenure, takeTenure } from './tenure.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-tenure-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A store whose lease answers are scripted: what is tested here is this side's reckoning. */
function scripted(renewals: () => void): Store {
  const refuse = () => Promise.reject(new Error('not asked in this test'))
  return {
    acquire: async (protection, holder, milliseconds) => ({ protection, holder, epoch: 4, milliseconds }),
    renew: async () => renewals(),
    release: async () => undefined,
    append: async (_lease, records) => records.map((one, n) => ({ ...one, seq: n + 1, epoch: 4, at: '' })),
    read: async function* () {},
    fact: refuse,
    setFact: refuse,
    head: refuse,
    leave: refuse,
    words: refuse,
    answer: refuse,
    withdraw: refuse,
    close: async () => undefined,
  }
}

const ledger = { begin: async () => true }

async function held(store: Store, clock?: () => number): Promise<Tenure> {
  const options = { store, ledger, protection: 'churn', holder: 'a', leaseMilliseconds: 300 }
  const answer = await takeTenure(clock === undefined ? options : { ...options, clock })
  if ('held' in answer) throw new Error('held')
  return answer
}

it('guards I1: starts no effect that its lease would not outlast', async () => {
  let now = 0
  const tenure = await held(
    scripted(() => undefined),
    () => now,
  )
  tenure.demand(299)
  expect(() => tenure.demand(300)).toThrow(/ends before/)
  now = 150
  expect(() => tenure.demand(200)).toThrow(/ends before/)
  await tenure.end()
})

it('guards I1: knows itself fenced after a pause that was longer than the lease', async () => {
  let now = 0
  const tenure = await held(
    scripted(() => undefined),
    () => now,
  )
  now = 301
  expect(() => tenure.demand(1)).toThrow(/no longer holds/)
  expect(tenure.signal.aborted).toBe(true)
  await tenure.end()
})

it('guards I1: reckons its end from before a renewal was sent, however long the answer takes', async () => {
  let now = 0
  let beat: () => void = () => undefined
  const every = (_: number, work: () => void) => {
    beat = work
    return () => undefined
  }
  const store = scripted(() => {
    now = 250
  })
  const tenure = await takeTenure({
    store,
    ledger,
    protection: 'churn',
    holder: 'a',
    leaseMilliseconds: 300,
    clock: () => now,
    every,
  })
  if ('held' in tenure) throw new Error('held')
  now = 100
  beat()
  await new Promise((resolve) => setImmediate(resolve))
  tenure.demand(149)
  expect(() => tenure.demand(150)).toThrow(/ends before/)
  await tenure.end()
})

it('lets an effect that takes a third of the lease begin though three renewals in turn fail or are late', async () => {
  let now = 0
  let pace = 0
  const every = (milliseconds: number) => {
    pace = milliseconds
    return () => undefined
  }
  const store = scripted(() => undefined)
  const options = { store, ledger, protection: 'churn', holder: 'a', leaseMilliseconds: 300, every }
  const tenure = await takeTenure({ ...options, clock: () => now })
  if ('held' in tenure) throw new Error('held')
  now = 4 * pace - 1
  tenure.demand(100)
  now = 4 * pace
  expect(() => tenure.demand(100)).toThrow(/ends before/)
  await tenure.end()
})

it('guards I1: permits nothing after it was given back, though the time that it had would last', async () => {
  const tenure = await held(scripted(() => undefined))
  tenure.demand(1)
  await tenure.end()
  expect(tenure.signal.aborted).toBe(true)
  expect(() => tenure.demand(1)).toThrow(/no longer holds/)
})

it('goes on through renewals that fail while the lease still lasts, and ends when it does not', async () => {
  const tenure = await held(
    scripted(() => {
      throw new Error('store unreachable')
    }),
  )
  tenure.demand(1)
  await new Promise((resolve) => tenure.signal.addEventListener('abort', resolve, { once: true }))
  expect(() => tenure.demand(1)).toThrow(/no longer holds/)
  await tenure.end()
})

it('stops acting at once when the store says another has the lease', async () => {
  const tenure = await held(
    scripted(() => {
      throw Object.assign(new Error('another'), { code: 'run/fenced' })
    }),
  )
  await new Promise((resolve) => tenure.signal.addEventListener('abort', resolve, { once: true }))
  expect(tenure.signal.reason).toMatchObject({ code: 'run/fenced' })
  await tenure.end()
})

it('guards I1: is given where its ledger knows a later epoch only if the store says that it is the latest', async () => {
  const begun: (boolean | undefined)[] = []
  const begin: Ledger['begin'] = async (_, isLatest) => {
    begun.push(isLatest)
    return isLatest === true
  }
  const options = { ledger: { begin }, protection: 'churn', holder: 'a', leaseMilliseconds: 300 }
  const another = scripted(() => {
    throw Object.assign(new Error('another'), { code: 'run/fenced' })
  })
  await expect(takeTenure({ ...options, store: another })).rejects.toThrow('another')
  expect(begun).toEqual([undefined])
  const tenure = await takeTenure({ ...options, store: scripted(() => undefined) })
  expect(tenure).toHaveProperty('lease')
  expect(begun).toEqual([undefined, undefined, true])
  if ('lease' in tenure) await tenure.end()
})
