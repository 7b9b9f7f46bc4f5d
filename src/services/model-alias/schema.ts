import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { versionAddress } from '../shared-version.ts'

/** The aliases of one registered model. */
export interface ModelAliasBody {
  readonly name: string
  /** By alias the version that it means, under the number that both sides know. */
  readonly aliases: Readonly<Record<string, string>>
}

export function modelAliasItem({ name, aliases }: ModelAliasBody) {
  const body = { name, aliases: { ...aliases } } satisfies ModelAliasBody
  const versions = [...new Set(Object.values(aliases))].map((version) => versionAddress(name, version))
  return item(aliasAddress(name), body satisfies JsonObject, [address('registered-model', name), ...versions])
}

export function aliasAddress(name: string): Address {
  return address('model-alias', name)
}

export function modelAliasBody(body: JsonObject): ModelAliasBody {
  return body as unknown as ModelAliasBody
}
