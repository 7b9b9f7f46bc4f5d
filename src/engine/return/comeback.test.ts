import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../../test/support/fuse.ts'
import { beginning, carrying, FAILOVER, returning } from '../../../test/support/made-up-failover.ts'
import { body, statusOf } from '../../../test/support/made-up-kinds.ts'
import { CARRYING, changesOf, passing, type World, worldOfTest } from '../../../test/support/made-up-world.ts'
import { Fault } from '../../core/errors.ts'
import type { Address } from '../../core/model.ts'
import { type Comeback, comeback } from './comeback.ts'

let world: World
beforeEach(async () => {
  world = await apart()
})

/** A world in which the secondary has taken over, and the primary had been in step. */
async function apart(where?: 'memory'): Promise<World> {
  const made = worldOfTest(where)
  const { primary } = made.sides
  primary.put('datum/set', body.datum(1))
  primary.put('datum/same', body.datum(1))
  primary.put('blob/weights', body.datum(1))
  primary.put('asset/churn/1', body.asset(1, 'datum/set'))
  primary.put('schedule/nightly', body.schedule(1))
  primary.put('trail/train', body.trail(true, 'a'))
  await made.run('a', passing())
  primary.down = true
  await made.run('a', async (process) => {
    await beginning(process)
    await carrying(made)(process)
  })
  primary.down = false
  made.effects.length = 0
  return made
}

async function back(): Promise<Comeback> {
  const done = await world.run('b', returning)
  if (done === undefined) throw new Error('it was cut off')
  return done
}

function findingsOf({ findings }: Comeback): readonly string[] {
  return findings.map((one) => `${one.is} ${one.address}${one.is === 'aside' ? ` as ${one.as}` : ''}`).sort()
}

it('does nothing but fence a side that comes back as it was', async () => {
  const done = await back()
  expect(done.findings).toEqual([])
  expect(done.fenced.stopped).toEqual(['schedule/nightly'])
  expect(world.effects.map(({ side, act }) => `${side} ${act}`)).toEqual(['primary fence'])
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
})

it('guards I1: carries what only the returned side has, made or changed after the last reading', async () => {
  const { primary, secondary } = world.sides
  primary.put('datum/late', body.datum(7))
  primary.put('datum/set', body.datum(2))
  primary.put('asset/churn/2', body.asset(2, 'datum/late'))
  expect(findingsOf(await back())).toEqual(['carried asset/churn/2', 'carried datum/late', 'carried datum/set'])
  expect(secondary.get('datum/late')).toEqual(body.datum(7))
  expect(secondary.get('datum/set')).toEqual(body.datum(2))
  expect(secondary.get('asset/churn/2')).toEqual(body.asset(2, 'datum/late'))
})

it('leaves alone what only the active side has or has changed', async () => {
  const { primary, secondary } = world.sides
  secondary.put('datum/ours', body.datum(7))
  secondary.put('datum/set', body.datum(3))
  expect((await back()).findings).toEqual([])
  expect(secondary.get('datum/set')).toEqual(body.datum(3))
  expect(primary.get('datum/set')).toEqual(body.datum(1))
})

it('keeps both where both changed: merged, aside, under a version of its own, or each its own', async () => {
  const { primary, secondary } = world.sides
  for (const [side, value] of [
    [primary, 2],
    [secondary, 3],
  ] as const) {
    side.put('datum/set', body.datum(value))
    side.put('blob/weights', body.datum(value))
    side.put('asset/churn/2', body.asset(value))
    side.put('trail/train', body.trail(true, 'a', `by ${value}`))
    side.put('datum/same', body.datum(9))
  }
  const done = await back()
  const [mapped] = done.findings.flatMap((one) =>
    one.is === 'aside' && one.address === 'asset/churn/2' ? [one.as] : [],
  )
  expect(findingsOf(done)).toEqual([
    `aside asset/churn/2 as ${mapped}`,
    `aside blob/weights as blob/weights.${FAILOVER}`,
    'conflict datum/set',
    'merged trail/train',
  ])
  expect(primary.get('datum/set')).toEqual(body.datum(2))
  expect(secondary.get('datum/set')).toEqual(body.datum(3))
  expect(secondary.get(`blob/weights.${FAILOVER}`)).toEqual(body.datum(2))
  expect(secondary.get('blob/weights')).toEqual(body.datum(3))
  expect(secondary.get(mapped as Address)).toEqual(body.asset(2))
  expect(secondary.get('asset/churn/2')).toEqual(body.asset(3))
  expect(secondary.get('trail/train')).toMatchObject({ lines: ['a', 'by 3', 'by 2'] })
})

