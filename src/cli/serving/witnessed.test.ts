import { expect, it } from 'vitest'
import type { Event } from '../../controller/controller.ts'
import { witnessing } from './witnessed.ts'

const health = (silent: Record<string, string> = {}) =>
  ({ is: 'health', health: {}, silent, untold: 0 }) as unknown as Event

function watched() {
  let now = 0
  const witnessed = witnessing({ patience: 1000, points: 3, now: () => now })
  const later = (milliseconds: number) => {
    now += milliseconds
  }
  return { ...witnessed, later }
}

it('is alive while its loop goes on, or while it carries something out that takes long', () => {
  const one = watched()
  one.take(health())
  one.later(1000)
  expect(one.live()).toBe(false)
  one.take({ is: 'phase', id: 'f1', phase: 'settle' })
  one.later(60_000)
  expect(one.live()).toBe(true)
  one.take({ is: 'failover', id: 'f1', outcome: 'done' })
  expect(one.live()).toBe(false)
})

it('is ready once it has looked and a majority of its vantage points answers, or while it stands by', () => {
  const one = watched()
  expect(one.unready()).toContain('has not looked')
  one.take(health({ b: 'silent', c: 'silent' }))
  expect(one.unready()).toContain('only 1 of 3')
  one.take(health({ c: 'silent' }))
  expect(one.unready()).toBeUndefined()
  one.take(health({ b: 'silent', c: 'silent' }))
  one.take({ is: 'held', holder: 'other' })
  expect(one.unready()).toBeUndefined()
})

it('shows nothing of what it saw and decided once another holds the lease', () => {
  const one = watched()
  one.take({ is: 'lease', epoch: 1 })
  one.take(health())
  one.take({ is: 'decision', decision: { do: 'continue', id: 'f1', reason: 'Failover f1 is under way' } })
  one.take({ is: 'phase', id: 'f1', phase: 'fence' })
  one.take({ is: 'held', holder: 'vm/2' })
  expect(one.seen).toMatchObject({ leased: false, decision: 'none', sentence: expect.stringContaining('vm/2') })
  expect([one.seen.health, one.seen.phase, one.seen.last]).toEqual([undefined, undefined, undefined])
  one.take({ is: 'lease', epoch: 3 })
  expect(one.unready()).toContain('has not looked')
})
