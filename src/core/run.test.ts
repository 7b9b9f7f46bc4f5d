import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anySnapshot, KINDS } from '../../test/support/arbitrary.ts'
import { applied, dangling, rulesWith } from '../../test/support/plan-world.ts'
import type { Address, Item } from './model.ts'
import { plan } from './plan.ts'
import { Run, type StepRecord } from './run.ts'
import { item, snapshotOf } from './snapshot.ts'
import type { Plan } from './step.ts'

function thing(address: Address, needs: readonly Address[] = [], order?: number): Item {
  return item(address, { value: 0, live: true, needs }, needs, order)
}

function planned(...items: readonly Item[]): Plan {
  return plan({ wanted: snapshotOf(items), found: snapshotOf([]), rules: rulesWith() })
}

const begun = (address: Address): StepRecord => ({ type: 'step/begun', body: { address } })
const done = (address: Address): StepRecord => ({ type: 'step/done', body: { address } })
const later = (address: Address): StepRecord => failed(address, 'azure/throttled')
const never = (address: Address): StepRecord => failed(address, 'azure/refused')

function failed(address: Address, code: 'azure/throttled' | 'azure/refused'): StepRecord {
  return { type: 'step/failed', body: { address, code, message: 'no' } }
}

function run(of: Plan, ...records: readonly StepRecord[]): Run {
  const state = new Run(of)
  for (const record of records) state.record(record)
  return state
}

function ready(of: Run): Address[] {
  return of.ready().map((step) => step.address)
}

const chain = planned(thing('datastore/d'), thing('environment/e/1', ['datastore/d']), thing('blob/b'))

describe('a run', () => {
  it('starts everything that waits for nothing, at once', () => {
    expect(ready(run(chain))).toEqual(['blob/b', 'datastore/d'])
    expect(run(chain).ready(1)).toHaveLength(1)
  })

  it('starts a step once what it needs is done, not when that has begun', () => {
    expect(ready(run(chain, begun('datastore/d')))).toEqual(['blob/b'])
    expect(ready(run(chain, begun('datastore/d'), done('datastore/d')))).toContain('environment/e/1')
  })

  it('is finished when every step is over', () => {
    const all = ['blob/b', 'datastore/d', 'environment/e/1'] as const
    expect(run(chain, ...all.map(done)).finished).toBe(true)
    expect(run(chain, ...all.slice(1).map(done)).finished).toBe(false)
  })

  it('tries again what may pass, and quarantines it after five attempts', () => {
    const attempt = [begun('datastore/d'), later('datastore/d')]
    const four = run(chain, ...attempt, ...attempt, ...attempt, ...attempt)
    expect(ready(four)).toContain('datastore/d')
    const five = run(chain, ...attempt, ...attempt, ...attempt, ...attempt, ...attempt)
    expect(five.state('datastore/d')).toBe('quarantined')
  })

  it('quarantines at once what cannot pass, and leaves what needs it stuck, and goes on with the rest', () => {
    const state = run(chain, begun('datastore/d'), never('datastore/d'))
    expect(state.quarantined).toMatchObject([{ step: { address: 'datastore/d' }, attempts: 1, code: 'azure/refused' }])
    expect(state.stuck).toMatchObject([{ step: { address: 'environment/e/1' } }])
    expect(ready(state)).toEqual(['blob/b'])
    state.record(done('blob/b'))
    expect(state.finished).toBe(true)
  })

  it('begins again what was begun when its process ended', () => {
    const state = run(chain, begun('datastore/d'))
    state.resume()
    expect(ready(state)).toContain('datastore/d')
  })

  it('quarantines a step that ended its process five times', () => {
    const state = new Run(chain)
    for (let crash = 0; crash < 5; crash++) {
      state.record(begun('datastore/d'))
      state.resume()
    }
    expect(state.state('datastore/d')).toBe('quarantined')
  })

  it('lets a later version go when the one before it is over, even if that failed', () => {
    const versions = planned(thing('model/a/1', [], 1), thing('model/a/2', [], 2))
    expect(ready(run(versions))).toEqual(['model/a/1'])
    expect(ready(run(versions, begun('model/a/1'), never('model/a/1')))).toEqual(['model/a/2'])
  })

  it('lets a kind go when all of the kinds before it is over, even if some of it failed', () => {
    const kinds = planned(thing('model/a/1'), thing('datastore/d'), thing('environment/e/1'))
    expect(ready(run(kinds))).toEqual(['datastore/d', 'environment/e/1'])
    expect(ready(run(kinds, done('datastore/d')))).toEqual(['environment/e/1'])
    expect(ready(run(kinds, done('datastore/d'), begun('environment/e/1'), never('environment/e/1')))).toEqual([
      'model/a/1',
    ])
  })

  it('does not heed records about other plans', () => {
    expect(ready(run(chain, done('model/other/1')))).toEqual(['blob/b', 'datastore/d'])
  })

  it('ends, whatever fails, and never carries out a step before what it needs', () => {
    const anyEnd = fc.constantFrom('done' as const, 'later' as const, 'never' as const, 'crash' as const)
    const anyCase = fc.tuple(anySnapshot, anySnapshot, fc.array(anyEnd, { minLength: 1 }), fc.nat())
    fc.assert(
      fc.property(anyCase, ([wanted, found, ends, seed]) => {
        const rules = rulesWith({ removes: new Set(KINDS) })
        const made = plan({ wanted, found, rules })
        const state = new Run(made)
        let now = found
        for (let turn = 0; !state.finished; turn++) {
          expect(turn).toBeLessThan(5 * made.steps.length + 1)
          const open = state.ready()
          const step = open[(seed + turn) % open.length]
          if (step === undefined) throw new Error('nothing can start, and it is not finished')
          state.record(begun(step.address))
          const end = ends[turn % ends.length]
          if (end === 'done') now = applied([step], now)
          expect(dangling(now)).toEqual([])
          if (end === 'crash') state.resume()
          else state.record({ done, later, never }[end ?? 'done'](step.address))
        }
      }),
      { numRuns: 500 },
    )
  })
})
