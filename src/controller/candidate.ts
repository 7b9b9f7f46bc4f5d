import { type Tenure, type TenureOptions, takeTenure } from '../engine/tenure.ts'
import type { Time } from '../engine/time.ts'

/** Takes the lease, or says who has it. Ask it again at each look. */
export type Candidate = () => Promise<Tenure | { readonly held: { readonly holder: string } }>

export interface CandidateOptions extends Omit<TenureOptions, 'clock' | 'every'> {
  readonly time: Time
  /** Time between two looks, at each of which every controller asks for the lease. */
  readonly tickMilliseconds: number
}

/** So many looks of others may pass before one that is new takes what it left to them. */
const LOOKS = 2

/**
 * A controller that would have the lease.
 *
 * One that is new, and meets a lease that runs out without being renewed, or has done so, leaves it to others first.
 * Whoever has waited for longer has seen more of what is going on; what has just been started in the place of a holder
 * that died would count a loss that is under way from its own start.
 */
export function candidate({ time, tickMilliseconds, ...options }: CandidateOptions): Candidate {
  const { clock, every } = time
  let isNew = true
  let yields: { readonly holder: string; readonly until: number } | undefined

  return async () => {
    if (yields !== undefined && clock() < yields.until) return { held: { holder: yields.holder } }
    const answer = await takeTenure({ ...options, clock, every })
    const before = 'held' in answer ? answer.held.holder : answer.lease.outOf
    const leaves = isNew && before !== undefined
    isNew = false
    if (!leaves) return answer
    const left = 'held' in answer ? answer.held.remainingMilliseconds : 0
    if (!('held' in answer)) await answer.end()
    yields = { holder: before, until: clock() + left + LOOKS * tickMilliseconds }
    return { held: { holder: before } }
  }
}
