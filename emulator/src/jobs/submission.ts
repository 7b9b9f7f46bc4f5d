import { isDeepStrictEqual } from 'node:util'
import { type Workspace, workspaceOf } from '../ml/workspace-of.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { needCompute } from './compute.ts'
import { assetOf } from './data/locations.ts'
import { type CommandJob, DEFAULT_OUTPUT, type JobOutput } from './definition.ts'

type Values = Readonly<Record<string, unknown>>

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
]

/**
 * Stores a new job and its run, both not started. Only inside a write; hand the id to `Jobs.submitted` when that is on disk.
 *
 * Refuses what could never run: a job without command, on a compute or with code that is not there.
 */
export function store(region: Region, wanted: { id: string; sent: Values; by: string }): CommandJob {
  const { id, sent, by } = wanted
  const name = id.split('/').at(-1) ?? ''
  if (!NAME.test(name)) throw invalid(`The job name '${name}' is not valid.`)
  const workspace = workspaceOf(region, id.split('/').slice(0, -2).join('/'))
  const job = definitionOf(region, { workspace, name, sent })
  needCompute(region, workspace, job)
  needAssets(region, workspace, job)
  const experiment = region.runs.experiment(workspace.id, job.experimentName)
  region.runs.create(workspace.id, {
    id: name,
    experimentKey: experiment.key,
    name: job.displayName,
    status: 'NotStarted',
    user: by,
    tags: textsOf(job['tags']),
    properties: job.properties,
    details: {
      runType: 'azureml.scriptrun',
      target: targetOf(job),
      ...(typeof job['description'] === 'string' ? { description: job['description'] } : {}),
    },
  })
  region.resources.put(id, { properties: job }, by)
  return job
}

/** Stores what may change of a job that is there. It never starts again. Only inside a write. */
export function change(region: Region, wanted: { id: string; sent: Values; by: string }): void {
  const { id, sent, by } = wanted
  const found = region.resources.need(id)
  const held = found.body['properties'] as CommandJob
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
function definitionOf(region: Region, wanted: { workspace: Workspace; name: string; sent: Values }): CommandJob {
  const { workspace, name, sent } = wanted
  const { jobType, command, environmentId } = sent
  if (String(jobType).toLowerCase() !== 'command') throw notImplemented(`jobs_create_or_update with jobType ${jobType}`)
  if (typeof command !== 'string' || command.trim() === '') throw invalid("The field 'properties.command' is required.")
  if (typeof environmentId !== 'string') throw invalid("The field 'properties.environmentId' is required.")
  return {
    ...sent,
    jobType: 'Command',
    command,
    environmentId,
    experimentName: textOr(sent['experimentName'], 'Default'),
    displayName: textOr(sent['displayName'], name),
    status: 'NotStarted',
    tags: textsOf(sent['tags']),
    properties: { ...textsOf(sent['properties']), '_azureml.ComputeTargetType': 'amlcompute' },
    isArchived: sent['isArchived'] === true,
    inputs: (sent['inputs'] ?? {}) as NonNullable<CommandJob['inputs']>,
    outputs: outputsOf(name, sent['outputs']),
    environmentVariables: textsOf(sent['environmentVariables']),
    resources: { instanceCount: 1, ...without(sent['resources']) },
    services: servicesOf(region, workspace, name),
  }
}

function outputsOf(job: string, sent: unknown): Record<string, JobOutput> {
  const outputs: Record<string, JobOutput> = {}
  for (const [name, output] of Object.entries((sent ?? {}) as Record<string, JobOutput>)) {
    if (name === DEFAULT_OUTPUT) continue
    const folder = output.jobOutputType.toLowerCase() === 'uri_file' ? '' : '/'
    const uri = output.uri ?? `azureml://datastores/workspaceblobstore/paths/azureml/${job}/${name}${folder}`
    outputs[name] = { ...output, uri: templated(uri, job, name), mode: output.mode ?? 'ReadWriteMount' }
  }
  outputs[DEFAULT_OUTPUT] = {
    jobOutputType: 'uri_folder',
    uri: `azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.${job}`,
    mode: 'ReadWriteMount',
  }
  return outputs
}

/** Variables that a path of an output may hold. */
function templated(uri: string, job: string, output: string): string {
  return uri
    .replaceAll(/\$\{\{\s*name\s*\}\}/g, job)
    .replaceAll(/\$\{\{\s*output_name\s*\}\}/g, output)
    .replaceAll(/\$\{\{\s*default_datastore\s*\}\}/g, 'workspaceblobstore')
}

function servicesOf(region: Region, workspace: Workspace, name: string): Values {
  const rest = { port: null, status: null, errorMessage: null, properties: null, nodes: null }
  const tracking = `azureml://${region.name}.api.azureml.ms/mlflow/v1.0${workspace.id}?`
  return {
    Tracking: { jobServiceType: 'Tracking', endpoint: tracking, ...rest },
    Studio: { jobServiceType: 'Studio', endpoint: `https://ml.azure.com/runs/${name}?wsid=${workspace.id}`, ...rest },
  }
}

/** Code and environment must be there, unless they are the vendor's own or a registry's. */
function needAssets(region: Region, workspace: Workspace, job: CommandJob): void {
  for (const [field, reference] of [
    ['codeId', job.codeId],
    ['environmentId', job.environmentId],
  ] as const) {
    if (reference == null || /^azureml:\/\/registries\/|\/environments\/AzureML-|\/labels\//i.test(reference)) continue
    const id = assetOf(region, workspace, reference) ?? named(workspace, field, reference)
    if (id !== undefined && region.resources.get(id) === undefined) {
      throw invalid(`The field 'properties.${field}' refers to '${reference}', which was not found.`)
    }
  }
}

function named(workspace: Workspace, field: string, reference: string): string | undefined {
  const found = /^azureml:([^/:@]+):([^/:@]+)$/i.exec(reference)
  const kind = field === 'codeId' ? 'codes' : 'environments'
  return found === null ? undefined : `${workspace.id}/${kind}/${found[1]}/versions/${found[2]}`
}

function targetOf(job: CommandJob): string {
  return job.computeId?.split('/').at(-1) ?? 'serverless'
}

function same(held: Values, next: Values, field: string): boolean {
  const [a, b] = [held[field], next[field]]
  if (typeof a === 'string' && typeof b === 'string' && a.startsWith('/')) return a.toLowerCase() === b.toLowerCase()
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

function invalid(message: string): Refusal {
  return new Refusal(400, 'UserError', message)
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise
}

function textsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, text]) => [key, String(text ?? '')]))
}

function without(value: unknown): Values {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, inner]) => inner != null))
}
