import { beforeEach, expect, it } from 'vitest'
import { body } from '../../test/support/made-up-kinds.ts'
import {
  CALL,
  CARRYING,
  changesOf,
  PROTECTION,
  type Process,
  passing,
  type World,
  worldOfTest,
} from '../../test/support/made-up-world.ts'
import { Fault } from '../core/errors.ts'
import type { Address, Side } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import type { Service } from '../services/service.ts'
import { lossOf, openBy } from './loss.ts'
import { NO_REPLICA } from './reckon.ts'
import { pass } from './sync.ts'

let world: World
beforeEach(() => {
  world = worldOfTest()
})

/** One thing of every made-up kind. */
function estate(side: Side = 'primary'): void {
  const there = world.sides[side]
  there.put('datum/set', body.datum(1))
  there.put('blob/weights', body.datum(1))
  there.put('asset/churn/1', body.asset(1, 'datum/set'))
  there.put('asset/churn/2', body.asset(2, 'datum/set'))
  there.put('schedule/nightly', body.schedule(1, 'asset/churn/2'))
  there.put('job/train', body.job('Running'))
  there.put('trail/train', body.trail(true, 'loss 0.9'))
}

function entry(address: Address) {
  const found = world.ledger.get(PROTECTION, address)
  if (found === undefined) throw new Error(`the ledger has no ${address}`)
  return found
}

async function passed(active: Side = 'primary', carrying = CARRYING) {
  const done = await world.run('a', passing(active, carrying))
  if (done === undefined) throw new Error('it was cut off')
  return done
}

function failing(of: Address, fault = new Fault('azure/refused', 'it is refused')): void {
  world.befall = (call, moment) => {
    if (call.act === 'converge' && call.of === of && moment === 'before') throw fault
  }
}

it('guards I4: carries everything once, parks what acts, and writes nothing in a second pass', async () => {
  estate()
  const first = await passed()
  expect(world.lacking('primary')).toEqual([])
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(world.sides.secondary.get('job/train')).toBeUndefined()
  expect(first.reckoned).toMatchObject({ behind: [], recoveryPoint: first.source.startedAt })
  const before = world.effects.length
  const second = await passed()
  expect(world.effects.length).toBe(before)
  expect(second.plan.steps).toEqual([])
  expect(second.reckoned.recoveryPoint).toBe(second.source.startedAt)
  expect(entry('datum/set').recoveryPoint).toBe(second.source.startedAt)
})

it('makes versions in the order in which the source has them', async () => {
  for (const version of [3, 1, 2]) world.sides.primary.put(`asset/churn/${version}`, body.asset(version))
  await passed()
  expect(changesOf(world, 'secondary')).toEqual(['asset/churn/3', 'asset/churn/1', 'asset/churn/2'])
})

it('follows the active side, whichever that is', async () => {
  estate('secondary')
  await passed('secondary')
  expect(world.lacking('secondary')).toEqual([])
  expect(changesOf(world, 'secondary')).toEqual([])
  expect(entry('datum/set').source).toBe('secondary')
})

it('guards I5: a list that breaks off at the source withdraws nothing and holds the recovery point of its kind', async () => {
  estate()
  const first = await passed()
  world.sides.primary.put('datum/new', body.datum(1))
  world.sides.primary.broken.add('asset')
  const removes = new Set(['asset', 'datum'])
  const second = await passed('primary', { ...CARRYING, removes })
  expect(world.sides.secondary.get('asset/churn/2')).toEqual(body.asset(2, 'datum/set'))
  expect(entry('asset/churn/2').recoveryPoint).toBe(first.source.startedAt)
  expect(entry('datum/new').recoveryPoint).toBe(second.source.startedAt)
  expect(second.reckoned.recoveryPoint).toBe(first.source.startedAt)
  expect(second.reckoned.behind).toEqual(['asset/churn/1', 'asset/churn/2'])
})

