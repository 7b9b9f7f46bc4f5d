import { readFileSync } from 'node:fs'
import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../../test/support/fuse.ts'
import { configOf, FAILOVER, failingOf } from '../../../test/support/made-up-failover.ts'
import { body, statusOf } from '../../../test/support/made-up-kinds.ts'
import { CARRYING, type Process, passing, type World, worldOfTest } from '../../../test/support/made-up-world.ts'
import { Fault } from '../../core/errors.ts'
import type { SwitchoverWish } from '../../core/persons/switchover.ts'
import type { FailoverState } from '../../core/phases.ts'
import type { Service } from '../../services/service.ts'
import { beginFailover } from '../deciding/beginning.ts'
import { carryOut } from '../failover.ts'
import { type FailoverReport, reportOf } from '../report.ts'
import { runningOf, underWay } from '../under-way.ts'
import { speak } from '../words.ts'
import { checkSwitchover, refusedByNow, switchoverRecords } from './begin.ts'

const WISH: SwitchoverWish = { by: 'ada', jobs: 'resubmit', wait: 1000 }

let world: World
beforeEach(async () => {
  world = await inStep()
})

/** A world whose standby was in step, and in which work went on since. */
async function inStep(where?: 'memory'): Promise<World> {
  const made = worldOfTest(where)
  const { primary } = made.sides
  primary.put('datum/set', body.datum(1))
  primary.put('schedule/nightly', body.schedule(1))
  primary.put('job/train', body.job('Running', {}, 'datum/set'))
  primary.put('job/done', body.job('Completed'))
  await made.run('a', passing())
  primary.put('datum/since', body.datum(2))
  primary.put('schedule/weekly', body.schedule(1))
  primary.put('job/late', body.job('Queued'))
  made.effects.length = 0
  return made
}

function switching(of: World, wish: SwitchoverWish = WISH) {
  return async (process: Process): Promise<FailoverState> => {
    const { parts, tenure } = process
    if ((await of.journal(FAILOVER)).length === 0) {
      const leaving = { from: 'primary', to: 'secondary' } as const
      await parts.store.append(
        tenure.lease,
        switchoverRecords(leaving, wish, { id: FAILOVER, epoch: 0, now: parts.now() }),
      )
    }
    return carryOut(failingOf(of, process), () => undefined)
  }
}

async function reported(of = world): Promise<FailoverReport> {
  const report = reportOf(await of.journal(FAILOVER))
  if (report === undefined) throw new Error('there is no switchover')
  return report
}

const submitted = (of: World) =>
  of.effects.filter(({ act }) => act === 'submit').map(({ side, of: job }) => `${side} ${job}`)

const live = (of: World, side: 'primary' | 'secondary') =>
  ['schedule/nightly', 'schedule/weekly'].map((one) => of.sides[side].get(one as 'schedule/nightly')?.['live'])

it('carries everything, moves what acts and what runs, and leaves nothing acting behind', async () => {
  await world.run('b', switching(world))
  const { primary, secondary } = world.sides
  expect(await reported()).toMatchObject({
    move: 'switchover',
    outcome: 'done',
    loss: [],
    verified: { missing: [], different: [] },
    returned: [],
    unfinished: [],
  })
  expect(secondary.get('datum/since')).toEqual(body.datum(2))
  expect(live(world, 'secondary')).toEqual([true, true])
  expect(live(world, 'primary')).toEqual([false, false])
  expect(statusOf(primary.get('job/train'))).toBe('Canceled')
  expect(submitted(world).sort()).toEqual([`secondary job/late-${FAILOVER}`, `secondary job/train-${FAILOVER}`])
  expect(await world.store.fact('churn', 'roles')).toMatchObject({ active: 'secondary' })
  expect(await world.store.fact('churn', 'returned')).toMatchObject({ side: 'primary', failover: FAILOVER })
  expect(JSON.parse(readFileSync(world.file('config.json'), 'utf8'))).toEqual(configOf(world, 'secondary'))
})

