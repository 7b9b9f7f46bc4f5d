import { isDeepStrictEqual } from 'node:util'
import { refuseLeaving } from '../ml/leaving.ts'
import { type Workspace, workspaceOf } from '../ml/workspace-of.ts'
import { notImplemented, type Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { checkRunnable, commandOf } from './command.ts'
import type { AnyJob } from './definition.ts'
import { invalid, textsOf, type Values, type Wanted } from './fields.ts'
import { checkPipeline, pipelineOf } from './graph/pipeline.ts'
import { assetsRead } from './lineage.ts'
import { checkStored, storedOf, storedType } from './stored/stored.ts'
import { checkSweep, sweepOf } from './sweep/sweep.ts'

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$/

/** What decides how a job runs. None of it may change once the job is there. */
const FIXED = [
  'jobType',
  'command',
  'codeId',
  'environmentId',
  'computeId',
  'inputs',
  'outputs',
  'environmentVariables',
  'resources',
  'limits',
  'distribution',
  'experimentName',
  'parentJobName',
  'jobs',
  'settings',
  'trial',
  'searchSpace',
  'samplingAlgorithm',
  'objective',
  'earlyTermination',
  'taskDetails',
  'entry',
  'conf',
  'args',
  'files',
  'jars',
  'pyFiles',
  'archives',
  'fineTuningDetails',
]

/** Words of run history for what a run is. */
const RUN_TYPES: Readonly<Record<AnyJob['jobType'], string>> = {
  Command: 'azureml.scriptrun',
  Pipeline: 'azureml.PipelineRun',
  Sweep: 'azureml.sweep',
  AutoML: 'automl',
  Spark: 'azureml.spark',
  FineTuning: 'azureml.finetuning',
  Distillation: 'azureml.distillation',
  Labeling: 'labeling',
  Import: 'azureml.import',
  DataTransfer: 'azureml.datatransfer',
  FlowParallel: 'azureml.promptflow',
}

/** A job to be stored. */
export interface Submission {
  /** ARM id. */
  readonly id: string
  readonly sent: Values
  readonly by: string
  /** True for the step of a pipeline and the trial of a sweep: what it needs was looked for when its parent came. */
  readonly checked?: boolean
}

/**
 * Stores a new job and its run, both not started. Only inside a write; hand the id to `Jobs.submitted` when that is on disk.
 *
 * Refuses what could never run: a job without command, on a compute or with code that is not there.
 */
export function store(region: Region, { id, sent, by, checked = false }: Submission): AnyJob {
  const name = id.split('/').at(-1) ?? ''
  if (!NAME.test(name)) throw invalid(`The job name '${name}' is not valid.`)
  const workspace = workspaceOf(region, id.split('/').slice(0, -2).join('/'))
  refuseLeaving(region.resources.get(workspace.id), 'workspace')
  const job = definitionOf(region, { workspace, name, sent })
  if (!checked) check(region, workspace, job)
  const experiment = region.runs.experiment(workspace.id, job.experimentName)
  region.runs.create(workspace.id, {
    id: name,
    experimentKey: experiment.key,
    name: job.displayName,
    status: 'NotStarted',
    user: by,
    tags: textsOf(job['tags']),
    properties: job.properties,
    ...(typeof job.parentJobName === 'string' ? { parent: job.parentJobName } : {}),
    details: {
      runType: RUN_TYPES[job.jobType],
      target: targetOf(job),
      inputs: assetsRead(region, workspace, job),
      ...(typeof job['description'] === 'string' ? { description: job['description'] } : {}),
    },
  })
  region.resources.put(id, { properties: job }, by)
  return job
}

/** Stores what may change of a job that is there. It never starts again. Only inside a write. */
export function change(region: Region, { id, sent, by }: Submission): void {
  const found = region.resources.need(id)
  const held = found.body['properties'] as AnyJob
  const workspace = workspaceOf(region, found.parent)
  const next = definitionOf(region, { workspace, name: found.name, sent })
  const changed = FIXED.filter((field) => !same(held, next, field))
  if (changed.length > 0) throw fixed(changed)
  const tags = { ...textsOf(held['tags']), ...textsOf(sent['tags']) }
  const properties = { ...textsOf(sent['properties']), ...held.properties }
  const description = sent['description'] ?? held['description'] ?? null
  const displayName = typeof sent['displayName'] === 'string' ? sent['displayName'] : held.displayName
  const isArchived = sent['isArchived'] ?? held['isArchived']
  region.resources.put(
    id,
    { ...found.body, properties: { ...held, tags, properties, description, displayName, isArchived } },
    by,
  )
  region.runs.update(workspace.id, found.name, {
    ...(displayName === held.displayName ? {} : { name: displayName }),
    tags,
    properties,
    ...(typeof description === 'string' ? { details: { description } } : {}),
  })
}

/** The job as Azure shows it before it starts: what was sent, and its defaults. */
function definitionOf(region: Region, wanted: Wanted): AnyJob {
  const { jobType } = wanted.sent
  switch (String(jobType).toLowerCase()) {
    case 'command':
      return commandOf(region, wanted)
    case 'pipeline':
      return pipelineOf(region, wanted)
    case 'sweep':
      return sweepOf(region, wanted)
    default:
      return keptOf(region, wanted)
  }
}

function keptOf(region: Region, wanted: Wanted): AnyJob {
  const { jobType } = wanted.sent
  const type = storedType(jobType)
  if (type === undefined) throw notImplemented(`jobs_create_or_update with jobType ${jobType}`)
  return storedOf(region, wanted, type)
}

function check(region: Region, workspace: Workspace, job: AnyJob): void {
  switch (job.jobType) {
    case 'Command':
      checkRunnable(region, workspace, job)
      break
    case 'Pipeline':
      checkPipeline(region, workspace, job)
      break
    case 'Sweep':
      checkSweep(region, workspace, job)
      break
    default:
      checkStored(region, workspace, job)
  }
}

function targetOf(job: AnyJob): string {
  return job.computeId?.split('/').at(-1) ?? (job.jobType === 'Pipeline' ? '' : 'serverless')
}

function same(held: AnyJob, next: AnyJob, field: string): boolean {
  const [a, b] = [held[field], next[field]]
  if (typeof a === 'string' && typeof b === 'string' && a.startsWith('/')) return a.toLowerCase() === b.toLowerCase()
  // Where the outputs of a graph are may depend on what has run.
  if (field === 'outputs' && held.jobType !== 'Command')
    return isDeepStrictEqual(Object.keys(held.outputs).sort(), Object.keys(next.outputs).sort())
  return isDeepStrictEqual(bare(a), bare(b))
}

/** A value without what is null or empty: clients send such fields or leave them out, as they like. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, bare(inner)] as const)
    .filter(([, inner]) => inner !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** In the service's words, as users report them (azure-sdk-for-python#47389, azure-docs#122250). */
function fixed(fields: readonly string[]): Refusal {
  const names = fields.map((field) => `${field.charAt(0).toUpperCase()}${field.slice(1)}`).join(', ')
  return invalid(
    'A job with this name already exists. If you are trying to create a new job, use a different name. ' +
      `If you are trying to update an existing job, the existing job's ${names} cannot be changed. ` +
      'Only description, tags, displayName, properties, and isArchived can be updated.',
  )
}
