import type { Pair } from './tracking.ts'

export interface RegisteredModel {
  readonly name: string
  readonly description: string
  readonly tags: readonly Pair[]
  /** Alias → version. */
  readonly aliases: readonly Pair[]
}

export interface ModelVersion {
  readonly name: string
  readonly version: string
  readonly source: string
  readonly runId: string
  readonly runLink: string
  /** Logged model that it was made of; empty where there is none. */
  readonly modelId: string
  readonly description: string
  readonly stage: string
  readonly tags: readonly Pair[]
}

/**
 * MLflow's model registry, with nothing dropped.
 *
 * Lists go to their end or throw. Absence is `undefined`. Refusals are faults as of the tracking API.
 */
export interface ModelRegistry {
  models(signal: AbortSignal): AsyncIterable<RegisteredModel>
  model(name: string, signal: AbortSignal): Promise<RegisteredModel | undefined>
  createModel(model: Omit<RegisteredModel, 'aliases'>, signal: AbortSignal): Promise<void>
  describeModel(name: string, description: string, signal: AbortSignal): Promise<void>
  setModelTag(name: string, tag: Pair, signal: AbortSignal): Promise<void>
  deleteModelTag(name: string, key: string, signal: AbortSignal): Promise<void>
  setAlias(name: string, alias: Pair, signal: AbortSignal): Promise<void>
  deleteAlias(name: string, alias: string, signal: AbortSignal): Promise<void>
  /** Versions from the lowest number to the highest. */
  versions(name: string, signal: AbortSignal): Promise<readonly ModelVersion[]>
  /** Creates a version under the next number. Never sent twice: look for it after a failure. */
  createVersion(version: NewVersion, signal: AbortSignal): Promise<ModelVersion>
  describeVersion(of: VersionKey, description: string, signal: AbortSignal): Promise<void>
  setStage(of: VersionKey, stage: string, signal: AbortSignal): Promise<void>
  setVersionTag(of: VersionKey, tag: Pair, signal: AbortSignal): Promise<void>
  deleteVersionTag(of: VersionKey, key: string, signal: AbortSignal): Promise<void>
  /** One that is gone already is success. */
  deleteVersion(of: VersionKey, signal: AbortSignal): Promise<void>
}

export interface VersionKey {
  readonly name: string
  readonly version: string
}

export type NewVersion = Omit<ModelVersion, 'version' | 'stage'>
