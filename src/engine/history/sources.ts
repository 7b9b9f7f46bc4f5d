import type { ModelVersion } from '../../mlflow/registry.ts'
import type { Pass } from './pass.ts'

/** Before a source that the target's registry does not take, such as a path of another machine. A path follows a scheme. */
const KEPT = 'holdfast:/'

/** A version whose source is what it was before a target took it in its own way. */
export function withOwnSource(version: ModelVersion): ModelVersion {
  return version.source.startsWith(KEPT) ? { ...version, source: version.source.slice(KEPT.length) } : version
}

/** A source under a scheme that says nothing to a server, so that none refuses it. */
export function keptSource(source: string): string {
  return KEPT + source
}

/** True if the files of a version are at the target, or are named there by what it has itself, or there are none. */
export function isSourceCarried({ identities }: Pass, { source }: ModelVersion): boolean {
  // A prompt has a word for a source.
  if (!/^([\w+.-]+:|[/\\])/.test(source)) return true
  const [, run] = /^runs:\/+([^/]+)/.exec(source) ?? []
  if (run !== undefined) return identities.run(run) !== undefined
  return /^models:\/[^/]+\/\d+$/.test(source) || identities.rewritten(source) !== source
}