it('lists what is only observed where nothing has its name, and leaves alone what has', async () => {
  const { primary, secondary } = world.sides
  for (const name of ['datum/here', 'datum/nowhere'] as const) primary.put(name, body.attached(1))
  secondary.put('datum/here', body.attached(2))
  expect(findingsOf(await back())).toEqual(['listed datum/nowhere'])
  expect(secondary.get('datum/here')).toEqual(body.attached(2))
})

it('removes nothing that was deleted on either side', async () => {
  const { primary, secondary } = world.sides
  primary.drop('datum/set')
  secondary.drop('datum/same')
  secondary.drop('blob/weights')
  primary.put('blob/weights', body.datum(2))
  expect(findingsOf(await back())).toEqual(['carried blob/weights'])
  expect(secondary.get('datum/set')).toEqual(body.datum(1))
  expect(primary.get('datum/same')).toEqual(body.datum(1))
})

it('lists jobs that it does not know and makes none of them', async () => {
  world.sides.primary.put('job/late', body.job('Completed'))
  world.sides.primary.put('job/later', body.job('Running'))
  const done = await back()
  expect(findingsOf(done)).toEqual(['listed job/late', 'listed job/later'])
  expect(done.fenced.stopped).toContain('job/later')
  expect(statusOf(world.sides.primary.get('job/later'))).toBe('Canceled')
  expect(changesOf(world, 'secondary')).toEqual([])
})

it('does not stop what acts here because it was changed there and stands by since the fence', async () => {
  world.sides.primary.put('schedule/nightly', body.schedule(2))
  expect(findingsOf(await back())).toEqual(['conflict schedule/nightly'])
  expect(world.sides.secondary.get('schedule/nightly')).toEqual(body.schedule(1))
})

it('does nothing else with a side that cannot be fenced yet', async () => {
  world.sides.primary.put('datum/late', body.datum(7))
  world.befall = ({ act, of }) => {
    if (act === 'fence' && of === 'schedule') throw new Fault('azure/unreachable', 'it does not answer')
  }
  await expect(back()).rejects.toMatchObject({ code: 'observe/incomplete' })
  expect(changesOf(world, 'secondary')).toEqual([])
  expect(world.calls.filter(({ side, act }) => side === 'primary' && act === 'list').length).toBe(
    world.calls.filter(({ side, act, by }) => side === 'primary' && act === 'list' && by === 'a').length,
  )
})

it('guards I5: carries nothing before both sides can be read to the end', async () => {
  world.sides.primary.put('datum/late', body.datum(7))
  for (const side of ['primary', 'secondary'] as const) {
    world.sides[side].broken.add('blob')
    await expect(world.run('b', returning)).rejects.toMatchObject({ code: 'observe/incomplete' })
    world.leasesRunOut()
    world.sides[side].broken.clear()
  }
  expect(changesOf(world, 'secondary')).toEqual([])
  expect(findingsOf(await back())).toEqual(['carried datum/late'])
})

it('names what could not be carried, and carries the rest', async () => {
  world.sides.primary.put('datum/late', body.datum(7))
  world.sides.primary.put('blob/late', body.datum(7))
  world.sides.primary.put('trail/train', body.trail(true, 'a', 'b'))
  world.sides.secondary.put('trail/train', body.trail(true, 'a', 'c'))
  world.befall = ({ of, act }) => {
    if (of === 'datum/late' || act === 'merge') throw new Fault('azure/refused', 'it is refused')
  }
  expect(findingsOf(await back())).toEqual(['carried blob/late', 'conflict datum/late', 'conflict trail/train'])
})

