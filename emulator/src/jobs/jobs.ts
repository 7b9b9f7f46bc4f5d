import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { complaint } from '../complaint.ts'
import type { Region } from '../region.ts'
import type { Database } from '../state/database.ts'
import { computeOf } from './compute.ts'
import { Storage } from './data/storage.ts'
import { type CommandJob, isTerminal, nodesOf, type Status } from './definition.ts'
import { Nodes } from './nodes.ts'
import { runJob } from './one-job.ts'
import { isParent, Parents } from './parents.ts'
import { isCommand, isStored, type Job, Records } from './records.ts'
import { notRun } from './stored/stored.ts'

/** Commands that run at once in a region, whatever its computes allow: this is one machine. */
const MOST_AT_ONCE = 8
const LOOK_MILLISECONDS = 1000
const ON_A_NODE: readonly Status[] = ['Preparing', 'Running', 'Finalizing']

interface Active {
  readonly cancel: AbortController
  readonly done: Promise<void>
}

/** The queue of a region's jobs, and what becomes of each. */
export class Jobs {
  readonly records: Records
  readonly #region: Region
  readonly #nodes: Nodes
  readonly #storage: Storage
  readonly #parents: Parents
  readonly #folder: string
  readonly #closing = new AbortController()
  readonly #active = new Map<string, Active>()
  #waiting: string[] = []
  #again: NodeJS.Timeout | undefined

  constructor(region: Region) {
    this.#region = region
    this.#nodes = new Nodes(region.allocationSeconds)
    this.#storage = new Storage(region)
    this.#folder = join(region.dir, 'jobs')
    this.records = new Records(region, (job) => this.#moved(job))
    this.#parents = new Parents(region, this.records, this)
  }

  /**
   * Goes on after the region was away: what ran has failed with its node, what waited waits.
   *
   * What waited needs a new node, which takes a whole allocation: time in which it can be cancelled.
   */
  async resume(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true })
    const left = readdirSync(this.#folder)
    const lost = { code: 'JobNodeLost', message: 'The node of the job was lost with its region.' }
    for (const job of this.records.open()) {
      const { id, definition } = job
      if (isParent(job)) this.#parents.look(id)
      else if (ON_A_NODE.includes(definition.status)) await this.records.move(id, ON_A_NODE, 'Failed', lost)
      else if (definition.status === 'CancelRequested') await this.records.move(id, ['CancelRequested'], 'Canceled')
      else this.submitted(id)
    }
    await this.#clear(left)
  }

  /** Takes a job that has just been stored into the queue. A pipeline and a sweep begin with their first jobs. */
  submitted(id: string): void {
    const job = this.records.get(id)
    if (job !== undefined && isParent(job)) {
      this.#parents.look(id)
      return
    }
    if (job !== undefined && isStored(job)) {
      this.records.move(id, ['NotStarted'], 'Failed', notRun(job.definition)).catch(complaint(`job ${id}`))
      return
    }
    this.#waiting.push(id.toLowerCase())
    this.records.move(id, ['NotStarted'], 'Queued').catch(complaint(`job ${id}`))
    this.#dispatch()
  }

