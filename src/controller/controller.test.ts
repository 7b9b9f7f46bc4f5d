import { afterEach, beforeEach, expect, it } from 'vitest'
import { MINUTE, outcomes, type Running, seenIn, startController, TICK } from '../../test/support/made-up-controller.ts'
import { body } from '../../test/support/made-up-kinds.ts'
import { FOLLOWED } from '../../test/support/made-up-policy.ts'
import { forever, World } from '../../test/support/made-up-world.ts'
import { type VirtualTime, virtualTime } from '../../test/support/virtual-time.ts'
import { Fault } from '../core/errors.ts'
import { reportOf } from '../engine/report.ts'
import { type ControllerOptions, ENGINE } from './controller.ts'

let time: VirtualTime
let world: World
const ending: (() => Promise<void>)[] = []
beforeEach(() => {
  time = virtualTime()
  world = new World('memory', time.clock)
  const { primary } = world.sides
  primary.put('datum/set', body.datum(1))
  primary.put('schedule/nightly', body.schedule(1))
  primary.put('job/train', body.job('Running'))
})
afterEach(async () => {
  for (const end of ending.splice(0)) await end()
  await world.close()
})

function controller(name: string, more: Partial<ControllerOptions> = {}): Running {
  const one = startController({ world, time }, name, more)
  ending.push(one.end)
  return one
}

const submissions = () => world.effects.filter(({ act }) => act === 'submit').map((one) => one.of)

it('holds the lease and follows while all is well', async () => {
  const one = controller('a')
  await time.goOn(2 * MINUTE)
  expect(one.of('lease').length).toBe(1)
  expect(world.lacking('primary')).toEqual([])
  world.sides.primary.put('datum/new', body.datum(1))
  await time.goOn(FOLLOWED.sync.every + TICK)
  expect(world.lacking('primary')).toEqual([])
  expect(one.of('trouble')).toEqual([])
  expect(outcomes(one)).toEqual([])
})

it('fails over once when the active side is lost for as long as the policy says, and not before', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after - TICK)
  expect(outcomes(one)).toEqual([])
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual(['a1 done'])
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
  expect(submissions()).toEqual(['job/train-a1'])
  await time.goOn(60 * MINUTE)
  expect(outcomes(one)).toEqual(['a1 done'])
})

it('fails over though something could never be carried, and names it with what needs it', async () => {
  world.sides.primary.put('datum/attached', body.attached(1))
  world.sides.primary.put('asset/on-it/1', body.asset(1, 'datum/attached'))
  world.sides.primary.put('datum/odd', body.datum(1))
  world.befall = ({ act, of }, moment) => {
    if (act === 'converge' && of === 'datum/odd' && moment === 'before') throw new Fault('azure/refused', 'it is odd')
  }
  const one = controller('a')
  await time.goOn(MINUTE)
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 2 * TICK)
  expect(outcomes(one)).toEqual(['a1 done'])
  const report = reportOf(await world.journal('a1'))
  expect(report?.reason).toContain('but for 3 things that could never be carried')
  const lost = report?.loss.filter(({ is }) => is === 'whole').map(({ address, why }) => [address, why])
  expect(lost).toEqual([
    ['asset/on-it/1', expect.stringContaining('datum/attached')],
    ['datum/attached', expect.stringContaining('never made')],
    ['datum/odd', 'it is odd'],
  ])
})

it('does not fail over within the cool-down of a failover that another controller carried out', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  primary.down = true
  await time.goOn(3 * MINUTE)
  expect(outcomes(one)).toEqual(['a1 done'])
  primary.down = false
  await time.goOn(3 * MINUTE)
  await one.end()
  const two = controller('b')
  await time.goOn(2 * MINUTE)
  secondary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  expect(outcomes(two)).toEqual([])
  expect(two.of('decision').at(-1)?.decision).toMatchObject({
    do: 'wait',
    reason: expect.stringContaining('after the last failover nothing is automatic'),
  })
})

it('carries a failover out in an epoch of its own', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  const [before] = one.of('lease')
  world.sides.primary.down = true
  await time.goOn(3 * MINUTE)
  expect(outcomes(one)).toEqual(['a1 done'])
  const roles = await world.store.fact('churn', 'roles')
  expect(Number(roles?.['epoch'])).toBeGreaterThan(before?.epoch ?? 0)
})

it('does not fail over while the active side comes and goes', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  for (let turn = 0; turn < 20; turn++) {
    world.sides.primary.down = turn % 2 === 0
    await time.goOn(FOLLOWED.failover.after / 2)
  }
  expect(outcomes(one)).toEqual([])
})

