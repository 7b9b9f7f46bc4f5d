import { formatDuration, type Milliseconds, roughly } from './duration.ts'
import { regionNamed, shortLocation } from './regions.ts'

/** What one pass over a workspace costs at its source, and what the source permits. */
export interface PassCost {
  readonly calls: number
  /** The lowest of the source's limits that these calls fall under. */
  readonly callsPerSecond: number
}

export interface Feasibility {
  readonly feasible: boolean
  /** How long a pass takes at the permitted rate. */
  readonly pass: Milliseconds
  /** The oldest that a recovery point gets when all goes well. */
  readonly recoveryPoint: Milliseconds
  /** Says it to a person. */
  readonly reason: string
}

/**
 * Whether a source lets the recovery point objective be met.
 *
 * A recovery point is the start of the last complete pass. Just before a pass ends, the one before it started a
 * whole interval and a whole pass ago.
 */
export function feasibility(rpo: Milliseconds, every: Milliseconds, cost: PassCost): Feasibility {
  const pass = cost.callsPerSecond > 0 ? Math.ceil((cost.calls / cost.callsPerSecond) * 1000) : Number.MAX_SAFE_INTEGER
  const recoveryPoint = Math.max(every, pass) + pass
  const feasible = recoveryPoint <= rpo
  const facts = `${cost.calls} calls a pass at ${cost.callsPerSecond} a second take ${roughly(pass)}; started every ${formatDuration(every)}, the recovery point gets ${roughly(recoveryPoint)} old`
  const reason = feasible
    ? `${facts}, within the objective of ${formatDuration(rpo)}`
    : `${facts}, and the objective is ${formatDuration(rpo)}`
  return { feasible, pass, recoveryPoint, reason }
}

export interface Placement {
  readonly allowed: boolean
  /** Whether Azure pairs the two: such regions are updated one after the other and restored one before the other. */
  readonly paired: boolean
  readonly reason: string
}

/** Whether two locations may protect each other under a residency rule. */
export function placement(primary: string, secondary: string, residency: 'geography' | 'any'): Placement {
  const [one, other] = [regionNamed(primary), regionNamed(secondary)]
  if (shortLocation(primary) === shortLocation(secondary)) {
    return { allowed: false, paired: false, reason: `${primary} cannot protect itself: what loses one side loses both` }
  }
  const paired = one?.pair === other?.name || other?.pair === one?.name
  if (one === undefined || other === undefined) {
    const unknown = one === undefined ? primary : secondary
    const reason = `The geography of ${unknown} is not known here`
    return residency === 'any'
      ? { allowed: true, paired: false, reason }
      : { allowed: false, paired: false, reason: `${reason}; write \`residency: any\` if that is meant` }
  }
  const pairing = paired ? 'and Azure pairs them' : 'but Azure does not pair them'
  if (one.geography === other.geography) {
    return {
      allowed: true,
      paired,
      reason: `${one.display} and ${other.display} are both in ${one.geography}, ${pairing}`,
    }
  }
  const apart = `${one.display} is in ${one.geography} and ${other.display} in ${other.geography}`
  return residency === 'any'
    ? { allowed: true, paired, reason: `${apart}, which \`residency: any\` permits` }
    : { allowed: false, paired, reason: `${apart}; write \`residency: any\` if data may leave its geography` }
}
