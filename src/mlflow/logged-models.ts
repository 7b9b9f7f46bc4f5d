import type { Json, JsonObject } from '../core/model.ts'
import { type Int64, int64 } from './int64.ts'
import type { Pair, Point, TrackedRun } from './tracking.ts'

/** A model as MLflow 3 logs it, beside the run that made it. */
export interface LoggedModel {
  readonly id: string
  readonly experimentId: string
  readonly name: string
  /** Where its files are. */
  readonly location: string
  readonly status: string
  readonly type: string
  readonly runId: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly tags: readonly Pair[]
  readonly params: readonly Pair[]
  /** Points that were logged about it; each is of a run as well. */
  readonly metrics: readonly (Point & { readonly runId: string })[]
}

/** What a run says of a logged model that it read or made. */
export interface ModelLink {
  readonly modelId: string
  readonly step: Int64
}

/** Logged models that a run read and made. */
export interface Links {
  readonly read: readonly ModelLink[]
  readonly made: readonly ModelLink[]
}

export function linksOf({ inputs, outputs }: TrackedRun): Links {
  return { read: linksIn(inputs, 'model_inputs'), made: linksIn(outputs, 'model_outputs') }
}

function linksIn(of: Json | undefined, field: 'model_inputs' | 'model_outputs'): readonly ModelLink[] {
  const found = (of as JsonObject | null | undefined)?.[field]
  const links = Array.isArray(found) ? (found as readonly JsonObject[]) : []
  return links.map((one) => ({ modelId: String(one['model_id']), step: int64(one['step']) }))
}

/** Logged models of MLflow 3. Lists go to their end or throw. */
export interface LoggedModels {
  /** Of experiments, or `undefined` where the server has no such API. */
  list(experimentIds: readonly string[], signal: AbortSignal): Promise<AsyncIterable<LoggedModel> | undefined>
  model(id: string, signal: AbortSignal): Promise<LoggedModel | undefined>
  /** Creates one under an id of the server's choosing. Never sent twice: look for it after a failure. */
  create(model: Omit<LoggedModel, 'id' | 'location' | 'created' | 'metrics'>, signal: AbortSignal): Promise<LoggedModel>
  setTags(id: string, tags: readonly Pair[], signal: AbortSignal): Promise<void>
  /** Takes a tag away. One that is gone already is success. */
  deleteTag(id: string, key: string, signal: AbortSignal): Promise<void>
  /** Says that it is ready or failed. */
  finish(id: string, status: string, signal: AbortSignal): Promise<void>
  /** Links are kept apart by model. Never sent twice: look which are there after a failure. */
  link(
    runId: string,
    links: { readonly read: readonly ModelLink[]; readonly made: readonly ModelLink[] },
    signal: AbortSignal,
  ): Promise<void>
}
