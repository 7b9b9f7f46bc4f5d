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

/** The properties of a command job as they are stored. What is not named here is kept and given back. */
export interface CommandJob {
  readonly jobType: 'Command'
  readonly command: string
  readonly environmentId: string
  readonly codeId?: string | null
  readonly computeId?: string | null
  readonly inputs?: Readonly<Record<string, JobInput>> | null
  readonly outputs: Readonly<Record<string, JobOutput>>
  readonly environmentVariables?: Readonly<Record<string, string>> | null
  readonly resources?: { readonly instanceCount?: number | null } | null
  readonly limits?: { readonly timeout?: string | null } | null
  readonly experimentName: string
  readonly displayName: string
  readonly status: Status
  readonly properties: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

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
