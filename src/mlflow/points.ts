import { hash } from 'node:crypto'
import type { Point } from './tracking.ts'

/** What is known of one metric without its points: enough to see that two histories are the same. */
export interface MetricDigest {
  readonly count: number
  readonly digest: string
}

/** Adds up points as they pass, so that none of them has to be kept. */
export interface PointSum {
  add(point: Point): void
  value(): MetricDigest
}

const WORDS = 8
/** Points that {@link unpaired} holds at most, if it is not told otherwise. */
const MOST_HELD = 50_000

/**
 * The digest of points whatever their order: equal histories are equal however a server sorts them. The sum, word by
 * word, of the SHA-256 of each point, after Bellare and Micciancio, “A New Paradigm for Collision-Free Hashing”. It
 * finds what was lost or changed; it is no defence against somebody who chooses the points.
 */
export function pointSum(): PointSum {
  const sum = new Uint32Array(WORDS)
  let count = 0
  return {
    add: (point) => {
      const own = hash('sha256', lineOf(point), 'binary')
      for (let word = 0; word < WORDS; word++) sum[word] = (sum[word] ?? 0) + wordAt(own, word)
      count += 1
    },
    value: () => ({ count, digest: Buffer.from(sum.buffer).toString('hex') }),
  }
}

/** The digest of all points that come. */
export async function digestOfPoints(points: AsyncIterable<Point> | Iterable<Point>): Promise<MetricDigest> {
  const sum = pointSum()
  for await (const point of points) sum.add(point)
  return sum.value()
}

/** Two histories of a metric. Each may be read again, from its beginning, as often as it takes. */
export interface Histories {
  readonly wanted: () => AsyncIterable<Point> | Iterable<Point>
  readonly found: () => AsyncIterable<Point> | Iterable<Point>
}

export interface Unpairing {
  /** Is told every point that `found` has more of than `wanted`, before the first point is given. */
  readonly extra?: (point: Point) => void
  /** Most points that are held at once, give or take one. Default: 50,000. */
  readonly most?: number
  /** Is told how many are held when that grows: for who watches the bound. */
  readonly held?: (count: number) => void
}

/**
 * Gives the points of `wanted` that `found` has fewer of: metrics append, so what is there must not be sent again.
 *
 * Both are read side by side and what they share is dropped as it comes, so histories in about the same order take one
 * reading and little memory, and one that goes on where the other ended is passed through. Where more stay unpaired
 * than may be held, both are read once for each of as many parts as are small enough, by the hash of the points.
 */
export async function* unpaired(
  histories: Histories,
  { extra = () => {}, most = MOST_HELD, held = () => {} }: Unpairing = {},
): AsyncIterable<Point> {
  const whole = yield* paired(histories, { most, held, extra })
  if (whole === 'done') return
  const parts = Math.ceil((2 * whole.count) / most)
  for (const telling of [extra, undefined]) {
    for (let part = 0; part < parts; part++) {
      const rest = new Unpaired(held)
      const takes = (line: string) => partOf(line, parts) === part
      for await (const point of histories.wanted()) rest.add(point, 1, takes)
      for await (const point of histories.found()) rest.add(point, -1, takes)
      if (telling === undefined) yield* rest.points(1)
      else for (const point of rest.points(-1)) telling(point)
    }
  }
}

/** One reading of both. Gives nothing where too many points stay unpaired, and returns how many there are at most. */
async function* paired(
  { wanted, found }: Histories,
  { most, held, extra }: Required<Unpairing>,
): AsyncGenerator<Point, 'done' | { readonly count: number }> {
  const rest = new Unpaired(held)
  const [one, other] = [iteratorOf(wanted()), iteratorOf(found())]
  let [isMore, isOtherMore] = [true, true]
  let turns = 0
  try {
    for (; isMore || isOtherMore; turns++) {
      const theirs = isOtherMore ? await other.next() : undefined
      if (theirs?.done === true) isOtherMore = false
      else if (theirs !== undefined) rest.add(theirs.value, -1)
      if (!isOtherMore && !rest.hasExtra()) {
        // Whatever is unpaired by now, and whatever comes, is missing.
        yield* rest.points(1)
        yield* { [Symbol.asyncIterator]: () => one }
        return 'done'
      }
      const ours = isMore ? await one.next() : undefined
      if (ours?.done === true) isMore = false
      else if (ours !== undefined) rest.add(ours.value, 1)
      if (rest.size() >= most) return { count: 2 * (turns + 1) + (await leftIn(one)) + (await leftIn(other)) }
    }
    for (const point of rest.points(-1)) extra(point)
    yield* rest.points(1)
    return 'done'
  } finally {
    await one.return?.()
    await other.return?.()
  }
}

async function leftIn(points: AsyncIterator<Point>): Promise<number> {
  let count = 0
  while ((await points.next()).done !== true) count += 1
  return count
}

interface Counted {
  readonly point: Point
  /** Above 0 where `wanted` has more of it, below where `found` has. */
  count: number
}

/** Points of two histories that have found no counterpart so far. */
class Unpaired {
  readonly #counts = new Map<string, Counted>()
  readonly #held: (count: number) => void
  #most = 0
  #extra = 0

  constructor(held: (count: number) => void) {
    this.#held = held
  }

  add(point: Point, by: 1 | -1, takes: (line: string) => boolean = () => true): void {
    const line = lineOf(point)
    if (!takes(line)) return
    const known = this.#counts.get(line)
    const count = (known?.count ?? 0) + by
    if (by === -1 ? count < 0 : count <= 0) this.#extra -= by
    if (count === 0) this.#counts.delete(line)
    else if (known !== undefined) known.count = count
    else this.#counts.set(line, { point, count })
    if (this.#counts.size <= this.#most) return
    this.#most = this.#counts.size
    this.#held(this.#most)
  }

  *points(sign: 1 | -1): Iterable<Point> {
    for (const { point, count } of this.#counts.values()) for (let n = 0; n < count * sign; n++) yield point
  }

  hasExtra(): boolean {
    return this.#extra > 0
  }

  size(): number {
    return this.#counts.size
  }
}

function iteratorOf(points: AsyncIterable<Point> | Iterable<Point>): AsyncIterator<Point> {
  if (Symbol.asyncIterator in points) return points[Symbol.asyncIterator]()
  const iterator = points[Symbol.iterator]()
  return { next: () => Promise.resolve(iterator.next()), return: async () => ({ done: true, value: undefined }) }
}

function partOf(line: string, parts: number): number {
  return wordAt(hash('sha256', line, 'binary'), 0) % parts
}

/** Four bytes of a text of bytes, the lowest first. A text costs a fraction of what a buffer of its own does. */
function wordAt(bytes: string, word: number): number {
  const at = word * 4
  const high = (bytes.charCodeAt(at + 3) << 24) >>> 0
  return high + (bytes.charCodeAt(at + 2) << 16) + (bytes.charCodeAt(at + 1) << 8) + bytes.charCodeAt(at)
}

/** One text for each point: MLflow keeps no difference between 0 and -0, and a point without context has none. */
function lineOf({ key, value, timestamp, step, about }: Point): string {
  const context = about === undefined ? [] : [Object.entries(about).sort()]
  return JSON.stringify([key, Object.is(value, -0) ? 0 : value, timestamp, step, ...context])
}
