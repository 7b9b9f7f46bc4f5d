import { describe, expect, it } from 'vitest'
import { rulesWith, WORLD } from '../../test/support/plan-world.ts'
import type { Address, Item, Kind } from './model.ts'
import { plan } from './plan.ts'
import { item, type Snapshot, snapshotOf } from './snapshot.ts'

/** Counts questions, and not time: they are the same on every machine. */

function thing(at: Address, needs: readonly Address[] = [], value = 0): Item {
  return item(at, { value, live: true, needs }, needs)
}

function questions(wanted: Snapshot, found: Snapshot): { readonly asked: number; readonly steps: number } {
  let asked = 0
  const kind = (of: Kind) => {
    asked++
    return WORLD.get(of)
  }
  const { steps } = plan({ wanted, found, rules: rulesWith({ kind }) })
  return { asked, steps: steps.length }
}

/** Every item needs the one before it. */
function chain(length: number): Snapshot {
  const name = (index: number): Address => `datastore/n${index}`
  return snapshotOf(Array.from({ length }, (_, index) => thing(name(index), index === 0 ? [] : [name(index - 1)])))
}

/** Every item needs the first. */
function star(length: number): Snapshot {
  const all = Array.from({ length }, (_, index) => thing(`environment/n${index}/1`, ['datastore/first']))
  return snapshotOf([...all, thing('datastore/first')])
}

describe('the cost of a plan', () => {
  it('follows what changed, and not what there is', () => {
    const changes = Array.from({ length: 100 }, (_, index) => thing(`datastore/n${index * 7}`, [], 1))
    const cost = (items: number) => {
      const found = snapshotOf(Array.from({ length: items }, (_, index) => thing(`datastore/n${index}`)))
      return questions(found.with(changes), found)
    }
    expect(cost(1000).steps).toBe(100)
    expect(cost(20_000)).toEqual(cost(1000))
  })

  it('follows what is new, and not how many versions its container has', () => {
    let read = 0
    const version = (n: number, order = n): Item => {
      const one = thing(`model/m/${n}`)
      return Object.defineProperty({ ...one }, 'order', {
        enumerable: true,
        get: () => {
          read++
          return order
        },
      })
    }
    const cost = (versions: number) => {
      const found = snapshotOf(Array.from({ length: versions }, (_, n) => version(n)))
      const planned = (wanted: Snapshot) => plan({ wanted, found, rules: rulesWith({}) })
      planned(found.with([version(versions)]))
      read = 0
      const { notes } = planned(found.with([version(versions, versions - 1)]))
      return { read, late: notes.map(({ address }) => address) }
    }
    const few = cost(1000)
    expect(few.late).toEqual(['model/m/1000'])
    // One way down, and the leaf at its end, are new.
    expect(few.read).toBeLessThan(60)
    expect(cost(20_000).read).toBeLessThan(60)
  })

  for (const [shape, made] of [
    ['a chain', chain],
    ['a star', star],
  ] as const) {
    it(`is linear in ${shape} of references`, () => {
      const [one, ten] = [questions(made(2000), snapshotOf([])), questions(made(20_000), snapshotOf([]))]
      expect(ten.steps).toBeGreaterThanOrEqual(20_000)
      expect(ten.asked).toBeLessThan(one.asked * 10.5)
    })
  }
})
