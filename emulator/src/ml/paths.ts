import { Refusal } from '../refusal.ts'

export const NAMESPACE = 'Microsoft.MachineLearningServices'
/** Route of a resource group's part of the namespace. */
export const GROUP = `/subscriptions/:s/resourceGroups/:g/providers/${NAMESPACE}`
/** Route of one workspace; what stands in it goes below. */
export const WORKSPACE = `${GROUP}/workspaces/:w`
/** Route of a region's part of the namespace. */
export const LOCATION = `/subscriptions/:s/providers/${NAMESPACE}/locations/:location`

type Params = Readonly<Record<string, string>>

/** ARM id of the workspace of a call. */
export function workspaceIdOf(params: Params): string {
  const { s = '', g = '', w = '' } = params
  return `/subscriptions/${nameOf(s)}/resourceGroups/${nameOf(g)}/providers/${NAMESPACE}/workspaces/${nameOf(w)}`
}

/** ARM id of a thing in the workspace of a call: `inWorkspace(params, 'computes', params.name)`. */
export function inWorkspace(params: Params, ...rest: readonly (string | undefined)[]): string {
  return within(workspaceIdOf(params), ...rest)
}

/** ARM id of a thing that stands below another. */
export function within(id: string, ...rest: readonly (string | undefined)[]): string {
  return [id, ...rest.map((segment) => nameOf(segment ?? ''))].join('/')
}

/** Type of a thing in a workspace: `typeOf('models', 'versions')`. */
export function typeOf(...kinds: readonly string[]): string {
  return [NAMESPACE, 'workspaces', ...kinds].join('/')
}

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.\-: ()]{0,259}$/u

/** A path segment that may stand in an id, or a 400: nothing that could be read as another path. */
function nameOf(segment: string): string {
  if (NAME.test(segment)) return segment
  throw new Refusal(400, 'InvalidResourceName', `The resource name '${segment}' is not valid.`)
}
