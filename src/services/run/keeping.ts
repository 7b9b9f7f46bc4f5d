import { awakeRun } from '../../mlflow/awake.ts'
import { keptKey, keptMetric, keptPairs, type Names, namesOf } from '../../mlflow/kept.ts'
import type { Pair, Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import { isRunTag, type RunBody } from './schema.ts'
import { isCut, refusedOf, unlessRefused } from './writing.ts'

/** What a place was found not to take while one run was carried to it. */
export interface Refusals {
  takesParam(param: Pair): boolean
  /** The key under which the place gets a metric; `undefined` where it takes none. */
  metricKey(key: string): string | undefined
  /** Metrics that the place takes under no name. */
  lost(): readonly string[]
  /** Looks for what is refused by sending it by itself. True if there is more of it than was known. */
  learn(run: TrackedRun, lacking: Refusable, signal: AbortSignal): Promise<boolean>
}

/** What a run lacks that may have been refused. */
export interface Refusable {
  readonly params: readonly Pair[]
  readonly metrics: readonly string[]
  /** A point of a metric that the run does not have. */
  firstPoint(key: string): Promise<Point | undefined>
}

/** Keys that no place is known to refuse for what they are: one that is, may be one too many for its run. */
const PLAIN = /^[\w. -]{1,250}$/

/** `odd`: metrics that the place took in no run under their own names, because of what these are. */
export function openRefusals(tracking: Tracking, odd: Set<string>): Refusals {
  const params = new Set<string>()
  const kept = new Set(odd)
  const lost = new Set<string>()
  const nameOf = ({ key, value }: Pair) => JSON.stringify([key, value])
  const metricKey = (key: string) => {
    if (lost.has(key)) return undefined
    return kept.has(key) ? keptMetric(key).key : key
  }

  async function learnParams(id: string, lacking: readonly Pair[], signal: AbortSignal): Promise<boolean> {
    const refused = await refusedOf(lacking, (some) => tracking.log(id, { params: some }, signal))
    for (const one of refused) params.add(nameOf(one))
    return refused.length > 0
  }

  /** A point that arrives is one that the run lacked. */
  async function learnMetric(run: TrackedRun, point: Point, signal: AbortSignal): Promise<boolean> {
    const key = metricKey(point.key)
    if (key === undefined) return false
    const metrics = [{ ...point, key }]
    if (await unlessRefused(() => tracking.log(run.info.run_id, { metrics }, signal))) return false
    if (kept.has(point.key)) lost.add(point.key)
    kept.add(point.key)
    if (!PLAIN.test(point.key)) odd.add(point.key)
    return true
  }

  return {
    takesParam: (param) => !params.has(nameOf(param)),
    metricKey,
    lost: () => [...lost],
    learn: async (run, { params: lacking, metrics, firstPoint }, signal) => {
      let isMore = await learnParams(run.info.run_id, lacking, signal)
      const { metrics: standing } = namesOf(run)
      for (const key of metrics) {
        const point = standing.has(key) ? undefined : await firstPoint(key)
        if (point !== undefined && (await learnMetric(run, point, signal))) isMore = true
      }
      return isMore
    },
  }
}

/** Points under the keys under which the run has, or is to get, its metrics. */
export async function* underOwnKeys(
  points: AsyncIterable<Point>,
  names: Names | undefined,
  refusals: Refusals,
): AsyncIterable<Point> {
  for await (const point of points) {
    const key = names?.metrics.get(point.key)?.[0] ?? refusals.metricKey(point.key)
    if (key !== undefined) yield key === point.key ? point : { ...point, key }
  }
}

/** Tags without which the keys of a run's metrics say nothing. */
export function tagsOfMetrics(body: RunBody, refusals: Refusals): readonly Pair[] {
  return Object.keys(body.metrics).flatMap((key) =>
    refusals.metricKey(key) === key || keptKey('metric', key) !== undefined ? [] : keptMetric(key).tags,
  )
}

/** What a run was to get and does not have as it was sent: refused, cut or dropped. */
export interface Left {
  readonly tags: readonly Pair[]
  readonly params: readonly Pair[]
}

export function leftOf(
  stands: RunBody,
  wanted: { readonly params: readonly Pair[]; readonly tags: readonly Pair[] },
): Left {
  return {
    tags: wanted.tags.filter(({ key, value }) => {
      const found = stands.tags[key]
      // The id of another run may have changed its form since.
      return found === undefined || (found !== value && !isRunTag(key))
    }),
    params: wanted.params.filter(({ key, value }) => {
      const found = stands.params[key]
      return found === undefined || isCut(found, value)
    }),
  }
}

/** Keeps it under keys that the place takes. Returns in words what was kept so. */
export async function keep(
  tracking: Tracking,
  run: TrackedRun,
  { tags, params }: Left,
  signal: AbortSignal,
): Promise<string> {
  const id = run.info.run_id
  const pairs = [...tags.flatMap((one) => keptPairs('tag', one)), ...params.flatMap((one) => keptPairs('param', one))]
  await awakeRun(tracking, id, signal, () => tracking.log(id, { tags: pairs }, signal))
  return `kept under holdfast.*, since the target does not take it as it is: ${namesOfLeft({ tags, params }).join(', ')}`
}

export function namesOfLeft({ tags, params }: Left): readonly string[] {
  return [...tags.map(({ key }) => `tag ${key}`), ...params.map(({ key }) => `parameter ${key}`)]
}
