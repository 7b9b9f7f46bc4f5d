import type { Artifacts } from '../mlflow/artifacts.ts'
import type { EvaluationDatasets } from '../mlflow/evaluation-datasets.ts'
import type { LoggedModel, LoggedModels } from '../mlflow/logged-models.ts'
import type { ModelRegistry } from '../mlflow/registry.ts'
import type { Traces } from '../mlflow/traces.ts'
import type { Tracking } from '../mlflow/tracking.ts'

/** A run as a place was last seen to have it. */
export interface Resident {
  /** Its id here. */
  readonly id: string
  /** The one under which both sides know it. */
  readonly sharedId: string
  readonly experimentId: string
  /** Where its files are. */
  readonly root: string
}

/** What is remembered of a place from one process to the next. Losing it costs time only. */
export interface Notes {
  get(key: string): string | undefined
  put(key: string, value: string): void
  forget(key: string): void
}

/** A place that keeps a whole run history: a tracking server of MLflow 3. */
export interface HistoryAccess {
  /** Tells {@link census} of each run that it gives. */
  readonly tracking: Tracking
  readonly artifacts: Artifacts
  readonly registry: ModelRegistry
  readonly models: LoggedModels
  readonly traces: Traces
  readonly evaluations: EvaluationDatasets
  /** Runs that the place gave so far. */
  readonly census: { byId(id: string): Resident | undefined; byShared(id: string): Resident | undefined }
  readonly notes: Notes
}

/** Tags by which a replica says which logged model it is of, and when that was made (milliseconds). */
export const SOURCE_MODEL = 'holdfast.source_model_id'
export const SOURCE_CREATED = 'holdfast.source_created'

/** The id under which both sides know a logged model. */
export function sharedModelId({ id, tags }: LoggedModel): string {
  return tags.find(({ key }) => key === SOURCE_MODEL)?.value ?? id
}

/** Names of experiments by their ids here. */
export async function experimentNames({ tracking }: HistoryAccess, signal: AbortSignal): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for await (const { id, name } of tracking.experiments(signal)) names.set(id, name)
  return names
}
