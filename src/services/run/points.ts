import { createHash } from 'node:crypto'
import type { Point } from '../../mlflow/tracking.ts'

/** What is known of one metric without its points: enough to see that two histories are the same. */
export interface MetricDigest {
  readonly count: number
  readonly digest: string
}

/** Digest of points whatever their order: equal histories are equal however a server sorts them. */
export function digestOfPoints(points: readonly Point[]): MetricDigest {
  const lines = points.map(lineOf).sort()
  return { count: points.length, digest: createHash('sha256').update(lines.join('\n')).digest('hex') }
}

/** The points of `wanted` that `found` has fewer of: metrics append, so what is there must not be sent again. */
export function missingPoints(wanted: readonly Point[], found: readonly Point[]): Point[] {
  const there = new Map<string, number>()
  for (const point of found) there.set(lineOf(point), (there.get(lineOf(point)) ?? 0) + 1)
  return wanted.filter((point) => {
    const left = there.get(lineOf(point)) ?? 0
    if (left > 0) there.set(lineOf(point), left - 1)
    return left === 0
  })
}

/** One text for each point: MLflow keeps no difference between 0 and -0, and a point without context has none. */
function lineOf({ key, value, timestamp, step, about }: Point): string {
  const context = about === undefined ? [] : [Object.entries(about).sort()]
  return JSON.stringify([key, Object.is(value, -0) ? 0 : value, timestamp, step, ...context])
}
