import { isFault } from '../core/errors.ts'
import type { JsonObject, Side } from '../core/model.ts'
import { type FailoverState, failovers, isBounded, nextPhase, type Phase, runningFailover } from '../core/phases.ts'
import type { NewRecord } from '../store/store.ts'
import { type Failing, PHASE_ACTS } from './phase-acts.ts'
import type { Tenure } from './tenure.ts'
import { type Monotonic, processClock } from './time.ts'

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
  /** Digest of the plan that a person approved, where that is why it begins. It is used up by this. */
  readonly approval?: string
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
  return [
    { run: id, type: 'failover/begun', body: { id, ...facts } },
    done('detect', detectMilliseconds),
    done('decide', decideMilliseconds),
    ...(approval === undefined ? [] : [{ run: id, type: 'approval/used', body: { digest: approval, failover: id } }]),
  ]
}

/**
 * Carries a failover to its end from wherever the journal says it is. A controller that takes over does the phase
 * again that had begun; each ends in the same place.
 *
 * @param told is told of each phase as it begins and ends
 */
export async function carryOut(
  failing: Failing,
  told: (phase: Phase, result?: JsonObject) => void,
  { acts = PHASE_ACTS, clock = processClock }: { readonly acts?: typeof PHASE_ACTS; readonly clock?: Monotonic } = {},
): Promise<FailoverState> {
  const { parts, tenure, id } = failing
  const records: { type: string; body: JsonObject }[] = []
  for await (const record of parts.store.read(parts.protection, { run: id })) records.push(record)

  async function record(type: string, body: JsonObject): Promise<void> {
    await tenure.append(id, { type, body: { id, ...body } })
    records.push({ type, body: { id, ...body } })
  }

  for (;;) {
    const state = runningFailover(records)
    const next = state === undefined ? undefined : nextPhase(state)
    if (state === undefined || next === undefined || next.do === 'nothing') return endedState(records)
    if (next.do === 'end') {
      await record('failover/ended', { outcome: next.outcome })
      continue
    }
    const { phase } = next
    await record('failover/phase-begun', { phase })
    told(phase)
    const began = clock()
    const milliseconds = () => Math.round(clock() - began)
    try {
      const result = await acts[phase](failing, state)
      await record('failover/phase-done', { phase, milliseconds: milliseconds(), result })
      told(phase, result)
    } catch (thrown) {
      if (tenure.signal.aborted || failing.signal.aborted || !isFault(thrown)) throw thrown
      await record('failover/phase-failed', {
        phase,
        milliseconds: milliseconds(),
        code: thrown.code,
        message: thrown.message,
      })
      // What is bounded is given up or turned back by the fold of the journal; any other must be tried again by whoever holds the lease.
      if (!isBounded(state, phase)) throw thrown
    }
  }
}

function endedState(records: readonly { type: string; body: JsonObject }[]): FailoverState {
  const [state] = failovers(records)
  if (state === undefined) throw new Error('the journal has no failover under this id')
  return state
}
