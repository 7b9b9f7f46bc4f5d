import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../test/support/fuse.ts'
import { body } from '../../test/support/made-up-kinds.ts'
import {
  CALL,
  CARRYING,
  LEASE,
  type Process,
  passing,
  type World,
  worldOfTest,
} from '../../test/support/made-up-world.ts'
import { Fault } from '../core/errors.ts'
import type { Address } from '../core/model.ts'
import { ATTEMPTS } from '../core/run.ts'
import type { Plan } from '../core/step.ts'
import { type Execution, execute } from './execute.ts'
import { prepare } from './sync.ts'

let world: World
beforeEach(() => {
  world = fresh()
})

function fresh(where?: 'memory'): World {
  const made = worldOfTest(where)
  made.sides.primary.put('datum/set', body.datum(1))
  made.sides.primary.put('asset/churn/1', body.asset(1, 'datum/set'))
  made.sides.primary.put('asset/churn/2', body.asset(2, 'datum/set'))
  made.sides.primary.put('schedule/nightly', body.schedule(1, 'asset/churn/2'))
  made.sides.secondary.put('blob/old', body.datum(1))
  return made
}

const carrying = { ...CARRYING, removes: new Set(['blob']) }

function planning({ parts }: Process): Promise<Plan> {
  return prepare({ parts, active: 'primary', carrying, signal: AbortSignal.timeout(10_000) }).then(({ plan }) => plan)
}

function executing(of: World, plan: Plan, run = 'r1'): (process: Process) => Promise<Execution> {
  const ends = { source: of.sides.primary.place, target: of.sides.secondary.place }
  return ({ parts, tenure }) =>
    execute(plan, { parts, tenure, ends, run, signal: AbortSignal.timeout(10_000), callMilliseconds: CALL })
}

async function planned(of: World): Promise<Plan> {
  const plan = await of.run('planner', planning)
  if (plan === undefined) throw new Error('it was cut off')
  return plan
}

it('guards I2 and I3: cut off at any point, another process ends where an undisturbed one does, each effect once', async () => {
  const cord = fuse()
  const plan = await planned(world)
  const whole = await world.start('whole', cord)
  await executing(world, plan)(whole)
  const picture = world.sides.secondary.picture
  const effects = world.effects.map(({ of }) => of).sort()
  expect(cord.passed.length).toBeGreaterThan(20)
  for (let point = 1; point <= cord.passed.length; point++) {
    const other = fresh('memory')
    await other.run('first', executing(other, plan), point)
    const execution = await other.run('second', executing(other, plan))
    const where = `cut at ${cord.passed[point - 1]}`
    expect(execution?.quarantined, where).toEqual([])
    expect(other.sides.secondary.picture, where).toEqual(picture)
    expect(other.effects.map(({ of }) => of).sort(), where).toEqual(effects)
    await other.close()
  }
})

it('does not let a failing step stop what does not need it, and says what it stopped', async () => {
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'asset/churn/2') throw new Fault('azure/refused', 'it is refused')
  }
  const plan = await planned(world)
  const execution = await world.run('a', executing(world, plan))
  expect(execution?.quarantined.map(({ step, code }) => [step.address, code])).toEqual([
    ['asset/churn/2', 'azure/refused'],
  ])
  expect(execution?.stuck.map(({ step }) => step.address)).toEqual(['schedule/nightly'])
  expect([...(execution?.carried.keys() ?? [])].sort()).toEqual(['asset/churn/1', 'blob/old', 'datum/set'])
})

it('takes a defect in one step for a failure of that step alone', async () => {
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'datum/set') throw new TypeError('x is not a function')
  }
  const plan = await planned(world)
  const execution = await world.run('a', executing(world, plan))
  expect(execution?.quarantined.map(({ step, code }) => [step.address, code])).toEqual([['datum/set', 'run/defect']])
  expect(execution?.carried.has('blob/old')).toBe(true)
})

it('tries again what may pass, and no more often than that', async () => {
  let asked = 0
  world.befall = ({ act, of }, moment) => {
    if (act === 'converge' && of === 'datum/set' && moment === 'before' && ++asked > 0)
      throw new Fault('azure/throttled', 'later')
  }
  const plan = await planned(world)
  const execution = await world.run('a', executing(world, plan))
  expect(asked).toBe(ATTEMPTS)
  expect(execution?.quarantined.map(({ step, attempts }) => [step.address, attempts])).toEqual([
    ['datum/set', ATTEMPTS],
  ])
})