  /**
   * Inside a write: marks the job for its end, and with it all it has made. False where it has ended before.
   *
   * Call {@link stop} when that is on disk.
   */
  requestCancel(id: string): boolean {
    const job = this.records.get(id)
    for (const child of job === undefined ? [] : this.#parents.openChildren(job)) this.requestCancel(child)
    return this.records.moveNow(id, ['NotStarted', 'Queued', ...ON_A_NODE], 'CancelRequested')
  }

  /** Ends a job that is marked, and all it has made. Resolves when it has ended. */
  async stop(id: string): Promise<void> {
    const job = this.records.get(id)
    if (job !== undefined) await Promise.all(this.#parents.openChildren(job).map((child) => this.stop(child)))
    const active = this.#active.get(id.toLowerCase())
    active?.cancel.abort()
    await active?.done
    this.#waiting = this.#waiting.filter((one) => one !== id.toLowerCase())
    await this.records.move(id, ['CancelRequested'], 'Canceled')
  }

  /** Ends every command. The jobs' states stay, as they do where a region dies. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#again)
    await this.#parents.close()
    // First, because a job may wait for an answer from a region that is cut off.
    await this.#storage.close()
    await Promise.all([...this.#active.values()].map(({ done }) => done))
  }

  /** Starts what can start, in the order of submission on each compute. */
  #dispatch(): void {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#again)
    const full = new Set<string>()
    const left: string[] = []
    for (const id of this.#waiting) {
      if (this.#active.size >= MOST_AT_ONCE || !this.#settled(id, full)) left.push(id)
    }
    this.#waiting = left
    // A compute that has grown says nothing: whoever waits looks.
    if (left.length > 0) this.#again = setTimeout(() => this.#dispatch(), LOOK_MILLISECONDS)
  }

  /** True where the job need not wait any more: it has started, ended or gone. */
  #settled(id: string, full: Set<string>): boolean {
    const job = this.records.get(id)
    return job === undefined || !isCommand(job) || isTerminal(job.definition.status) || this.#start(id, job, full)
  }

  /** A parent follows what becomes of its jobs; it is looked at when the status of one has changed. */
  #moved({ workspace, definition }: Job): void {
    const { parentJobName } = definition
    if (typeof parentJobName === 'string') this.#parents.look(`${workspace.id}/jobs/${parentJobName}`)
  }

  /** Removes what jobs left behind whose region died. */
  async #clear(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.#folder, name), { recursive: true, force: true, maxRetries: 5 })
  }

  /** False where the compute has no room. */
  #start(id: string, job: Job<CommandJob>, full: Set<string>): boolean {
    const compute = computeOf(this.#region, job.workspace, job.definition)
    if (compute === undefined) {
      const message = `The compute target '${job.definition.computeId}' was not found.`
      const failure = { code: 'ComputeTargetNotFound', message }
      this.records.move(id, ['NotStarted', 'Queued'], 'Failed', failure).catch(complaint(`job ${id}`))
      return true
    }
    if (full.has(compute.id)) return false
    const cancel = new AbortController()
    const ending = AbortSignal.any([cancel.signal, this.#closing.signal])
    const allocated = this.#nodes.take(compute, nodesOf(job.definition), ending)
    if (allocated === undefined) {
      full.add(compute.id)
      return false
    }
    const done = this.#live(job, cancel.signal, allocated).then((reached) => {
      this.#nodes.release(compute, nodesOf(job.definition), reached)
      this.#active.delete(id)
      this.#dispatch()
    })
    this.#active.set(id, { cancel, done })
    return true
  }

  /** Resolves with whether the job got its nodes. */
  async #live(job: Job<CommandJob>, cancelled: AbortSignal, allocated: Promise<void>): Promise<boolean> {
    try {
      await allocated
    } catch {
      return false
    }
    try {
      const folder = join(this.#folder, randomUUID())
      const { signal: closing } = this.#closing
      const [region, records, storage] = [this.#region, this.records, this.#storage]
      await runJob({ region, storage, records, job, folder, cancelled, closing })
    } catch (failure) {
      complaint(`job ${job.id}`)(failure)
    }
    return true
  }
}

/** By store, because a region is handed around in more than one object. */
const opened = new WeakMap<Database, Jobs>()

/** The jobs of a region, taken up again when they are first asked for. */
export function jobsOf(region: Region): Jobs {
  const known = opened.get(region.db)
  if (known !== undefined) return known
  const jobs = new Jobs(region)
  opened.set(region.db, jobs)
  const resumed = jobs.resume().catch(complaint(`jobs of ${region.name}`))
  region.closing.push(async () => {
    await resumed
    await jobs.close()
  })
  return jobs
}