it('tries all again when the side goes away in the middle', async () => {
  world.sides.primary.put('datum/late', body.datum(7))
  world.sides.primary.put('trail/late', body.trail(false, 'x'))
  world.befall = ({ of }) => {
    if (of === 'trail/late') throw new Fault('azure/unreachable', 'it does not answer')
  }
  await expect(world.run('b', returning)).rejects.toMatchObject({ code: 'azure/unreachable' })
  world.leasesRunOut()
  world.befall = () => undefined
  expect(findingsOf(await back())).toEqual(['carried datum/late', 'carried trail/late'])
  expect(world.sides.secondary.get('trail/late')).toEqual(body.trail(false, 'x'))
})

it('guards I2 and I3: cut off at any point and begun again it ends the same, with each thing carried once and named', {
  timeout: 120_000,
}, async () => {
  function diverge({ sides: { primary, secondary } }: World): void {
    primary.put('datum/late', body.datum(7))
    primary.put('asset/churn/2', body.asset(2, 'datum/late'))
    secondary.put('asset/churn/2', body.asset(3))
    for (const [side, value] of [
      [primary, 2],
      [secondary, 3],
    ] as const) {
      side.put('blob/weights', body.datum(value))
      side.put('datum/set', body.datum(value))
    }
    primary.put('trail/train', body.trail(true, 'a', 'b'))
    secondary.put('trail/train', body.trail(true, 'a'))
    // Made in several calls, and ended there.
    primary.put('trail/late', body.trail(false, 'x'))
  }
  diverge(world)
  const cord = fuse()
  const whole = await returning(await world.start('whole', cord))
  const pictures = [world.sides.primary.picture, world.sides.secondary.picture]
  expect(whole.findings.length).toBe(6)
  for (let point = 1; point <= cord.passed.length; point++) {
    const other = await apart('memory')
    diverge(other)
    await other.run('first', returning, point)
    const second = await other.run('second', returning)
    const where = `cut at ${cord.passed[point - 1]}`
    expect(second === undefined ? [] : findingsOf(second), where).toEqual(findingsOf(whole))
    expect([other.sides.primary.picture, other.sides.secondary.picture], where).toEqual(pictures)
    const carried = changesOf(other, 'secondary')
    expect(new Set(carried).size, where).toBe(carried.length)
    await other.close()
  }
})

it('keeps the last that was written there where the side goes away in the middle and is written to before it is back', async () => {
  const { primary, secondary } = world.sides
  primary.put('blob/weights', body.datum(2))
  primary.put('trail/train', body.trail(true, 'a', 'theirs'))
  secondary.put('blob/weights', body.datum(3))
  secondary.put('trail/train', body.trail(true, 'a', 'ours'))
  world.befall = ({ act }, moment) => {
    if (act === 'merge' && moment === 'before') throw new Fault('azure/unreachable', 'it went away')
  }
  await expect(back()).rejects.toMatchObject({ code: 'azure/unreachable' })
  expect(secondary.get(`blob/weights.${FAILOVER}`)).toEqual(body.datum(2))
  world.leasesRunOut()
  world.befall = () => undefined
  primary.put('blob/weights', body.datum(4))
  expect(findingsOf(await back())).toContain(`aside blob/weights as blob/weights.${FAILOVER}`)
  expect(secondary.get(`blob/weights.${FAILOVER}`)).toEqual(body.datum(4))
  expect(secondary.get('blob/weights')).toEqual(body.datum(3))
})

it('waits for a fence that has more to do than fits into the time of a few calls', async () => {
  world.befall = ({ act, of }, moment) =>
    act === 'fence' && of === 'job' && moment === 'before' ? sleep(200) : undefined
  const callMilliseconds = 10
  const { signal } = new AbortController()
  const taken = await world.run('b', ({ parts, tenure }) =>
    comeback({ parts, tenure, active: 'secondary', failover: FAILOVER, carrying: CARRYING, signal, callMilliseconds }),
  )
  expect(taken?.fenced).toMatchObject({ complete: true, stopped: ['schedule/nightly'] })
})
