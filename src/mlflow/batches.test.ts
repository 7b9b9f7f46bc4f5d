import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batches, LIMITS } from './batches.ts'

const pair = fc.record({ key: fc.string({ maxLength: 50 }), value: fc.string({ maxLength: 6000 }) })
const point = fc.record({
  key: fc.string({ maxLength: 50 }),
  value: fc.double({ noNaN: true }),
  timestamp: fc.nat(),
  step: fc.nat(),
})

it('loses nothing, keeps the order and stays within every limit', () => {
  const whole = fc.record({
    params: fc.array(pair, { maxLength: 250 }),
    tags: fc.array(pair, { maxLength: 250 }),
    metrics: fc.array(point, { maxLength: 3000 }),
  })
  fc.assert(
    fc.property(whole, (batch) => {
      const cut = [...batches(batch)]
      expect(cut.flatMap((one) => one.params)).toEqual(batch.params)
      expect(cut.flatMap((one) => one.tags)).toEqual(batch.tags)
      expect(cut.flatMap((one) => one.metrics)).toEqual(batch.metrics)
      for (const one of cut) {
        expect(one.params.length).toBeLessThanOrEqual(LIMITS.params)
        expect(one.tags.length).toBeLessThanOrEqual(LIMITS.tags)
        expect(one.params.length + one.tags.length + one.metrics.length).toBeLessThanOrEqual(LIMITS.items)
        expect(Buffer.byteLength(JSON.stringify(one))).toBeLessThanOrEqual(1_000_000)
      }
    }),
    { numRuns: 30 },
  )
})

it('makes no call for nothing', () => {
  expect([...batches({})]).toEqual([])
})
