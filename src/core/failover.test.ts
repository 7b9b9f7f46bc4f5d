import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Decision, decide, type Situation } from './failover.ts'
import type { Health, Plane, Status, Verdict } from './health.ts'
import type { Side } from './model.ts'
import type { FailoverPolicy } from './policy.ts'

const MINUTE = 60_000
const NOW = { tick: 100 * MINUTE, wall: 1_800_000_000_000 }

const policy: FailoverPolicy = {
  mode: 'automatic',
  after: 90_000,
  vantagePoints: ['a', 'b', 'c'].map((name) => ({ name, url: `http://${name}`, host: name })),
  maxLoss: 10 * MINUTE,
  coolDown: 30 * MINUTE,
  approvalExpires: 60 * MINUTE,
  demo: false,
}

type Planes = Partial<Record<Plane, Verdict>>

function health(side: Side, status: Status, planes: Planes = {}, more: Partial<Health> = {}): Health {
  const all: Record<Plane, Verdict> = {
    signin: 'up',
    control: 'up',
    history: 'up',
    data: 'up',
    scoring: 'up',
    ...planes,
  }
  return {
    side,
    status,
    since: NOW.tick - 5 * MINUTE,
    planes: Object.entries(all).map(([plane, verdict]) => ({
      plane: plane as Plane,
      verdict,
      ok: [],
      failed: [],
      silent: [],
    })),
    lastAnswered: { at: NOW.tick - 2 * MINUTE, sourceTime: NOW.wall - 2 * MINUTE },
    flapping: false,
    reason: `The ${side} is ${status}`,
    ...more,
  }
}

const DOWN: Planes = { control: 'down', history: 'down', data: 'down', scoring: 'down' }
const lost = health('primary', 'lost', DOWN, { allDownSince: NOW.tick - 2 * MINUTE })
const well = health('secondary', 'healthy')

function situation(more: Partial<Situation> = {}): Situation {
  return {
    policy,
    maintenance: [],
    roles: { active: 'primary', epoch: 7 },
    health: { primary: lost, secondary: well },
    leased: true,
    standby: { synced: true, recoveryPoint: NOW.wall - 5 * MINUTE },
    paused: false,
    insideActive: false,
    now: NOW,
    ...more,
  }
}

const consent = { by: 'ada', epoch: 7, expires: NOW.wall + MINUTE, acceptLoss: 60 * MINUTE }

function what(more: Partial<Situation>): Decision['do'] {
  return decide(situation(more)).do
}

describe('a loss of the active side', () => {
  it('is answered by a failover to the standby, in its epoch, with what is lost', () => {
    expect(decide(situation())).toEqual({
      do: 'fail-over',
      from: 'primary',
      to: 'secondary',
      epoch: 7,
      loss: 3 * MINUTE,
      reason: 'The primary is lost. The secondary can take over with the work up to 3m before the last answer',
    })
  })

  it('is that of the active side, whichever it is', () => {
    const swapped = { primary: health('primary', 'healthy'), secondary: health('secondary', 'lost', DOWN) }
    expect(decide(situation({ roles: { active: 'secondary', epoch: 8 }, health: swapped }))).toMatchObject({
      to: 'primary',
    })
    expect(what({ roles: { active: 'secondary', epoch: 8 } })).toBe('stay')
  })

  it('is waited for until it has lasted', () => {
    const primary = health('primary', 'degraded', DOWN, { allDownSince: NOW.tick - 30_000 })
    expect(decide(situation({ health: { primary, secondary: well } }))).toEqual({
      do: 'wait',
      until: NOW.tick + 60_000,
      reason: 'The primary is degraded. It counts as lost in 1m',
    })
  })
})

