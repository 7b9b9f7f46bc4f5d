import type { Json, JsonObject } from '../core/model.ts'
import type { Int64 } from './int64.ts'

/** One HTTP exchange with a tracking server, below `/api/2.0/mlflow/`. Handed in: it signs, retries and times out. */
export type Send = (request: Request) => Promise<Answer>

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the API's root, for instance `runs/search`. */
  readonly path: string
  /** A list says its name again for each. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Takes effect by being sent: after an answer that nobody got, look before sending it again. */
  readonly once?: boolean
}

export interface Answer {
  readonly status: number
  readonly body: JsonObject
}

/** A metric point as the server gives it. `value` is kept as text where JSON has no number for it. */
export interface Point {
  readonly key: string
  readonly value: number | 'NaN' | 'Infinity' | '-Infinity'
  /** Milliseconds since 1970. */
  readonly timestamp: Int64
  readonly step: Int64
  /** What the point is about, where the server knows: MLflow's `dataset_name`, `dataset_digest` and `model_id`. */
  readonly about?: Readonly<Record<string, string>>
}

export interface Pair {
  readonly key: string
  readonly value: string
}

/** A run as the server gives it, with the last point of each metric and every field it has. */
export interface TrackedRun {
  readonly info: JsonObject & { readonly run_id: string; readonly experiment_id: string; readonly status: string }
  readonly params: readonly Pair[]
  readonly tags: readonly Pair[]
  /** The last point of each metric. */
  readonly latest: readonly Point[]
  readonly inputs: Json
  /** What MLflow 3 says that the run made: logged models. */
  readonly outputs?: Json
}

/** Statuses of runs that go on, or have not begun: they are still being written to. */
export const OPEN_STATUSES: readonly string[] = ['RUNNING', 'SCHEDULED']

export function isOpenRun({ info }: TrackedRun): boolean {
  return OPEN_STATUSES.includes(info.status)
}

export interface TrackedExperiment {
  readonly id: string
  readonly name: string
  readonly deleted: boolean
  readonly tags: readonly Pair[]
  /** When it was made, where its place says so: a server that is made anew gives ids again. */
  readonly created?: string
}

export interface Batch {
  readonly metrics?: readonly Point[]
  readonly params?: readonly Pair[]
  readonly tags?: readonly Pair[]
}

/**
 * The tracking API of MLflow 2.0, with nothing dropped.
 *
 * Lists go to their end or throw. Absence is `undefined`. A refusal is `azure/refused` or `azure/denied`, a limit
 * `azure/throttled`, a failing server `azure/unreachable`, with MLflow's own error code in the facts.
 */
export interface Tracking {
  /** All of them, the deleted ones too. */
  experiments(signal: AbortSignal): AsyncIterable<TrackedExperiment>
  experimentByName(name: string, signal: AbortSignal): Promise<TrackedExperiment | undefined>
  experiment(id: string, signal: AbortSignal): Promise<TrackedExperiment | undefined>
  /** Returns the id. One that exists already is success. */
  createExperiment(name: string, tags: readonly Pair[], signal: AbortSignal): Promise<string>
  setExperimentTag(id: string, tag: Pair, signal: AbortSignal): Promise<void>
  /** A tag that is gone already is success. */
  deleteExperimentTag(id: string, key: string, signal: AbortSignal): Promise<void>
  setExperimentDeleted(id: string, deleted: boolean, signal: AbortSignal): Promise<void>
  /** Gives an experiment that is not deleted another name. Absent where a place has no means to. */
  renameExperiment?(id: string, name: string, signal: AbortSignal): Promise<void>
  /** Runs of experiments, the deleted ones too; of a hundred experiments at a time in the order of their start. */
  runs(experimentIds: readonly string[], signal: AbortSignal, filter?: string): AsyncIterable<TrackedRun>
  run(id: string, signal: AbortSignal): Promise<TrackedRun | undefined>
  /** Every point of one metric, in the order of the server. */
  history(runId: string, key: string, signal: AbortSignal): AsyncIterable<Point>
  /**
   * Whole histories of one metric in several runs, by run, in as few calls as it takes. A run that is missing from what
   * is returned must be read by {@link history}, whatever the reason. Absent where a place answers for one run alone.
   */
  histories?(
    runIds: readonly string[],
    key: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly Point[]>>
  /** Creates a run under an id of the server's choosing. Never sent twice: look for it after a failure. */
  createRun(run: JsonObject, signal: AbortSignal): Promise<TrackedRun>
  updateRun(id: string, change: JsonObject, signal: AbortSignal): Promise<void>
  setRunDeleted(id: string, deleted: boolean, signal: AbortSignal): Promise<void>
  /**
   * Logs in as many calls as the server's limits ask for. Not atomic, and points append: none is sent twice, and
   * after a failure some may have arrived, so read back before logging again.
   */
  log(runId: string, batch: Batch, signal: AbortSignal): Promise<void>
  /** A tag that is gone already is success. */
  deleteTag(runId: string, key: string, signal: AbortSignal): Promise<void>
  /** Datasets that the run read, in MLflow's form. One that it has already is success. */
  logInputs(runId: string, datasets: readonly Json[], signal: AbortSignal): Promise<void>
}
