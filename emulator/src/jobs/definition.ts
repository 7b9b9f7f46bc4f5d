/** A job's input as the vendor's API has it. */
export interface JobInput {
  readonly jobInputType: string
  readonly uri?: string | null
  readonly value?: string | null
  readonly mode?: string | null
}

/** A job's output as the vendor's API has it. */
export interface JobOutput {
  readonly jobOutputType: string
  readonly uri?: string | null
  readonly mode?: string | null
  readonly assetName?: string | null
  readonly assetVersion?: string | null
  readonly description?: string | null
}

/** What every job shows, whatever its type. What is not named here is kept and given back. */
export interface JobFields {
  readonly computeId?: string | null
  readonly inputs?: Readonly<Record<string, JobInput>> | null
  readonly experimentName: string
  readonly displayName: string
  readonly status: Status
  readonly properties: Readonly<Record<string, string>>
  /** Name of the pipeline or sweep that the job belongs to. */
  readonly parentJobName?: string | null
  readonly [field: string]: unknown
}

/** The properties of a job as they are stored. */
export interface JobProperties extends JobFields {
  readonly jobType: 'Command' | 'Pipeline' | 'Sweep'
  readonly outputs: Readonly<Record<string, JobOutput>>
}

/** A command on a node. */
export interface CommandJob extends JobProperties {
  readonly jobType: 'Command'
  readonly command: string
  readonly environmentId: string
  readonly codeId?: string | null
  readonly environmentVariables?: Readonly<Record<string, string>> | null
  readonly resources?: { readonly instanceCount?: number | null } | null
  readonly limits?: { readonly timeout?: string | null } | null
}

/** A graph of jobs. */
export interface PipelineJob extends JobProperties {
  readonly jobType: 'Pipeline'
  /** Nodes by name, as clients write them: names of fields in snake case. */
  readonly jobs: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly settings: Readonly<Record<string, unknown>>
}

/** Trials of one command with parameters drawn from a space. */
export interface SweepJob extends JobProperties {
  readonly jobType: 'Sweep'
  readonly trial: Readonly<Record<string, unknown>>
  readonly searchSpace: Readonly<Record<string, unknown>>
  readonly samplingAlgorithm: Readonly<Record<string, unknown>>
  readonly objective: { readonly goal: string; readonly primaryMetric: string }
  readonly limits?: {
    readonly maxTotalTrials?: number | null
    readonly maxConcurrentTrials?: number | null
    readonly timeout?: string | null
    readonly trialTimeout?: string | null
  } | null
  readonly earlyTermination?: Readonly<Record<string, unknown>> | null
}

/** A job that is kept and read back whole, and that fails when it is submitted: nothing here can run it. */
export interface StoredJob extends JobFields {
  readonly jobType:
    | 'AutoML'
    | 'Spark'
    | 'FineTuning'
    | 'Distillation'
    | 'Labeling'
    | 'Import'
    | 'DataTransfer'
    | 'FlowParallel'
  readonly outputs: Readonly<Record<string, JobOutput>>
}

export type AnyJob = CommandJob | PipelineJob | SweepJob | StoredJob

export type Status =
  | 'NotStarted'
  | 'Queued'
  | 'Preparing'
  | 'Running'
  | 'Finalizing'
  | 'CancelRequested'
  | 'Completed'
  | 'Failed'
  | 'Canceled'

const TERMINAL: ReadonlySet<Status> = new Set<Status>(['Completed', 'Failed', 'Canceled'])

export function isTerminal(status: Status): boolean {
  return TERMINAL.has(status)
}

/** Name of the output that holds logs and what a job leaves in `./outputs`; every job has it. */
export const DEFAULT_OUTPUT = 'default'

/** Nodes that a job takes. */
export function nodesOf(job: CommandJob): number {
  return Math.max(1, job.resources?.instanceCount ?? 1)
}