it('guards I3: what was done and went unanswered is done again and ends in the same place', async () => {
  const unanswered = new Set<string>()
  world.befall = ({ act, of }, moment) => {
    if (act === 'list' || moment === 'before' || unanswered.has(of)) return
    unanswered.add(of)
    throw new Fault('azure/unreachable', 'no answer came')
  }
  const plan = await planned(world)
  const execution = await world.run('a', executing(world, plan))
  expect(execution?.quarantined).toEqual([])
  expect(world.lacking('primary')).toEqual([])
  expect(world.effects.map(({ of }) => of).sort()).toEqual(plan.steps.map(({ address }) => address).sort())
})

it('quarantines a step that so often ended with its process', async () => {
  const plan = await planned(world)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const cord = fuse()
    const process = await world.start('doomed', cord)
    world.befall = async ({ by, act, of }) => {
      if (by === 'doomed' && act === 'converge' && of === 'datum/set') await new Promise(() => undefined)
    }
    const work = executing(world, plan)(process)
    work.catch(() => undefined)
    await until(() => world.calls.filter(({ of }) => of === 'datum/set').length > attempt)
    world.leasesRunOut()
  }
  const execution = await world.run('last', executing(world, plan))
  expect(execution?.quarantined.map(({ step }) => step.address)).toEqual(['datum/set'])
})

it('guards I1: starts nothing that its lease would not outlast', async () => {
  const plan = await planned(world)
  const process = await world.start('slow')
  world.pass(LEASE - CALL)
  await expect(executing(world, plan)(process)).rejects.toMatchObject({ code: 'run/fenced' })
  expect(world.effects).toEqual([])
})

it('guards I1: effects nothing more once another has the lease, whatever it was about to do', async () => {
  const plan = await planned(world)
  const process = await world.start('old')
  const reached = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  world.befall = async ({ by, of }, moment) => {
    if (by !== 'old' || of !== 'datum/set' || moment === 'before') return
    reached.resolve()
    await goOn.promise
  }
  const work = executing(world, plan)(process)
  await reached.promise
  world.leasesRunOut()
  const next = await world.start('new')
  goOn.resolve()
  await expect(work).rejects.toMatchObject({ code: 'run/fenced' })
  expect(
    world.effects
      .filter(({ by }) => by === 'old')
      .map(({ of }) => of)
      .sort(),
  ).toEqual(['blob/old', 'datum/set'])
  await executing(world, plan)(next)
  expect(world.lacking('primary')).toEqual([])
})

it('waits for what is under way before it fails as a whole', async () => {
  const plan = await planned(world)
  const process = await world.start('a')
  const goOn = Promise.withResolvers<void>()
  world.befall = async ({ of }, moment) => {
    if (of === 'blob/old' && moment === 'before') await goOn.promise
    if (of === 'datum/set' && moment === 'after') world.pass(LEASE - CALL)
  }
  let over = false
  const work = executing(
    world,
    plan,
  )(process).finally(() => {
    over = true
  })
  work.catch(() => undefined)
  await until(() => world.effects.some(({ of }) => of === 'datum/set'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(over).toBe(false)
  goOn.resolve()
  await expect(work).rejects.toMatchObject({ code: 'run/fenced' })
  expect(world.effects.map(({ of }) => of)).toContain('blob/old')
})

it('says nothing of steps that an earlier run of another id has done', async () => {
  const plan = await planned(world)
  await world.run('a', executing(world, plan, 'r1'))
  world.sides.secondary.drop('datum/set')
  await world.run('a', executing(world, plan, 'r2'))
  expect(world.sides.secondary.get('datum/set' as Address)).toEqual(body.datum(1))
})

it('goes on after a cut pass as if it had been whole', async () => {
  const cord = fuse()
  await passing('primary', carrying)(await world.start('whole', cord))
  const picture = world.sides.secondary.picture
  for (let point = 1; point <= cord.passed.length; point += 3) {
    const other = fresh('memory')
    await other.run('first', passing('primary', carrying), point)
    const second = await other.run('second', passing('primary', carrying))
    const where = `cut at ${cord.passed[point - 1]}`
    expect(other.sides.secondary.picture, where).toEqual(picture)
    expect(second?.reckoned.behind, where).toEqual([])
    expect(second?.reckoned.recoveryPoint, where).toBe(second?.source.startedAt)
    await other.close()
  }
})

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('it never came to that')
}