it('guards I5: a list that breaks off at the standby withdraws nothing there either', async () => {
  estate()
  await passed()
  world.sides.secondary.put('asset/old/1', body.asset(9))
  world.sides.secondary.broken.add('asset')
  const before = world.effects.length
  await passed('primary', { ...CARRYING, removes: new Set(['asset']) })
  expect(world.effects.length).toBe(before)
  expect(world.sides.secondary.get('asset/old/1')).toEqual(body.asset(9))
})

it('guards I5: removes nothing in the standby that the list of its kind left out though it is there', async () => {
  estate()
  await passed()
  const busy = (one: Service): Service => ({
    ...one,
    withheld: () => new Set<Address>(['blob/weights']),
    list: async function* (place, reach) {
      for await (const found of one.list(place, reach))
        if (reach.as === 'target' || found.address !== 'blob/weights') yield found
    },
  })
  const carrying = { ...CARRYING, removes: new Set(['blob']) }
  await world.run('a', (process) => {
    const services = process.parts.services.map((one) => (one.kind === 'blob' ? busy(one) : one))
    return passing('primary', carrying)({ ...process, parts: { ...process.parts, services } })
  })
  expect(world.sides.secondary.get('blob/weights')).toEqual(body.datum(1))
})

it('takes nothing back in the standby because of what a list of long ago had', async () => {
  estate()
  const old = await passed()
  const before = { source: old.source.snapshot, target: old.target.snapshot }
  world.sides.primary.put('datum/set', body.datum(2))
  await passed()
  world.sides.primary.broken.add('datum')
  await world.run('a', ({ parts, tenure }) => {
    const signal = AbortSignal.timeout(20_000)
    return pass({ parts, tenure, active: 'primary', carrying: CARRYING, signal, callMilliseconds: CALL, before })
  })
  expect(world.sides.secondary.get('datum/set')).toEqual(body.datum(2))
})

it('does not move the recovery point past something that was behind before its list broke off', async () => {
  estate()
  const first = await passed()
  world.sides.primary.put('datum/set', body.datum(2))
  failing('datum/set')
  const second = await passed()
  expect(second.reckoned.recoveryPoint).toBe(first.source.startedAt)
  world.sides.primary.broken.add('datum')
  const third = await passed()
  expect(third.reckoned.recoveryPoint).toBe(first.source.startedAt)
})

it('holds the recovery point at the last instant at which what cannot be carried was in step', async () => {
  estate()
  const first = await passed()
  world.sides.primary.put('datum/set', body.datum(2))
  failing('datum/set')
  const second = await passed()
  expect(second.execution.quarantined.map(({ step }) => step.address)).toEqual(['datum/set'])
  expect(entry('datum/set').recoveryPoint).toBe(first.source.startedAt)
  expect(entry('blob/weights').recoveryPoint).toBe(second.source.startedAt)
  expect(second.reckoned).toMatchObject({ behind: ['datum/set'], recoveryPoint: first.source.startedAt })
  world.befall = () => undefined
  const third = await passed()
  expect(third.reckoned).toMatchObject({ behind: [], recoveryPoint: third.source.startedAt })
})

it('dates something new that cannot be carried by the last list in which it was not', async () => {
  estate()
  const first = await passed()
  world.sides.primary.put('datum/new', body.datum(1))
  failing('datum/new')
  await passed()
  const third = await passed()
  expect(entry('datum/new')).toMatchObject({ replicaDigest: NO_REPLICA, recoveryPoint: first.source.startedAt })
  expect(third.reckoned.recoveryPoint).toBe(first.source.startedAt)
})

