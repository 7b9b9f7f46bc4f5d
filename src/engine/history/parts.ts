import type { Artifacts } from '../../mlflow/artifacts.ts'
import type { EvaluationDatasets } from '../../mlflow/evaluation-datasets.ts'
import type { LoggedModels } from '../../mlflow/logged-models.ts'
import type { ModelRegistry } from '../../mlflow/registry.ts'
import type { Traces } from '../../mlflow/traces.ts'
import type { TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { Place, Service } from '../../services/service.ts'
import type { HistoryLedger } from '../../store/history-ledger.ts'
import type { Progress } from '../parts.ts'
import type { Census } from './census.ts'

/** One end of a copy of run history. */
export interface HistoryEnd {
  /** For people: no credentials in it. */
  readonly name: string
  readonly place: Place
  /** Tells {@link census} of each run that it gives. */
  readonly tracking: Tracking
  /** Runs of experiments that are replicas of others, and tells {@link census} of each. */
  replicas(experimentIds: readonly string[], signal: AbortSignal): AsyncIterable<TrackedRun>
  /** The run of these experiments that both sides know by this id. */
  find(sharedId: string, experimentIds: readonly string[], signal: AbortSignal): Promise<TrackedRun | undefined>
  readonly census: Census
  readonly artifacts: Artifacts
  /** `undefined` where a place has none. */
  readonly registry: ModelRegistry | undefined
  readonly models: LoggedModels | undefined
  readonly traces: Traces | undefined
  readonly evaluations?: EvaluationDatasets | undefined
}

/** Everything that carrying and comparing run history works with. */
export interface HistoryParts {
  readonly from: HistoryEnd
  readonly to: HistoryEnd
  /** Carry experiments and runs; both reach both ends. */
  readonly experiments: Service
  readonly runs: Service & {
    /** Gives the same runs; of those that `of` takes, points may be read before they are asked for. */
    readAhead?(place: Place, runs: AsyncIterable<TrackedRun>, options: ReadingAhead): AsyncIterable<TrackedRun>
  }
  readonly ledger: HistoryLedger
  readonly progress: Progress
  readonly filter: HistoryFilter
}

export interface ReadingAhead {
  readonly of: (run: TrackedRun) => boolean
  /** True for runs that are going to be carried: their points are held until then. */
  readonly hold?: boolean
  readonly signal: AbortSignal
}

/** What is carried. An empty list means all; runs or experiments that are chosen without models mean no models. */
export interface HistoryFilter {
  /** Names. */
  readonly experiments: readonly string[]
  /** Ids at the source of those that were named or found by a search, which may be none; absent: all. */
  readonly runs?: ReadonlySet<string>
  /** Names. */
  readonly models: readonly string[]
  /** Milliseconds since 1970: only runs that are open, or that started or ended since. */
  readonly since: number | undefined
}

/** True for a run of the source that was chosen, or where none were. */
export function isChosen({ runs }: HistoryFilter, id: string): boolean {
  return runs?.has(id) ?? true
}

/** What could not be carried, or differs. */
export interface Trouble {
  readonly subject: string
  readonly code: string
  readonly message: string
}

/** What was carried in another form than it had, and why. Not a loss. */
export interface Remark {
  readonly subject: string
  readonly remark: string
}
