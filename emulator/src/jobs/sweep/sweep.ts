import type { Workspace } from '../../ml/workspace-of.ts'
import type { Region } from '../../region.ts'
import { withoutLastSlashes } from '../../slashes.ts'
import { checkRunnable, needCommand } from '../command.ts'
import type { SweepJob } from '../definition.ts'
import {
  artifactsOf,
  checkDurations,
  fieldsOf,
  given,
  invalid,
  namedOutputs,
  objectOr,
  textOr,
  textsOf,
  type Values,
  type Wanted,
} from '../fields.ts'
import { draw, gridOf, type Point, parseSpace, seeded } from './space.ts'

const MOST_TRIALS = 1000
const MOST_AT_ONCE = 100

/** A sweep job as Azure shows it before it starts. */
export function sweepOf(region: Region, wanted: Wanted): SweepJob {
  const { name, sent } = wanted
  const trial = objectOr(sent['trial'])
  needCommand(trial, 'properties.trial')
  const objective = objectOr(sent['objective'])
  const { goal, primaryMetric } = objective
  if (typeof primaryMetric !== 'string') throw invalid("The field 'properties.objective.primaryMetric' is required.")
  if (!/^(maximize|minimize)$/i.test(String(goal))) {
    throw invalid(`The field 'properties.objective.goal' is '${goal}'; it is Maximize or Minimize.`)
  }
  const fields = fieldsOf(region, wanted)
  checkDurations(sent['limits'], ['timeout', 'trialTimeout'])
  const algorithm = objectOr(sent['samplingAlgorithm'])
  return {
    ...fields,
    jobType: 'Sweep',
    trial,
    searchSpace: objectOr(sent['searchSpace']),
    samplingAlgorithm: { ...algorithm, samplingAlgorithmType: textOr(algorithm['samplingAlgorithmType'], 'Random') },
    objective: { ...objective, goal: String(goal), primaryMetric },
    limits: objectOr(sent['limits']),
    outputs: { ...namedOutputs(sent['outputs']), ...artifactsOf(name) },
    properties: {
      runTemplate: 'HyperDrive',
      'azureml.runsource': 'hyperdrive',
      primary_metric_config: JSON.stringify({ name: primaryMetric, goal: String(goal).toLowerCase() }),
      ...fields.properties,
    },
  }
}

/** Refuses a sweep whose trials could never run, or which has nothing to draw. */
export function checkSweep(region: Region, workspace: Workspace, job: SweepJob): void {
  const { command, environmentId, codeId, resources } = job.trial
  checkRunnable(region, workspace, {
    command: String(command),
    environmentId: String(environmentId),
    codeId: typeof codeId === 'string' ? codeId : null,
    computeId: job.computeId ?? null,
    resources: objectOr(resources),
  })
  const space = parseSpace(job.searchSpace)
  if (isGrid(job)) gridOf(space)
}

/** How many trials a sweep has in all, and at once. */
export function countsOf(job: SweepJob): { readonly total: number; readonly atOnce: number } {
  const wanted = job.limits?.maxTotalTrials ?? MOST_TRIALS
  const total = isGrid(job) ? Math.min(wanted, gridOf(parseSpace(job.searchSpace)).length) : wanted
  return { total, atOnce: Math.max(1, job.limits?.maxConcurrentTrials ?? Math.min(total, MOST_AT_ONCE)) }
}

/**
 * The parameters of a trial, counted from 0. The same for the same sweep, whenever it is asked.
 *
 * Bayesian sampling draws at random here: a value per trial, without regard to the trials before.
 */
export function pointOf(name: string, job: SweepJob, trial: number): Point {
  const space = parseSpace(job.searchSpace)
  if (isGrid(job)) return gridOf(space)[trial] ?? {}
  return draw(space, seeded(`${job.samplingAlgorithm['seed'] ?? name}/${trial}`))
}

export function trialName(sweep: string, trial: number): string {
  return `${sweep}_${trial}`
}

/** The properties with which a trial is submitted. */
export function trialOf(sweep: string, job: SweepJob, trial: number): Values {
  const point = pointOf(sweep, job, trial)
  const parameters = JSON.stringify(point)
  const { limits } = job
  return {
    ...(swept(job.trial, point) as Values),
    jobType: 'Command',
    displayName: trialName(sweep, trial),
    experimentName: job.experimentName,
    parentJobName: sweep,
    computeId: job.computeId ?? null,
    inputs: swept(job.inputs, point),
    outputs: outputsOf(job, trialName(sweep, trial)),
    limits: limits?.trialTimeout == null ? null : { jobLimitsType: 'Command', timeout: limits.trialTimeout },
    tags: { ...textsOf(job['tags']), hyperparameters: parameters },
    properties: {
      'azureml.runsource': 'hyperdrive',
      'azureml.sweepid': sweep,
      'azureml.trial': String(trial),
    },
  }
}

/** A value with the parameters of a trial in the places of `${{search_space.name}}`. */
function swept(value: unknown, point: Point): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{\{\s*search_space\.([^\s}]+)\s*\}\}/g, (whole, name: string) =>
      name in point ? textOfValue(point[name]) : whole,
    )
  }
  if (Array.isArray(value)) return value.map((one) => swept(one, point))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, swept(inner, point)]))
}

function textOfValue(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Each trial has places of its own; only the best one's become assets, as outputs of the sweep. */
function outputsOf(job: SweepJob, trial: string): Record<string, unknown> {
  const outputs: Record<string, unknown> = {}
  for (const [name, output] of Object.entries(job.outputs)) {
    const { assetName: _name, assetVersion: _version, uri, ...rest } = output
    const own = typeof uri === 'string' ? `${withoutLastSlashes(uri)}/${trial}/` : undefined
    outputs[name] = given({ ...rest, uri: /\{\{\s*name\s*\}\}/.test(uri ?? '') ? uri : own })
  }
  return outputs
}

function isGrid(job: Pick<SweepJob, 'samplingAlgorithm'>): boolean {
  return String(job.samplingAlgorithm['samplingAlgorithmType']).toLowerCase() === 'grid'
}