it('takes the lost side back before it follows in the other direction', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  primary.down = true
  await time.goOn(3 * MINUTE)
  secondary.put('datum/since', body.datum(5))
  primary.put('datum/late', body.datum(7))
  const before = world.effects.length
  primary.down = false
  await time.goOn(3 * MINUTE)
  const findings = one
    .of('return')
    .map(({ comeback }) => comeback.findings.map((found) => `${found.is} ${found.address}`))
  expect(findings).toEqual([['listed job/train', 'carried datum/late']])
  expect(one.of('engaged')).toContainEqual({ is: 'engaged', with: 'taking back the primary' })
  expect(
    world.effects
      .slice(before)
      .map(({ side, act }) => `${side} ${act}`)
      .slice(0, 2),
  ).toEqual(['primary fence', 'primary fence'])
  expect(secondary.get('datum/late')).toEqual(body.datum(7))
  expect(primary.get('datum/since')).toEqual(body.datum(5))
  expect(primary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(world.lacking('secondary')).toEqual([])
  expect(outcomes(one)).toEqual(['a1 done'])
})

it('follows no side that could not be taken back yet', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  primary.down = true
  await time.goOn(3 * MINUTE)
  secondary.put('datum/since', body.datum(5))
  primary.broken.add('blob')
  primary.down = false
  await time.goOn(3 * MINUTE)
  expect(primary.get('datum/since')).toBeUndefined()
  expect(primary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(one.of('trouble').length).toBeGreaterThan(0)
  primary.broken.clear()
  await time.goOn(3 * MINUTE)
  expect(primary.get('datum/since')).toEqual(body.datum(5))
})

it('waits longer between the tries to take a side back that is fenced and cannot be read to its end', async () => {
  let tries = 0
  const comeback: (typeof ENGINE)['comeback'] = (given) => {
    tries++
    return ENGINE.comeback(given)
  }
  controller('a', { acts: { ...ENGINE, askPoints: seenIn(world, time), comeback } })
  await time.goOn(MINUTE)
  const { primary } = world.sides
  primary.down = true
  await time.goOn(3 * MINUTE)
  primary.broken.add('blob')
  primary.down = false
  await time.goOn(10 * MINUTE)
  expect(tries).toBeGreaterThan(10)
  expect(tries).toBeLessThan(20)
})

it('leaves what both sides changed to a person, on both sides', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  primary.down = true
  await time.goOn(3 * MINUTE)
  primary.put('datum/set', body.datum(2))
  secondary.put('datum/set', body.datum(3))
  secondary.put('datum/since', body.datum(5))
  primary.down = false
  await time.goOn(3 * MINUTE)
  expect(one.of('return').length).toBe(1)
  expect(primary.get('datum/since')).toEqual(body.datum(5))
  expect([primary.get('datum/set'), secondary.get('datum/set')]).toEqual([body.datum(2), body.datum(3)])
})

it('goes on carrying what can be read while only the control plane is down', async () => {
  let down = false
  const askPoints = async () => {
    const seen = await seenIn(world, time)()
    const probes = seen.probes.map((probe) =>
      down && probe.side === 'primary' && probe.plane === 'control' ? { ...probe, result: 'failed' as const } : probe,
    )
    return { ...seen, probes }
  }
  const one = controller('a', { acts: { ...ENGINE, askPoints } })
  await time.goOn(MINUTE)
  down = true
  await time.goOn(FOLLOWED.failover.after + 3 * TICK)
  expect(one.of('decision').at(-1)?.decision).toMatchObject({ do: 'ask', drain: true })
  world.sides.primary.put('datum/late', body.datum(7))
  await time.goOn(2 * FOLLOWED.sync.every)
  expect(world.sides.secondary.get('datum/late')).toEqual(body.datum(7))
  expect(outcomes(one)).toEqual([])
})

it('waits longer between the tries of a failover that cannot go on, tells it once, and goes on when it can', async () => {
  const heard: string[] = []
  const target = { key: 't', name: 't', send: async ({ sentence }: { sentence: string }) => void heard.push(sentence) }
  const one = controller('a', { notices: [target] })
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  world.befall = ({ act }) => {
    if (act === 'converge') secondary.down = true
  }
  primary.down = true
  await time.goOn(FOLLOWED.failover.after + 60 * MINUTE)
  const failures = (await world.journal()).filter(({ type }) => type === 'failover/phase-failed')
  expect(failures.length).toBeGreaterThan(50)
  expect(failures.length).toBeLessThan(70)
  expect(heard.filter((sentence) => sentence.includes('promote'))).toHaveLength(1)
  world.befall = () => undefined
  secondary.down = false
  await time.goOn(MINUTE + TICK)
  expect(outcomes(one)).toEqual(['a1 done'])
})