it('raises nothing before what starts work by itself is off and every job has ended', async () => {
  const order: string[] = []
  world.befall = ({ act, side, of }, moment) => {
    if (moment === 'after' && act !== 'list') order.push(`${act} ${side} ${of}`)
  }
  await world.run('b', switching(world))
  const first = (what: string) => order.findIndex((one) => one.startsWith(what))
  expect(first('fence primary schedule')).toBeLessThan(first('fence primary job'))
  expect(first('fence primary job')).toBeLessThan(first('submit secondary'))
  expect(order.slice(0, first('fence primary schedule')).join()).not.toContain('submit')
})

it('waits for jobs where that is wanted, and submits none again', async () => {
  const { primary } = world.sides
  let looks = 0
  world.befall = ({ act, of }, moment) => {
    if (act !== 'list' || of !== 'job' || moment === 'after' || ++looks < 2) return
    primary.put('job/train', body.job('Completed', {}, 'datum/set'))
    primary.put('job/late', body.job('Completed'))
  }
  await world.run('b', switching(world, { ...WISH, jobs: 'wait', wait: 600_000 }))
  expect(await reported()).toMatchObject({ outcome: 'done', jobs: [] })
  expect(submitted(world)).toEqual([])
})

it('does not submit a job again that ended by itself before it could be cancelled', async () => {
  const { primary } = world.sides
  world.befall = ({ act, of }, moment) => {
    if (act === 'fence' && of === 'job' && moment === 'before')
      primary.put('job/train', body.job('Completed', {}, 'datum/set'))
  }
  await world.run('b', switching(world))
  expect(submitted(world)).toEqual([`secondary job/late-${FAILOVER}`])
})

it('goes back to where it was when jobs do not end in time', async () => {
  await world.run('b', switching(world, { ...WISH, jobs: 'wait', wait: 0 }))
  expect(await reported()).toMatchObject({ outcome: 'undone' })
  expect(live(world, 'primary')).toEqual([true, true])
  expect(live(world, 'secondary')).toEqual([false, false])
  expect(statusOf(world.sides.primary.get('job/train'))).toBe('Running')
  expect(await world.store.fact('churn', 'roles')).toBeUndefined()
})

it('goes back to where it was when the standby is lost, jobs that were cancelled included', async () => {
  let passes = 0
  world.befall = ({ act, of }, moment) => {
    if (act === 'fence' && of === 'job' && moment === 'after') world.sides.secondary.down = passes++ < 9
  }
  await world.run('b', switching(world))
  expect(await reported()).toMatchObject({ outcome: 'undone' })
  expect(live(world, 'primary')).toEqual([true, true])
  expect(submitted(world).sort()).toEqual([`primary job/late-${FAILOVER}`, `primary job/train-${FAILOVER}`])
})

it('guards I3: leaves jobs alone, when it goes back, that were not cancelled after all', async () => {
  world.befall = ({ act, of }, moment) => {
    if (act === 'fence' && of === 'job' && moment === 'before')
      throw new Fault('azure/unreachable', 'it does not answer')
  }
  await world.run('b', switching(world))
  expect(await reported()).toMatchObject({ outcome: 'undone', jobs: [] })
  expect(statusOf(world.sides.primary.get('job/train'))).toBe('Running')
  expect(submitted(world)).toEqual([])
})

it('submits jobs again where they were, though they would not have gone on over there', async () => {
  const { primary, secondary } = world.sides
  primary.put('job/train', body.job('Running', { 'holdfast.resubmit': 'primary' }, 'datum/set'))
  primary.put('job/late', body.job('Queued', {}, 'datum/left-out'))
  world.befall = ({ act, of }, moment) => {
    if (act === 'fence' && of === 'job' && moment === 'after') secondary.down = true
  }
  await world.run('b', switching(world))
  expect(await reported()).toMatchObject({ outcome: 'undone' })
  expect(submitted(world).sort()).toEqual([`primary job/late-${FAILOVER}`, `primary job/train-${FAILOVER}`])
})

