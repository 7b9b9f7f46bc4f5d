import { afterEach, beforeEach, expect, it } from 'vitest'
import { fuse } from '../../test/support/fuse.ts'
import { MINUTE, outcomes, type Running, seenIn, startController, TICK } from '../../test/support/made-up-controller.ts'
import { beginning, FAILOVER } from '../../test/support/made-up-failover.ts'
import { body } from '../../test/support/made-up-kinds.ts'
import { FOLLOWED } from '../../test/support/made-up-policy.ts'
import { PROTECTION, World } from '../../test/support/made-up-world.ts'
import { type VirtualTime, virtualTime } from '../../test/support/virtual-time.ts'
import { Fault } from '../core/errors.ts'
import { answerTo } from '../engine/words.ts'
import { type Acts, ENGINE } from './controller.ts'

let time: VirtualTime
let world: World
let one: Running
beforeEach(async () => {
  time = virtualTime()
  world = new World('memory', time.clock)
  world.sides.primary.put('datum/set', body.datum(1))
  world.sides.primary.put('schedule/nightly', body.schedule(1))
  one = startController({ world, time }, 'a')
  await time.goOn(MINUTE)
})
afterEach(async () => {
  await one.end()
  await world.close()
})

/** A pass that lasts until it is ended, and how many are under way. */
function lastingPass() {
  const passes = { underWay: 0 }
  const pass: Acts['pass'] = ({ signal }) =>
    new Promise((_, reject) => {
      passes.underWay++
      signal.addEventListener('abort', () => {
        passes.underWay--
        reject(signal.reason as Error)
      })
    })
  return { passes, pass }
}

let said = 0
/** Leaves a word for whoever holds the lease, and lets it be heard. */
async function say(is: string, more: Readonly<Record<string, string | number | boolean>> = {}, age = 0) {
  const id = `w${said++}`
  await world.store.leave(PROTECTION, { id, is, by: 'ada', at: world.now() - age, body: more })
  await time.goOn(3 * TICK)
  return answerTo(world.joined('asks', fuse()).parts, id)
}

it('holds a failover while it is paused, and no longer', async () => {
  expect(await say('pause', { why: 'network' })).toHaveProperty('records')
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  expect(outcomes(one)).toEqual([])
  expect(one.of('decision').at(-1)?.decision).toMatchObject({
    do: 'ask',
    reason: expect.stringContaining('it is paused'),
  })
  expect((await world.journal()).filter(({ type }) => type === 'pause/begun')).toHaveLength(1)
  expect(await say('resume')).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual(['a1 done'])
})

