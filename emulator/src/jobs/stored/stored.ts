import { lookup } from '../../lookup.ts'
import type { Workspace } from '../../ml/workspace-of.ts'
import type { Region } from '../../region.ts'
import type { StoredJob } from '../definition.ts'
import { fieldsOf, invalid, outputsOf, textOr, type Values, type Wanted } from '../fields.ts'
import type { Failure } from '../records.ts'

/** Types of jobs that are kept and read back and never run here, by the lower-case words of jobs and of pipeline steps. */
const STORED: Readonly<Record<string, StoredJob['jobType']>> = lookup({
  automl: 'AutoML',
  spark: 'Spark',
  finetuning: 'FineTuning',
  distillation: 'Distillation',
  labeling: 'Labeling',
  import: 'Import',
  data_transfer: 'DataTransfer',
  promptflow_parallel: 'FlowParallel',
})

/** What of each type says what it does, where it says so in one field. */
const NEEDS: Readonly<Partial<Record<StoredJob['jobType'], string>>> = {
  AutoML: 'taskDetails',
  Spark: 'entry',
  FineTuning: 'fineTuningDetails',
}

/** The type that a word of a job or of a step names; `undefined` where it is none that is only kept. */
export function storedType(word: unknown): StoredJob['jobType'] | undefined {
  return STORED[String(word).toLowerCase()]
}

/** A job that only is kept, as Azure shows it before it starts: all that was sent. */
export function storedOf(region: Region, wanted: Wanted, jobType: StoredJob['jobType']): StoredJob {
  const { name, sent } = wanted
  return { ...fieldsOf(region, wanted), jobType, outputs: outputsOf(name, sent['outputs']) }
}

/** Refuses a job that does not say what it does, or on a compute that is not there. */
export function checkStored(region: Region, workspace: Workspace, job: StoredJob): void {
  const need = NEEDS[job.jobType]
  if (need !== undefined && job[need] == null) throw invalid(`The field 'properties.${need}' is required.`)
  needTarget(region, workspace, job.computeId)
}

/** Refuses a compute that is not there; where none is named, Azure takes its own. */
export function needTarget(region: Region, workspace: Workspace, computeId: string | null | undefined): void {
  const plain = textOr(computeId, 'serverless').replace(/^azureml:/i, '')
  if (/(^|\/)serverless$/i.test(plain)) return
  const id = plain.startsWith('/') ? plain : `${workspace.id}/computes/${plain}`
  if (region.resources.get(id) === undefined) {
    throw invalid(`The compute target '${computeId}' was not found in the workspace '${workspace.name}'.`)
  }
}

/** Why such a job fails, which it does as soon as it is submitted. */
export function notRun({ jobType }: StoredJob): Failure {
  return {
    code: 'NotRunByEmulator',
    message: `The emulator keeps jobs of the type ${jobType} and does not run them: it runs commands, pipelines, sweeps and parallel steps.`,
  }
}

/** The properties of the job that a step of such a type becomes: its fields with names as ARM writes them. */
export function storedStep(fields: Values, jobType: StoredJob['jobType']): Values {
  const own = cameled(fields) as Values
  const { type: _type, componentId, displayName: _name, comment: _comment, ...rest } = own
  const details = jobType === 'AutoML' ? { taskDetails: { taskType: rest['task'], ...rest } } : rest
  return { ...details, jobType, componentId: componentId ?? null }
}

function cameled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cameled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camelWord(key), cameled(inner)]))
}

/** Names with dots are a user's own, as those of Spark's settings. */
function camelWord(name: string): string {
  return name.includes('.') ? name : name.replaceAll(/(?<=.)_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
