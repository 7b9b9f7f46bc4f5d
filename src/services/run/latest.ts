import { isLater } from '../../mlflow/later.ts'
import type { Point, TrackedRun } from '../../mlflow/tracking.ts'

/** Points on their way, and of each metric the last of those that have passed, as MLflow counts: step, time, value. */
export function followed(points: AsyncIterable<Point>): {
  readonly points: AsyncIterable<Point>
  readonly last: ReadonlyMap<string, Point>
} {
  const last = new Map<string, Point>()
  async function* passing(): AsyncIterable<Point> {
    for await (const point of points) {
      follow(last, point)
      yield point
    }
  }
  return { points: passing(), last }
}

/** Keeps the last point of each metric. */
export function follow(last: Map<string, Point>, point: Point): void {
  const before = last.get(point.key)
  if (before === undefined || !isLater(before, point)) last.set(point.key, point)
}

/** True if a run has these metrics and no others, and shows exactly these points as their last. */
export function showsAll({ latest }: TrackedRun, last: ReadonlyMap<string, Point>): boolean {
  if (latest.length !== last.size) return false
  return latest.every((point) => {
    const sent = last.get(point.key)
    return (
      sent !== undefined && sent.value === point.value && sent.timestamp === point.timestamp && sent.step === point.step
    )
  })
}
