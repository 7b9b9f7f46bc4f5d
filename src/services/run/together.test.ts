import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOfPoints } from '../../mlflow/points.ts'
import type { Point, TrackedRun } from '../../mlflow/tracking.ts'
import { follow } from './latest.ts'
import { openSizes, type Read, readAhead, readTogether } from './together.ts'

const signal = AbortSignal.timeout(20_000)

type Metrics = Readonly<Record<string, readonly Point[]>>

function series(key: string, count: number): readonly Point[] {
  return Array.from({ length: count }, (_, step) => ({ key, value: step / 3, timestamp: 1000 + step, step }))
}

function closed(id: string, metrics: Metrics): TrackedRun {
  const last = new Map<string, Point>()
  for (const point of Object.values(metrics).flat()) follow(last, point)
  const info = { run_id: id, experiment_id: '1', status: 'FINISHED' }
  return { info, params: [], tags: [], latest: [...last.values()], inputs: null }
}

/** A place with these runs that answers for several at once, but for what `drops` says. */
function place(runs: Readonly<Record<string, Metrics>>, drops: (id: string, key: string) => boolean = () => false) {
  const asked: { readonly ids: readonly string[]; readonly key: string }[] = []
  const histories = async (ids: readonly string[], key: string) => {
    asked.push({ ids, key })
    return new Map(ids.filter((id) => !drops(id, key)).map((id) => [id, runs[id]?.[key] ?? []]))
  }
  return { asked, histories, all: Object.entries(runs).map(([id, metrics]) => closed(id, metrics)) }
}

async function digests(metrics: Metrics): Promise<Read['metrics']> {
  const all = Object.entries(metrics).map(async ([key, points]) => [key, await digestOfPoints(points)] as const)
  return Object.fromEntries(await Promise.all(all))
}

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom('NaN' as const, 'Infinity' as const),
)
const point = fc.record({ value, timestamp: fc.nat(), step: fc.integer() })
const metrics = fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.array(point, { minLength: 1 }), {
  maxKeys: 4,
})
const history = fc.dictionary(fc.string(), metrics, { maxKeys: 6 })

function named(made: Readonly<Record<string, Readonly<Record<string, readonly Omit<Point, 'key'>[]>>>>) {
  const ofRun = (own: Readonly<Record<string, readonly Omit<Point, 'key'>[]>>): Metrics =>
    Object.fromEntries(Object.entries(own).map(([key, all]) => [key, all.map((one) => ({ key, ...one }))]))
  return Object.fromEntries(Object.entries(made).map(([id, own]) => [id, ofRun(own)]))
}

describe('runs that are read together', () => {
  it('are as each is by itself, or are left out', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.func(fc.boolean()), async (made, drops) => {
        const runs = named(made)
        const { all, histories } = place(runs, drops)
        const read = await readTogether(histories, all, { most: 1000, signal })
        for (const [id, own] of Object.entries(runs)) {
          const isDropped = Object.keys(own).some((key) => drops(id, key))
          expect(read.has(id)).toBe(!isDropped)
          if (isDropped) continue
          expect(read.get(id)?.metrics).toEqual(await digests(own))
          expect(new Map(read.get(id)?.points)).toEqual(new Map(Object.entries(own)))
        }
      }),
    )
  })

  it('are asked for a metric at a time, whatever their number', async () => {
    const own = { loss: series('loss', 3), rate: series('rate', 2) }
    const { asked, all, histories } = place({ a: own, b: own, c: own })
    await readTogether(histories, all, { most: 1000, signal })
    expect(asked).toEqual([
      { ids: ['a', 'b', 'c'], key: 'loss' },
      { ids: ['a', 'b', 'c'], key: 'rate' },
    ])
  })

  it('are left out where the last point that they show is not among those that came', async () => {
    const { all, histories } = place({ a: { loss: series('loss', 3) }, b: { loss: series('loss', 3) } })
    const short = async (ids: readonly string[], key: string) => {
      const found = await histories(ids, key)
      return found.set('b', found.get('b')?.slice(0, -1) ?? [])
    }
    expect([...(await readTogether(short, all, { most: 1000, signal })).keys()]).toEqual(['a'])
  })

  it('are left out where a point is about something, which only the history of their run tells', async () => {
    const about = { dataset_name: 'd', dataset_digest: 'x' }
    const { all, histories, asked } = place({ a: { loss: [{ ...series('loss', 1)[0], about } as Point] } })
    expect((await readTogether(histories, all, { most: 1000, signal })).size).toBe(0)
    expect(asked).toEqual([])
  })

  it('give their points only where all of them fit', async () => {
    const own = { loss: series('loss', 30), rate: series('rate', 30) }
    const { all, histories } = place({ a: own, b: own })
    for (const [most, isHeld] of [
      [120, true],
      [119, false],
      [0, false],
    ] as const) {
      const read = await readTogether(histories, all, { most, signal })
      expect(read.get('a')?.metrics).toEqual(await digests(own))
      expect([...read.values()].every(({ points }) => (points !== undefined) === isHeld)).toBe(true)
    }
  })
})

describe('reading ahead', () => {
  const many = (count: number, points: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`run ${n}`, { loss: series('loss', points) }]))

  async function passing(runs: Readonly<Record<string, Metrics>>, isDue: (run: TrackedRun) => boolean = () => true) {
    const { all, histories, asked } = place(runs)
    const learned = new Set<string>()
    const early: boolean[] = []
    async function* stream() {
      yield* all
    }
    const options = { histories, sizes: openSizes(), isDue, most: 1000, signal }
    const given: string[] = []
    for await (const { info } of readAhead(stream(), { ...options, learned: (run) => learned.add(run.info.run_id) })) {
      given.push(info.run_id)
      early.push(learned.has(info.run_id))
    }
    return { asked, given, early, learned }
  }

  it('gives every run in its order, and has read it by then', async () => {
    const runs = many(100, 3)
    const { given, early } = await passing(runs)
    expect(given).toEqual(Object.keys(runs))
    // A group of one is not worth a call of its own.
    expect(early.filter((isRead) => !isRead).length).toBeLessThanOrEqual(1)
  })

  it('asks for no run that need not be read', async () => {
    const isOdd = ({ info }: TrackedRun) => Number(info.run_id.slice(4)) % 2 === 1
    const { given, learned } = await passing(many(60, 3), isOdd)
    expect(given).toHaveLength(60)
    expect([...learned].every((id) => Number(id.slice(4)) % 2 === 1)).toBe(true)
  })

  it.each([1, 10, 400, 3000])('reads fewer runs of %i points together the longer they are', async (points) => {
    const { asked } = await passing(many(200, points))
    const together = asked.slice(2).map(({ ids }) => ids.length)
    for (const count of together) expect(count * points).toBeLessThanOrEqual(10_000)
    expect(asked.length).toBeLessThan(points > 1000 ? 100 : 40)
  })
})
