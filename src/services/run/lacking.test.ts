import { expect, it } from 'vitest'
import { digestOfPoints } from '../../mlflow/points.ts'
import type { Batch, Point, Tracking } from '../../mlflow/tracking.ts'
import { lackingPoints } from './lacking.ts'
import { write } from './writing.ts'

const MANY = 80_000
const NOTHING = { params: [], tags: [], extraTags: [], datasets: [] }
const signal = AbortSignal.timeout(60_000)

async function* history(count: number, from = 0): AsyncIterable<Point> {
  for (let n = from; n < count; n++) yield { key: 'loss', value: n / 7, timestamp: 1000 + n, step: n }
}

/** A replica that counts the points it got, and the most that were read before they were written. */
function counting() {
  const count = { read: 0, written: 0, between: 0 }
  const log = (_: string, { metrics = [] }: Batch) => {
    count.between = Math.max(count.between, count.read - count.written)
    count.written += metrics.length
    return Promise.resolve()
  }
  async function* source(): AsyncIterable<Point> {
    for await (const point of history(MANY)) {
      count.read += 1
      yield point
    }
  }
  return { count, source, tracking: { log } as unknown as Tracking }
}

it('passes a long history through in parts, however long it is', async () => {
  const { count, source, tracking } = counting()
  const wanted = { loss: await digestOfPoints(history(MANY)) }
  const lacking = await lackingPoints({ wanted, source, replica: undefined })
  expect(count.read).toBe(0)
  await write(tracking, 'run', { ...NOTHING, metrics: lacking.points() }, signal)
  expect(count.written).toBe(MANY)
  expect(count.between).toBeLessThanOrEqual(10_000)
  expect(lacking.carried()).toEqual(wanted)
})

it('goes on in the middle of a long history without holding the rest of it', async () => {
  const { count, source } = counting()
  const wanted = { loss: await digestOfPoints(history(MANY)) }
  const lacking = await lackingPoints({ wanted, source, replica: () => history(30_000) })
  // What was read to find out is dropped, and read again.
  expect([lacking.isNothing, lacking.extra, count.read]).toEqual([false, 0, MANY])
  const rest = history(MANY, 30_000)
  expect(await digestOfPoints(lacking.points())).toEqual(await digestOfPoints(rest))
})

it('reads nothing twice of which little is missing', async () => {
  const { count, source } = counting()
  const wanted = { loss: await digestOfPoints(history(MANY)) }
  const lacking = await lackingPoints({ wanted, source, replica: () => history(MANY - 10) })
  expect(await digestOfPoints(lacking.points())).toEqual(await digestOfPoints(history(MANY, MANY - 10)))
  expect(count.read).toBe(MANY)
})

it('tells points that only the replica has before it gives any', async () => {
  const wanted = { loss: await digestOfPoints(history(10)) }
  const lacking = await lackingPoints({ wanted, source: () => history(10), replica: () => history(13, 2) })
  expect([lacking.extra, lacking.firstExtra?.step]).toEqual([3, 10])
  expect((await digestOfPoints(lacking.points())).count).toBe(2)
})

it('says how the source was when its points passed, not how it was expected', async () => {
  const wanted = { loss: await digestOfPoints(history(10)) }
  const lacking = await lackingPoints({ wanted, source: () => history(12), replica: undefined })
  expect((await digestOfPoints(lacking.points())).count).toBe(12)
  expect(lacking.carried()).toEqual({ loss: await digestOfPoints(history(12)) })
})
