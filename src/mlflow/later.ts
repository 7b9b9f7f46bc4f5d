import { compareInt64 } from './int64.ts'
import type { Point } from './tracking.ts'

/** MLflow's last point of a metric: the highest step, of these the latest time, of these the highest value. */
export function isLater(one: Point, other: Point): boolean {
  const [steps, times] = [compareInt64(one.step, other.step), compareInt64(one.timestamp, other.timestamp)]
  if (steps !== 0) return steps > 0
  if (times !== 0) return times > 0
  return rank(one.value) > rank(other.value)
}

/** MLflow's table has 0 for what is no number, and a mark beside it. */
function rank(value: Point['value']): number {
  return value === 'NaN' ? 0 : Number(value)
}
