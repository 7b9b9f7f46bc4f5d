import { registryAsset } from '../../ml/registries/references.ts'
import type { Workspace } from '../../ml/workspace-of.ts'
import type { Region } from '../../region.ts'
import { withoutOuterSlashes } from '../../slashes.ts'
import type { AnyJob } from '../definition.ts'
import { placeOf } from '../fields.ts'
import type { Location } from './folder.ts'

/** Why something that a job names cannot be found or reached. The message is for the job's owner. */
export class Unresolved extends Error {
  override readonly name = 'Unresolved'
}

/** Where a URI points to that a job may name: a datastore path, an asset, another job's output, a blob's address. */
export function locate(region: Region, workspace: Workspace, uri: string): Location {
  const kept = /^azureml:\/\/registries\//i.test(uri) ? registryAsset(region, uri) : undefined
  if (kept !== undefined) return ofProperties(region, workspace, { properties: kept, uri })
  const asset = isElsewhere(uri, workspace) ? undefined : assetOf(region, workspace, uri)
  if (asset !== undefined) return ofAsset(region, workspace, { id: asset, uri })
  const path = uri.replace(/^azureml:\/\/(?=datastores|jobs)/i, `azureml:/${workspace.id}/`)
  const onDatastore = /^azureml:\/\/?(?:.*\/)?workspaces\/[^/]+\/datastores\/([^/]+)\/?(?:paths\/)?(.*)$/i.exec(path)
  if (isElsewhere(path, workspace)) throw new Unresolved(`The path '${uri}' is of another workspace.`)
  if (onDatastore !== null) return onStore(region, workspace, [onDatastore[1] ?? '', onDatastore[2] ?? ''])
  const ofJob = /^azureml:\/\/?(?:.*\/)?workspaces\/[^/]+\/jobs\/([^/]+)\/outputs\/([^/]+)\/?(?:paths\/)?(.*)$/i.exec(
    path,
  )
  if (ofJob !== null) return ofOutput(region, workspace, ofJob.slice(1))
  const ofRun = /^runs:\/+([^/]+)\/?(.*)$/i.exec(uri)
  if (ofRun !== null) return artifacts(workspace, ofRun[1] ?? '', ofRun[2] ?? '')
  const blob = /^(?:https|wasbs|abfss):\/\//i.test(uri) ? addressed(uri) : undefined
  if (blob !== undefined) return blob
  if (/^azureml:[^/]/i.test(uri)) throw new Unresolved(`The asset '${uri}' was not found.`)
  throw new Unresolved(`The path '${uri}' is of a form that the emulator does not read.`)
}

/** True for a URI that names a workspace, by its name or its GUID, which is not this one. */
function isElsewhere(uri: string, { name, workspaceId }: Workspace): boolean {
  const named = /^azureml:\/\/?(?:subscriptions|locations)\/.*?\/workspaces\/([^/]+)/i.exec(uri)?.[1]?.toLowerCase()
  return named !== undefined && named !== name.toLowerCase() && named !== workspaceId.toLowerCase()
}

/** ARM id of the asset version that a text names, or `undefined` where it names none. */
export function assetOf(region: Region, workspace: Workspace, text: string): string | undefined {
  const plain = text.replace(/^azureml:(?=\/(?!\/)|[^/])/i, '')
  if (/^\/subscriptions\/.*\/versions\/[^/]+$/i.test(plain)) return plain
  const long = /^azureml:\/\/locations\/[^/]+\/workspaces\/([^/]+)\/([a-z]+)\/([^/]+)\/versions\/([^/]+)$/i.exec(text)
  if (long !== null) return `${workspace.id}/${long[2]}/${long[3]}/versions/${long[4]}`
  const inWorkspace = /^azureml:\/\/(subscriptions\/.*)\/versions\/([^/]+)$/i.exec(text)
  if (inWorkspace !== null) return withProvider(`/${inWorkspace[1]}/versions/${inWorkspace[2]}`)
  const short = /^azureml:([^/:@]+)(?::([^/:@]+)|@latest)$/i.exec(text)
  if (short === null) return undefined
  for (const kind of ['data', 'models']) {
    const container = `${workspace.id}/${kind}/${short[1]}`
    const type = `Microsoft.MachineLearningServices/workspaces/${kind}/versions`
    const version = short[2] ?? region.resources.list(container, type, { limit: 1, newestFirst: true }).items[0]?.name
    if (version !== undefined && region.resources.get(`${container}/versions/${version}`) !== undefined) {
      return `${container}/versions/${version}`
    }
  }
  return undefined
}

