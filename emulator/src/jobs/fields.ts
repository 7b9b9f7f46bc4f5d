import type { Workspace } from '../ml/workspace-of.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { DEFAULT_OUTPUT, type JobFields, type JobInput, type JobOutput } from './definition.ts'
import { secondsOf } from './duration.ts'

export type Values = Readonly<Record<string, unknown>>

/** A job as it is asked for. */
export interface Wanted {
  readonly workspace: Workspace
  readonly name: string
  /** Properties of the PUT. */
  readonly sent: Values
}

/** Properties that say what became of a job; a job that is made after the picture of another starts without. */
const OF_A_COURSE = ['StartTimeUtc', 'EndTimeUtc', 'best_child_run_id', 'score', 'best_data_container_id']

/** What every job shows before it starts, whatever its type: what was sent, and its defaults. */
export function fieldsOf(region: Region, { workspace, name, sent }: Wanted): JobFields {
  return {
    ...sent,
    experimentName: textOr(sent['experimentName'], 'Default'),
    displayName: textOr(sent['displayName'], name),
    status: 'NotStarted',
    tags: textsOf(sent['tags']),
    properties: without(textsOf(sent['properties']), OF_A_COURSE),
    isArchived: sent['isArchived'] === true,
    inputs: named('input', sent['inputs']) as Readonly<Record<string, JobInput>>,
    services: { ...objectOr(sent['services']), ...servicesOf(region, workspace, name) },
  }
}

/** An input or output is a folder of the job on its node, by its name. */
const FOLDER = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,254}$/u

/** Inputs or outputs by their names, of which each may be that of a folder; what is null is none. */
function named(what: 'input' | 'output', sent: unknown): Values {
  const all = given(sent)
  const type = what === 'input' ? 'jobInputType' : 'jobOutputType'
  for (const [name, held] of Object.entries(all)) {
    if (!FOLDER.test(name)) {
      throw invalid(
        `The ${what} name ${JSON.stringify(name)} is not valid: letters, digits, '_', '-' and '.', a letter, a digit or '_' first.`,
      )
    }
    if (textOr(objectOr(held)[type], '') === '') {
      throw invalid(`The field 'properties.${what}s.${name}.${type}' is required.`)
    }
  }
  return all
}

/** Outputs as they are sent, by their names. */
export function namedOutputs(sent: unknown): Readonly<Record<string, JobOutput>> {
  return named('output', sent) as Readonly<Record<string, JobOutput>>
}

/** Refuses a limit of time that cannot be read: it would never be reached. */
export function checkDurations(limits: unknown, names: readonly string[]): void {
  for (const name of names) {
    const limit = objectOr(limits)[name]
    if (limit == null || secondsOf(limit) !== undefined) continue
    throw invalid(
      `The field 'properties.limits.${name}' is '${limit}': not a duration of days, hours, minutes and seconds.`,
    )
  }
}

/**
 * Outputs with the places where they go; `datastore` is where those go that name none.
 *
 * A place that names variables stays as it was written: {@link placeOf} tells where it is.
 */
export function outputsOf(job: string, sent: unknown, datastore = 'workspaceblobstore'): Record<string, JobOutput> {
  const outputs: Record<string, JobOutput> = {}
  for (const [name, output] of Object.entries(namedOutputs(sent))) {
    if (name === DEFAULT_OUTPUT) continue
    const folder = output.jobOutputType.toLowerCase() === 'uri_file' ? '' : '/'
    const uri = output.uri ?? `azureml://datastores/${datastore}/paths/azureml/${job}/${name}${folder}`
    outputs[name] = { ...output, uri, mode: output.mode ?? 'ReadWriteMount' }
  }
  return { ...outputs, ...artifactsOf(job) }
}

/** The output that every job has: its logs and artifacts. */
export function artifactsOf(job: string): Record<string, JobOutput> {
  return {
    [DEFAULT_OUTPUT]: {
      jobOutputType: 'uri_folder',
      uri: `azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.${job}`,
      mode: 'ReadWriteMount',
    },
  }
}

/** A job as far as its outputs go. */
interface Placing {
  readonly name: string
  readonly definition: { readonly outputs: Readonly<Record<string, JobOutput>>; readonly settings?: unknown }
}

/** URI of the place where an output of a job goes, with what its variables stand for; `undefined` where it has none. */
export function placeOf({ name: job, definition }: Placing, output: string): string | undefined {
  const variables: Readonly<Record<string, string>> = {
    name: job,
    output_name: output,
    default_datastore: datastoreOf(objectOr(definition.settings)),
  }
  const uri = definition.outputs[output]?.uri ?? undefined
  return uri?.replaceAll(/\$\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => variables[name] ?? whole)
}

/** Name of the datastore for outputs of a pipeline that name none. */
export function datastoreOf(settings: Values): string {
  return textOr(settings['default_datastore'], 'workspaceblobstore').split(/[/:]/).at(-1) ?? ''
}

function servicesOf(region: Region, workspace: Workspace, name: string): Values {
  const rest = { port: null, status: null, errorMessage: null, properties: null, nodes: null }
  const tracking = `azureml://${region.name}.api.azureml.ms/mlflow/v1.0${workspace.id}?`
  return {
    Tracking: { jobServiceType: 'Tracking', endpoint: tracking, ...rest },
    Studio: { jobServiceType: 'Studio', endpoint: `https://ml.azure.com/runs/${name}?wsid=${workspace.id}`, ...rest },
  }
}

export function invalid(message: string): Refusal {
  return new Refusal(400, 'UserError', message)
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise
}

export function textsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, text]) => [key, String(text ?? '')]))
}

/** The fields of an object that have a value. */
export function given(value: unknown): Values {
  return Object.fromEntries(Object.entries(objectOr(value)).filter(([, inner]) => inner != null))
}

/** The value where it is an object, and an empty one where not. */
export function objectOr(value: unknown): Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : {}
}

/** An object without some of its fields. */
export function without<T>(fields: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}
