import { sameJson } from '../../core/canonical.ts'
import { Fault, isFault } from '../../core/errors.ts'
import type { Json } from '../../core/model.ts'
import { int64 } from '../../mlflow/int64.ts'
import { type Names, namesOf } from '../../mlflow/kept.ts'
import type { Pair, Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import { datasetsOf, isCarriedTag, type RunBody, SOURCE_START, SOURCE_USER, startOf, tagOf } from './schema.ts'

/** What a run still needs, and what it has too much of, so that it is as wanted. */
export interface Lack {
  readonly params: readonly Pair[]
  readonly tags: readonly Pair[]
  /** Keys of tags that are to go before others come. */
  readonly extraTags: readonly string[]
  readonly datasets: readonly Json[]
}

/** Values that are shorter were never cut. */
const SHORTEST_CUT = 250

/** Everything but the metrics, which need both histories. Parameters that differ are refused: nobody can change one. */
export function lackOf(there: TrackedRun, body: RunBody, tags: readonly Pair[]): Lack {
  const names = namesOf(there)
  const wanted = new Map(tags.map(({ key, value }) => [key, value]))
  const gone = [...names.tags.keys()].filter((key) => isCarriedTag(key) && !wanted.has(key))
  const changed = tags.filter(({ key, value }) => names.tags.get(key) !== value)
  const standing = new Set(there.tags.map(({ key }) => key))
  return {
    params: Object.entries(body.params).flatMap(([key, value]) => paramToLog(names, body, { key, value })),
    tags: changed,
    extraTags: [
      ...gone.filter((key) => standing.has(key)),
      ...[...gone, ...changed.map(({ key }) => key)].flatMap((key) => names.kept('tag', key)),
    ],
    datasets: missingDatasets(there, body),
  }
}

/** Only what is not there under its name: nothing that stands is touched. */
export function additionsOf(there: TrackedRun, body: RunBody, tags: readonly Pair[]): Lack {
  const names = namesOf(there)
  return {
    params: Object.entries(body.params).flatMap(([key, value]) => (names.params.has(key) ? [] : [{ key, value }])),
    tags: tags.filter(({ key }) => !names.tags.has(key)),
    extraTags: [],
    datasets: missingDatasets(there, body),
  }
}

function missingDatasets(there: TrackedRun, body: RunBody): readonly Json[] {
  const has = datasetsOf(there)
  return body.datasets.filter((one) => !has.some((other) => sameJson(one, other)))
}

function paramToLog({ params }: Names, wanted: RunBody, param: Pair): readonly Pair[] {
  const found = params.get(param.key)
  if (found === undefined) return [param]
  // What the place has cut is kept beside when the run is read back.
  if (found === param.value || isCut(found, param.value)) return []
  throw conflict(wanted, `the parameter ${param.key} is “${param.value}” at the source and “${found}” in the replica`)
}

/** True if a place may have made this of a value that was too long for it. */
export function isCut(found: string, wanted: string): boolean {
  return found.length >= SHORTEST_CUT && found.length < wanted.length && wanted.startsWith(found)
}

/** Params, metrics and points that only the replica has: they can neither be changed nor removed there. */
export function demandNoMore(
  there: TrackedRun,
  wanted: RunBody,
  { extra, firstExtra }: { readonly extra: number; readonly firstExtra: Point | undefined },
): void {
  const names = namesOf(there)
  const param = [...names.params.keys()].find((key) => !Object.hasOwn(wanted.params, key))
  if (param !== undefined) throw conflict(wanted, `only the replica has the parameter ${param}`)
  const metric = [...names.metrics.keys()].find((key) => !Object.hasOwn(wanted.metrics, key))
  if (metric !== undefined) throw conflict(wanted, `only the replica has the metric ${metric}`)
  if (firstExtra === undefined) return
  const { key, step } = firstExtra
  throw conflict(wanted, `only the replica has ${extra} points, the first of ${key} at step ${step}`)
}

/** A run of this id that cannot be made to be what its source is. */
export function conflict({ experiment, id }: Pick<RunBody, 'experiment' | 'id'>, how: string): Fault {
  return new Fault('sync/conflict', `run/${experiment}/${id}: ${how}`, {
    hint: 'What a run has logged cannot be changed; delete the replica run for good and sync again.',
  })
}

export function isNothing({ params, tags, extraTags, datasets }: Lack): boolean {
  return params.length + tags.length + extraTags.length + datasets.length === 0
}

/** Points that are handed to a place at once: a folder writes them to files of their own, a server gets them in parts. */
const POINTS_AT_ONCE = 4_000

/**
 * Takes tags away and logs what a run lacks, points as they come. Tags that the place refuses are left out; parameters
 * and points that it refuses are thrown. The run must not be deleted.
 */
export async function write(
  tracking: Tracking,
  runId: string,
  { metrics, params, tags, extraTags, datasets }: Lack & { readonly metrics: AsyncIterable<Point> },
  signal: AbortSignal,
): Promise<void> {
  for (const key of extraTags) {
    // A tag that the server itself keeps stays, and the run that is read back shows it.
    await unlessRefused(() => tracking.deleteTag(runId, key, signal))
  }
  await refusedOf(tags, (some) => tracking.log(runId, { tags: some }, signal))
  let waiting: Point[] = []
  for await (const point of metrics) {
    waiting.push(point)
    if (waiting.length < POINTS_AT_ONCE) continue
    await tracking.log(runId, { metrics: waiting }, signal)
    waiting = []
  }
  await tracking.log(runId, { metrics: waiting, params }, signal)
  if (datasets.length > 0) await tracking.logInputs(runId, datasets, signal)
}

/** Logs all that is taken: at once, and where something is refused in halves of it. Returns what is refused by itself. */
export async function refusedOf<T>(
  all: readonly T[],
  log: (some: readonly T[]) => Promise<void>,
): Promise<readonly T[]> {
  if (await unlessRefused(() => log(all))) return []
  if (all.length <= 1) return all
  const half = Math.ceil(all.length / 2)
  return [...(await refusedOf(all.slice(0, half), log)), ...(await refusedOf(all.slice(half), log))]
}

/** False if the place refuses it. */
export async function unlessRefused(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown
    return false
  }
}

