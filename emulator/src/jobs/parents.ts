import { complaint } from '../complaint.ts'
import type { Region } from '../region.ts'
import { isTerminal, type PipelineJob, type SweepJob } from './definition.ts'
import { advancePipeline, stepsOf } from './graph/advance.ts'
import { writeExecutionLog } from './parent-log.ts'
import type { Advance, Job, Records } from './records.ts'
import { advanceSweep, trialsOf } from './sweep/advance.ts'

const LOOK_MILLISECONDS = 1000

/** What a parent asks of those who run its children. */
export interface Children {
  /** Takes a job that has just been stored. */
  submitted(id: string): void
  /** Inside a write: marks a job for its end. */
  requestCancel(id: string): boolean
  /** Ends a job that is marked. */
  stop(id: string): Promise<void>
}

/**
 * Brings pipelines and sweeps forward whenever one of their jobs has come to another status.
 *
 * Nothing is held in memory that the store does not know: a look reads what there is and decides anew.
 */
export class Parents {
  readonly #region: Region
  readonly #records: Records
  readonly #children: Children
  readonly #asked = new Set<string>()
  readonly #looking = new Set<Promise<void>>()
  /** Sweeps that go on: their trials report and their time runs without a word from anybody. */
  readonly #sweeps = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(region: Region, records: Records, children: Children) {
    this.#region = region
    this.#records = records
    this.#children = children
  }

  /** Looks soon at a pipeline or a sweep. A second call before that is the same look. */
  look(id: string): void {
    const key = id.toLowerCase()
    if (this.#closed || this.#asked.has(key)) return
    this.#asked.add(key)
    const looking = this.#look(key).catch((failure) => {
      if (!this.#closed) complaint(`job ${id}`)(failure)
    })
    this.#looking.add(looking)
    void looking.then(() => this.#looking.delete(looking))
  }

  /** ARM ids of the jobs that a pipeline or a sweep has made and that have not ended. */
  openChildren(parent: Job): string[] {
    return childrenOf(this.#region, parent).filter((id) => {
      const child = this.#records.get(id)
      return child !== undefined && !isTerminal(child.definition.status)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    while (this.#looking.size > 0) await Promise.all(this.#looking)
  }

  async #look(id: string): Promise<void> {
    const done = await this.#region.db.write(() => {
      this.#asked.delete(id)
      return this.#advance(id)
    })
    if (this.#closed) return
    // Also where it has ended, or is gone: nobody looks at it any more then.
    this.#watch(id)
    if (done === undefined) return
    for (const child of done.made) this.#children.submitted(child)
    for (const child of done.stop) this.#children.stop(child).catch(complaint(`job ${child}`))
    const parent = this.#records.get(id)
    if (parent !== undefined) await writeExecutionLog(this.#region, parent, childrenOf(this.#region, parent))
  }

  /** Only inside a write. `undefined` where there is nothing to bring forward. */
  #advance(id: string): Advance | undefined {
    const parent = this.#records.get(id)
    if (parent === undefined || isTerminal(parent.definition.status)) return undefined
    if (parent.definition.status === 'CancelRequested') return this.#endCancelled(parent)
    this.#records.moveNow(id, ['NotStarted'], 'Running')
    const advance = this.#step(this.#records.get(id) ?? parent)
    for (const child of advance?.stop ?? []) this.#children.requestCancel(child)
    return advance
  }

  #step(parent: Job): Advance | undefined {
    switch (parent.definition.jobType) {
      case 'Pipeline':
        return advancePipeline(this.#region, this.#records, parent as Job<PipelineJob>)
      case 'Sweep':
        return advanceSweep(this.#region, this.#records, parent as Job<SweepJob>)
      default:
        return undefined
    }
  }

  /** A parent is canceled when all its children have ended. Those that are left are ended, whoever forgot them. */
  #endCancelled(parent: Job): Advance {
    const stop = this.openChildren(parent)
    if (stop.length === 0) this.#records.moveNow(parent.id, ['CancelRequested'], 'Canceled')
    for (const child of stop) this.#children.requestCancel(child)
    return { made: [], stop }
  }

  #watch(id: string): void {
    const parent = this.#records.get(id)
    const open = parent?.definition.jobType === 'Sweep' && !isTerminal(parent.definition.status)
    if (open) this.#sweeps.add(id)
    else this.#sweeps.delete(id)
    if (this.#sweeps.size > 0) {
      this.#timer ??= setInterval(() => this.#lookAgain(), LOOK_MILLISECONDS)
      return
    }
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #lookAgain(): void {
    for (const id of this.#sweeps) this.look(id)
  }
}

/** True for a job that runs nothing itself and makes jobs that do. */
export function isParent(job: Job): boolean {
  return ['Pipeline', 'Sweep'].includes(job.definition.jobType)
}

/** ARM ids of all jobs that a pipeline or a sweep has made so far. */
export function childrenOf(region: Region, parent: Job): string[] {
  if (!isParent(parent)) return []
  if (parent.definition.jobType === 'Sweep') return trialsOf(region, parent as Job<SweepJob>).map(({ id }) => id)
  return stepsOf(region, parent as Job<PipelineJob>).map(({ id }) => id)
}