describe('nothing is done', () => {
  const cases: readonly (readonly [string, Partial<Situation>])[] = [
    ['while all is well', { health: { primary: health('primary', 'healthy'), secondary: well } }],
    ['without the lease', { leased: false }],
    ['without a standby that was ever in step', { standby: { synced: false, recoveryPoint: NOW.wall } }],
    ['without a recovery point', { standby: { synced: true } }],
    ['while too few can tell', { health: { primary: health('primary', 'unknown'), secondary: well } }],
    ['when the standby is lost too', { health: { primary: lost, secondary: health('secondary', 'lost', DOWN) } }],
    [
      'when it is not known how the standby is',
      { health: { primary: lost, secondary: health('secondary', 'unknown', { data: 'unknown' }) } },
    ],
    [
      'while signing in is down on both sides, whatever else is down',
      {
        health: {
          primary: health('primary', 'lost', { ...DOWN, signin: 'down' }),
          secondary: health('secondary', 'degraded', { signin: 'down' }),
        },
      },
    ],
  ]
  for (const [when, more] of cases) it(when, () => expect(what(more)).toBe('stay'))

  it('while signing in is down on both sides, though storage could be read out: nobody could sign in to do it', () => {
    const primary = health('primary', 'degraded', { control: 'down', signin: 'down' })
    const secondary = health('secondary', 'degraded', { signin: 'down' })
    expect(what({ health: { primary, secondary: well } })).toBe('ask')
    expect(what({ health: { primary, secondary } })).toBe('stay')
  })

  it('about a plane that is in doubt', () => {
    expect(what({ health: { primary: health('primary', 'degraded', { data: 'mixed' }), secondary: well } })).toBe(
      'stay',
    )
  })
})

describe('a person is asked', () => {
  const one = policy.vantagePoints.map((point) => ({ ...point, host: 'one' }))
  const cases: readonly (readonly [string, Partial<Situation>, string])[] = [
    ['in manual mode', { policy: { ...policy, mode: 'manual' } }, 'holdfast failover'],
    ['in approval mode', { policy: { ...policy, mode: 'approval' } }, 'holdfast approve'],
    ['while it is paused', { paused: true }, 'paused'],
    [
      'in a maintenance window',
      { maintenance: [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, lasts: 24 * 60 * MINUTE }] },
      'maintenance',
    ],
    ['by a controller that would be lost with the region', { insideActive: true }, 'runs in the region'],
    [
      'when the vantage points share a host',
      { policy: { ...policy, vantagePoints: one } },
      'only 1 of the vantage points',
    ],
    [
      'when more would be lost than the policy accepts',
      { standby: { synced: true, recoveryPoint: NOW.wall - 13 * MINUTE } },
      'more than maxLoss, 10m',
    ],
  ]
  for (const [when, more, words] of cases) {
    it(when, () => {
      const decision = decide(situation(more))
      expect(decision.do).toBe('ask')
      expect(decision.reason).toContain(words)
    })
  }

  it('not, because of what could never be carried: it is told, and counts only beside what was carried too long ago', () => {
    const standby = { synced: true, recoveryPoint: NOW.wall - 5 * MINUTE, refused: 2 }
    expect(decide(situation({ standby }))).toMatchObject({
      do: 'fail-over',
      reason: expect.stringContaining('but for 2 things that could never be carried'),
    })
    expect(what({ standby: { ...standby, recoveryPoint: NOW.wall - 13 * MINUTE } })).toBe('ask')
  })

  it('not, when vantage points share a host in a demo', () => {
    expect(what({ policy: { ...policy, vantagePoints: one, demo: true } })).toBe('fail-over')
  })

  // Guards F7: the region is not lost while its storage can be read.
  it('while storage is read out, when only the control plane is down', () => {
    const primary = health('primary', 'degraded', { control: 'down', history: 'down' })
    expect(decide(situation({ health: { primary, secondary: well } }))).toMatchObject({ do: 'ask', drain: true })
  })
})

describe('the loss', () => {
  it('is counted up to the last answer of the active side, and not to now', () => {
    const allDownSince = NOW.tick - 90 * MINUTE
    const primary = { ...lost, allDownSince, lastAnswered: { at: allDownSince, sourceTime: NOW.wall - 90 * MINUTE } }
    const standby = { synced: true, recoveryPoint: NOW.wall - 91 * MINUTE }
    expect(decide(situation({ health: { primary, secondary: well }, standby }))).toMatchObject({
      do: 'fail-over',
      loss: MINUTE,
    })
  })

  it('counts in what nobody saw between an answer long ago and the loss', () => {
    const lastAnswered = { at: NOW.tick - 22 * MINUTE, sourceTime: NOW.wall - 22 * MINUTE }
    const standby = { synced: true, recoveryPoint: NOW.wall - 21 * MINUTE }
    expect(
      decide(situation({ health: { primary: { ...lost, lastAnswered }, secondary: well }, standby })),
    ).toMatchObject({ do: 'ask', loss: 19 * MINUTE })
  })

  it('is counted up to now where no answer was ever seen', () => {
    const { lastAnswered: _, ...primary } = lost
    expect(decide(situation({ health: { primary, secondary: well } }))).toMatchObject({ loss: 5 * MINUTE })
  })
})

