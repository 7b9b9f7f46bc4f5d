import type { Json, JsonObject } from '../core/model.ts'

/** A dataset of MLflow's evaluations, without its records. */
export interface EvaluationDataset {
  readonly id: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  /** Milliseconds since 1970; it changes with the records too. */
  readonly updated: number
}

/** One record: what a client says of it. The server tells records of a dataset apart by their inputs. */
export interface EvaluationRecord {
  readonly inputs: Json
  readonly outputs: Json
  readonly expectations: Json
  readonly tags: Json
  readonly source: Json
}

/** Evaluation datasets of MLflow from 3.4 on. Lists go to their end or throw. */
export interface EvaluationDatasets {
  /** Those of experiments, or all where none are named; `undefined` where the server has no such API. */
  list(experimentIds: readonly string[], signal: AbortSignal): Promise<readonly EvaluationDataset[] | undefined>
  experimentsOf(id: string, signal: AbortSignal): Promise<readonly string[]>
  records(id: string, signal: AbortSignal): AsyncIterable<EvaluationRecord>
  /** Creates one under an id of the server's choosing. Never sent twice: look for it after a failure. */
  create(dataset: NewEvaluationDataset, signal: AbortSignal): Promise<EvaluationDataset>
  addExperiments(id: string, experimentIds: readonly string[], signal: AbortSignal): Promise<void>
  setTags(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
  /** Adds records; to one with the same inputs it adds what is said more. */
  put(id: string, records: readonly EvaluationRecord[], signal: AbortSignal): Promise<void>
}

export interface NewEvaluationDataset extends Pick<EvaluationDataset, 'name' | 'tags'> {
  readonly experimentIds: readonly string[]
}

export function recordFrom(raw: JsonObject): EvaluationRecord {
  const { inputs = null, outputs = null, expectations = null, tags = null, source = null } = raw
  return { inputs, outputs, expectations, tags, source }
}
