import { namesOf } from '../../../mlflow/kept.ts'
import { unpaired } from '../../../mlflow/points.ts'
import type { Point, TrackedRun, Tracking } from '../../../mlflow/tracking.ts'
import type { Pass } from '../pass.ts'

/** Points of one metric that are named where they differ; the rest of them is counted. */
const POINTS_NAMED = 20

/** A run of the source, the id of its replica, and the metrics that are not the same. */
interface Twins {
  readonly run: TrackedRun
  readonly own: string
  readonly keys: readonly string[]
}

/** Tells the points of metrics that only one side has, `null` for the other. Holds a part of a long history at most. */
export async function comparePoints(
  { parts, signal }: Pass,
  { run, own, keys }: Twins,
  tell: (key: string, source: string | null, target: string | null) => void,
): Promise<void> {
  if (keys.length === 0) return
  const replica = await parts.to.tracking.run(own, signal)
  for (const key of keys) {
    const [missing, extra] = [namedPoints(), namedPoints()]
    const histories = {
      wanted: () => pointsOf(parts.from.tracking, run, key, signal),
      found: () => pointsOf(parts.to.tracking, replica, key, signal),
    }
    for await (const point of unpaired(histories, { extra: extra.add })) missing.add(point)
    for (const source of missing.all()) tell(key, source, null)
    for (const target of extra.all()) tell(key, null, target)
  }
}

/** Points of a metric, whichever key it has there. */
async function* pointsOf(
  tracking: Tracking,
  run: TrackedRun | undefined,
  key: string,
  signal: AbortSignal,
): AsyncIterable<Point> {
  if (run === undefined) return
  for (const own of namesOf(run).metrics.get(key) ?? []) {
    for await (const point of tracking.history(run.info.run_id, own, signal)) yield { ...point, key }
  }
}

/** The first of many points in words, and how many more there are. */
export function namedPoints() {
  const first: string[] = []
  let more = 0
  return {
    add: ({ value, timestamp, step }: Point) => {
      if (first.length < POINTS_NAMED) first.push(`${value} at step ${step}, ${whenOf(timestamp)}`)
      else more += 1
    },
    all: () => (more === 0 ? first : [...first, `${more} more points`]),
  }
}

/** A time for people; as it stands where no calendar reaches. */
function whenOf(timestamp: Point['timestamp']): string {
  const date = new Date(Number(timestamp))
  return Number.isNaN(date.getTime()) ? `time ${timestamp}` : date.toISOString()
}
