import { expect, it } from 'vitest'
import { FOLLOWED } from '../../../test/support/made-up-policy.ts'
import type { Situation } from '../../core/failover.ts'
import type { Health, Status } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import { weigh } from './by-hand.ts'

const NOW = { tick: 100_000, wall: 1_000_000 }

function seen(side: Side, status: Status, since: number): Health {
  const verdict = status === 'lost' ? 'down' : 'up'
  const planes = [{ plane: 'data' as const, verdict, ok: [], failed: [], silent: [] }] as const
  const down = status === 'lost' ? { allDownSince: since } : {}
  return { side, status, since, planes, lastAnswered: { at: 40_000 }, flapping: false, reason: `The ${side}`, ...down }
}

function situation(primary: Health, more: Partial<Situation> = {}): Situation {
  return {
    policy: FOLLOWED.failover,
    maintenance: [],
    roles: { active: 'primary', epoch: 3 },
    health: { primary, secondary: seen('secondary', 'healthy', 0) },
    leased: true,
    standby: { synced: true, recoveryPoint: 900_000 },
    paused: false,
    insideActive: false,
    now: NOW,
    ...more,
  }
}

const lost = situation(seen('primary', 'lost', 70_000))
const well = situation(seen('primary', 'healthy', 10_000))
const wish = { by: 'ada', evenIfHealthy: false }
const naming = { id: 'f1', asked: 99_000 }

function written(of: Situation, wanted = wish) {
  const { taken } = weigh(wanted, of, naming)
  return 'refused' in taken ? taken.refused : taken.records.map(({ type, body }) => ({ type, ...body }))
}

it('begins with what was seen: when the side last answered, how long it took to see and to decide', () => {
  expect(written(lost)).toEqual([
    expect.objectContaining({
      type: 'failover/begun',
      id: 'f1',
      from: 'primary',
      epoch: 3,
      recoveryPoint: 900_000,
      silent: true,
      lastAnswered: 940_000,
    }),
    { type: 'failover/phase-done', id: 'f1', phase: 'detect', milliseconds: 30_000 },
    { type: 'failover/phase-done', id: 'f1', phase: 'decide', milliseconds: 30_000 },
  ])
})

it('counts the deciding about a side that is well from when it was asked for, and tells that it was meant', () => {
  expect(written(well)).toContain('The primary is active and well')
  expect(written(well, { ...wish, evenIfHealthy: true })).toMatchObject([
    { type: 'failover/begun', silent: false, deliberate: true },
    { phase: 'detect', milliseconds: 0 },
    { phase: 'decide', milliseconds: 1000 },
  ])
})

it('gives a switchover up whose side was lost before the other was raised, and answers the loss', () => {
  const running = { id: 's1', committed: false, planned: true }
  expect(written({ ...lost, running })).toMatchObject([
    { type: 'failover/ended', id: 's1', outcome: 'abandoned' },
    { type: 'failover/begun', id: 'f1' },
    {},
    {},
  ])
  const more = { ...wish, acceptLoss: 1 }
  expect(written({ ...lost, running }, more)).toContain('ada accepted')
})

it('writes down that a person wants what had begun carried on, where nothing else is a reason to', () => {
  const running = { id: 'f0', committed: false }
  expect(written({ ...well, running })).toContain('nothing of failover f0 has been done yet')
  expect(written({ ...well, running }, { ...wish, evenIfHealthy: true })).toEqual([
    { type: 'failover/agreed', id: 'f0', by: 'ada' },
  ])
  expect(written({ ...lost, running })).toEqual([])
})
