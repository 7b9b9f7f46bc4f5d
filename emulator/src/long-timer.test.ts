import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { after } from './long-timer.ts'

const DAY = 24 * 3600 * 1000

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))

afterEach(() => vi.useRealTimers())

test.each([0, 1, 24, 25, 30, 365])('what is to happen after %i days happens then, and once', (days) => {
  const act = vi.fn()
  after(days * DAY + 5, act)
  vi.advanceTimersByTime(days * DAY + 4)
  expect(act).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(act).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(2 * 365 * DAY)
  expect(act).toHaveBeenCalledOnce()
})

test.each([1, 40])('what was ended after %i days does not happen', (days) => {
  const act = vi.fn()
  const end = after(60 * DAY, act)
  vi.advanceTimersByTime(days * DAY)
  end()
  vi.advanceTimersByTime(365 * DAY)
  expect(act).not.toHaveBeenCalled()
})
