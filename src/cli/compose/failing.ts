import type { Side } from '../../core/model.ts'
import { locationOfSide, nameOfSide, resubmissions } from '../../core/policy.ts'
import type { Failing } from '../../engine/phase-acts.ts'
import type { Resubmitting } from '../../engine/resubmit.ts'
import type { Tenure } from '../../engine/tenure.ts'
import type { Composed } from './compose.ts'

/** Which failover is carried out, and by whom. */
export interface Which {
  readonly tenure: Tenure
  readonly id: string
  readonly from: Side
  readonly to: Side
  readonly signal: AbortSignal
}

export interface Limits {
  readonly callMilliseconds: number
  readonly lostSideMilliseconds: number
}

/** Joins what the phases of a failover need of the concrete parts. */
export function failingOf(joined: Composed, which: Which, limits: Limits): Failing {
  const { policy, parts, carrying } = joined
  return {
    parts,
    carrying,
    ...which,
    ...limits,
    pointer: policy.pointer,
    takesOver: { name: nameOfSide(policy[which.to]), location: locationOfSide(policy[which.to]) },
    ...resubmittingOf(joined),
  }
}

/** Joins what resubmission may do to the world. */
export function resubmittingOf({ policy, estate }: Composed): Resubmitting {
  return { ...estate.resubmitting, rule: resubmissions(policy.availability), otherwise: 'secondary' }
}
