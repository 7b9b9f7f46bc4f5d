import { digestOfPoints, type MetricDigest, pointSum, unpaired } from '../../mlflow/points.ts'
import type { Point } from '../../mlflow/tracking.ts'

/** Metrics of a run at its source, and of its replica. A history is read again as often as it takes. */
export interface MetricsOf {
  readonly wanted: Readonly<Record<string, MetricDigest>>
  /** Points of a metric at the source as it is now. */
  readonly source: (key: string) => AsyncIterable<Point> | Iterable<Point>
  /** Points of a metric in the replica; `undefined` where there is no replica. */
  readonly replica: ((key: string) => AsyncIterable<Point>) | undefined
}

/** Points that a replica lacks. What is to be refused is known before any of them is given. */
export interface Lacking {
  readonly isNothing: boolean
  /** Points that only the replica has. */
  readonly extra: number
  /** One of them. */
  readonly firstExtra: Point | undefined
  points(): AsyncIterable<Point>
  /** The metrics of the source as they were when they were read; whole when all points were given. */
  carried(): Readonly<Record<string, MetricDigest>>
}

/** Points that are remembered between finding out and giving; where there are more, both histories are read again. */
const MOST_REMEMBERED = 20_000

/** True if both are the same metrics with the same points. */
export function sameMetrics(
  one: Readonly<Record<string, MetricDigest>>,
  other: Readonly<Record<string, MetricDigest>>,
): boolean {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key]?.digest === other[key]?.digest)
}

/** Finds what a replica lacks, holding no more than a part of a long history. */
export async function lackingPoints(metrics: MetricsOf): Promise<Lacking> {
  const { wanted, source, replica } = metrics
  const carried: Record<string, MetricDigest> = { ...wanted }
  const gives = new Map<string, () => AsyncIterable<Point> | Iterable<Point>>()
  let extra = 0
  let firstExtra: Point | undefined
  let room = MOST_REMEMBERED

  const summed = (key: string) =>
    async function* (): AsyncIterable<Point> {
      const sum = pointSum()
      for await (const point of source(key)) {
        sum.add(point)
        yield point
      }
      carried[key] = sum.value()
    }

  for (const [key, { digest, count }] of Object.entries(wanted)) {
    if (replica === undefined) {
      if (count > 0) gives.set(key, summed(key))
      continue
    }
    if ((await digestOfPoints(replica(key))).digest === digest) continue
    const histories = { wanted: summed(key), found: () => replica(key) }
    const told = (point: Point) => {
      extra += 1
      firstExtra ??= point
    }
    const remembered: Point[] = []
    let missing = 0
    for await (const point of unpaired(histories, { extra: told })) {
      missing += 1
      if (remembered.length < room) remembered.push(point)
    }
    if (missing === remembered.length) room -= missing
    if (missing > 0) gives.set(key, missing === remembered.length ? () => remembered : () => unpaired(histories))
  }

  return {
    isNothing: gives.size === 0,
    extra,
    firstExtra,
    points: async function* () {
      for (const give of gives.values()) yield* give()
    },
    carried: () => carried,
  }
}
