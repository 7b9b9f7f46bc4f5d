import { POINTS_AN_ANSWER } from '../../mlflow/http-histories.ts'
import { type MetricDigest, pointSum } from '../../mlflow/points.ts'
import type { Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import { follow, showsAll } from './latest.ts'

/** Points of the runs that are read together, as far as runs before them tell. */
export const POINTS_TOGETHER = 50_000
const RUNS_TOGETHER = 50
/** Runs of a group with those that need no reading. */
const MOST_WAITING = 500
/** Runs of a first group, while nothing is known of their size. */
const FIRST = 8
/** How much of a size is believed after one more run that is smaller. */
const FADING = 0.8
const METRICS_AT_ONCE = 4
/** Groups that are read while the one before is worked on. */
const GROUPS_AHEAD = 2

/** All metrics of a run, and its points where there was room for them. */
export interface Read {
  readonly metrics: Readonly<Record<string, MetricDigest>>
  readonly points: ReadonlyMap<string, readonly Point[]> | undefined
}

export interface Sizes {
  learn(metrics: Read['metrics']): void
  runsTogether(): number
}

/** What runs of a place are like, from those that were read: how many of them may be read together. */
export function openSizes(): Sizes {
  let [points, longest] = [POINTS_TOGETHER / FIRST, POINTS_AN_ANSWER / FIRST]
  return {
    learn: (metrics: Read['metrics']) => {
      const counts = Object.values(metrics).map(({ count }) => count)
      points = Math.max(
        counts.reduce((sum, count) => sum + count, 0),
        points * FADING,
      )
      longest = Math.max(...counts, longest * FADING)
    },
    runsTogether: () =>
      Math.max(1, Math.floor(Math.min(RUNS_TOGETHER, POINTS_TOGETHER / points, POINTS_AN_ANSWER / longest))),
  }
}

export interface Ahead {
  readonly histories: NonNullable<Tracking['histories']>
  readonly sizes: Sizes
  /** Of which runs the points are not known, and are told by nothing but their histories. */
  readonly isDue: (run: TrackedRun) => boolean
  /** Points of a group that are kept, each in its run, or none of them. */
  readonly most: number
  readonly learned: (run: TrackedRun, read: Read) => void
  readonly signal: AbortSignal
}

/** Gives the same runs in the same order, while the points of those that come next are read together. */
export async function* readAhead(runs: AsyncIterable<TrackedRun>, options: Ahead): AsyncIterable<TrackedRun> {
  const { histories, sizes, learned } = options
  const read = async ({ all, due }: Group) => {
    const found = due.length < 2 ? undefined : await readTogether(histories, due, options)
    for (const run of due) {
      const one = found?.get(run.info.run_id)
      if (one === undefined) continue
      sizes.learn(one.metrics)
      learned(run, one)
    }
    return all
  }
  for await (const group of ahead(GROUPS_AHEAD, groupsOf(runs, options), read)) yield* group
}

interface Group {
  readonly all: readonly TrackedRun[]
  readonly due: readonly TrackedRun[]
}

/** Cuts a stream into groups, each with as many of those that are due as may be read together. */
async function* groupsOf(
  runs: AsyncIterable<TrackedRun>,
  { isDue, sizes }: Pick<Ahead, 'isDue' | 'sizes'>,
): AsyncIterable<Group> {
  let [all, due]: [TrackedRun[], TrackedRun[]] = [[], []]
  for await (const run of runs) {
    all.push(run)
    if (isDue(run)) due.push(run)
    if (due.length < sizes.runsTogether() && all.length < MOST_WAITING) continue
    yield { all, due }
    all = []
    due = []
  }
  if (all.length > 0) yield { all, due }
}

/**
 * Reads every point of several closed runs, a metric at a time. Returns those of which it is certain that nothing is
 * missing: the others are to be read one by one, as what cannot be read together always was.
 */
export async function readTogether(
  histories: NonNullable<Tracking['histories']>,
  runs: readonly TrackedRun[],
  { most, signal }: Pick<Ahead, 'most' | 'signal'>,
): Promise<ReadonlyMap<string, Read>> {
  // What a point is about is told by the history of its run alone.
  const plain = runs.filter(({ latest }) => latest.every(({ about }) => about === undefined))
  const open = new Map(plain.map((run) => [run.info.run_id, gathering(run)]))
  let room = most
  const ask = async ([key, ids]: readonly [string, readonly string[]]) => {
    const wanted = ids.filter((id) => open.has(id))
    return { key, wanted, found: wanted.length === 0 ? NONE : await histories(wanted, key, signal) }
  }
  for await (const { key, wanted, found } of ahead(METRICS_AT_ONCE, holdersOf(plain), ask)) {
    for (const id of wanted) {
      const points = found.get(id)
      if (points === undefined) open.delete(id)
      else open.get(id)?.take(key, points, room > 0)
      room -= points?.length ?? 0
    }
  }
  return new Map([...open].flatMap(([id, one]) => (one.isWhole() ? [[id, one.read(room >= 0)] as const] : [])))
}

const NONE: ReadonlyMap<string, readonly Point[]> = new Map()

/** Ids of runs by the metrics that they have. */
function holdersOf(runs: readonly TrackedRun[]): ReadonlyMap<string, readonly string[]> {
  const holders = new Map<string, string[]>()
  for (const { info, latest } of runs) {
    for (const { key } of latest) holders.set(key, [...(holders.get(key) ?? []), info.run_id])
  }
  return holders
}

/** What was read of one run so far. */
function gathering(run: TrackedRun) {
  const metrics: [string, MetricDigest][] = []
  const all = new Map<string, readonly Point[]>()
  const last = new Map<string, Point>()
  return {
    take: (key: string, points: readonly Point[], isKept: boolean) => {
      const sum = pointSum()
      for (const point of points) {
        sum.add(point)
        follow(last, point)
      }
      metrics.push([key, sum.value()])
      if (isKept) all.set(key, points)
      else all.clear()
    },
    /** True if the run shows exactly the last of these points. */
    isWhole: () => showsAll(run, last),
    read: (isKept: boolean): Read => ({
      metrics: Object.fromEntries(metrics),
      points: isKept && all.size === metrics.length ? all : undefined,
    }),
  }
}
