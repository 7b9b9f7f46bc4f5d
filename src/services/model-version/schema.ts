import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { ModelVersion } from '../../mlflow/registry.ts'

/** Tag by which a version says which version of the source it is a copy of. */
export const SOURCE_VERSION = 'holdfast.source_version'
/** Tag of a version that only keeps a number free, until what follows it is there. */
export const FILLER = 'holdfast.filler'
const OWN = new Set([SOURCE_VERSION, FILLER])

/** A version of a registered model in portable form. The number under which both sides know it is in its address alone. */
export interface ModelVersionBody {
  readonly name: string
  /** With portable ids and places. */
  readonly source: string
  /** Shared ids of the run and of the logged model that it was made of; empty where there is none. */
  readonly run: string
  readonly model: string
  readonly runLink: string
  readonly description: string
  readonly stage: string
  readonly tags: Readonly<Record<string, string>>
  /** Aliases of the model that mean this version, sorted. */
  readonly aliases: readonly string[]
}

/** The number under which both sides know a version. */
export function sharedVersion({ version, tags }: ModelVersion): string {
  return tags.find(({ key }) => key === SOURCE_VERSION)?.value ?? version
}

export function isFiller({ tags }: ModelVersion): boolean {
  return tags.some(({ key }) => key === FILLER)
}

export interface VersionParts {
  readonly version: ModelVersion
  readonly source: string
  readonly run: string
  readonly model: string
  readonly aliases: readonly string[]
  /** Items of the run and the logged model, where they stand. */
  readonly needs: readonly Address[]
}

export function modelVersionItem({ version, source, run, model, aliases, needs }: VersionParts) {
  const { name, runLink, description, stage, tags } = version
  const number = sharedVersion(version)
  const body = {
    name,
    source,
    run,
    model,
    runLink,
    description,
    stage,
    tags: Object.fromEntries(tags.filter(({ key }) => !OWN.has(key)).map(({ key, value }) => [key, value])),
    aliases: aliases.toSorted(),
  } satisfies ModelVersionBody
  return item(
    versionAddress(name, number),
    body satisfies JsonObject,
    [address('registered-model', name), ...needs],
    Number.parseInt(number, 10),
  )
}

export function versionAddress(name: string, version: string): Address {
  return address('model-version', name, version)
}

export function modelVersionBody(body: JsonObject): ModelVersionBody {
  return body as unknown as ModelVersionBody
}

/** What can never change once a version is there. */
export function frozenPart(body: JsonObject): JsonObject {
  const { source, run, model, runLink } = modelVersionBody(body)
  return { source, run, model, runLink }
}
