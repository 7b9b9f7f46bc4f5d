import type { Calls } from '../../azure/counting.ts'
import type { Gate } from '../../azure/gate.ts'
import type { Plane } from '../../core/health.ts'
import type { JsonObject, Side } from '../../core/model.ts'
import { isServer, type Policy } from '../../core/policy.ts'
import type { Parts } from '../../engine/parts.ts'
import type { Question } from '../../engine/prober.ts'
import type { Resubmitting } from '../../engine/resubmit.ts'
import type { Notes } from '../../services/history-place.ts'
import type { Place } from '../../services/service.ts'
import type { Remembered } from './names.ts'
import { openServerPair } from './server-pair.ts'
import { openWorkspacePair } from './workspace-pair.ts'

/** What the two sides of a protection are and can: the seam behind which a pair of workspaces and one of tracking servers differ. */
export interface Estate extends Pick<Parts, 'services' | 'open' | 'unfenced'> {
  /** Planes that are probed on each side. */
  readonly planes: readonly Plane[]
  /** The cheapest reads that everyday work on a side depends on, one a plane. */
  questions(side: Side, place: Place): readonly Question[]
  /** Reaches something that depends on neither side. It throws where this process is cut off itself. */
  reachOutside(signal: AbortSignal): Promise<void>
  /** Asks by which names both sides go. Gives what changed since it was remembered. */
  learn(signal: AbortSignal): Promise<ReadonlyMap<Side, JsonObject>>
  /**
   * Makes the secondary be there; what cannot be made from here must answer. Safe to call again. Returns in words where
   * it was made otherwise than the primary.
   */
  makeSecondary(signal: AbortSignal): Promise<readonly string[]>
  readonly resubmitting: Omit<Resubmitting, 'rule' | 'otherwise'>
  /** Through it goes whatever may change something. */
  readonly gate: Pick<Gate, 'prepare' | 'open' | 'leave'>
  /** Requests to Azure so far. */
  calls(): readonly Calls[]
  close(): void
}

export interface EstateOptions {
  readonly policy: Policy
  /** Folder that paths in the policy start from. */
  readonly folder: string
  readonly remembered: Remembered
  /** What is remembered of both sides beside their names, for which time is lost if it is. */
  readonly notes: Notes
  readonly requestMilliseconds: number
}

export function openEstate(options: EstateOptions): Estate {
  return isServer(options.policy.primary) ? openServerPair(options) : openWorkspacePair(options)
}