it('names what was never in step because it is taken and made otherwise, and does not hold the recovery point for it', async () => {
  estate()
  world.sides.primary.put('datum/odd', { ...body.datum(1), note: 'n' })
  const careless = (process: Process) => {
    const forgetful = (one: Service): Service => ({
      ...one,
      converge: (place, { address, body: { note: _, ...rest }, needs }, carriage) =>
        one.converge(place, item(address, rest, needs), carriage),
    })
    const services = process.parts.services.map((one) => (one.kind === 'datum' ? forgetful(one) : one))
    return passing()({ ...process, parts: { ...process.parts, services } })
  }
  for (const _ of [1, 2]) {
    const done = await world.run('a', careless)
    expect(done?.reckoned).toMatchObject({ refused: ['datum/odd'], recoveryPoint: done?.source.startedAt })
    expect(entry('datum/odd').refused).toContain('another note')
  }
})

it('has no recovery point before something was carried that was there from the beginning and can be carried', async () => {
  estate()
  failing('datum/set', new Fault('azure/denied', 'a role is missing'))
  const first = await passed()
  expect(first.reckoned).toMatchObject({ recoveryPoint: undefined, refused: [] })
  expect(first.reckoned.behind).toEqual(['asset/churn/1', 'asset/churn/2', 'datum/set', 'schedule/nightly'])
})

it('names what was never carried and is refused, with what needs it, and does not hold the recovery point for it', async () => {
  estate()
  failing('datum/set')
  const first = await passed()
  const refused = ['asset/churn/1', 'asset/churn/2', 'datum/set', 'schedule/nightly']
  expect(first.reckoned).toMatchObject({ recoveryPoint: first.source.startedAt, behind: refused, refused })
  expect(await world.store.fact(PROTECTION, 'synced')).toMatchObject({ refused: 4 })
  const loss = lossOf(world.ledger, PROTECTION, () => false)
  expect(loss).toMatchObject({ recoveryPoint: first.source.startedAt, refused })
  expect(loss.items.map(({ address, is }) => [address, is])).toEqual(refused.map((one) => [one, 'whole']))
  expect(entry('datum/set')).toMatchObject({ replicaDigest: NO_REPLICA, refused: 'it is refused' })
  failing('datum/set', new Fault('azure/unreachable', 'no answer'))
  expect((await passed()).reckoned.refused).toEqual(refused)
  world.befall = () => undefined
  const third = await passed()
  expect(third.reckoned).toMatchObject({ recoveryPoint: third.source.startedAt, behind: [], refused: [] })
})

it('holds the recovery point for what was carried once, though its last change is refused beside what never was', async () => {
  estate()
  failing('datum/set')
  const first = await passed()
  world.sides.primary.put('blob/weights', body.datum(2))
  world.befall = (call, moment) => {
    if (call.act === 'converge' && moment === 'before') throw new Fault('azure/refused', 'it is refused')
  }
  const second = await passed()
  expect(second.reckoned.recoveryPoint).toBe(first.source.startedAt)
  expect(second.reckoned.refused).not.toContain('blob/weights')
})

it('has no recovery point where more of a kind is refused than the things themselves can be the reason for', async () => {
  for (let n = 0; n < 11; n++) world.sides.primary.put(`datum/d${n}`, body.datum(n))
  world.befall = (call, moment) => {
    if (call.act === 'converge' && moment === 'before') throw new Fault('azure/refused', 'the account is locked')
  }
  expect((await passed()).reckoned).toMatchObject({ recoveryPoint: undefined, refused: [] })
})

it('makes nothing of what is attached, names it until something has its name in the standby, and holds nothing for it', async () => {
  estate()
  world.sides.primary.put('datum/cluster', body.attached(1))
  world.sides.primary.put('asset/on-it/1', body.asset(1, 'datum/cluster'))
  const first = await passed()
  const refused = ['asset/on-it/1', 'datum/cluster']
  expect(first.execution.quarantined).toEqual([])
  expect(first.reckoned).toMatchObject({ recoveryPoint: first.source.startedAt, refused })
  world.sides.secondary.put('datum/cluster', body.attached(2))
  const second = await passed()
  expect(world.sides.secondary.get('datum/cluster')).toEqual(body.attached(2))
  expect(world.sides.secondary.get('asset/on-it/1')).toBeDefined()
  expect(second.reckoned).toMatchObject({ behind: [], refused: [] })
  expect((await passed()).plan.steps).toEqual([])
  world.sides.secondary.drop('datum/cluster')
  const last = await passed()
  expect(last.reckoned).toMatchObject({ recoveryPoint: last.source.startedAt, refused: ['datum/cluster'] })
})