describe('scoring that fails alone', () => {
  const primary = health('primary', 'degraded', { scoring: 'down' })

  it('moves the endpoints and nothing else', () => {
    expect(what({ health: { primary, secondary: well } })).toBe('move-endpoints')
  })

  it('is asked about where nothing is automatic', () => {
    expect(what({ health: { primary, secondary: well }, paused: true })).toBe('ask')
  })

  it('stays where it is if the standby does not answer either, or it has just begun', () => {
    expect(what({ health: { primary, secondary: health('secondary', 'degraded', { scoring: 'down' }) } })).toBe('stay')
    expect(what({ health: { primary: { ...primary, since: NOW.tick - 1000 }, secondary: well } })).toBe('stay')
  })
})

describe('a cool-down', () => {
  it('holds what is automatic, and not what a person agreed to', () => {
    const lastFailover = NOW.tick - 10 * MINUTE
    expect(decide(situation({ lastFailover }))).toMatchObject({ do: 'wait', until: NOW.tick + 20 * MINUTE })
    expect(what({ lastFailover, consent })).toBe('fail-over')
    expect(what({ lastFailover: NOW.tick - 30 * MINUTE })).toBe('fail-over')
  })
})

describe('a consent', () => {
  const manual = { ...policy, mode: 'manual' as const }

  it('is enough in every mode, also while only a part is down', () => {
    const primary = health('primary', 'degraded', { control: 'down' })
    expect(what({ policy: manual, consent, paused: true })).toBe('fail-over')
    expect(what({ policy: manual, consent, health: { primary, secondary: well } })).toBe('fail-over')
  })

  it('is void in another epoch, and once it has expired', () => {
    expect(what({ policy: manual, consent: { ...consent, epoch: 6 } })).toBe('ask')
    expect(what({ policy: manual, consent: { ...consent, expires: NOW.wall } })).toBe('ask')
  })

  it('is good only for the loss that was accepted', () => {
    const decision = decide(situation({ policy: manual, consent: { ...consent, acceptLoss: MINUTE } }))
    expect(decision).toMatchObject({ do: 'ask', loss: 3 * MINUTE })
    expect(decision.reason).toContain('more than ada accepted, 1m')
  })

  it('does not fail over what is well, unless that is what was asked for', () => {
    const both = { primary: health('primary', 'healthy'), secondary: well }
    expect(what({ consent, health: both })).toBe('stay')
    expect(what({ consent: { ...consent, evenIfHealthy: true }, health: both })).toBe('fail-over')
  })

  it('says of a side that is well that it is, where what was asked for is void', () => {
    const both = { primary: health('primary', 'healthy'), secondary: well }
    const late = { ...consent, evenIfHealthy: true, expires: 0 }
    expect(decide(situation({ consent: late, health: both }))).toEqual(decide(situation({ health: both })))
  })

  it('stands for going on with what nothing was done of yet, and not against a side that is well again', () => {
    const running = { id: 'f1', committed: false }
    expect(what({ running, consent, health: { primary: health('primary', 'healthy'), secondary: well } })).toBe(
      'abandon',
    )
  })

  it('does not replace a standby', () => {
    expect(what({ consent, standby: { synced: false } })).toBe('stay')
    expect(what({ consent, health: { primary: lost, secondary: health('secondary', 'lost', DOWN) } })).toBe('stay')
  })
})

