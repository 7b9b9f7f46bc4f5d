import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anySnapshot, KINDS } from '../../test/support/arbitrary.ts'
import { applied, dangling, rulesWith } from '../../test/support/plan-world.ts'
import { plan } from './plan.ts'
import type { PlanRules } from './step.ts'

const anyRules: fc.Arbitrary<PlanRules> = fc
  .record({
    conflict: fc.constantFrom('map' as const, 'refuse' as const),
    role: fc.constantFrom('standby' as const, 'active' as const),
    mode: fc.constantFrom('hot/hot' as const, 'hot/warm' as const, 'hot/cold' as const),
    removes: fc.subarray([...KINDS]),
    follows: fc.subarray([...KINDS]),
    incomplete: fc.subarray([...KINDS], { maxLength: 1 }),
    brakeLifted: fc.boolean(),
    excluded: fc.constantFrom('nothing', 'model/a', 'datastore/'),
  })
  .map(({ mode, removes, follows, incomplete, excluded, ...rules }) =>
    rulesWith({
      ...rules,
      mode: () => mode,
      removes: new Set(removes),
      follows: new Set(follows),
      incomplete: new Set(incomplete),
      excluded: (address) => address.startsWith(excluded),
    }),
  )

describe('any plan', () => {
  it('ends with nothing left to do, from any point at which it is cut off', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, anyRules, fc.nat(), (wanted, found, rules, cut) => {
        const first = plan({ wanted, found, rules })
        const part = applied(first.steps.slice(0, cut % (first.steps.length + 1)), found)
        const rest = plan({ wanted, found: part, rules })
        const end = applied(rest.steps, part)
        expect(plan({ wanted, found: end, rules }).steps).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('never leaves an item without what it needs', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, anyRules, (wanted, found, rules) => {
        const { steps } = plan({ wanted, found, rules })
        for (let count = 0; count <= steps.length; count++) {
          expect(dangling(applied(steps.slice(0, count), found)), `after ${count} steps`).toEqual([])
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('waits for exactly what stands before it in the list', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, anyRules, (wanted, found, rules) => {
        const { steps, kindsFirst } = plan({ wanted, found, rules })
        const position = new Map(steps.map((step, index) => [step.address, index]))
        for (const [index, step] of steps.entries()) {
          const follows = 'follows' in step && step.follows !== undefined ? [step.follows] : []
          for (const before of [...step.after, ...follows]) expect(position.get(before)).toBeLessThan(index)
          if (step.do !== 'create' && step.do !== 'update') continue
          const kind = step.address.slice(0, step.address.indexOf('/'))
          for (const first of kindsFirst[kind] ?? []) {
            const making = steps.filter((one) => one.address.startsWith(`${first}/`) && 'source' in one)
            for (const one of making) expect(position.get(one.address)).toBeLessThan(index)
          }
        }
      }),
    )
  })

  it('removes nothing whose removal was not asked for, or of which a listing is incomplete', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, anyRules, (wanted, found, rules) => {
        for (const step of plan({ wanted, found, rules }).steps) {
          const kind = step.address.slice(0, step.address.indexOf('/'))
          const isAsked = rules.removes?.has(kind) === true || rules.follows?.has(kind) === true
          if (step.do === 'remove') expect(isAsked).toBe(true)
          if (step.do === 'remove' || step.do === 'archive') {
            expect(rules.incomplete?.has(kind)).toBe(false)
            expect(wanted.has(step.address)).toBe(false)
          }
        }
      }),
    )
  })

  it('gives what stands by nothing that acts, except where both sides may', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (wanted, found) => {
        for (const step of plan({ wanted, found, rules: rulesWith({ mode: () => 'hot/hot' }) }).steps) {
          if (step.address.startsWith('schedule/') && 'source' in step) expect(step.item.body['live']).toBe(false)
        }
      }),
    )
  })
})