it('has what it stopped counted as it was before, where a failover takes its place', async () => {
  const { signal } = new AbortController()
  const leaving = { from: 'primary', to: 'secondary' } as const
  await world.run('a', passing())
  await world.run('b', async ({ parts, tenure }) => {
    await parts.store.append(tenure.lease, switchoverRecords(leaving, WISH, { id: 's1', epoch: 0, now: 1 }))
    for (const type of ['quiesce/begun', 'stop/begun']) await tenure.append('s1', { type, body: { id: 's1' } })
    for (const service of parts.services) await service.fence?.(world.sides.primary.place, { signal })
  })
  await world.run('c', async (process) => {
    await beginFailover(process.tenure, {
      ...leaving,
      id: FAILOVER,
      instead: 's1',
      epoch: 0,
      reason: 'it is lost',
      recoveryPoint: 1,
      silent: true,
      lastAnswered: 1,
      detectMilliseconds: 0,
      decideMilliseconds: 0,
    })
    const running = await underWay(process.parts)
    expect(running && runningOf(running)).toMatchObject({ id: FAILOVER, planned: false, deliberate: true })
    await carryOut(failingOf(world, process), () => undefined)
  })
  expect(live(world, 'secondary')).toEqual([true, true])
  expect(submitted(world).sort()).toEqual([`secondary job/late-${FAILOVER}`, `secondary job/train-${FAILOVER}`])
  expect(reportOf(await world.journal('s1'))?.outcome).toBe('abandoned')
})

it('goes back when a person wants it, until the other side is raised', async () => {
  const wants = async ({ parts, tenure }: Process) =>
    speak(parts, tenure, { id: 'w', is: 'turn-back', by: 'ada', body: {} })
  await world.run('b', async (process) => {
    const { parts, tenure } = process
    const leaving = { from: 'primary', to: 'secondary' } as const
    await parts.store.append(tenure.lease, switchoverRecords(leaving, WISH, { id: FAILOVER, epoch: 0, now: 1 }))
    expect(await wants(process)).toHaveProperty('records')
    await switching(world)(process)
  })
  expect(await reported()).toMatchObject({ outcome: 'undone' })
  expect(await world.run('c', wants)).toEqual({ refused: 'No switchover is under way' })
})

it('is refused before the standby was in step, while a failover is under way, and before a side was taken back', async () => {
  const signal = AbortSignal.timeout(5000)
  const well = { planes: [{ plane: 'control', verdict: 'up', ok: [], failed: [] }], reason: 'well' }
  const health = { primary: well, secondary: well } as never
  const reasons = (of: World) =>
    of.run('b', async ({ parts }) => {
      const { refusals } = await checkSwitchover({ parts, carrying: CARRYING, wish: WISH, health, signal })
      return refusals.map(({ reason }) => reason)
    })
  const fresh = worldOfTest('memory')
  expect(await reasons(fresh)).toEqual(['The secondary was never in step'])
  await world.run('a', async ({ tenure }) => {
    await tenure.append('f9', { type: 'failover/begun', body: { id: 'f9', from: 'primary', to: 'secondary' } })
  })
  expect(await reasons(world)).toEqual(['Failover f9 is under way'])
  await world.run('a', async ({ tenure }) => {
    await tenure.append('f9', { type: 'failover/ended', body: { id: 'f9', outcome: 'abandoned' } })
    const body = { id: 'f10', move: 'switchover', from: 'primary', to: 'secondary' }
    await tenure.append('f10', { type: 'failover/begun', body })
  })
  expect(await reasons(world)).toEqual(['Switchover f10 is under way'])
  await world.run('a', async ({ tenure }) => {
    await tenure.append('f10', { type: 'failover/ended', body: { id: 'f10', outcome: 'done' } })
    await tenure.setFact('roles', { active: 'secondary', epoch: 2, failover: 'f9' })
  })
  expect(await reasons(world)).toEqual([expect.stringContaining('The primary was left by failover f9')])
})

it('is not turned back once it has begun to raise the other side', async () => {
  await world.run('b', async (process) => {
    const { parts, tenure } = process
    const leaving = { from: 'primary', to: 'secondary' } as const
    await parts.store.append(tenure.lease, switchoverRecords(leaving, WISH, { id: FAILOVER, epoch: 0, now: 1 }))
    await tenure.append(FAILOVER, { type: 'failover/phase-begun', body: { id: FAILOVER, phase: 'promote' } })
    const taken = await speak(parts, tenure, { id: 'w', is: 'turn-back', by: 'ada', body: {} })
    expect(taken).toEqual({ refused: expect.stringContaining('goes on to its end') })
  })
})

