import { lookup } from '../lookup.ts'
import { ensureAssetContainer } from '../ml/assets.ts'
import type { Workspace } from '../ml/workspace-of.ts'
import type { Region } from '../region.ts'
import { assetOf, isOfWorkspace } from './data/locations.ts'
import { type AnyJob, DEFAULT_OUTPUT, type JobOutput } from './definition.ts'
import { placeOf } from './fields.ts'
import type { Job } from './records.ts'

const MODELS = new Set(['custom_model', 'mlflow_model', 'triton_model'])
/**
 * Run history has its own words for types; clients look for these.
 *
 * Those for models (`CustomModel`, …) are left out: azure-ai-ml 1.34.0 breaks off when it meets one, because
 * `BatchGetResolvedUrisDto` of its model data plane takes no `values`. Without them it finds the files by path.
 */
const HISTORY_TYPES: Readonly<Record<string, string>> = lookup({
  uri_file: 'UriFile',
  uri_folder: 'UriFolder',
  mltable: 'MLTable',
})

/** An asset as run history names it in what a run has read or made. */
interface AssetReference {
  readonly assetId: string
  readonly type: string
}

/** The assets that a job reads, by the names of its inputs. What names a path or a value, or is of another workspace, is none. */
export function assetsRead(region: Region, workspace: Workspace, { inputs }: AnyJob): Record<string, AssetReference> {
  const read = Object.entries(inputs ?? {}).flatMap(([input, { uri, jobInputType }]) => {
    const id = typeof uri === 'string' ? assetOf(region, workspace, uri) : undefined
    if (id === undefined || !isOfWorkspace(id, workspace)) return []
    return [[input, referenceTo(region, workspace, { id, type: jobInputType.toLowerCase() })] as const]
  })
  return Object.fromEntries(read)
}

function referenceTo(
  region: Region,
  workspace: Workspace,
  { id, type }: { readonly id: string; readonly type: string },
): AssetReference {
  const place = `azureml://locations/${region.name}/workspaces/${workspace.workspaceId}`
  return { assetId: `${place}/${id.slice(workspace.id.length + 1)}`, type: HISTORY_TYPES[type] ?? type }
}

/**
 * Registers every named output of a job that has completed as an asset, and tells its run.
 *
 * An output without a name for its asset gets one made of the job's name, as Azure does; clients
 * find the files of an output by the asset in the run. Only inside a write.
 */
export function registerOutputs(region: Region, job: Job): void {
  const { workspace, definition, name } = job
  const assets: Record<string, AssetReference> = {}
  for (const [output, described] of Object.entries(definition.outputs)) {
    if (output === DEFAULT_OUTPUT) continue
    const type = described.jobOutputType.toLowerCase()
    const kind = MODELS.has(type) ? 'models' : 'data'
    const made = `azureml_${name}_output_${kind === 'models' ? 'model' : 'data'}_${output}`
    const container = `${workspace.id}/${kind}/${described.assetName ?? made}`
    const version = described.assetVersion ?? nextVersion(region, container, kind)
    const id = `${container}/versions/${version}`
    if (region.resources.get(id) === undefined && region.resources.buried(id) === undefined) {
      register(region, { id, kind, job, output, described })
    }
    assets[output] = referenceTo(region, workspace, { id, type })
  }
  region.runs.update(workspace.id, name, { details: { outputs: assets } })
}

function nextVersion(region: Region, container: string, kind: string): string {
  const type = `Microsoft.MachineLearningServices/workspaces/${kind}/versions`
  return String(region.resources.highest(container, type) + 1)
}

function register(
  region: Region,
  wanted: {
    readonly id: string
    readonly kind: string
    readonly job: Job
    readonly output: string
    readonly described: JobOutput
  },
): void {
  const { id, kind, job, output, described } = wanted
  const uri = longUri(job.workspace, String(placeOf(job, output)))
  const common = {
    description: described.description ?? null,
    tags: {},
    properties: {},
    isAnonymous: false,
    isArchived: false,
    provisioningState: 'Succeeded',
  }
  const type = described.jobOutputType
  const properties =
    kind === 'models'
      ? { ...common, modelType: type, modelUri: uri, jobName: job.name, flavors: {} }
      : { ...common, dataType: type, dataUri: uri }
  const by = region.resources.need(job.id).createdBy
  ensureAssetContainer(region, kind, { id, sent: properties, by })
  region.resources.put(id, { properties }, by)
}

/** Assets name their files by URIs that hold outside their workspace, too. */
function longUri(workspace: Workspace, uri: string): string {
  const [, , subscription = '', , group = ''] = workspace.id.split('/')
  const place = `azureml://subscriptions/${subscription}/resourcegroups/${group}/workspaces/${workspace.name}`
  return uri.replace(/^azureml:\/\/(?=datastores\/)/i, `${place}/`)
}
