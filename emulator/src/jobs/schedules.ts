import type { Resource } from '../arm/resources.ts'
import type { Region } from '../region.ts'
import type { Jobs } from './jobs.ts'
import { store } from './submission.ts'
import { type Trigger, triggerOf } from './when/trigger.ts'

export const SCHEDULE_TYPE = 'Microsoft.MachineLearningServices/workspaces/schedules'

/** A schedule's properties, as far as they decide when it fires and what it does. */
export interface ScheduleProperties {
  readonly action: { readonly actionType: string; readonly jobDefinition?: Readonly<Record<string, unknown>> }
  readonly trigger: unknown
  readonly isEnabled: boolean
  readonly provisioningState: string
  readonly [field: string]: unknown
}

const LOOK_MILLISECONDS = 500
/** Without a look for so long, the region was away: what was missed is not made up. */
const AWAY_MILLISECONDS = 30_000
const PAGE = 200

/**
 * Fires the schedules of a region that create jobs, by the region's movable clock.
 *
 * An instant is fired once, also across restarts: it stands in the store together with the job
 * that it made. Instants that passed while the region was away are not made up; of several that
 * pass between two looks, because the clock was moved, the latest is fired. Schedules with other
 * actions (monitors, imports) are stored, and do nothing.
 */
export class Schedules {
  readonly #region: Region
  readonly #jobs: Jobs
  readonly #triggers = new Map<string, { readonly etag: string; readonly trigger: Trigger }>()
  #looked: { readonly clock: number; readonly real: number }
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()

  constructor(region: Region, jobs: Jobs) {
    this.#region = region
    this.#jobs = jobs
    this.#looked = { clock: region.clock.now(), real: performance.now() }
    region.db.migrate(`CREATE TABLE IF NOT EXISTS scheduleFirings (
      schedule TEXT NOT NULL COLLATE NOCASE, instant INTEGER NOT NULL, job TEXT NOT NULL, refusal TEXT,
      PRIMARY KEY (schedule, instant)) WITHOUT ROWID`)
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look()).catch((failure) => this.#complain(failure))
    }, LOOK_MILLISECONDS)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  /** Submits the job of a schedule for an instant. Resolves with the job's ARM id; rejects where the job is refused. */
  async fire(schedule: Resource, instant: number): Promise<string> {
    const id = jobIdOf(schedule, instant)
    const fired = await this.#region.db.write(() => {
      if (!this.#mark(schedule, instant, { job: id })) return false
      const { action } = schedule.body['properties'] as ScheduleProperties
      const name = id.split('/').at(-1)
      const sent = { ...action.jobDefinition, displayName: action.jobDefinition?.['displayName'] ?? name }
      store(this.#region, { id, sent, by: schedule.createdBy })
      this.#witness(schedule, { instant, id })
      return true
    })
    if (fired) this.#jobs.submitted(id)
    return id
  }

  /** Forgets what a removed schedule has fired. Only inside a write. */
  forget(id: string): void {
    this.#region.db.run('DELETE FROM scheduleFirings WHERE schedule = ?', id)
    this.#triggers.delete(id.toLowerCase())
  }

  async #look(): Promise<void> {
    const now = this.#region.clock.now()
    const before = this.#looked
    this.#looked = { clock: now, real: performance.now() }
    if (this.#looked.real - before.real > AWAY_MILLISECONDS || now <= before.clock) return
    for (const schedule of this.#live()) {
      const since = Math.max(before.clock, Date.parse(schedule.modifiedAt))
      const instant = this.#triggerOf(schedule).latest(since, now)
      if (instant !== undefined) await this.#fireOrRecord(schedule, instant)
    }
  }

  #live(): Resource[] {
    const live: Resource[] = []
    let after: number | undefined = 0
    while (after !== undefined) {
      const page = this.#region.resources.ofType(SCHEDULE_TYPE, { after, limit: PAGE })
      live.push(...page.items.filter(fires))
      after = page.next
    }
    return live
  }

  #triggerOf(schedule: Resource): Trigger {
    const key = schedule.id.toLowerCase()
    const known = this.#triggers.get(key)
    if (known?.etag === schedule.etag) return known.trigger
    const { trigger: wanted } = schedule.body['properties'] as ScheduleProperties
    const trigger = triggerOf(wanted, Date.parse(schedule.createdAt))
    this.#triggers.set(key, { etag: schedule.etag, trigger })
    return trigger
  }

  /** A refused job is written down with its instant, so that the instant does not come back. */
  async #fireOrRecord(schedule: Resource, instant: number): Promise<void> {
    try {
      await this.fire(schedule, instant)
    } catch (failure) {
      const refusal = failure instanceof Error ? failure.message : String(failure)
      await this.#region.db.write(() => this.#mark(schedule, instant, { job: '', refusal }))
      this.#complain(`${schedule.id} at ${new Date(instant).toISOString()}: ${refusal}`)
    }
  }

  /** True where the instant was not fired before. */
  #mark(schedule: Resource, instant: number, what: { readonly job: string; readonly refusal?: string }): boolean {
    const { changes } = this.#region.db.run(
      'INSERT OR IGNORE INTO scheduleFirings (schedule, instant, job, refusal) VALUES (?, ?, ?, ?)',
      schedule.id,
      instant,
      what.job,
      what.refusal ?? null,
    )
    return changes > 0
  }

  #witness(schedule: Resource, { instant, id }: { readonly instant: number; readonly id: string }): void {
    const { activity, clock, name } = this.#region
    activity.add({
      at: clock.iso(),
      plane: 'jobs',
      operation: 'schedule_fired',
      method: 'FIRE',
      target: schedule.id,
      client: name,
      caller: 'schedule',
      status: 201,
      body: null,
      note: { subject: id, facts: { schedule: schedule.id, instant: new Date(instant).toISOString() } },
    })
  }

  #complain(failure: unknown): void {
    process.stderr.write(`emulator: schedules of ${this.#region.name}: ${failure}\n`)
  }
}

function fires(schedule: Resource): boolean {
  const { action, isEnabled, provisioningState } = schedule.body['properties'] as ScheduleProperties
  return isEnabled && provisioningState === 'Succeeded' && action.actionType.toLowerCase() === 'createjob'
}

/** One schedule and instant make one name, so that the same instant can never make two jobs. */
function jobIdOf(schedule: Resource, instant: number): string {
  const stamp = new Date(instant).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${schedule.parent}/jobs/${schedule.name}-${stamp}`
}
