import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { ModelVersion } from '../../mlflow/registry.ts'
import { FILLER, SOURCE_VERSION, sharedVersion, versionAddress } from '../shared-version.ts'

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
}

export interface VersionParts {
  readonly version: ModelVersion
  readonly source: string
  readonly run: string
  readonly model: string
  /** Items of the run and the logged model, where they stand. */
  readonly needs: readonly Address[]
}

export function modelVersionItem({ version, source, run, model, needs }: VersionParts) {
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
  } satisfies ModelVersionBody
  return item(
    versionAddress(name, number),
    body satisfies JsonObject,
    [address('registered-model', name), ...needs],
    Number.parseInt(number, 10),
  )
}

export function modelVersionBody(body: JsonObject): ModelVersionBody {
  return body as unknown as ModelVersionBody
}

/** What can never change once a version is there. */
export function frozenPart(body: JsonObject): JsonObject {
  const { source, run, model, runLink } = modelVersionBody(body)
  return { source, run, model, runLink }
}
