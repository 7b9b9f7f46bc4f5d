import { unescaped } from '../../unescaped.ts'

/** The parts of a path below `/subscriptions/{id}/resourceGroups/{name}/providers/{namespace}`. */
export interface ProviderPath {
  readonly subscription: string
  readonly resourceGroup: string
  /** For instance `Microsoft.Storage`. */
  readonly namespace: string
  /** Type of the top-level resource with its namespace, for instance `Microsoft.Storage/storageAccounts`. */
  readonly type: string
  /** Name of the top-level resource; `undefined` in the path of a collection. */
  readonly name: string | undefined
  /** Id of the top-level resource, or of the collection. */
  readonly id: string
  /** Segments below the top-level resource: child types, names, actions. */
  readonly below: readonly string[]
}

const PATTERN = /^\/+subscriptions\/+([^/]+)\/+resourcegroups\/+([^/]+)\/+providers\/+([^/]+)\/+(.+?)\/*$/i

/** Reads a resource path, or gives `undefined` where it is none. */
export function providerPath(path: string): ProviderPath | undefined {
  const match = PATTERN.exec(path)
  if (match === null) return undefined
  const [subscription = '', resourceGroup = '', namespace = ''] = match.slice(1, 4).map(unescaped)
  const segments = (match[4] ?? '').split('/').filter((segment) => segment !== '')
  const [type = '', name, ...below] = segments.map(unescaped)
  const group = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}`
  const id = `${group}/providers/${namespace}/${type}${name === undefined ? '' : `/${name}`}`
  return { subscription, resourceGroup, namespace, type: `${namespace}/${type}`, name, id, below }
}

/** A location in the form of URLs: `East US 2` is `eastus2`. */
export function locationName(location: string): string {
  return location.replaceAll(' ', '').toLowerCase()
}
