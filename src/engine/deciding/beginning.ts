import type { Decision, Situation } from '../../core/failover.ts'
import type { Tick } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import type { Phase } from '../../core/phases.ts'
import type { NewRecord } from '../../store/store.ts'
import type { Tenure } from '../tenure.ts'

export type FailOver = Extract<Decision, { do: 'fail-over' }>

/** How a failover begins: everything that was known and decided, in one record. */
export interface Beginning {
  readonly id: string
  readonly from: Side
  readonly to: Side
  /** Epoch in which it was decided. */
  readonly epoch: number
  readonly reason: string
  /** Up to when the standby has everything, by the wall clock. */
  readonly recoveryPoint: number
  /** Whether nothing of the lost side answered. */
  readonly silent: boolean
  /** When the lost side last answered, by the wall clock; 0 where nobody saw it answer. */
  readonly lastAnswered: number
  /** From the last answer to the verdict, and from the verdict to the decision. */
  readonly detectMilliseconds: number
  readonly decideMilliseconds: number
  /** The side that is left was not lost, and a person said so all the same. */
  readonly deliberate?: boolean
  /** The switchover whose place it takes: what that has stopped was read before, and counts as it was then. */
  readonly instead?: string
  /** Digest of the plan that a person approved, where that is why it begins. It is used up by this. */
  readonly approval?: string
}

/** What names a beginning, and what stands beside the situation in which it was decided. */
export interface Naming {
  readonly id: string
  readonly approval?: string
  /** When a person asked for it, where one did. */
  readonly asked?: Tick
}

/** The beginning of a failover that was decided in a situation, whoever decided it. */
export function beginningOf(decision: FailOver, situation: Situation, { asked, ...naming }: Naming): Beginning {
  const { from, to, epoch, reason, instead } = decision
  const { health, standby, now } = situation
  const { lastAnswered, since, status } = health[from]
  const silent = status === 'lost'
  // A side that is well has been so for long: what led to the decision is that somebody asked.
  const judged = silent ? Math.min(since, asked ?? since) : (asked ?? since)
  return {
    ...naming,
    from,
    to,
    epoch,
    reason,
    recoveryPoint: standby.recoveryPoint ?? 0,
    silent,
    // Only a person's word leads away from a side that is not lost.
    ...(silent ? {} : { deliberate: true }),
    ...(instead === undefined ? {} : { instead }),
    lastAnswered: lastAnswered === undefined ? 0 : Math.round(now.wall - (now.tick - lastAnswered.at)),
    detectMilliseconds: silent && lastAnswered !== undefined ? Math.max(0, since - lastAnswered.at) : 0,
    decideMilliseconds: now.tick - judged,
  }
}

/** Writes down that a failover begins. From here on it is carried to its end, or abandoned before its lease. */
export async function beginFailover({ append }: Tenure, beginning: Beginning): Promise<void> {
  await append(beginning.id, ...failoverRecords(beginning))
}

/** What {@link beginFailover} writes. */
export function failoverRecords(beginning: Beginning): readonly NewRecord[] {
  const { id, detectMilliseconds, decideMilliseconds, approval, ...facts } = beginning
  const done = (phase: Phase, milliseconds: number) => {
    return { run: id, type: 'failover/phase-done', body: { id, phase, milliseconds: Math.round(milliseconds) } }
  }
  const { instead } = facts
  return [
    ...(instead === undefined ? [] : [abandoned(instead)]),
    { run: id, type: 'failover/begun', body: { id, ...facts } },
    done('detect', detectMilliseconds),
    done('decide', decideMilliseconds),
    ...(approval === undefined ? [] : [{ run: id, type: 'approval/used', body: { digest: approval, failover: id } }]),
  ]
}

function abandoned(id: string): NewRecord {
  return { run: id, type: 'failover/ended', body: { id, outcome: 'abandoned' } }
}
