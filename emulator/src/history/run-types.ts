/** Status of a run as run history writes it. Terminal: `Completed`, `Failed`, `Canceled`. */
export type Status =
  | 'NotStarted'
  | 'Queued'
  | 'Starting'
  | 'Provisioning'
  | 'Preparing'
  | 'Running'
  | 'Finalizing'
  | 'CancelRequested'
  | 'NotResponding'
  | 'Paused'
  | 'Completed'
  | 'Failed'
  | 'Canceled'

/** Status of the same run as MLflow writes it. */
export type State = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'

export type Stage = 'active' | 'deleted'

const STATES: Readonly<Record<Status, State>> = {
  NotStarted: 'SCHEDULED',
  Queued: 'SCHEDULED',
  Starting: 'SCHEDULED',
  Provisioning: 'SCHEDULED',
  Preparing: 'SCHEDULED',
  Running: 'RUNNING',
  Finalizing: 'RUNNING',
  CancelRequested: 'RUNNING',
  NotResponding: 'RUNNING',
  Paused: 'RUNNING',
  Completed: 'FINISHED',
  Failed: 'FAILED',
  Canceled: 'KILLED',
}

const STATUSES: Readonly<Record<State, Status>> = {
  SCHEDULED: 'Queued',
  RUNNING: 'Running',
  FINISHED: 'Completed',
  FAILED: 'Failed',
  KILLED: 'Canceled',
}

/** MLflow's word for a status of run history. */
export function stateOf(status: Status): State {
  return STATES[status]
}

/** The status of run history that a word of MLflow stands for, or `undefined` for an unknown word. */
export function statusOf(state: string): Status | undefined {
  return STATUSES[state as State]
}

/** The status if it is one that run history knows, whatever its case. */
export function knownStatus(text: string): Status | undefined {
  return (Object.keys(STATES) as Status[]).find((status) => status.toLowerCase() === text.toLowerCase())
}

export function isTerminal(status: Status): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Canceled'
}

/** An experiment. Its id is a GUID that the server gives; its name is unique in the workspace. */
export interface Experiment {
  /** Row number, for joins only. */
  readonly key: number
  /** ARM id of the workspace in lower case. */
  readonly workspace: string
  readonly id: string
  readonly name: string
  readonly stage: Stage
  readonly artifactLocation: string | null
  /** Milliseconds since 1970, as all instants here. */
  readonly created: number
  readonly updated: number
}

/** Facts of a run that run history shows and MLflow does not. Stored as given. */
export interface Details {
  readonly description?: string
  readonly target?: string
  readonly runType?: string
  readonly error?: unknown
  readonly warnings?: unknown
  readonly runDefinition?: unknown
  readonly inputs?: unknown
  readonly outputs?: unknown
  readonly [name: string]: unknown
}

/** A run. Its id is the client's where the client gives one (a job's name), else a GUID. */
export interface Run {
  readonly key: number
  readonly workspace: string
  readonly id: string
  readonly experimentKey: number
  readonly experimentId: string
  readonly experimentName: string
  /** Of the experiment, where its maker gave one. */
  readonly artifactLocation: string | null
  readonly name: string
  readonly status: Status
  readonly stage: Stage
  readonly user: string
  readonly parent: string | null
  readonly created: number
  readonly modified: number
  readonly start: number | null
  readonly end: number | null
  readonly properties: Readonly<Record<string, string>>
  readonly details: Details
}

export interface NewRun {
  /** Chosen by the client; a GUID where absent. */
  readonly id?: string
  readonly experimentKey: number
  readonly name: string
  readonly status: Status
  readonly user: string
  readonly parent?: string
  readonly start?: number
  readonly tags?: Readonly<Record<string, string>>
  readonly properties?: Readonly<Record<string, string>>
  readonly details?: Details
}

/** What to change; absent means keep. Tags and properties are merged, details too. */
export interface RunChange {
  readonly name?: string
  readonly status?: Status
  readonly start?: number | null
  /** Absent, and the status becomes terminal: now. */
  readonly end?: number | null
  readonly stage?: Stage
  readonly experimentKey?: number
  readonly tags?: Readonly<Record<string, string>>
  readonly properties?: Readonly<Record<string, string>>
  readonly details?: Details
}

/** One point of a metric. The value may be NaN, Infinity or -Infinity. */
export interface Point {
  readonly key: string
  readonly value: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
}

/** A dataset or model that a run read, or a model that it wrote, as MLflow's JSON has it. */
export interface Link {
  readonly kind: 'dataset' | 'model-input' | 'model-output'
  /** Equal links of one run have equal names; the first stays. */
  readonly name: string
  readonly body: unknown
}
