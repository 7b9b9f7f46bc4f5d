import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOfPoints, pointSum, unpaired } from './points.ts'
import type { Point } from './tracking.ts'

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

function sumOf(points: readonly Point[]) {
  const sum = pointSum()
  for (const point of points) sum.add(point)
  return sum.value()
}

/** What is missing, what there is too much of, and how many points were held for it. */
async function between(wanted: readonly Point[], found: readonly Point[], most?: number) {
  const [missing, extra]: [Point[], Point[]] = [[], []]
  let [held, isGiving, isLate] = [0, false, false]
  const options = {
    ...(most === undefined ? {} : { most }),
    held: (count: number) => {
      held = Math.max(held, count)
    },
    extra: (point: Point) => {
      isLate ||= isGiving
      extra.push(point)
    },
  }
  for await (const point of unpaired({ wanted: () => wanted, found: () => found }, options)) {
    isGiving = true
    missing.push(point)
  }
  return { missing, extra, held, isLate }
}

/** Points enough that not all of them may be held: each of them once. */
function long(count: number, from = 0): Point[] {
  return Array.from({ length: count }, (_, n) => ({ key: 'loss', value: from + n, timestamp: 1, step: from + n }))
}

describe('the digest of points', () => {
  it('does not see their order', () => {
    fc.assert(fc.property(shuffled, ([one, other]) => void expect(sumOf(one)).toEqual(sumOf(other))))
  })

  it('sees every point that is there once more', () => {
    fc.assert(
      fc.property(
        history,
        point,
        (points, more) => void expect(sumOf([...points, more]).digest).not.toBe(sumOf(points).digest),
      ),
    )
  })

  it('tells NaN, the infinities and numbers apart, and 0 from -0 not', () => {
    const of = (one: Point['value']) => sumOf([{ key: 'a', value: one, timestamp: 1, step: 0 }]).digest
    const values: Point['value'][] = ['NaN', 'Infinity', '-Infinity', 0, 1e-320, 1.5]
    expect(new Set(values.map(of)).size).toBe(values.length)
    expect(of(-0)).toBe(of(0))
  })
})

/** As many as may be held: all of them, and so few that histories are read in parts. */
const most = fc.constantFrom(undefined, 1, 7)

describe('the unpaired points', () => {
  it('make the histories equal, whatever part of them had arrived', async () => {
    const interrupted = history.chain((points) => fc.tuple(fc.constant(points), fc.shuffledSubarray(points)))
    await fc.assert(
      fc.asyncProperty(interrupted, most, async ([wanted, found], limit) => {
        const { missing, extra } = await between(wanted, found, limit)
        const after = [...found, ...missing]
        expect(await digestOfPoints(after)).toEqual(sumOf(wanted))
        expect(extra).toEqual([])
      }),
    )
  })

  it('of one side are the extra ones of the other, and those come first', async () => {
    await fc.assert(
      fc.asyncProperty(history, history, most, async (wanted, found, limit) => {
        const here = await between(wanted, found, limit)
        const there = await between(found, wanted, limit)
        expect(sumOf(here.extra)).toEqual(sumOf(there.missing))
        expect(sumOf([...found, ...here.missing])).toEqual(sumOf([...wanted, ...here.extra]))
        expect(here.isLate).toBe(false)
      }),
    )
  })

  it('are held only as far as they wait for their counterpart', async () => {
    const all = long(10_000)
    for (const [wanted, found] of [
      [all, all],
      [all, []],
      [all, all.slice(0, 6000)],
      [all, all.filter(({ step }) => Number(step) % 200 !== 0)],
    ] as const) {
      const { missing, held } = await between(wanted, found, 200)
      expect(missing).toHaveLength(wanted.length - found.length)
      expect(held).toBeLessThanOrEqual(201)
    }
  })

  it('are held within the limit, in whatever order two histories come', async () => {
    const all = long(8000)
    const backwards = [...all.toReversed(), ...long(5000, 100_000)]
    const { missing, extra, held } = await between([...all, ...long(3000, 50_000)], backwards, 2000)
    expect([missing.length, extra.length]).toEqual([3000, 5000])
    expect(held).toBeLessThanOrEqual(2001)
  })
})