it('carries what grows as it is when its turn comes, and dates it by that', async () => {
  estate()
  await passed()
  let grown = 0
  world.befall = (call, moment) => {
    if (call.of !== 'datum/set' || moment !== 'before') return
    world.sides.primary.put('trail/train', body.trail(true, 'loss 0.9', 'loss 0.8', 'loss 0.7'))
    grown = world.now()
  }
  world.sides.primary.put('datum/set', body.datum(2))
  world.sides.primary.put('trail/train', body.trail(true, 'loss 0.9', 'loss 0.8'))
  const second = await passed()
  expect(world.sides.secondary.get('trail/train')).toEqual(body.trail(true, 'loss 0.9', 'loss 0.8', 'loss 0.7'))
  expect(entry('trail/train').recoveryPoint).toBeGreaterThan(grown)
  expect(second.reckoned.behind).toEqual([])
  world.befall = () => undefined
  const before = world.effects.length
  const third = await passed()
  expect(world.effects.length).toBe(before)
  expect(third.reckoned.recoveryPoint).toBe(third.source.startedAt)
})

it('archives or keeps what was deleted at the source, lists it and forgets it in the ledger', async () => {
  estate()
  await passed()
  for (const gone of ['datum/set', 'asset/churn/1'] as const) world.sides.primary.drop(gone)
  world.sides.primary.put('asset/churn/2', body.asset(2))
  world.sides.primary.drop('asset/churn/2')
  world.sides.primary.drop('schedule/nightly')
  const second = await passed()
  expect(world.sides.secondary.get('asset/churn/1')).toMatchObject({ archived: true })
  expect(world.sides.secondary.get('datum/set')).toEqual(body.datum(1))
  expect(second.plan.notes).toContainEqual(
    expect.objectContaining({ is: 'kept', address: 'datum/set', because: 'extra' }),
  )
  for (const gone of ['datum/set', 'asset/churn/1'] as const) expect(world.ledger.get(PROTECTION, gone)).toBeUndefined()
  const before = world.effects.length
  await passed()
  expect(world.effects.length).toBe(before)
})

it('leaves alone on both sides what the policy excludes', async () => {
  estate()
  world.sides.secondary.put('datum/theirs', body.datum(9))
  const excluded = (address: Address) => address.startsWith('datum/')
  const done = await passed('primary', { ...CARRYING, excluded, removes: new Set(['datum']) })
  expect(changesOf(world, 'secondary').filter(excluded)).toEqual([])
  expect(world.sides.secondary.get('datum/theirs')).toEqual(body.datum(9))
  expect(done.source.snapshot.has('datum/set')).toBe(false)
  expect(world.ledger.get(PROTECTION, 'datum/set')).toBeUndefined()
})

it('keeps what is cold as a body in the ledger and makes nothing of it', async () => {
  estate()
  await passed('primary', { ...CARRYING, mode: () => 'hot/cold' })
  expect(world.sides.secondary.get('schedule/nightly')).toBeUndefined()
  expect(entry('schedule/nightly').kept).toEqual(body.schedule(1, 'asset/churn/2'))
  expect(entry('job/train').kept).toEqual(body.job('Running'))
})