export function isRefusal(thrown: unknown): boolean {
  return isFault(thrown, 'azure/refused', 'azure/denied')
}

/** Change of status, end and name that brings a run to what is wanted, or `undefined`. */
export function stateChange(there: TrackedRun, wanted: RunBody): Record<string, string | number> | undefined {
  const { info } = there
  const change: Record<string, string | number> = {}
  if (info.status !== wanted.status) change['status'] = wanted.status
  if (wanted.end !== 0 && int64(info['end_time']) !== wanted.end) {
    change['end_time'] = wanted.end
    // Servers take an end time only together with the status.
    change['status'] = wanted.status
  }
  if (wanted.name !== '' && String(info['run_name'] ?? '') !== wanted.name) change['run_name'] = wanted.name
  return Object.keys(change).length === 0 ? undefined : change
}

/** Marks for what the server has set by itself and does not let us set: kept beside, so that it is not lost. */
export function marksOf(there: TrackedRun, wanted: RunBody, isStartSet: boolean): readonly Pair[] {
  const marks: Pair[] = []
  const user = tagOf(there, SOURCE_USER) ?? String(there.info['user_id'] ?? '')
  if (user !== wanted.user) marks.push({ key: SOURCE_USER, value: wanted.user })
  const isMarked = tagOf(there, SOURCE_START) !== undefined
  if ((!isStartSet || isMarked) && startOf(there) !== wanted.start)
    marks.push({ key: SOURCE_START, value: String(wanted.start) })
  return marks
}
