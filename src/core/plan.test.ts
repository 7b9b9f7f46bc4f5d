import { describe, expect, it } from 'vitest'
import { rulesWith } from '../../test/support/plan-world.ts'
import type { Address, Item, JsonObject } from './model.ts'
import { plan } from './plan.ts'
import { item, snapshotOf } from './snapshot.ts'
import type { Plan, PlanRules } from './step.ts'

function thing(address: Address, body: JsonObject = {}, needs: readonly Address[] = [], order?: number): Item {
  return item(address, { value: 0, live: true, needs, ...body }, needs, order)
}

function planned(wanted: readonly Item[], found: readonly Item[], rules: Partial<PlanRules> = {}): Plan {
  return plan({ wanted: snapshotOf(wanted), found: snapshotOf(found), rules: rulesWith(rules) })
}

function steps(of: Plan): string[] {
  return of.steps.map((step) => `${step.do} ${step.address}`)
}

function notes(of: Plan): string[] {
  return of.notes.map(
    (note) =>
      `${note.is} ${note.address}${'because' in note ? ` ${note.because}` : ''}${'code' in note ? ` ${note.code}` : ''}`,
  )
}

function numbered(count: number, kind: string): Item[] {
  return Array.from({ length: count }, (_, index) => thing(`${kind}/n${index}`))
}

describe('a plan', () => {
  it('creates a datastore before the model that needs it', () => {
    const result = planned([thing('model/a/1', {}, ['datastore/z']), thing('datastore/z')], [])
    expect(steps(result)).toEqual(['create datastore/z', 'create model/a/1'])
    expect(result.steps[1]?.after).toEqual(['datastore/z'])
  })

  it('has nothing to do, and no notes, for a side that is as it should be', () => {
    const both = [thing('model/a/1', {}, ['datastore/z']), thing('datastore/z')]
    expect(planned(both, both)).toMatchObject({ steps: [], notes: [] })
  })

  it('is the same whatever the order in which things were listed', () => {
    const things = [...numbered(30, 'datastore'), ...numbered(30, 'model')]
    expect(planned(things, []).digest).toBe(planned(things.toReversed(), []).digest)
  })

  it('has another digest when the content of one item differs', () => {
    expect(planned([thing('model/a/1')], []).digest).not.toBe(planned([thing('model/a/1', { x: 1 })], []).digest)
  })

  it('puts kinds in the order in which they name each other, also through kinds that have nothing to do', () => {
    const result = planned([thing('endpoint/e'), thing('environment/z/1'), thing('schedule/a')], [])
    expect(steps(result)).toEqual(['create environment/z/1', 'create schedule/a', 'create endpoint/e'])
    expect(result.kindsFirst).toEqual({ endpoint: ['environment'] })
  })

  it('lets a reference outrank the order of kinds', () => {
    const result = planned([thing('datastore/d', {}, ['model/a/1']), thing('model/a/1')], [])
    expect(steps(result)).toEqual(['create model/a/1', 'create datastore/d'])
    expect(result.kindsFirst).toEqual({})
  })

  it('never makes a step of a kind that is only observed, and never waits for one', () => {
    const result = planned([thing('job/j'), thing('model/a/1', {}, ['job/j'])], [])
    expect(steps(result)).toEqual(['create model/a/1'])
    expect(result.notes).toEqual([])
  })

  it('never makes what is only observed: what has its name counts as the same, and what needs it is refused where nothing has', () => {
    const source = [thing('datastore/k', { attached: true }), thing('model/a/1', {}, ['datastore/k'])]
    expect(steps(planned(source, [thing('datastore/k', { value: 9 })]))).toEqual(['create model/a/1'])
    const alone = planned(source, [])
    expect(steps(alone)).toEqual([])
    expect(notes(alone)).toEqual(['kept datastore/k observed', 'refused model/a/1 plan/dangling-reference'])
  })

  it('refuses a kind that no service knows, and carries the rest', () => {
    const result = planned([thing('gadget/g'), thing('model/a/1')], [])
    expect(steps(result)).toEqual(['create model/a/1'])
    expect(notes(result)).toEqual(['refused gadget/g plan/unknown-kind'])
  })
})

