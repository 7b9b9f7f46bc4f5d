import { address, type Item, type Json, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { type Int64, int64 } from '../../mlflow/int64.ts'
import { namesOf } from '../../mlflow/kept.ts'
import type { MetricDigest } from '../../mlflow/points.ts'
import { OPEN_STATUSES, type Pair, type TrackedRun } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'
import { isNoLineage, LINEAGE_TAG, type Lineage } from './lineage.ts'

/**
 * Tags in which a replica keeps what its server would not let be set: the source's id, user and start
 * (milliseconds). They are neither compared nor carried on.
 */
export const SOURCE_RUN = 'holdfast.source_run_id'
export const SOURCE_USER = 'holdfast.source_user'
export const SOURCE_START = 'holdfast.source_start'

const MARKS = new Set([SOURCE_RUN, SOURCE_USER, SOURCE_START, LINEAGE_TAG])

/** Tags whose value is the id of another run. */
const RUN_TAGS = new Set(['mlflow.parentRunId', 'mlflow.rootRunId'])
export const PARENT_TAG = 'mlflow.parentRunId'

export function isRunTag(key: string): boolean {
  return RUN_TAGS.has(key)
}

/** A run in portable form. Times in milliseconds since 1970; 0 where there is none. */
export interface RunBody {
  readonly experiment: string
  /** The id under which both sides know the run. */
  readonly id: string
  readonly name: string
  readonly user: string
  readonly status: string
  readonly start: Int64
  readonly end: Int64
  readonly deleted: boolean
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, MetricDigest>>
  /** Datasets that it read, in MLflow's form. */
  readonly datasets: readonly Json[]
  /** What a job has read and made; absent where there is none. */
  readonly lineage?: Lineage
}

export function isOpenBody(body: JsonObject): boolean {
  return OPEN_STATUSES.includes(String(body['status']))
}

export function isDeleted(run: TrackedRun): boolean {
  return run.info['lifecycle_stage'] === 'deleted'
}

export function tagOf(run: TrackedRun, key: string): string | undefined {
  return run.tags.find((tag) => tag.key === key)?.value
}

/** The id under which both sides know a run. */
export function sharedIdOf(run: TrackedRun): string {
  return tagOf(run, SOURCE_RUN) ?? run.info.run_id
}

/** Start of the run as its source had it. */
export function startOf(run: TrackedRun): Int64 {
  return int64(tagOf(run, SOURCE_START) ?? run.info['start_time'])
}

export interface RunParts {
  readonly experiment: string
  readonly run: TrackedRun
  readonly metrics: Readonly<Record<string, MetricDigest>>
  readonly lineage: Lineage
  /** From the id that a run has here to the one under which both sides know it. */
  readonly sharedId: (ownId: string) => string
}

export function runItem(place: Place, { experiment, run, metrics, lineage, sharedId }: RunParts): Item {
  const { info } = run
  const id = sharedIdOf(run)
  const names = namesOf(run)
  const body = {
    experiment,
    id,
    name: String(info['run_name'] ?? ''),
    user: tagOf(run, SOURCE_USER) ?? String(info['user_id'] ?? ''),
    status: info.status,
    start: startOf(run),
    end: int64(info['end_time']),
    deleted: isDeleted(run),
    params: Object.fromEntries(names.params),
    tags: carriedTags(names.tags, sharedId),
    metrics,
    datasets: datasetsOf(run),
    ...(isNoLineage(lineage) ? {} : { lineage }),
  } satisfies RunBody
  return item(runAddress(experiment, id), place.portable(body as unknown as JsonObject), [
    address('experiment', experiment),
  ])
}

/** Tags with the run ids that both sides know. */
function carriedTags(
  tags: ReadonlyMap<string, string>,
  sharedId: (ownId: string) => string,
): Readonly<Record<string, string>> {
  const carried = [...tags].filter(([key]) => isCarriedTag(key))
  return Object.fromEntries(carried.map(([key, value]) => [key, isRunTag(key) ? sharedId(value) : value]))
}

/** Tags as a place has them, where runs may have ids of their own. */
export function ownTags(body: RunBody, ownId: (sharedId: string) => string): readonly Pair[] {
  return Object.entries(body.tags).map(([key, value]) => ({ key, value: isRunTag(key) ? ownId(value) : value }))
}

/** True for a tag that is a part of what is carried. */
export function isCarriedTag(key: string): boolean {
  return !MARKS.has(key)
}

export function datasetsOf(run: TrackedRun): readonly Json[] {
  const inputs = run.inputs as { readonly dataset_inputs?: readonly Json[] } | null
  return inputs?.dataset_inputs ?? []
}

export function runAddress(experiment: string, id: string) {
  return address('run', experiment, id)
}

/** The body in a place's own names. */
export function runBody(place: Place, body: JsonObject): RunBody {
  return place.local(body) as unknown as RunBody
}