/** Long URIs of assets leave the provider out; ids of ARM have it. */
function withProvider(path: string): string {
  return /\/providers\//i.test(path)
    ? path
    : path.replace(/\/workspaces\//i, '/providers/Microsoft.MachineLearningServices/workspaces/')
}

function ofAsset(region: Region, workspace: Workspace, { id, uri }: { id: string; uri: string }): Location {
  if (!isOfWorkspace(id, workspace)) throw new Unresolved(`The asset '${uri}' is of another workspace.`)
  const properties = region.resources.get(id)?.body['properties'] as Readonly<Record<string, unknown>> | undefined
  if (properties === undefined) throw new Unresolved(`The asset '${uri}' was not found.`)
  return ofProperties(region, workspace, { properties, uri })
}

function ofProperties(
  region: Region,
  workspace: Workspace,
  { properties, uri }: { properties: Readonly<Record<string, unknown>>; uri: string },
): Location {
  const target = properties['dataUri'] ?? properties['modelUri'] ?? properties['codeUri']
  if (typeof target !== 'string' || assetOf(region, workspace, target) !== undefined) {
    throw new Unresolved(`The asset '${uri}' does not say where its files are.`)
  }
  return locate(region, workspace, target)
}

/** True for the ARM id of something in the workspace. What is in another one is reached by nobody in this one. */
export function isOfWorkspace(id: string, workspace: Pick<Workspace, 'id'>): boolean {
  return id.toLowerCase().startsWith(`${workspace.id.toLowerCase()}/`)
}

function onStore(region: Region, workspace: Workspace, [name, path]: readonly [string, string]): Location {
  const found = region.resources.get(`${workspace.id}/datastores/${name}`)
  if (found === undefined) throw new Unresolved(`The datastore '${name}' was not found.`)
  const properties = found.body['properties'] as Readonly<Record<string, unknown>>
  const { datastoreType, accountName, containerName } = properties
  if (datastoreType !== 'AzureBlob') {
    throw new Unresolved(
      `The datastore '${name}' is of the type ${datastoreType}, which jobs of the emulator cannot read.`,
    )
  }
  return { account: String(accountName), container: String(containerName), path: withoutOuterSlashes(decoded(path)) }
}

function ofOutput(
  region: Region,
  workspace: Workspace,
  [job = '', output = '', below = '']: readonly string[],
): Location {
  if (output === 'artifacts') return artifacts(workspace, job, below)
  const held = region.resources.get(`${workspace.id}/jobs/${job}`)
  const uri = held && placeOf({ name: held.name, definition: held.body['properties'] as AnyJob }, output)
  if (uri === undefined) throw new Unresolved(`The job '${job}' has no output '${output}'.`)
  const location = locate(region, workspace, uri)
  return { ...location, path: withoutOuterSlashes(`${location.path}/${below}`) }
}

function artifacts(workspace: Workspace, run: string, below: string): Location {
  const path = withoutOuterSlashes(`ExperimentRun/dcid.${run}/${decoded(below)}`)
  return { account: workspace.storageAccount, container: workspace.artifactContainer, path }
}

function addressed(uri: string): Location | undefined {
  const url = new URL(uri)
  const host = /^([a-z0-9]+)\.(blob|dfs)\.core\.windows\.net$/.exec(url.hostname)
  if (host === null) return undefined
  const path = decoded(url.pathname).slice(1)
  if (url.username !== '') return { account: host[1] ?? '', container: url.username, path: withoutOuterSlashes(path) }
  const slash = path.indexOf('/')
  const container = slash < 0 ? path : path.slice(0, slash)
  return { account: host[1] ?? '', container, path: slash < 0 ? '' : withoutOuterSlashes(path.slice(slash + 1)) }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