describe('references', () => {
  it('that lead nowhere refuse the item and what needs it, and nothing else', () => {
    const result = planned(
      [
        thing('environment/e/1', {}, ['datastore/gone']),
        thing('model/a/1', {}, ['environment/e/1']),
        thing('model/b/1'),
      ],
      [],
    )
    expect(steps(result)).toEqual(['create model/b/1'])
    expect(notes(result)).toEqual([
      'refused environment/e/1 plan/dangling-reference',
      'refused model/a/1 plan/dangling-reference',
    ])
  })

  it('to what the standby has already are good, even if the source lost it', () => {
    const result = planned([thing('model/a/1', {}, ['datastore/d'])], [thing('datastore/d')])
    expect(steps(result)).toEqual(['create model/a/1'])
  })

  it('to the vendor’s curated assets are good', () => {
    const rules = { elsewhere: (address: Address) => address.startsWith('environment/AzureML-') }
    expect(steps(planned([thing('model/a/1', {}, ['environment/AzureML-sklearn/3'])], [], rules))).toHaveLength(1)
  })

  it('in a ring refuse every item of it, and what waits behind it', () => {
    const result = planned(
      [
        thing('environment/a/1', {}, ['environment/b/1']),
        thing('environment/b/1', {}, ['environment/a/1']),
        thing('model/m/1', {}, ['environment/a/1']),
        thing('datastore/d'),
      ],
      [],
    )
    expect(steps(result)).toEqual(['create datastore/d'])
    expect(notes(result)).toEqual([
      'refused environment/a/1 plan/cycle',
      'refused environment/b/1 plan/cycle',
      'refused model/m/1 plan/cycle',
    ])
  })

  it('to itself do not hold an item up', () => {
    expect(steps(planned([thing('model/a/1', {}, ['model/a/1'])], []))).toEqual(['create model/a/1'])
  })
})

describe('one name with other frozen content', () => {
  const source = [thing('environment/e/1', { value: 1 }), thing('model/a/1', {}, ['environment/e/1'])]
  const standby = [thing('environment/e/1', { value: 2 })]

  it('is refused with what needs it, where the policy says so', () => {
    const result = planned(source, standby, { conflict: 'refuse' })
    expect(steps(result)).toEqual([])
    expect(notes(result)).toEqual([
      'refused environment/e/1 plan/conflict',
      'refused model/a/1 plan/dangling-reference',
    ])
  })

  it('is refused with the fields in which it differs', () => {
    const [note] = planned(source, standby, { conflict: 'refuse' }).notes
    expect(note).toMatchObject({ reason: expect.stringMatching(/ in value,/) })
  })

  it('is mapped to another version and followed by what needs it, where the policy says so', () => {
    const result = planned(source, standby, { conflict: 'map' })
    const [first, second] = result.steps
    expect(first).toMatchObject({ do: 'create', origin: 'environment/e/1' })
    expect(first?.address).toMatch(/^environment\/e\/1-[0-9a-f]{8}$/)
    expect(second).toMatchObject({ address: 'model/a/1', after: [first?.address], item: { needs: [first?.address] } })
    expect(notes(result)).toEqual(['mapped environment/e/1'])
  })

  it('stays where it was mapped: the next plan has nothing to do and withdraws nothing', () => {
    const first = planned(source, standby, { conflict: 'map' })
    const after = [...standby, ...first.steps.flatMap((step) => (step.do === 'create' ? [step.item] : []))]
    const second = planned(source, after, { conflict: 'map' })
    expect(steps(second)).toEqual([])
    expect(notes(second)).toContain('mapped environment/e/1')
  })

  it('stays where it was mapped also when its tags change', () => {
    const first = planned(source, standby, { conflict: 'map' })
    const after = [...standby, ...first.steps.flatMap((step) => (step.do === 'create' ? [step.item] : []))]
    const tagged = [thing('environment/e/1', { value: 1, tag: 'new' }), ...source.slice(1)]
    expect(steps(planned(tagged, after, { conflict: 'map' }))).toEqual([`update ${first.steps[0]?.address}`])
  })

  it('is refused for what needs it, where that cannot follow to another name', () => {
    const result = planned([source[0] ?? thing('x/x'), thing('endpoint/e', {}, ['environment/e/1'])], standby, {
      conflict: 'map',
    })
    expect(notes(result)).toContain('refused endpoint/e plan/dangling-reference')
  })

  it('is refused where the name has no version', () => {
    const result = planned([thing('blob/x', { value: 1 })], [thing('blob/x', { value: 2 })], { conflict: 'map' })
    expect(notes(result)).toEqual(['refused blob/x plan/conflict'])
  })

  it('is no conflict if only what may change differs', () => {
    const result = planned([thing('environment/e/1', { tag: 'new' })], [thing('environment/e/1', { tag: 'old' })])
    expect(steps(result)).toEqual(['update environment/e/1'])
  })
})

