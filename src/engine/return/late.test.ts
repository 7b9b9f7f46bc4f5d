import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../../test/support/fuse.ts'
import { beginning, carrying, FAILOVER, returning } from '../../../test/support/made-up-failover.ts'
import { body } from '../../../test/support/made-up-kinds.ts'
import { changesOf, type Process, passing, type World, worldOfTest } from '../../../test/support/made-up-world.ts'
import { Fault } from '../../core/errors.ts'
import { settleConflicts } from '../roles.ts'
import type { Pass } from '../sync.ts'

let world: World
beforeEach(async () => {
  world = await together()
})

/** A pair of which nobody can be kept from writing to either side. */
function unfenced({ parts, ...process }: Process): Process {
  return { ...process, parts: { ...parts, unfenced: 'nobody can be stopped' } }
}

/** One pass from the secondary, which is active. */
const follow = (process: Process) => passing('secondary')(unfenced(process))

/** A world in which the primary was lost, came back, and follows the secondary. */
async function together(where?: 'memory'): Promise<World> {
  const made = worldOfTest(where)
  const { primary } = made.sides
  primary.put('datum/set', body.datum(1))
  primary.put('datum/same', body.datum(1))
  primary.put('blob/weights', body.datum(1))
  primary.put('asset/churn/1', body.asset(1, 'datum/set'))
  primary.put('trail/train', body.trail(true, 'a'))
  await made.run('a', passing())
  await made.run('a', async (process) => {
    await beginning(process)
    await carrying(made)(process)
    await process.tenure.setFact('returned', { failover: FAILOVER, side: 'primary', findings: 0 })
  })
  await made.run('a', returning)
  await made.run('a', follow)
  made.effects.length = 0
  return made
}

async function passed(): Promise<Pass> {
  const done = await world.run('b', follow)
  if (done === undefined) throw new Error('it was cut off')
  return done
}

function findingsOf({ late }: Pass): readonly string[] {
  return late.map((one) => `${one.is} ${one.address}`).sort()
}

it('carries what somebody still made or changed on the standby, before the standby is brought in step', async () => {
  const { primary, secondary } = world.sides
  primary.put('datum/late', body.datum(7))
  primary.put('datum/set', body.datum(2))
  primary.put('trail/train', body.trail(true, 'a', 'theirs'))
  expect(findingsOf(await passed())).toEqual(['carried datum/late', 'carried datum/set', 'carried trail/train'])
  expect(secondary.get('datum/late')).toEqual(body.datum(7))
  expect(secondary.get('datum/set')).toEqual(body.datum(2))
  expect(secondary.get('trail/train')).toMatchObject({ lines: ['a', 'theirs'] })
  expect(primary.picture).toEqual(secondary.picture)
  expect((await world.journal(FAILOVER)).filter(({ type }) => type === 'late/done')).toHaveLength(1)
  expect(findingsOf(await passed())).toEqual([])
})

it('loses nothing of what somebody goes on writing while it is carried: the next pass finds it', async () => {
  const { primary, secondary } = world.sides
  primary.put('trail/train', body.trail(true, 'a', 'first'))
  primary.put('datum/set', body.datum(2))
  const goOn = (process: Process) => {
    const append: Process['tenure']['append'] = async (run, record) => {
      if (record.type === 'late/done') {
        primary.put('trail/train', body.trail(false, 'a', 'first', 'end'))
        primary.put('datum/set', body.datum(3))
        primary.put('datum/new', body.datum(4))
      }
      return process.tenure.append(run, record)
    }
    return follow({ ...process, tenure: { ...process.tenure, append } })
  }
  await world.run('b', goOn)
  expect(primary.get('datum/set')).toEqual(body.datum(3))
  expect(findingsOf(await passed())).toEqual(['carried datum/new', 'carried datum/set', 'carried trail/train'])
  expect(secondary.get('trail/train')).toEqual(body.trail(false, 'a', 'first', 'end'))
  expect(secondary.get('datum/set')).toEqual(body.datum(3))
  expect(primary.picture).toEqual(secondary.picture)
})

it('takes a replica that is only behind for no work of anybody', async () => {
  const { primary, secondary } = world.sides
  secondary.put('datum/ours', body.datum(7))
  secondary.put('datum/set', body.datum(3))
  secondary.put('trail/train', body.trail(true, 'a', 'ours'))
  expect(findingsOf(await passed())).toEqual([])
  expect(primary.picture).toEqual(secondary.picture)
  expect(changesOf(world, 'secondary')).toEqual([])
})

it('keeps both where both changed: merged, aside under a name that follows from the bytes, or each its own', async () => {
  const { primary, secondary } = world.sides
  for (const [side, value] of [
    [primary, 2],
    [secondary, 3],
  ] as const) {
    side.put('datum/set', body.datum(value))
    side.put('blob/weights', body.datum(value))
    side.put('trail/train', body.trail(true, 'a', `by ${value}`))
  }
  primary.put('trail/new', body.trail(true, 'theirs'))
  secondary.put('trail/new', body.trail(true, 'ours'))
  expect(findingsOf(await passed())).toEqual([
    'aside blob/weights',
    'conflict datum/set',
    'merged trail/new',
    'merged trail/train',
  ])
  expect(secondary.get('trail/new')).toMatchObject({ lines: ['ours', 'theirs'] })
  expect([primary.get('datum/set'), secondary.get('datum/set')]).toEqual([body.datum(2), body.datum(3)])
  expect(secondary.get('trail/train')).toMatchObject({ lines: ['a', 'by 3', 'by 2'] })
  primary.put('blob/weights', body.datum(4))
  secondary.put('blob/weights', body.datum(5))
  await passed()
  const kept = secondary.items('blob').map((one) => one.body)
  expect(kept).toEqual(expect.arrayContaining([body.datum(2), body.datum(4), body.datum(5)]))
})

