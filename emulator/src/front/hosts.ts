import type { OwnedName } from './arm/directory.ts'

/** Where a host name leads. */
export type Destination =
  | { readonly to: 'signin' | 'arm' | 'telemetry' }
  /** A region's own service. */
  | { readonly to: 'region'; readonly region: string }
  /** A name below a suffix that the emulator plays, which no region and no resource has now. */
  | { readonly to: 'nobody' }

const GLOBAL: ReadonlyMap<string, Destination> = new Map([
  ['login.microsoftonline.com', { to: 'signin' }],
  ['login.windows.net', { to: 'signin' }],
  ['login.microsoft.com', { to: 'signin' }],
  ['sts.windows.net', { to: 'signin' }],
  ['management.azure.com', { to: 'arm' }],
  ['graph.microsoft.com', { to: 'arm' }],
  ['dc.services.visualstudio.com', { to: 'telemetry' }],
  ['rt.services.visualstudio.com', { to: 'telemetry' }],
])

/** Hosts `…{region}.{suffix}`: the label before the suffix names the region. */
const REGIONAL = [
  'api.azureml.ms',
  'experiments.azureml.net',
  'modelmanagement.azureml.net',
  'notebooks.azure.net',
  'instances.azureml.ms',
  'inference.ml.azure.com',
]

/** Hosts `{name}.{suffix}` whose region is that of the resource with this name. */
const OWNED: readonly (readonly [suffix: string, kind: OwnedName])[] = [
  ['blob.core.windows.net', 'storage'],
  ['dfs.core.windows.net', 'storage'],
  ['file.core.windows.net', 'storage'],
  ['queue.core.windows.net', 'storage'],
  ['table.core.windows.net', 'storage'],
  ['vault.azure.net', 'vault'],
  ['azurecr.io', 'registry'],
]

/** Where clients ask for a registry, whether the region of the name is played or not: azure-ai-ml's, and the regions' own. */
export const FINDING_REGISTRIES: ReadonlySet<string> = new Set(['eastus.api.azureml.ms', 'registries.api.azureml.ms'])

const TELEMETRY = ['.applicationinsights.azure.com', '.livediagnostics.monitor.azure.com']

export interface Places {
  readonly regions: ReadonlySet<string>
  /** Region of the storage account, vault or registry of this name. */
  owner(kind: OwnedName, name: string): string | undefined
}

/** Where the emulator answers for a host, or `undefined` where it does not play it. */
export function destinationOf(host: string, places: Places): Destination | undefined {
  const global = GLOBAL.get(host)
  if (global !== undefined) return global
  if (TELEMETRY.some((suffix) => host.endsWith(suffix))) return { to: 'telemetry' }
  const asked = FINDING_REGISTRIES.has(host) ? ({ to: 'arm' } as const) : undefined
  return ofRegion(host, places.regions) ?? asked ?? ofOwner(host, places)
}

function ofRegion(host: string, regions: ReadonlySet<string>): Destination | undefined {
  const suffix = REGIONAL.find((one) => host.endsWith(`.${one}`))
  if (suffix === undefined) return undefined
  const label =
    host
      .slice(0, -suffix.length - 1)
      .split('.')
      .at(-1) ?? ''
  const region = label.replace(/^cert-/, '')
  return regions.has(region) ? { to: 'region', region } : undefined
}

function ofOwner(host: string, places: Places): Destination | undefined {
  const [name = '', ...rest] = host.split('.')
  const kind = OWNED.find(([suffix]) => suffix === rest.join('.'))?.[1]
  if (kind === undefined) return undefined
  const region = places.owner(kind, name)
  return region === undefined ? { to: 'nobody' } : { to: 'region', region }
}
