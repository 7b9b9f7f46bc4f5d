import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Point } from '../../mlflow/tracking.ts'
import { digestOfPoints, missingPoints } from './points.ts'

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<Point['value']>('NaN', 'Infinity', '-Infinity', 0, -0),
)
/** Few keys, times and steps, so that equal points come often. */
const point: fc.Arbitrary<Point> = fc.record(
  {
    key: fc.constantFrom('loss', 'accuracy'),
    value: fc.oneof(value, fc.constantFrom<Point['value']>(1, 2)),
    timestamp: fc.nat(3),
    step: fc.integer({ min: -2, max: 2 }),
    about: fc.constantFrom({ model_id: 'm' }, { dataset_name: 'd', dataset_digest: 'x' }),
  },
  { requiredKeys: ['key', 'value', 'timestamp', 'step'] },
)
const history = fc.array(point, { maxLength: 60 })
const shuffled = history.chain((points) =>
  fc.tuple(fc.constant(points), fc.shuffledSubarray(points, { minLength: points.length, maxLength: points.length })),
)

describe('the digest of points', () => {
  it('does not see their order', () => {
    fc.assert(fc.property(shuffled, ([one, other]) => void expect(digestOfPoints(one)).toEqual(digestOfPoints(other))))
  })

  it('sees every point that is there once more', () => {
    fc.assert(
      fc.property(
        history,
        point,
        (points, more) => void expect(digestOfPoints([...points, more]).digest).not.toBe(digestOfPoints(points).digest),
      ),
    )
  })

  it('tells NaN, the infinities and numbers apart, and 0 from -0 not', () => {
    const of = (one: Point['value']) => digestOfPoints([{ key: 'a', value: one, timestamp: 1, step: 0 }]).digest
    const values: Point['value'][] = ['NaN', 'Infinity', '-Infinity', 0, 1e-320, 1.5]
    expect(new Set(values.map(of)).size).toBe(values.length)
    expect(of(-0)).toBe(of(0))
  })
})

describe('the missing points', () => {
  it('make the histories equal, whatever part of them had arrived', () => {
    const interrupted = history.chain((points) => fc.tuple(fc.constant(points), fc.shuffledSubarray(points)))
    fc.assert(
      fc.property(interrupted, ([wanted, found]) => {
        const after = [...found, ...missingPoints(wanted, found)]
        expect(digestOfPoints(after)).toEqual(digestOfPoints(wanted))
        expect(missingPoints(wanted, after)).toEqual([])
      }),
    )
  })

  it('never drop what only the other side has, and come to an end', () => {
    fc.assert(
      fc.property(history, history, (wanted, found) => {
        const missing = missingPoints(wanted, found)
        const after = [...found, ...missing]
        expect(missingPoints(wanted, after)).toEqual([])
        expect(missing.length).toBeLessThanOrEqual(wanted.length)
        expect(missingPoints(found, after)).toEqual([])
      }),
    )
  })

  it('come in the order in which they were wanted', () => {
    fc.assert(
      fc.property(history, history, (wanted, found) => {
        const order = missingPoints(wanted, found).map((one) => wanted.indexOf(one))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }),
    )
  })
})
