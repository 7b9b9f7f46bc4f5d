import { expect, it } from 'vitest'
import { rulesWith } from '../../test/support/plan-world.ts'
import type { Item, JsonObject } from '../core/model.ts'
import { plan } from '../core/plan.ts'
import { emptySnapshot, item } from '../core/snapshot.ts'
import { driftOf } from './drift.ts'
import type { Observation } from './observe.ts'
import type { Prepared } from './sync.ts'

function seen(...items: readonly Item[]): Observation {
  return {
    snapshot: emptySnapshot().with(items),
    startedAt: 1,
    complete: new Set(),
    incomplete: new Map(),
    withheld: new Set(),
  }
}

function drift(source: Observation, target: Observation) {
  const rules = rulesWith()
  const prepared = { source, target, rules, plan: plan({ wanted: source.snapshot, found: target.snapshot, rules }) }
  // What drift reads of the ends is nothing.
  return driftOf(prepared as unknown as Prepared)
}

const thing = (address: Item['address'], body: JsonObject) => item(address, body)

it('finds what one side lacks, what only the other has, and the fields of what both have', () => {
  const source = seen(thing('datastore/a', { value: 1 }), thing('datastore/b', { value: 1, same: 2 }))
  const target = seen(thing('datastore/b', { value: 9, same: 2 }), thing('datastore/c', { value: 1 }))
  expect(drift(source, target)).toMatchObject([
    { address: 'datastore/a', is: 'missing', next: 'create' },
    { address: 'datastore/b', is: 'different', next: 'update', fields: [{ path: 'value', one: 1, other: 9 }] },
    { address: 'datastore/c', is: 'extra', next: 'nothing' },
  ])
})

it('says why nothing will be done about what can never change', () => {
  const found = drift(
    seen(thing('environment/e/1', { value: 1, needs: [] })),
    seen(thing('environment/e/1', { value: 2, needs: [] })),
  )
  expect(found).toMatchObject([
    { address: 'environment/e/1', is: 'different', next: 'nothing', fields: [{ path: 'value' }] },
  ])
  expect(found[0]?.why).toBeTruthy()
})

it('does not count what stands by on purpose, nor jobs, which are never made in a standby', () => {
  const source = seen(thing('schedule/nightly', { live: true }), thing('job/j', { value: 1 }))
  expect(drift(source, seen(thing('schedule/nightly', { live: false })))).toEqual([])
})
