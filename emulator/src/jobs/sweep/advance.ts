import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import { isTerminal, type JobOutput, type Status, type SweepJob } from '../definition.ts'
import { secondsOf } from '../duration.ts'
import { placeOf } from '../fields.ts'
import { registerOutputs } from '../lineage.ts'
import type { Advance, Failure, Job, Records } from '../records.ts'
import { store } from '../submission.ts'
import { hopeless } from './policy.ts'
import { countsOf, trialName, trialOf } from './sweep.ts'

interface Trial {
  readonly id: string
  readonly name: string
  readonly status: Status
  /** What it reported of the primary metric, oldest first. */
  readonly values: readonly number[]
  readonly outputs: Readonly<Record<string, JobOutput>>
}

/** Trials that have just been made, and why the next one cannot be. */
interface More {
  readonly made: readonly string[]
  readonly broken?: Failure
}

const NONE: More = { made: [] }

interface Scene {
  readonly region: Region
  readonly records: Records
  readonly sweep: Job<SweepJob>
  readonly trials: readonly Trial[]
}

/**
 * Brings a sweep forward: trials up to its limits, the end of hopeless ones, the best so far, its own end.
 *
 * Only inside a write. It may be called at any time and any number of times: everything is read from the store.
 */
export function advanceSweep(region: Region, records: Records, sweep: Job<SweepJob>): Advance {
  const trials = trialsOf(region, sweep)
  const scene = { region, records, sweep, trials }
  const open = trials.filter(({ status }) => !isTerminal(status))
  const late = isLate(region, sweep)
  note(scene)
  const { made, broken } = late ? NONE : startMore(scene, open.length)
  if (made.length === 0 && open.length === 0) end(scene, late ? timeout(sweep) : broken)
  const stop = late || broken !== undefined ? open : open.filter(({ name }) => judged(scene).includes(name))
  return { made, stop: stop.filter(({ status }) => status !== 'CancelRequested').map(({ id }) => id) }
}

/** The trials of a sweep that there are so far, in order. */
export function trialsOf(region: Region, sweep: Job<SweepJob>): Trial[] {
  const trials: Trial[] = []
  for (;;) {
    const name = trialName(sweep.name, trials.length)
    const found = region.resources.get(`${sweep.workspace.id}/jobs/${name}`)
    const properties = found?.body['properties'] as Readonly<Record<string, unknown>> | undefined
    if (found === undefined || properties === undefined || properties['parentJobName'] !== sweep.name) return trials
    const run = region.runs.get(sweep.workspace.id, name)
    const { primaryMetric } = sweep.definition.objective
    const points = run === undefined ? [] : region.runs.metrics.byStep(run.key, primaryMetric)
    trials.push({
      id: found.id,
      name,
      status: properties['status'] as Status,
      values: points.map(({ value }) => value).filter((value) => !Number.isNaN(value)),
      outputs: properties['outputs'] as Trial['outputs'],
    })
  }
}

/** Makes the trials that there is room for. Past one that cannot be made a sweep never comes: it is to end. */
function startMore(scene: Scene, open: number): More {
  const { sweep, trials } = scene
  const made: string[] = []
  try {
    const { total, atOnce } = countsOf(sweep.definition)
    const room = Math.min(total - trials.length, atOnce - open)
    while (made.length < room) made.push(start(scene, trials.length + made.length))
    return { made }
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown
    return { made, broken: { code: 'UserError', message: thrown.message } }
  }
}

function start({ region, sweep }: Scene, n: number): string {
  const id = `${sweep.workspace.id}/jobs/${trialName(sweep.name, n)}`
  const sent = trialOf(sweep.name, sweep.definition, n)
  store(region, { id, sent, by: region.resources.need(sweep.id).createdBy, checked: true })
  return id
}

function judged({ sweep, trials }: Scene): string[] {
  const { earlyTermination: policy } = sweep.definition
  if (policy == null) return []
  const reports = trials.map(({ name, values, status }) => ({ trial: name, values, open: status === 'Running' }))
  return hopeless(reports, { policy, maximize: isMaximized(sweep) })
}

/** Writes down which trial is the best so far, where that has changed. */
function note(scene: Scene): void {
  const { records, sweep } = scene
  const best = bestOf(scene)
  if (best === undefined || sweep.definition.properties['best_child_run_id'] === best.name) return
  records.noteNow(sweep.id, {
    properties: {
      best_child_run_id: best.name,
      score: String(scoreOf(sweep, best)),
      best_metric_status: 'Succeeded',
      best_data_container_id: `dcid.${best.name}`,
    },
  })
}

/** Ends a sweep of which nothing runs any more; `failure` is why it may not go on. */
function end(scene: Scene, failure: Failure | undefined): void {
  const { region, records, sweep, trials } = scene
  const completed = trials.some(({ status }) => status === 'Completed')
  if (failure !== undefined) {
    const status = failure.code === 'JobTimeout' ? 'Canceled' : 'Failed'
    return void records.moveNow(sweep.id, ['NotStarted', 'Running'], status, failure)
  }
  if (completed) {
    records.noteNow(sweep.id, { outputs: outputsOf(scene) })
    registerOutputs(region, records.get(sweep.id) ?? sweep)
    return void records.moveNow(sweep.id, ['NotStarted', 'Running'], 'Completed')
  }
  const message = `None of the ${trials.length} trials of the sweep has completed.`
  records.moveNow(sweep.id, ['NotStarted', 'Running'], 'Failed', { code: 'UserError', message })
}

/** The outputs of a sweep are those of its best trial; of its first completed one, where none reported the metric. */
function outputsOf(scene: Scene): Record<string, JobOutput> {
  const { sweep, trials } = scene
  const source = bestOf(scene) ?? trials.find(({ status }) => status === 'Completed')
  const outputs: Record<string, JobOutput> = {}
  for (const [name, held] of Object.entries(sweep.definition.outputs)) {
    const uri = source && placeOf({ name: source.name, definition: source }, name)
    if (name !== 'default' && uri !== undefined) outputs[name] = { ...held, uri }
  }
  return outputs
}

/** The best of the trials that have completed and reported the primary metric. */
function bestOf({ sweep, trials }: Scene): Trial | undefined {
  const sign = isMaximized(sweep) ? 1 : -1
  return trials
    .filter(({ status, values }) => status === 'Completed' && values.length > 0)
    .toSorted((a, b) => sign * (scoreOf(sweep, b) - scoreOf(sweep, a)))[0]
}

function scoreOf(sweep: Job<SweepJob>, { values }: Trial): number {
  return isMaximized(sweep) ? Math.max(...values) : Math.min(...values)
}

function isMaximized(sweep: Job<SweepJob>): boolean {
  return sweep.definition.objective.goal.toLowerCase() === 'maximize'
}

function isLate(region: Region, { definition }: Job<SweepJob>): boolean {
  const seconds = secondsOf(definition.limits?.timeout)
  const started = Date.parse(definition.properties['StartTimeUtc'] ?? '')
  return seconds !== undefined && region.clock.now() > started + seconds * 1000
}

function timeout(sweep: Job<SweepJob>): Failure {
  const message = `The sweep ran longer than its limit of ${sweep.definition.limits?.timeout}.`
  return { code: 'JobTimeout', message }
}