it('carries over what is still written to the side that was left, and names it', async () => {
  const { primary } = world.sides
  world.befall = ({ act }, moment) => {
    if (act === 'submit' && moment === 'after') primary.put('datum/after', body.datum(9))
  }
  await world.run('b', switching(world))
  expect(await reported()).toMatchObject({ returned: [{ is: 'carried', address: 'datum/after' }] })
  expect(world.sides.secondary.get('datum/after')).toEqual(body.datum(9))
})

it('guards I2 and I3: cut off at any point it is carried to the same end by another, each job submitted once', {
  timeout: 240_000,
}, async () => {
  const cord = fuse()
  await switching(world)(await world.start('whole', cord))
  const picture = world.sides.secondary.picture
  expect(cord.passed.length).toBeGreaterThan(50)
  for (let point = 1; point <= cord.passed.length; point++) {
    const other = await inStep('memory')
    await other.run('first', switching(other), point)
    await other.run('second', switching(other))
    const where = `cut at ${cord.passed[point - 1]}`
    expect(await reported(other), where).toMatchObject({ outcome: 'done', loss: [], returned: [] })
    expect(submitted(other).sort(), where).toEqual([
      `secondary job/late-${FAILOVER}`,
      `secondary job/train-${FAILOVER}`,
    ])
    expect(other.sides.secondary.picture, where).toEqual(picture)
    expect(live(other, 'primary'), where).toEqual([false, false])
    await other.close()
  }
})

it('is refused, with every reason, where something would be lost or left undone', async () => {
  const { primary } = world.sides
  const well = { planes: [{ plane: 'control', verdict: 'up', ok: [], failed: [] }], reason: 'well' }
  const health = { primary: well, secondary: { ...well, planes: [], reason: 'the secondary does not answer' } } as never
  const check = ({
    room,
    ...of
  }: Partial<Parameters<typeof checkSwitchover>[0]> & { room?: Service['lacking'] } = {}) =>
    world.run('b', async ({ parts: plain }) => {
      const signal = AbortSignal.timeout(5000)
      const services = plain.services.map((one) =>
        one.kind === 'datum' && room !== undefined ? { ...one, lacking: room } : one,
      )
      const parts = { ...plain, services }
      const checked = await checkSwitchover({ parts, carrying: CARRYING, wish: WISH, health, signal, ...of })
      return checked.refusals.map(({ reason }) => reason)
    })
  expect(await check()).toEqual(['the secondary does not answer'])
  const both = { health: { primary: well, secondary: well } as never }
  expect(await check(both)).toEqual([])
  expect(await check({ ...both, wish: { ...WISH, towards: 'primary' } })).toEqual(['The primary is active already'])
  const sick = { primary: { ...well, planes: [], reason: 'the primary is not well' }, secondary: well } as never
  expect(await check({ health: sick })).toEqual(['the primary is not well'])
  const cramped = await check({ ...both, room: (_, acting) => Promise.resolve([`no room for ${acting.length}`]) })
  // Both that stand in the active side now, of which the standby has one yet.
  expect(cramped).toEqual(['no room for 2'])
  primary.broken.add('datum')
  expect(await check(both)).toEqual([expect.stringContaining('datum cannot be read to its end')])
  primary.broken.clear()
  await world.run('b', async ({ parts, tenure }) => {
    await tenure.setFact('conflicts', { 'datum/set': 'both sides changed it' })
    await speak(parts, tenure, { id: 'p', is: 'pause', by: 'ada', body: { why: 'network' } })
  })
  expect(await check(both)).toEqual([
    'ada paused it until it is resumed: network',
    expect.stringContaining('Both sides changed datum/set'),
  ])
  await world.run('b', async (process) => void (await switching(world)(process)))
  expect(await world.run('c', async ({ parts }) => underWay(parts))).toBeUndefined()
})

it('may not begin any more after what was said or done since it was checked', async () => {
  const refused = (from: 'primary' | 'secondary') => world.run('b', ({ parts }) => refusedByNow(parts, { from }))
  expect(await refused('primary')).toBeUndefined()
  expect(await refused('secondary')).toBe('The primary is active by now')
  await world.run('b', ({ parts, tenure }) => speak(parts, tenure, { id: 'p', is: 'pause', by: 'ada', body: {} }))
  expect(await refused('primary')).toBe('ada has paused it by now')
})
