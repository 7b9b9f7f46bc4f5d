import type { Json } from '../core/model.ts'

/** A dataset of MLflow's evaluations, without its records. */
export interface EvaluationDataset {
  readonly id: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  /** What the server says of the content as a whole: another text whenever records or experiments came or went. */
  readonly state: string
}

/**
 * One record: what a client says of it, each field as `exactJson` has it. The server tells records of a dataset apart by
 * their inputs.
 */
export interface EvaluationRecord {
  readonly inputs: Json
  readonly outputs: Json
  readonly expectations: Json
  readonly tags: Json
  readonly source: Json
}

/** A record as it stands. */
export interface KeptRecord {
  /** Of the server's choosing. */
  readonly id: string
  readonly says: EvaluationRecord
  /** Of what it says: equal records have equal ones. */
  readonly digest: string
}

/** Evaluation datasets of MLflow from 3.4 on. Lists go to their end or throw. */
export interface EvaluationDatasets {
  /** Those of experiments, or all where none are named; `undefined` where the server has no such API. */
  list(experimentIds: readonly string[], signal: AbortSignal): Promise<readonly EvaluationDataset[] | undefined>
  experimentsOf(id: string, signal: AbortSignal): Promise<readonly string[]>
  records(id: string, signal: AbortSignal): AsyncIterable<KeptRecord>
  /** Creates one under an id of the server's choosing. Never sent twice: look for it after a failure. */
  create(dataset: NewEvaluationDataset, signal: AbortSignal): Promise<EvaluationDataset>
  /** Removes one with its records. One that is gone already is success. */
  remove(id: string, signal: AbortSignal): Promise<void>
  addExperiments(id: string, experimentIds: readonly string[], signal: AbortSignal): Promise<void>
  removeExperiments(id: string, experimentIds: readonly string[], signal: AbortSignal): Promise<void>
  setTags(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
  /** Takes a tag away. One that is gone already is success. */
  deleteTag(id: string, key: string, signal: AbortSignal): Promise<void>
  /** Adds records; to one with the same inputs it adds what is said more. */
  put(id: string, records: readonly EvaluationRecord[], signal: AbortSignal): Promise<void>
  /** Takes records away, by their ids. Those that are gone already are success. */
  removeRecords(id: string, recordIds: readonly string[], signal: AbortSignal): Promise<void>
}

/** Fields of a record. */
export const RECORD_FIELDS = ['inputs', 'outputs', 'expectations', 'tags', 'source'] as const

export interface NewEvaluationDataset extends Pick<EvaluationDataset, 'name' | 'tags'> {
  readonly experimentIds: readonly string[]
}

/** Tag by which a replica says which dataset it is of. */
export const SOURCE_DATASET = 'holdfast.source_dataset_id'

/** The id under which both sides know a dataset. */
export function sharedDatasetId({ id, tags }: Pick<EvaluationDataset, 'id' | 'tags'>): string {
  return tags[SOURCE_DATASET] ?? id
}

/** The tags without our mark. */
export function carriedDatasetTags({ tags }: Pick<EvaluationDataset, 'tags'>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => key !== SOURCE_DATASET))
}