describe('versions of one container', () => {
  it('are made in the order of the source, not of their names', () => {
    const result = planned(
      [thing('model/a/10', {}, [], 2), thing('model/a/9', {}, [], 1), thing('model/a/z', {}, [], 0)],
      [],
    )
    expect(steps(result)).toEqual(['create model/a/z', 'create model/a/9', 'create model/a/10'])
    expect(result.steps[2]).toMatchObject({ follows: 'model/a/9', after: [] })
  })

  it('that come after a newer one are carried, and it is said', () => {
    const newer = thing('model/a/2', {}, [], 2)
    const result = planned([thing('model/a/1', {}, [], 1), newer], [newer])
    expect(steps(result)).toEqual(['create model/a/1'])
    expect(notes(result)).toEqual(['late model/a/1'])
  })
})

describe('what acts', () => {
  it('stands by without acting on the standby', () => {
    const [step] = planned([thing('schedule/s')], []).steps
    expect(step).toMatchObject({ do: 'create', item: { body: { live: false } } })
  })

  it('has nothing to do once it stands by', () => {
    const parked = thing('schedule/s', { live: false })
    expect(planned([thing('schedule/s')], [parked])).toMatchObject({ steps: [], notes: [] })
  })

  it('serves on both sides under hot/hot, if its kind can', () => {
    const result = planned([thing('endpoint/e'), thing('schedule/s')], [], { mode: () => 'hot/hot' })
    expect(result.steps.map((step) => 'item' in step && step.item.body['live'])).toEqual([true, false])
  })

  it('waits for a failover under hot/cold, with what needs it', () => {
    const result = planned([thing('endpoint/e'), thing('schedule/s', {}, ['endpoint/e'])], [], {
      mode: (address) => (address === 'endpoint/e' ? 'hot/cold' : 'hot/warm'),
    })
    expect(steps(result)).toEqual([])
    expect(notes(result)).toEqual(['kept endpoint/e cold', 'kept schedule/s cold'])
  })

  it('is refused under hot/cold to what no failover makes, and to what needs more that is not there', () => {
    const things = [
      thing('endpoint/e'),
      thing('model/a/1', {}, ['endpoint/e']),
      thing('schedule/s', {}, ['endpoint/e', 'model/gone/1']),
    ]
    const mode = (of: Address) => (of === 'endpoint/e' ? 'hot/cold' : 'hot/warm')
    expect(notes(planned(things, [], { mode }))).toEqual([
      'kept endpoint/e cold',
      'refused model/a/1 plan/dangling-reference',
      'refused schedule/s plan/dangling-reference',
    ])
  })

  it('is made to act when the side becomes active', () => {
    const result = planned([thing('schedule/s'), thing('endpoint/e')], [thing('schedule/s', { live: false })], {
      role: 'active',
      mode: () => 'hot/cold',
    })
    expect(steps(result).sort()).toEqual(['create endpoint/e', 'update schedule/s'])
  })
})

