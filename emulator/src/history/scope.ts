import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'

const SCOPE =
  /^\/+([\w-]+\/v[\d.]+)(\/+subscriptions\/[^/]+\/+resourceGroups\/[^/]+\/+providers\/+Microsoft\.MachineLearningServices\/+workspaces\/([^/]+))(\/.*)?$/i

/** A call to one of a workspace's data planes: `/{service}/{version}/{ARM id of the workspace}{rest}`. */
export interface Scoped {
  /** ARM id as the client wrote it. */
  readonly workspace: string
  /** Name of the workspace as the client wrote it. */
  readonly name: string
  /** What follows the workspace, percent-encoded, starting with a slash. */
  readonly rest: string
}

/** True for the host names under which the data planes of a region's workspaces are reached. */
export function isDataPlane(region: Region, host: string): boolean {
  return host === `${region.name}.api.azureml.ms` || host === `${region.name}.experiments.azureml.net`
}

/** Splits the path of a call. Refuses a path without a workspace, and a workspace that is not in this region. */
export function scopeOf(region: Region, call: Call): Scoped {
  const found = SCOPE.exec(call.path)
  if (found === null) throw new Refusal(404, 'NotFound', `Nothing answers ${call.method} ${call.path} here.`)
  const workspace = decoded((found[2] ?? '').replace(/\/{2,}/g, '/'))
  if (region.resources.get(workspace) === undefined) {
    throw new Refusal(404, 'WorkspaceNotFound', `The workspace '${workspace}' was not found in ${region.name}.`)
  }
  return { workspace, name: decoded(found[3] ?? ''), rest: (found[4] ?? '/').replace(/\/{2,}/g, '/') }
}

/** Subject of a run's line in the activity log. */
export function subjectOf(scope: { readonly name: string }, run: string): string {
  return `run/${scope.name}/${run}`
}

/** A part of a path without its percent-encoding. Refuses one that is not well encoded. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal(400, 'BadRequest', `The path holds '${text}', which is not percent-encoded UTF-8.`)
  }
}
