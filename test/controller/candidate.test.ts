import { expect, it } from 'vitest'
import { type Candidate, candidate } from '../../src/controller/candidate.ts'
import type { Tenure } from '../../src/engine/tenure.ts'
import type { Time } from '../../src/engine/time.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { openSqliteLedger } from '../../src/store/sqlite-ledger.ts'

const LEASE = 2000
const TICK = 100

function given(answer: Awaited<ReturnType<Candidate>>): Tenure {
  if ('held' in answer) throw new Error(`held by ${answer.held.holder}`)
  return answer
}

/** Controllers on one store, whose time goes on only when it is told to. */
function made() {
  let now = 0
  const clock = () => now
  const store = openSqliteStore(':memory:', () => ({ boot: 'one', milliseconds: now }))
  const ledger = openSqliteLedger(':memory:')
  const time: Time = { clock, sleep: async () => undefined, every: () => () => undefined }
  const named = (holder: string) =>
    candidate({ store, ledger, protection: 'churn', holder, leaseMilliseconds: LEASE, tickMilliseconds: TICK, time })
  const pass = (milliseconds: number) => {
    now += milliseconds
  }
  return { named, pass }
}

it('that is started in the place of a holder that died leaves the lease to one that has waited, for two looks', async () => {
  const { named, pass } = made()
  const waiting = named('waiting')
  await given(await waiting()).end()
  given(await named('dead')())
  pass(LEASE - 1)
  const again = named('again')
  expect(await again()).toHaveProperty('held')
  pass(1)
  // It has run out: the one that is new asks first, and the one that has waited has it.
  expect(await again()).toEqual({ held: { holder: 'dead' } })
  given(await waiting())
})

it('that finds the lease of a holder that died run out leaves it to one that has waited too', async () => {
  const { named, pass } = made()
  const waiting = named('waiting')
  await named('dead')()
  await waiting()
  pass(3 * LEASE)
  expect(await named('again')()).toEqual({ held: { holder: 'dead' } })
  expect(await waiting()).toHaveProperty('lease')
})

it('takes a lease that nobody takes once it has waited', async () => {
  const { named, pass } = made()
  await named('dead')()
  const again = named('again')
  expect(await again()).toHaveProperty('held')
  pass(LEASE + 2 * TICK - 1)
  expect(await again()).toHaveProperty('held')
  pass(1)
  expect(await again()).toHaveProperty('lease')
})

it('takes a free lease at once', async () => {
  expect(await made().named('only')()).toHaveProperty('lease')
})
