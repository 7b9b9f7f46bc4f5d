import type { Region } from '../region.ts'
import { NAMESPACE, WORKSPACE, within, workspaceIdOf } from './paths.ts'
import { workspaceOf } from './workspace-of.ts'

type Params = Readonly<Record<string, string>>

/** Where assets stand: a workspace or a registry. */
export interface AssetScope {
  /** Route of the place itself. */
  readonly path: string
  /** Stands before the vendor's operation names of assets. */
  readonly operation: string
  /** Type of the place without its namespace. */
  readonly segment: 'workspaces' | 'registries'
  /** ARM id of the place of a call, or Azure's 404. */
  idOf(region: Region, params: Params): string
  /** True where a PUT begins an operation that the client waits for. */
  readonly begins: boolean
}

export const WORKSPACE_ASSETS: AssetScope = {
  path: WORKSPACE,
  operation: '',
  segment: 'workspaces',
  idOf: (region, params) => {
    workspaceOf(region, workspaceIdOf(params))
    return workspaceIdOf(params)
  },
  begins: false,
}

/** Type of an asset, or of its versions, in a scope. */
export function assetType(scope: AssetScope, ...kinds: readonly string[]): string {
  return [NAMESPACE, scope.segment, ...kinds].join('/')
}

/** ARM id of an asset of a call. */
export function assetId(
  at: { readonly region: Region; readonly scope: AssetScope; readonly params: Params },
  ...rest: readonly (string | undefined)[]
): string {
  return within(at.scope.idOf(at.region, at.params), ...rest)
}
