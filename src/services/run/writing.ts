import { sameJson } from '../../core/canonical.ts'
import { Fault, isFault } from '../../core/errors.ts'
import type { Json } from '../../core/model.ts'
import type { Pair, Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import {
  datasetsOf,
  isCarriedTag,
  REFUSED_TAG,
  type RunBody,
  SOURCE_START,
  SOURCE_USER,
  startOf,
  tagOf,
} from './schema.ts'

/** What a run still needs, and what it has too much of, so that it is as wanted. */
export interface Lack {
  readonly params: readonly Pair[]
  readonly tags: readonly Pair[]
  readonly extraTags: readonly string[]
  readonly datasets: readonly Json[]
}

/** Everything but the metrics, which need both histories. Parameters that differ are refused: nobody can change one. */
export function lackOf(there: TrackedRun, body: RunBody, tags: readonly Pair[]): Lack {
  const wanted = new Set(tags.flatMap(({ key }) => [key, REFUSED_TAG + key]))
  return {
    params: Object.entries(body.params).flatMap(([key, value]) => paramToLog(there, body, { key, value })),
    tags: tags.filter(({ key, value }) => (tagOf(there, REFUSED_TAG + key) ?? tagOf(there, key)) !== value),
    extraTags: there.tags.flatMap(({ key }) => (wanted.has(key) || !isCarriedTag(key) ? [] : [key])),
    datasets: missingDatasets(there, body),
  }
}

/** Only what is not there under its name: nothing that stands is touched. */
export function additionsOf(there: TrackedRun, body: RunBody, tags: readonly Pair[]): Lack {
  const params = new Set(there.params.map(({ key }) => key))
  const has = (key: string) => (tagOf(there, REFUSED_TAG + key) ?? tagOf(there, key)) !== undefined
  return {
    params: Object.entries(body.params).flatMap(([key, value]) => (params.has(key) ? [] : [{ key, value }])),
    tags: tags.filter(({ key }) => !has(key)),
    extraTags: [],
    datasets: missingDatasets(there, body),
  }
}

function missingDatasets(there: TrackedRun, body: RunBody): readonly Json[] {
  const has = datasetsOf(there)
  return body.datasets.filter((one) => !has.some((other) => sameJson(one, other)))
}

function paramToLog(there: TrackedRun, wanted: RunBody, param: Pair): readonly Pair[] {
  const found = there.params.find(({ key }) => key === param.key)?.value
  if (found === undefined) return [param]
  if (found === param.value) return []
  throw conflict(wanted, `the parameter ${param.key} is “${param.value}” at the source and “${found}” in the replica`)
}

/** Params, metrics and points that only the replica has: they can neither be changed nor removed there. */
export function demandNoMore(
  there: TrackedRun,
  wanted: RunBody,
  { extra, firstExtra }: { readonly extra: number; readonly firstExtra: Point | undefined },
): void {
  const param = there.params.find(({ key }) => !Object.hasOwn(wanted.params, key))
  if (param !== undefined) throw conflict(wanted, `only the replica has the parameter ${param.key}`)
  const metric = there.latest.find(({ key }) => !Object.hasOwn(wanted.metrics, key))
  if (metric !== undefined) throw conflict(wanted, `only the replica has the metric ${metric.key}`)
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
const POINTS_AT_ONCE = 10_000

/** Logs what a run lacks, points as they come, and takes away tags. The run must not be deleted. */
export async function write(
  tracking: Tracking,
  runId: string,
  { metrics, params, tags, extraTags, datasets }: Lack & { readonly metrics: AsyncIterable<Point> },
  signal: AbortSignal,
): Promise<void> {
  await logTags(tracking, { runId, tags }, signal)
  let waiting: Point[] = []
  for await (const point of metrics) {
    waiting.push(point)
    if (waiting.length < POINTS_AT_ONCE) continue
    await tracking.log(runId, { metrics: waiting }, signal)
    waiting = []
  }
  await tracking.log(runId, { metrics: waiting, params }, signal)
  if (datasets.length > 0) await tracking.logInputs(runId, datasets, signal)
  for (const key of extraTags) {
    try {
      await tracking.deleteTag(runId, key, signal)
    } catch (thrown) {
      // A tag that the server itself keeps stays, and the run that is read back shows it.
      if (!isFault(thrown, 'azure/refused', 'azure/denied')) throw thrown
    }
  }
}

/** All tags at once; where one is refused, each by itself, and the refused ones under a key that will be taken. */
async function logTags(
  tracking: Tracking,
  { runId, tags }: { readonly runId: string; readonly tags: readonly Pair[] },
  signal: AbortSignal,
): Promise<void> {
  const log = (pairs: readonly Pair[]) => tracking.log(runId, { tags: pairs }, signal)
  try {
    await log(tags)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused', 'azure/denied')) throw thrown
    for (const tag of tags) {
      try {
        await log([tag])
      } catch (refused) {
        if (!isFault(refused, 'azure/refused', 'azure/denied')) throw refused
        await log([{ key: REFUSED_TAG + tag.key, value: tag.value }])
      }
    }
  }
}

/** Change of status, end and name that brings a run to what is wanted, or `undefined`. */
export function stateChange(there: TrackedRun, wanted: RunBody): Record<string, string | number> | undefined {
  const { info } = there
  const change: Record<string, string | number> = {}
  if (info.status !== wanted.status) change['status'] = wanted.status
  if (wanted.end !== 0 && Number(info['end_time'] ?? 0) !== wanted.end) {
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