it('switches over when it is asked, and says why when it does not', async () => {
  expect(await say('switchover', { jobs: 'wait', wait: 1000, towards: 'primary' })).toEqual({
    refused: 'The primary is active already',
  })
  expect(await say('switchover', { jobs: 'wait', wait: 1000 })).toHaveProperty('records')
  await time.goOn(MINUTE)
  expect(outcomes(one)).toEqual(['a1 done'])
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
  expect(world.sides.primary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(world.lacking('secondary')).toEqual([])
})

it('fails over when a person says so, whatever its mode, and says why when the rules forbid it', async () => {
  await one.end()
  const failover = { ...FOLLOWED.failover, mode: 'manual' as const }
  one = startController({ world, time }, 'b', { policy: { ...FOLLOWED, failover } })
  await time.goOn(MINUTE)
  expect(await say('failover')).toEqual({ refused: expect.stringContaining('active and well') })
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  expect(outcomes(one)).toEqual([])
  expect(await say('failover')).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual([expect.stringContaining('done')])
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
})

it('looks itself where the policy names no vantage points, at once for a person, and takes the side back', async () => {
  await one.end()
  const failover = { ...FOLLOWED.failover, mode: 'manual' as const, vantagePoints: [] }
  one = startController({ world, time }, 'b', { policy: { ...FOLLOWED, failover } })
  await time.goOn(MINUTE)
  expect(await say('failover')).toEqual({ refused: expect.stringContaining('active and well') })
  // Its last look of its own saw a side that was well.
  world.sides.primary.down = true
  expect(await say('failover')).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual([expect.stringContaining('done')])
  world.sides.primary.down = false
  await time.goOn(10 * TICK)
  expect(one.of('return')).toHaveLength(1)
  expect(await say('switchover', { jobs: 'wait', wait: 1000 })).toHaveProperty('records')
})

it('has no evidence where it cannot look itself', async () => {
  await one.end()
  const failover = { ...FOLLOWED.failover, mode: 'manual' as const, vantagePoints: [] }
  const lookHere = () => Promise.reject(new Error('no name of it is known'))
  one = startController({ world, time }, 'b', { policy: { ...FOLLOWED, failover }, lookHere })
  await time.goOn(MINUTE)
  expect(one.of('health').at(-1)).toMatchObject({ silent: { 'this machine': 'no name of it is known' } })
  expect(await say('failover')).toEqual({ refused: expect.stringContaining('no evidence from this machine') })
})

it('carries on what was begun from a side that answers again where a person wants that', async () => {
  await one.end()
  const other = await world.start('x')
  await beginning(other)
  await other.tenure.end()
  const agreed = say('failover', { evenIfHealthy: true })
  one = startController({ world, time }, 'b')
  expect(await agreed).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual([`${FAILOVER} done`])
  expect((await world.journal()).map(({ type }) => type)).toContain('failover/agreed')
})

it('leaves a side that is well when a person says so for that too', async () => {
  expect(await say('failover', { evenIfHealthy: true })).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual(['a1 done'])
})

it('ends the pass that is under way before it asks whether a switchover may begin', async () => {
  await one.end()
  const { passes, pass } = lastingPass()
  const found: number[] = []
  const checkSwitchover: Acts['checkSwitchover'] = (asked) => {
    found.push(passes.underWay)
    return ENGINE.checkSwitchover(asked)
  }
  one = startController({ world, time }, 'b', {
    acts: { ...ENGINE, askPoints: seenIn(world, time), pass, checkSwitchover },
  })
  await time.goOn(MINUTE)
  expect(passes.underWay).toBe(1)
  await say('switchover', { jobs: 'wait', wait: 1000 })
  expect(found).toEqual([0])
})

it('follows nothing while a failover is carried out', async () => {
  await one.end()
  const { passes, pass } = lastingPass()
  const found: number[] = []
  const counted: Acts['phases']['fence'] = (failing, state) => {
    found.push(passes.underWay)
    return ENGINE.phases.fence(failing, state)
  }
  one = startController({ world, time }, 'b', {
    acts: { ...ENGINE, askPoints: seenIn(world, time), pass, phases: { ...ENGINE.phases, fence: counted } },
  })
  await time.goOn(MINUTE)
  expect(passes.underWay).toBe(1)
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  expect(outcomes(one)).toEqual(['b1 done'])
  expect(found).toEqual([0])
})

it('fails over on an approval of exactly the plan that it proposed', async () => {
  await one.end()
  const failover = { ...FOLLOWED.failover, mode: 'approval' as const }
  one = startController({ world, time }, 'b', { policy: { ...FOLLOWED, failover } })
  await time.goOn(MINUTE)
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  const [{ proposal } = { proposal: undefined }, ...more] = one.of('proposal')
  expect([more, outcomes(one)]).toEqual([[], []])
  expect(await say('approve', { code: 'ffffffff' })).toHaveProperty('refused')
  expect(await say('approve', { code: proposal?.digest.slice(0, 8) ?? '' })).toHaveProperty('records')
  await time.goOn(3 * TICK)
  expect(outcomes(one)).toEqual(['b1 done'])
  expect((await world.journal()).map(({ type }) => type)).toContain('approval/used')
  expect(await say('approve', { code: proposal?.digest.slice(0, 8) ?? '' })).toEqual({
    refused: expect.stringContaining('carried out'),
  })
})

it('refuses what it does not know', async () => {
  expect(await say('dance')).toEqual({ refused: 'This controller does not know what to do with dance' })
})

it('fails over at once from a side that is lost after a switchover from it turned back', async () => {
  world.sides.primary.put('job/train', body.job('Running'))
  await time.goOn(MINUTE)
  expect(await say('switchover', { jobs: 'wait', wait: 0 })).toHaveProperty('records')
  await time.goOn(MINUTE)
  expect(outcomes(one)).toEqual(['a1 undone'])
  world.sides.primary.down = true
  await time.goOn(FOLLOWED.failover.after + 5 * TICK)
  expect(outcomes(one)).toEqual(['a1 undone', 'a2 done'])
})

it('leaves no side half stopped that was lost under a switchover, where no failover may follow', async () => {
  await one.end()
  const policy = { ...FOLLOWED, failover: { ...FOLLOWED.failover, mode: 'manual' as const } }
  one = startController({ world, time }, 'b', { policy })
  await time.goOn(MINUTE)
  const { primary, secondary } = world.sides
  world.befall = ({ act, side, of }, moment) => {
    if (`${act} ${side} ${of}` === 'fence primary schedule' && moment === 'after') primary.down = true
  }
  expect(await say('switchover', { jobs: 'wait', wait: 1000 })).toHaveProperty('records')
  await time.goOn(FOLLOWED.failover.after + 10 * TICK)
  expect(primary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(outcomes(one)).toEqual([])
  world.befall = () => undefined
  primary.down = false
  await time.goOn(5 * MINUTE)
  expect(outcomes(one)).toEqual(['b1 undone'])
  expect(primary.get('schedule/nightly')).toMatchObject({ live: true })
  expect(secondary.get('schedule/nightly')).toMatchObject({ live: false })
})

it.each([new Fault('azure/denied', 'it may not read the quota'), new TypeError('x is not a function')])(
  'refuses what cannot be weighed, and fails over all the same: %s',
  async (thrown) => {
    await one.end()
    const checkSwitchover: Acts['checkSwitchover'] = () => Promise.reject(thrown)
    one = startController({ world, time }, 'b', {
      acts: { ...ENGINE, askPoints: seenIn(world, time), checkSwitchover },
    })
    await time.goOn(MINUTE)
    world.sides.primary.down = true
    expect(await say('switchover', { jobs: 'wait', wait: 1000 })).toEqual({
      refused: expect.stringContaining(thrown.message),
    })
    await time.goOn(FOLLOWED.failover.after + 2 * TICK)
    expect(outcomes(one)).toEqual(['b1 done'])
  },
)

it.each(['failover', 'switchover', 'pause'])('refuses a %s that was asked for long ago', async (is) => {
  const hour = 60 * MINUTE
  const body = { evenIfHealthy: true, jobs: 'wait', wait: 1000 }
  expect(await say(is, body, hour)).toEqual({ refused: expect.stringContaining('1h') })
  await time.goOn(MINUTE)
  expect(outcomes(one)).toEqual([])
  expect(await say(is, body, 5 * MINUTE)).toHaveProperty('records')
})
