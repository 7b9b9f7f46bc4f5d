import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openPace, openPaces, type PaceClock } from './pace.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const clock: PaceClock = {
  now: () => Date.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}
const signal = new AbortController().signal

/** A server that takes so many calls a second, and at once as many as it did not get in a second. */
function limited(perSecond: number) {
  let [tokens, at] = [perSecond, Date.now()]
  return () => {
    tokens = Math.min(perSecond, tokens + ((Date.now() - at) / 1000) * perSecond)
    at = Date.now()
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}

async function sendFor(seconds: number, perSecond: number, { callers = 8, trip = 4 } = {}) {
  const pace = openPace(clock)
  const takes = limited(perSecond)
  const end = Date.now() + seconds * 1000
  let [taken, refused] = [0, 0]
  const caller = async () => {
    while (Date.now() < end) {
      const call = await pace.turn(signal)
      await new Promise((resolve) => setTimeout(resolve, trip))
      if (takes()) {
        taken += 1
        pace.took()
      } else {
        refused += 1
        pace.refused(call, 1000)
      }
    }
  }
  const all = Promise.all(Array.from({ length: callers }, caller))
  await vi.advanceTimersByTimeAsync((seconds + 5) * 1000)
  await all
  return { used: taken / (seconds * perSecond), refusedShare: refused / (taken + refused) }
}

it.each([7, 47, 127])('uses a limit of %i calls a second and runs into it seldom', async (perSecond) => {
  const { used, refusedShare } = await sendFor(300, perSecond)
  expect(used).toBeGreaterThan(0.95)
  expect(refusedShare).toBeLessThan(0.01)
})

it.each([7, 47])(
  'finds a limit of %i calls a second within seconds, also where each call waits for the one before',
  async (perSecond) => {
    for (const trip of [4, 15]) {
      const { used, refusedShare } = await sendFor(45, perSecond, { callers: 1, trip })
      expect(used).toBeGreaterThan(0.95)
      expect(refusedShare).toBeLessThan(0.01)
    }
  },
)

it('holds nothing up that was never refused', async () => {
  const pace = openPace(clock)
  const began = Date.now()
  for (let call = 0; call < 1000; call++) {
    await pace.turn(signal)
    pace.took()
  }
  expect(Date.now() - began).toBe(0)
})

it('sends nothing of the same sort before the wait is over', async () => {
  const pace = openPace(clock)
  const call = await pace.turn(signal)
  pace.refused(call, 5000)
  let went = 0
  void pace.turn(signal).then(() => {
    went = Date.now()
  })
  const began = Date.now()
  await vi.advanceTimersByTimeAsync(4900)
  expect(went).toBe(0)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(went - began).toBeGreaterThanOrEqual(5000)
})

it('finds a limit that has become wider', async () => {
  const pace = openPace(clock)
  let taken = 0
  pace.took()
  pace.refused(await pace.turn(signal), 1000)
  const end = Date.now() + 180_000
  const caller = (async () => {
    while (Date.now() < end) {
      await pace.turn(signal)
      await clock.sleep(1, signal)
      pace.took()
      taken += 1
    }
  })()
  await vi.advanceTimersByTimeAsync(60_000)
  const first = taken
  await vi.advanceTimersByTimeAsync(60_000)
  expect(taken - first).toBeGreaterThan(first)
  await vi.advanceTimersByTimeAsync(240_000)
  await caller
})

it.each([
  ['logged-models/m-1', 'logged-models/m-2/tags', true],
  ['/api/3.0/mlflow/traces/tr-1', '/api/3.0/mlflow/traces/search', true],
  ['logged-models/m-1', 'logged-models/search', false],
  ['runs/search', 'runs/log-batch', false],
  ['/api/3.0/mlflow/traces/search', '/api/2.0/mlflow-artifacts/artifacts', false],
])('keeps one pace for calls of a sort, whichever thing they name: %s, %s: %s', (one, other, isSame) => {
  const paceOf = openPaces()
  expect(paceOf(one) === paceOf(other)).toBe(isSame)
})
