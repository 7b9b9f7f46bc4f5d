import { propertiesOf } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { AssetScope } from '../asset-scope.ts'
import { GROUP, NAMESPACE } from '../paths.ts'

export const REGISTRY_TYPE = `${NAMESPACE}/registries`
/** Route of one registry; what stands in it goes below. */
export const REGISTRY = `${GROUP}/registries/:r`

/** What the parts of a region need to know of a registry. */
export interface Registry {
  readonly id: string
  readonly name: string
  /** Storage account that the registry made for the bytes of its assets. */
  readonly storageAccount: string
  readonly storageAccountId: string
}

/** The registry of this region that has the name, whatever its group: names are unique among all registries. */
export function registryNamed(region: Region, name: string): Resource | undefined {
  const all = region.resources.ofType(REGISTRY_TYPE, { limit: Number.MAX_SAFE_INTEGER - 1 })
  return all.items.find((one) => one.name.toLowerCase() === name.toLowerCase())
}

/** {@link registryNamed}, or Azure's 404. */
export function needRegistry(region: Region, name: string): Resource {
  const found = registryNamed(region, name)
  if (found !== undefined) return found
  throw new Refusal(404, 'ResourceNotFound', `The registry '${name}' was not found.`)
}

export function registryOf(registry: Resource): Registry {
  const storageAccountId = String(propertiesOf(registry.body)['storageAccount'])
  const storageAccount = storageAccountId.split('/').at(-1) ?? ''
  return { id: registry.id, name: registry.name, storageAccount, storageAccountId }
}

/** Assets of registries. Clients name the group of their workspace, or none that is right: the name alone counts. */
export const REGISTRY_ASSETS: AssetScope = {
  path: REGISTRY,
  operation: 'registry_',
  segment: 'registries',
  idOf: (region, params) => needRegistry(region, params['r'] ?? '').id,
  begins: true,
}