it('keeps what waits for something cold as a body too, and is in step with it', async () => {
  world.sides.primary.put('schedule/cold', body.schedule(1))
  world.sides.primary.put('schedule/on-it', body.schedule(1, 'schedule/cold'))
  const carrying = { ...CARRYING, mode: (of: Address) => (of === 'schedule/cold' ? 'hot/cold' : 'hot/warm') } as const
  const done = await passed('primary', carrying)
  expect(done.reckoned).toMatchObject({ behind: [], recoveryPoint: done.source.startedAt })
  expect(entry('schedule/on-it').kept).toEqual(body.schedule(1, 'schedule/cold'))
})

it('maps what stands in the standby with other frozen content, and counts it as carried', async () => {
  estate()
  world.sides.secondary.put('asset/churn/1', body.asset(99))
  const done = await passed()
  const mapped = done.plan.notes.flatMap((note) => (note.is === 'mapped' ? [note.to] : []))
  expect(mapped.map((to) => world.sides.secondary.get(to))).toEqual([body.asset(1, 'datum/set')])
  expect(world.sides.secondary.get('asset/churn/1')).toEqual(body.asset(99))
  const second = await passed()
  expect(second.plan.steps).toEqual([])
  expect(second.reckoned).toMatchObject({ behind: [], recoveryPoint: second.source.startedAt })
})

it('does not take the steps of an earlier pass for its own when the clock of the source stood still', async () => {
  estate()
  world.sides.primary.place.now = () => 5000
  await passed()
  world.sides.primary.put('datum/set', body.datum(2))
  await passed()
  expect(world.lacking('primary')).toEqual([])
})

it('names what would be lost: whole, since its last carrying, still open, or nothing', async () => {
  const loss = () => lossOf(world.ledger, PROTECTION, openBy(madeUp()))
  const madeUp = () => services
  estate()
  world.sides.primary.put('trail/train', body.trail(false, 'loss 0.9'))
  world.sides.primary.put('job/train', body.job('Completed'))
  const services = (await world.run('looks', async ({ parts }) => parts.services)) ?? []
  const first = await passed()
  expect(loss()).toMatchObject({ recoveryPoint: first.source.startedAt, items: [] })
  world.sides.primary.put('trail/train', body.trail(true, 'loss 0.9', 'loss 0.8'))
  world.sides.primary.put('datum/set', body.datum(2))
  world.sides.primary.put('blob/new', body.datum(1))
  world.befall = (call, moment) => {
    if (call.act !== 'converge' || moment !== 'before') return
    if (call.of === 'datum/set' || call.of === 'blob/new') throw new Fault('azure/refused', 'it is refused')
  }
  await passed()
  const { items, recoveryPoint, counts } = loss()
  expect(recoveryPoint).toBe(first.source.startedAt)
  expect(items.map(({ address, is }) => [address, is])).toEqual([
    ['blob/new', 'whole'],
    ['datum/set', 'since'],
    ['trail/train', 'since'],
  ])
  expect(Object.fromEntries(counts)).toEqual({ asset: 2, blob: 2, datum: 1, job: 1, schedule: 1, trail: 1 })
})

it('guards I5: withdraws past the brake only by the plan for which a person lifted it', async () => {
  const removing = { ...CARRYING, removes: new Set(['datum']) }
  const { primary, secondary } = world.sides
  for (let n = 0; n < 12; n++) primary.put(`datum/d${n}`, body.datum(n))
  await world.run('a', passing('primary', removing))
  for (let n = 0; n < 12; n++) primary.drop(`datum/d${n}`)
  const attempt = (liftFor?: string) =>
    world.run('b', ({ parts, tenure }) => {
      const given = { parts, tenure, active: 'primary', carrying: removing, callMilliseconds: CALL } as const
      const signal = AbortSignal.timeout(20_000)
      return pass({ ...given, signal, ...(liftFor === undefined ? {} : { liftFor }) })
    })
  const digest = (await attempt())?.plan.digest ?? ''
  expect(secondary.items('datum').length).toBeGreaterThan(11)
  await expect(attempt('ffffffff')).rejects.toMatchObject({ code: 'sync/brake', facts: { digest } })
  world.leasesRunOut()
  await expect(attempt(digest.slice(0, 7))).rejects.toMatchObject({ code: 'sync/brake' })
  world.leasesRunOut()
  await attempt(digest.slice(0, 8))
  expect(secondary.get('datum/d3')).toBeUndefined()
})

