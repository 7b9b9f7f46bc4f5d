import { type Workspace, workspaceOf } from '../ml/workspace-of.ts'
import type { Region } from '../region.ts'
import { type AnyJob, type CommandJob, isTerminal, type Status, type StoredJob } from './definition.ts'

export const JOB_TYPE = 'Microsoft.MachineLearningServices/workspaces/jobs'

/** A job as the store holds it. */
export interface Job<Definition extends AnyJob = AnyJob> {
  /** ARM id. */
  readonly id: string
  /** Name of the job, and id of its run. */
  readonly name: string
  readonly workspace: Workspace
  readonly definition: Definition
}

export function isCommand(job: Job): job is Job<CommandJob> {
  return job.definition.jobType === 'Command'
}

/** True for a job that is kept and never run. */
export function isStored(job: Job): job is Job<StoredJob> {
  return !['Command', 'Pipeline', 'Sweep'].includes(job.definition.jobType)
}

/** Told of a job that has come to another status; `job` is as it was before. */
export type Moved = (job: Job, status: Status) => void

/** Why a job failed, in the form that run history shows. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** What a look at a pipeline or a sweep has led to: ARM ids of jobs. */
export interface Advance {
  /** New jobs, stored and not yet submitted. */
  readonly made: readonly string[]
  /** Jobs to be cancelled. */
  readonly stop: readonly string[]
}

const PAGE = 200

/** The durable state of jobs: the ARM resource and the run, changed together. */
export class Records {
  readonly #region: Region
  readonly #moved: Moved

  /** `moved` is called inside the write of each change of status. */
  constructor(region: Region, moved: Moved = () => undefined) {
    this.#region = region
    this.#moved = moved
  }

  /** The job with this ARM id; `undefined` where it, or its workspace, is gone. */
  get(id: string): Job | undefined {
    const found = this.#region.resources.get(id)
    if (found === undefined || this.#region.resources.get(found.parent) === undefined) return undefined
    const definition = found.body['properties'] as AnyJob
    return { id: found.id, name: found.name, workspace: workspaceOf(this.#region, found.parent), definition }
  }

  /** Every job that has not ended, in the order of submission. */
  open(): Job[] {
    const open: Job[] = []
    let after: number | undefined = 0
    while (after !== undefined) {
      const page = this.#region.resources.ofType(JOB_TYPE, { after, limit: PAGE, unended: true })
      for (const { id, body } of page.items) {
        const job = isTerminal((body['properties'] as AnyJob).status) ? undefined : this.get(id)
        if (job !== undefined) open.push(job)
      }
      after = page.next
    }
    return open
  }

  /**
   * Moves a job from one of some states to another, on disk when resolved.
   *
   * False, and nothing is changed, where the job is in another state or gone.
   */
  move(id: string, from: readonly Status[], to: Status, failure?: Failure): Promise<boolean> {
    return this.#region.db.write(() => this.moveNow(id, from, to, failure))
  }

  /** {@link move} inside a write that is under way. */
  moveNow(id: string, from: readonly Status[], to: Status, failure?: Failure): boolean {
    const { resources, runs, clock } = this.#region
    const found = resources.get(id)
    const job = this.get(id)
    if (found === undefined || job === undefined || !from.includes(job.definition.status)) return false
    const now = clock.iso()
    const times = {
      ...(to === 'Running' ? { StartTimeUtc: now } : {}),
      ...(isTerminal(to) ? { EndTimeUtc: now } : {}),
    }
    const properties = { ...job.definition.properties, ...times }
    resources.put(id, { ...found.body, properties: { ...job.definition, status: to, properties } }, found.modifiedBy)
    if (runs.get(job.workspace.id, job.name) !== undefined) {
      const error =
        failure === undefined ? {} : { error: { error: { ...failure, messageParameters: {}, details: [] } } }
      runs.update(job.workspace.id, job.name, {
        status: to,
        details: error,
        ...(isTerminal(to) ? { end: clock.now() } : {}),
      })
    }
    this.#witness(job, to, failure)
    this.#moved(job, to)
    return true
  }

  /** Adds properties to a job and its run, and replaces outputs of the job. Only inside a write. */
  noteNow(
    id: string,
    {
      properties,
      outputs,
    }: { readonly properties?: Readonly<Record<string, string>>; readonly outputs?: AnyJob['outputs'] },
  ): void {
    const { resources, runs } = this.#region
    const found = resources.get(id)
    const job = this.get(id)
    if (found === undefined || job === undefined) return
    const { definition } = job
    const next = {
      ...definition,
      properties: { ...definition.properties, ...properties },
      outputs: { ...definition.outputs, ...outputs },
    }
    resources.put(id, { ...found.body, properties: next }, found.modifiedBy)
    if (properties !== undefined) runs.update(job.workspace.id, job.name, { properties })
  }

  /** The activity log says when each job did what: a drill counts from it what ran where. */
  #witness(job: Job, status: Status, failure: Failure | undefined): void {
    const { activity, clock, name } = this.#region
    activity.add({
      at: clock.iso(),
      plane: 'jobs',
      operation: 'job_status',
      method: 'STATUS',
      target: job.id,
      client: name,
      caller: 'compute',
      status: 200,
      body: null,
      note: { subject: job.id, facts: { status, ...(failure === undefined ? {} : { code: failure.code }) } },
    })
  }
}