describe('a failover under way', () => {
  it('goes on, also when it is paused or the active side is back, once it is committed', () => {
    const running = { id: 'f1', committed: true }
    expect(what({ running, paused: true, health: { primary: health('primary', 'healthy'), secondary: well } })).toBe(
      'continue',
    )
  })

  it('is abandoned when the active side is well again before anything was done', () => {
    const running = { id: 'f1', committed: false }
    expect(what({ running, health: { primary: health('primary', 'healthy'), secondary: well } })).toBe('abandon')
    expect(what({ running })).toBe('continue')
  })

  it('goes on although the active side answers, where a person meant to leave it', () => {
    const running = { id: 'f1', committed: false, deliberate: true }
    expect(what({ running, health: { primary: health('primary', 'healthy'), secondary: well } })).toBe('continue')
    expect(what({ running })).toBe('continue')
  })

  it('carries a switchover on while the side that it leaves is well, and takes its place when that is lost', () => {
    const running = { id: 'f1', committed: false, planned: true }
    const fine = { primary: health('primary', 'healthy'), secondary: well }
    expect(what({ running, health: fine })).toBe('continue')
    expect(decide(situation({ running }))).toMatchObject({ do: 'fail-over', instead: 'f1' })
    expect(what({ running: { ...running, committed: true } })).toBe('continue')
  })

  it('lets a switchover stay under way while no failover may take its place, and follows nothing meanwhile', () => {
    const running = { id: 'f1', committed: false, planned: true }
    expect(what({ running, paused: true })).toBe('ask')
    expect(what({ running, lastFailover: NOW.tick })).toBe('wait')
    expect(what({ running, standby: { synced: false } })).toBe('wait')
  })

  it('is abandoned as well when something answers again, and waits while nobody can tell', () => {
    const running = { id: 'f1', committed: false }
    const back = health('primary', 'degraded', { control: 'down' })
    expect(what({ running, health: { primary: back, secondary: well } })).toBe('abandon')
    const unknown = health('primary', 'unknown', {
      control: 'unknown',
      history: 'unknown',
      data: 'unknown',
      scoring: 'unknown',
    })
    expect(what({ running, health: { primary: unknown, secondary: well } })).toBe('wait')
  })

  it('goes on before its lease for a person who agreed to it, whatever the active side is', () => {
    const running = { id: 'f1', committed: false }
    const primary = health('primary', 'healthy')
    expect(what({ running, health: { primary, secondary: well }, consent: { ...consent, evenIfHealthy: true } })).toBe(
      'continue',
    )
  })

  it('is not carried on by a controller without the lease', () => {
    expect(what({ running: { id: 'f1', committed: true }, leased: false })).toBe('stay')
  })
})

describe('any decision', () => {
  const side = fc.record({
    status: fc.constantFrom<Status>('healthy', 'degraded', 'lost', 'unknown'),
    signin: fc.constantFrom<Verdict>('up', 'down', 'mixed', 'unknown'),
    data: fc.constantFrom<Verdict>('up', 'down', 'mixed', 'unknown'),
    control: fc.constantFrom<Verdict>('up', 'down', 'mixed', 'unknown'),
  })
  const anySituation = fc.record({
    primary: side,
    secondary: side,
    leased: fc.boolean(),
    synced: fc.boolean(),
    age: fc.nat({ max: 20 }),
    paused: fc.boolean(),
    mode: fc.constantFrom('automatic' as const, 'approval' as const, 'manual' as const),
  })

  it('fails over only under the lease, to a standby that was in step and answers, within the loss, and by itself only when lost', () => {
    fc.assert(
      fc.property(anySituation, ({ primary, secondary, leased, synced, age, paused, mode }) => {
        const decision = decide(
          situation({
            health: {
              primary: health('primary', primary.status, primary),
              secondary: health('secondary', secondary.status, secondary),
            },
            leased,
            standby: { synced, recoveryPoint: NOW.wall - age * MINUTE },
            paused,
            policy: { ...policy, mode },
          }),
        )
        expect(decision.reason).not.toBe('')
        if (decision.do !== 'fail-over') return
        expect([leased, synced, paused, mode, primary.status]).toEqual([true, true, false, 'automatic', 'lost'])
        expect([secondary.signin, secondary.control, secondary.data]).toEqual(['up', 'up', 'up'])
        expect(decision.loss).toBeLessThanOrEqual(policy.maxLoss)
      }),
      { numRuns: 3000 },
    )
  })
})