it('ends with the reason, and does not try each thing, where the standby is gone in the middle; what was carried counts', async () => {
  estate()
  await passed()
  const names = Array.from({ length: 200 }, (_, n): Address => `datum/many-${n}`)
  for (const name of names) world.sides.primary.put(name, body.datum(1))
  world.befall = ({ act, of }, moment) => {
    if (act === 'converge' && of === 'datum/many-40' && moment === 'before') world.sides.secondary.down = true
  }
  const before = world.calls.length
  await expect(passed()).rejects.toMatchObject({
    code: 'azure/unreachable',
    message: expect.stringContaining('Nothing of the secondary answers'),
  })
  const tried = world.calls.slice(before).filter(({ act }) => act === 'converge')
  const carried = names.filter((name) => world.sides.secondary.get(name) !== undefined)
  expect(tried.length).toBeLessThanOrEqual(carried.length + 8)
  expect(carried.map((name) => entry(name).replicaDigest)).not.toContain(NO_REPLICA)
  world.befall = () => undefined
  world.sides.secondary.down = false
  world.leasesRunOut()
  await passed()
  expect(world.lacking('primary')).toEqual([])
})

it.each(['primary', 'secondary'] as const)(
  'guards I5: ends where nothing of the %s answers from the start: no point moves, and nothing is deleted',
  async (gone) => {
    estate()
    const first = await passed()
    const ledger = () => JSON.stringify([...world.ledger.entries(PROTECTION)])
    const [there, known] = [world.sides.secondary.items().length, ledger()]
    world.sides[gone].down = true
    const before = world.effects.length
    await expect(passed()).rejects.toMatchObject({ code: 'azure/unreachable', facts: { gone } })
    expect([world.sides.secondary.items().length, world.effects.length, ledger()]).toEqual([there, before, known])
    const synced = await world.store.fact(PROTECTION, 'synced')
    expect(synced).toMatchObject({ recoveryPoint: first.reckoned.recoveryPoint })
  },
)

it('goes on with what can be read and made where a side answers still in part', async () => {
  estate()
  world.befall = ({ side, act, of }) => {
    if (side === 'primary' && act === 'list' && of === 'schedule') throw new Fault('azure/unreachable', 'no answer')
  }
  const done = await passed()
  expect([...done.source.incomplete.keys()]).toEqual(['schedule'])
  expect(world.sides.secondary.get('datum/set')).toBeDefined()
})

it('guards I1: writes nothing of what it read to the ledger once another has the lease, though it had nothing to carry', async () => {
  estate()
  await passed()
  world.sides.primary.put('job/train', body.job('Running'))
  const ledger = () => [...world.ledger.entries(PROTECTION)]
  const stopped = Promise.withResolvers<void>()
  const goesOn = Promise.withResolvers<void>()
  world.befall = async ({ by, act, side }, moment) => {
    if (by !== 'stands still' || act !== 'list' || side !== 'secondary' || moment === 'before') return
    stopped.resolve()
    await goesOn.promise
  }
  const late = passing()(await world.start('stands still'))
  await stopped.promise
  world.leasesRunOut()
  world.sides.primary.put('job/train', body.job('Completed'))
  world.sides.primary.put('job/since', body.job('Running'))
  const next = await world.start('b')
  await passing()(next)
  const before = ledger()
  expect(before.map(({ address }) => address)).toContain('job/since')
  goesOn.resolve()
  await expect(late).rejects.toMatchObject({ code: 'run/fenced' })
  expect(ledger()).toEqual(before)
  await next.tenure.end()
})
