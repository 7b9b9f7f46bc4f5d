import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { versionAddress } from '../shared-version.ts'

/** One alias of a registered model. */
export interface ModelAliasBody {
  readonly name: string
  readonly alias: string
  /** The version that it means, under the number that both sides know. */
  readonly version: string
}

export function modelAliasItem({ name, alias, version }: ModelAliasBody) {
  const body = { name, alias, version } satisfies ModelAliasBody
  const needs: readonly Address[] = [address('registered-model', name), versionAddress(name, version)]
  return item(address('model-alias', name, alias), body satisfies JsonObject, needs)
}

export function modelAliasBody(body: JsonObject): ModelAliasBody {
  return body as unknown as ModelAliasBody
}