describe('what only the standby has', () => {
  it('is archived where its kind knows it, kept where not, and never removed by default', () => {
    const result = planned([], [thing('model/a/1'), thing('datastore/d'), thing('blob/b')])
    expect(steps(result)).toEqual(['archive model/a/1'])
    expect(notes(result)).toEqual(['kept blob/b extra', 'kept datastore/d extra'])
  })

  it('is left alone once it is archived', () => {
    expect(planned([], [thing('model/a/1', { archived: true })])).toMatchObject({ steps: [], notes: [] })
  })

  it('is removed by kind on demand, users first', () => {
    const found = [thing('datastore/d'), thing('environment/e/1', {}, ['datastore/d'])]
    const result = planned([], found, { removes: new Set(['datastore', 'environment']) })
    expect(steps(result)).toEqual(['remove environment/e/1', 'remove datastore/d'])
  })

  it('is not removed while something that stays needs it', () => {
    const found = [thing('datastore/d'), thing('environment/e/1', {}, ['datastore/d']), thing('datastore/free')]
    const result = planned([], found, { removes: new Set(['datastore']) })
    expect(steps(result)).toEqual(['remove datastore/free'])
    expect(notes(result)).toContain('kept datastore/d needed')
  })

  it('goes with its original by itself where its kind does so, but stays with what it belongs to', () => {
    const found = ['gone', 'there'].flatMap((name) => [
      thing(`blob/${name}`),
      thing(`datastore/of-${name}`, {}, [`blob/${name}`]),
    ])
    const result = planned([thing('blob/there')], found, { follows: new Set(['datastore']) })
    expect(steps(result)).toEqual(['remove datastore/of-there'])
    expect(notes(result)).toEqual(['kept blob/gone extra', 'kept datastore/of-gone extra'])
  })

  // Guards: what both sides changed stays on each until a person has decided.
  it('is left alone where a person has yet to decide about it', () => {
    const quarantined = (address: Address) => (address === 'datastore/d' ? 'both sides changed it' : undefined)
    const found = [thing('datastore/d'), thing('datastore/e')]
    const result = planned([], found, { removes: new Set(['datastore']), quarantined })
    expect(steps(result)).toEqual(['remove datastore/e'])
    expect(notes(result)).toEqual(['kept datastore/d undecided'])
  })

  it('guards I5: is left alone where the list of the source left it out though it is there', () => {
    const withheld = (address: Address) => address === 'datastore/d'
    const found = [thing('datastore/d'), thing('datastore/e')]
    const result = planned([], found, { removes: new Set(['datastore']), withheld })
    expect(steps(result)).toEqual(['remove datastore/e'])
    expect(notes(result)).toEqual(['kept datastore/d withheld'])
  })

  it('is removed after the update that lets go of it', () => {
    const result = planned([thing('model/a/1')], [thing('model/a/1', {}, ['datastore/d']), thing('datastore/d')], {
      removes: new Set(['datastore']),
    })
    expect(steps(result)).toEqual(['update model/a/1', 'remove datastore/d'])
    expect(result.steps[1]?.after).toEqual(['model/a/1'])
  })

  // Guards invariant I5: a listing that did not end is no evidence.
  it('is left alone where a listing of its kind did not come to its end', () => {
    const rules = { incomplete: new Set(['model', 'datastore']), removes: new Set(['datastore']) }
    const result = planned([], [thing('model/a/1'), thing('datastore/d')], rules)
    expect(steps(result)).toEqual([])
    expect(notes(result)).toEqual(['kept datastore/d incomplete', 'kept model/a/1 incomplete'])
  })

  // Guards invariant I5 and fault F21: a mass removal at the source goes no further without a person.
  it('is left alone as a whole where more would go than the brake lets pass', () => {
    const found = numbered(11, 'datastore')
    const result = planned([], found, { removes: new Set(['datastore']) })
    expect(steps(result)).toEqual([])
    expect(result.brake).toEqual({ withdrawals: 11, allowed: 10, kind: 'datastore' })
    expect(result.notes.every((note) => note.is === 'kept' && note.because === 'brake')).toBe(true)
  })

  it('goes where it is ten items or five in a hundred, whichever is more', () => {
    const removes = new Set(['datastore'])
    expect(planned([], numbered(10, 'datastore'), { removes }).steps).toHaveLength(10)
    const all = numbered(400, 'datastore')
    expect(planned(all.slice(20), all, { removes }).steps).toHaveLength(20)
    expect(planned(all.slice(21), all, { removes }).steps).toHaveLength(0)
  })

  it('goes uncounted where it is of Holdfast’s own making, also while the brake holds the rest', () => {
    const rules = { removes: new Set(['datastore', 'environment']), unbraked: new Set(['datastore']) }
    expect(planned([], numbered(50, 'datastore'), rules).steps).toHaveLength(50)
    const both = planned([], [...numbered(50, 'datastore'), ...numbered(11, 'environment')], rules)
    expect(both.brake).toEqual({ withdrawals: 11, allowed: 10, kind: 'environment' })
    expect(both.steps).toHaveLength(50)
  })

  it('goes past the brake once a person has approved it', () => {
    const rules = { removes: new Set(['datastore']), brakeLifted: true }
    expect(planned([], numbered(50, 'datastore'), rules).steps).toHaveLength(50)
  })
})

describe('what a person left out', () => {
  it('is not carried when excluded, and not withdrawn either', () => {
    const excluded = (address: Address) => address.startsWith('model/scratch')
    const result = planned([thing('model/scratch-1/1')], [thing('model/scratch-2/1')], { excluded })
    expect(steps(result)).toEqual([])
    expect(notes(result)).toEqual(['kept model/scratch-1/1 excluded', 'kept model/scratch-2/1 excluded'])
  })

  it('is quarantined with its reason, and all else proceeds', () => {
    const quarantined = (address: Address) => (address === 'model/a/1' ? 'Three attempts ended in a 400' : undefined)
    const result = planned([thing('model/a/1'), thing('model/b/1')], [], { quarantined })
    expect(steps(result)).toEqual(['create model/b/1'])
    expect(result.notes).toEqual([
      { is: 'refused', address: 'model/a/1', code: 'plan/quarantined', reason: 'Three attempts ended in a 400' },
    ])
  })
})