it('keeps under a name of its own what both made under one, tells it once, and takes no replica for late work', async () => {
  const { primary, secondary } = world.sides
  primary.put('asset/churn/2', body.asset(2))
  secondary.put('asset/churn/2', body.asset(3))
  expect(findingsOf(await passed())).toEqual(['aside asset/churn/2'])
  expect(secondary.items('asset').map((one) => one.body)).toEqual(
    expect.arrayContaining([body.asset(2), body.asset(3)]),
  )
  const before = [primary.picture, secondary.picture]
  expect(findingsOf(await passed())).toEqual([])
  expect([primary.picture, secondary.picture]).toEqual(before)
})

it('leaves to the next pass what needs something that was made while it was looked for', async () => {
  const { primary, secondary } = world.sides
  primary.put('asset/late/1', body.asset(7, 'datum/late'))
  expect(findingsOf(await passed())).toEqual(['listed asset/late/1'])
  primary.put('datum/late', body.datum(7))
  expect(findingsOf(await passed())).toEqual(['carried asset/late/1', 'carried datum/late'])
  expect(primary.picture).toEqual(secondary.picture)
})

it('lets the active side’s stand where a person has said so, and asks no second time', async () => {
  const { primary, secondary } = world.sides
  primary.put('datum/set', body.datum(2))
  secondary.put('datum/set', body.datum(3))
  expect(findingsOf(await passed())).toEqual(['conflict datum/set'])
  await world.run('person', async ({ tenure }) => {
    await tenure.setFact('settled', { 'datum/set': true })
    await tenure.setFact('conflicts', {})
  })
  expect(findingsOf(await passed())).toEqual([])
  expect(primary.get('datum/set')).toEqual(body.datum(3))
  primary.put('datum/set', body.datum(4))
  expect(findingsOf(await passed())).toEqual(['carried datum/set'])
})

it('goes by what a person has said until a pass could carry it', async () => {
  const { primary, secondary } = world.sides
  primary.put('datum/set', body.datum(2))
  secondary.put('datum/set', body.datum(3))
  await passed()
  await world.run('person', ({ parts, tenure }) => settleConflicts(parts, tenure, () => true))
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'datum/set') throw new Fault('azure/refused', 'it is refused')
  }
  await passed()
  world.befall = () => undefined
  expect(findingsOf(await passed())).toEqual([])
  expect(primary.get('datum/set')).toEqual(body.datum(3))
})

it('lets what was deleted on either side be', async () => {
  const { primary, secondary } = world.sides
  primary.drop('datum/set')
  secondary.drop('datum/same')
  for (const _ of [1, 2, 3]) expect(findingsOf(await passed())).toEqual([])
  expect(secondary.get('datum/set')).toEqual(body.datum(1))
  expect(secondary.get('datum/same')).toBeUndefined()
  primary.put('datum/same', body.datum(2))
  expect(findingsOf(await passed())).toEqual(['carried datum/same'])
})

it('lets a replica be, under a name of its own too, whose original was deleted', async () => {
  const { primary, secondary } = world.sides
  primary.put('asset/churn/2', body.asset(2))
  secondary.put('asset/churn/2', body.asset(3))
  await passed()
  await passed()
  secondary.drop('asset/churn/2')
  for (const _ of [1, 2, 3]) await passed()
  expect(secondary.items('asset').map((one) => one.body)).not.toContainEqual(body.asset(3))
})

it('guards I5: takes nothing for new of a kind whose list broke off', async () => {
  const { primary, secondary } = world.sides
  primary.put('datum/late', body.datum(7))
  for (const side of [primary, secondary]) {
    side.broken.add('datum')
    expect(findingsOf(await passed())).toEqual([])
    side.broken.clear()
  }
  expect(findingsOf(await passed())).toEqual(['carried datum/late'])
})

it('is not looked for where a fence stops everybody, nor before any side was left', async () => {
  world.sides.primary.put('datum/late', body.datum(7))
  const fenced = await world.run('b', passing('secondary'))
  expect(fenced?.late).toEqual([])
  expect(world.sides.secondary.get('datum/late')).toBeUndefined()
  const fresh = worldOfTest()
  fresh.sides.primary.put('datum/set', body.datum(1))
  fresh.sides.secondary.put('datum/other', body.datum(2))
  const first = await fresh.run('a', (process) => passing()(unfenced(process)))
  expect(first?.late).toEqual([])
  expect(fresh.sides.primary.get('datum/other')).toBeUndefined()
})

it('guards I2 and I3: cut off at any point and begun again it ends the same, and nothing written late is lost', {
  timeout: 120_000,
}, async () => {
  function write({ sides: { primary, secondary } }: World): void {
    primary.put('datum/late', body.datum(7))
    primary.put('datum/set', body.datum(2))
    primary.put('trail/late', body.trail(false, 'x'))
    primary.put('trail/train', body.trail(true, 'a', 'b'))
    secondary.put('trail/train', body.trail(true, 'a', 'c'))
  }
  write(world)
  const cord = fuse()
  await follow(await world.start('whole', cord))
  const pictures = [world.sides.primary.picture, world.sides.secondary.picture]
  for (let point = 1; point <= cord.passed.length; point++) {
    const other = await together('memory')
    write(other)
    await other.run('first', follow, point)
    await other.run('second', follow)
    const where = `cut at ${cord.passed[point - 1]}`
    expect([other.sides.primary.picture, other.sides.secondary.picture], where).toEqual(pictures)
    await other.close()
  }
})
