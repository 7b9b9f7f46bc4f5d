import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type DatedAnswer, sourceClock } from './source-clock.ts'

const second = (instant: number) => Math.floor(instant / 1000) * 1000

/** An answer of a service whose clock is `offset` ahead, asked at `sent` and there `way` later, back after as much again. */
function answer(offset: number, sent: number, way: number): DatedAnswer {
  return { sent, received: sent + 2 * way, date: second(sent + way + offset) }
}

it('knows nothing before the first answer', () => {
  expect(sourceClock().earliest(5)).toBeUndefined()
})

it('is never ahead of the service’s clock, and within a way and a little with many answers', () => {
  const calls = fc.array(fc.record({ pause: fc.integer({ min: 1, max: 900 }), way: fc.integer({ min: 1, max: 80 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), calls, (offset, list) => {
      const clock = sourceClock()
      let now = 10_000
      for (const { pause, way } of list) {
        now += pause
        const one = answer(offset, now, way)
        clock.take(one)
        now = one.received
        const earliest = clock.earliest(now) ?? Number.POSITIVE_INFINITY
        expect(earliest).toBeLessThanOrEqual(now + offset)
        expect(earliest).toBeGreaterThan(now + offset - 1000 - 2 * 80 - 100)
      }
    }),
  )
})

it('narrows with each answer', () => {
  const clock = sourceClock()
  for (let n = 0; n < 40; n++) clock.take(answer(123_456_789, 1000 + n * 137, 5))
  const now = 1000 + 40 * 137
  expect(now + 123_456_789 - (clock.earliest(now) ?? 0)).toBeLessThan(100)
})

it('believes a clock that was set back at its next answer', () => {
  const clock = sourceClock()
  clock.take(answer(3_600_000, 1000, 5))
  clock.take(answer(0, 3000, 5))
  expect(clock.earliest(3010)).toBeLessThanOrEqual(3010)
})
