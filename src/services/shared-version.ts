import { type Address, address } from '../core/model.ts'
import type { ModelVersion } from '../mlflow/registry.ts'

/** Tag by which a version says which version of the source it is a copy of. */
export const SOURCE_VERSION = 'holdfast.source_version'
/** Tag of a version that only keeps a number free, until what follows it is there. */
export const FILLER = 'holdfast.filler'

/** The number under which both sides know a version. */
export function sharedVersion({ version, tags }: ModelVersion): string {
  return tags.find(({ key }) => key === SOURCE_VERSION)?.value ?? version
}

export function isFiller({ tags }: ModelVersion): boolean {
  return tags.some(({ key }) => key === FILLER)
}

export function versionAddress(name: string, version: string): Address {
  return address('model-version', name, version)
}
