import { expect, it } from 'vitest'
import { A_LOOK, type Event } from '../../controller/controller.ts'
import { witnessing } from './witnessed.ts'

const health = (silent: Record<string, string> = {}, sentence = 'all is well') =>
  ({ is: 'health', health: {}, silent, untold: 0, sentence }) as unknown as Event

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
  expect(one.live()).toBe(true)
  one.later(1000)
  expect(one.live()).toBe(false)
  one.take({ is: 'engaged', with: 'taking back the primary' })
  one.later(60_000)
  expect(one.live()).toBe(true)
  one.take(health())
  one.later(1000)
  expect(one.live()).toBe(false)
})

it('is alive in a failover of which somebody cannot be told, and no more once its own look fails', () => {
  const one = watched()
  one.take({ is: 'phase', id: 'f1', phase: 'drain' })
  one.take({ is: 'trouble', what: 'telling webhook hooks.example', why: 'it does not answer' })
  one.later(60_000)
  expect([one.live(), one.seen.phase, one.unready()]).toEqual([true, 'drain', undefined])
  one.take({ is: 'trouble', what: A_LOOK, why: 'the other side does not answer' })
  one.later(1000)
  expect([one.live(), one.seen.phase, one.seen.troubles]).toEqual([false, undefined, 2])
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

it('says what it thinks as of its last look, and not as of when that was news', () => {
  const one = watched()
  const sentence = (span: string) => `Nothing of the primary has answered for ${span}`
  one.take({ is: 'decision', decision: { do: 'ask', drain: false, reason: sentence('2m') } })
  one.take(health({}, sentence('3h')))
  expect(one.seen).toMatchObject({ decision: 'ask', sentence: sentence('3h') })
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