it('asks a person once, however long it lasts and whichever point sees it', async () => {
  let looks = 0
  const askPoints: typeof ENGINE.askPoints = async () => {
    const { probes } = await seenIn(world, time)()
    const silent = looks++ % 10 === 0 ? 'three' : ''
    return { probes: probes.map((one) => (one.point === silent ? { ...one, selfCheck: false } : one)), silent: {} }
  }
  const policy = { ...FOLLOWED, failover: { ...FOLLOWED.failover, mode: 'manual' as const } }
  const one = controller('a', { policy, acts: { ...ENGINE, askPoints } })
  await time.goOn(MINUTE)
  world.sides.primary.down = true
  await time.goOn(90 * MINUTE)
  expect((await world.journal()).filter(({ type }) => type === 'decision/asked')).toHaveLength(1)
  expect(one.of('decision').filter(({ decision }) => decision.do === 'ask')).toHaveLength(1)
})

it('goes on after a tick that surprised it', async () => {
  let surprises = 3
  const askPoints = async () => {
    if (surprises-- > 0) throw new TypeError('x is not a function')
    return seenIn(world, time)()
  }
  const one = controller('a', { acts: { ...ENGINE, askPoints } })
  await time.goOn(MINUTE)
  expect(one.of('trouble').map(({ why }) => why)).toEqual(Array(3).fill('x is not a function'))
  expect(world.lacking('primary')).toEqual([])
})

it('ends a pass that hangs on the lost side, and fails over', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  world.befall = ({ side }) => (side === 'primary' ? forever() : undefined)
  world.sides.primary.put('datum/new', body.datum(1))
  await time.goOn(FOLLOWED.sync.every)
  world.sides.primary.down = true
  const failing = one.of('pass').length
  await time.goOn(FOLLOWED.failover.after + 3 * TICK)
  expect(one.of('phase').map(({ phase }) => phase)).toContain('lease')
  expect(one.of('pass').length).toBe(failing)
})

it('guards I1: of two controllers on one store only the one with the lease acts', async () => {
  const strangers: string[] = []
  world.befall = async ({ by, act, of }, moment) => {
    if (act === 'list' || moment === 'after') return
    const answer = await world.store.acquire('churn', 'asks', 1)
    const holder = 'held' in answer ? answer.held.holder : 'nobody'
    if (holder !== by) strangers.push(`${by} did ${act} ${of} while ${holder} had the lease`)
  }
  const one = controller('a')
  const two = controller('b')
  await time.goOn(MINUTE)
  world.sides.primary.down = true
  await time.goOn(3 * MINUTE)
  expect(outcomes(one, two).length).toBe(1)
  expect(submissions().length).toBe(1)
  expect(strangers).toEqual([])
})

it('tells what it decides anew once it holds the lease again', async () => {
  const one = controller('a')
  await time.goOn(MINUTE)
  expect(one.of('decision').at(-1)?.decision.do).toBe('stay')
  const { epoch } = one.of('lease').at(-1) ?? { epoch: 0 }
  await world.store.release({ protection: 'churn', holder: 'a', epoch, milliseconds: 0 })
  await world.store.acquire('churn', 'other', MINUTE / 2)
  await time.goOn(2 * MINUTE)
  const told = one.events.map(({ is }) => is)
  expect(one.of('lease').at(-1)?.epoch).toBeGreaterThan(epoch)
  expect(one.of('held').at(-1)).toMatchObject({ holder: 'other' })
  expect(told.lastIndexOf('decision')).toBeGreaterThan(told.lastIndexOf('lease'))
})

it('guards I2: the second carries on what the first had begun when it died, wherever that was', async () => {
  const deaths = [
    'before append failover/begun',
    'after append failover/begun',
    'before converge schedule/nightly',
    'after converge schedule/nightly',
    'before setting roles',
    'after setting roles',
    'after append resubmit/planned',
    'before submit',
    'after submit',
    'after append resubmit/done',
    'before append failover/ended',
    'after append failover/ended',
  ]
  for (const death of deaths) {
    await world.close()
    time = virtualTime()
    world = new World('memory', time.clock)
    world.sides.primary.put('datum/set', body.datum(1))
    world.sides.primary.put('schedule/nightly', body.schedule(1))
    world.sides.primary.put('job/train', body.job('Running'))
    const one = controller('a')
    await time.goOn(MINUTE)
    const two = controller('b')
    world.sides.primary.down = true
    one.cord.blowAt((what) => what.startsWith(death))
    await time.goOn(5 * MINUTE)
    expect(one.cord.dead, death).toBe(true)
    const id = death === 'before append failover/begun' ? 'b1' : 'a1'
    expect(outcomes(two), death).toEqual(death === 'after append failover/ended' ? [] : [`${id} done`])
    expect(submissions(), death).toEqual([`job/train-${id}`])
    expect(await world.store.fact('churn', 'roles'), death).toMatchObject({ active: 'secondary', failover: id })
    for (const end of ending.splice(0)) await end()
  }
})
