import { faultOf, isFault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { type FailoverState, failovers, isBounded, nextPhase, type Phase, runningFailover } from '../core/phases.ts'
import { type Failing, PHASE_ACTS } from './phase-acts.ts'
import { type Monotonic, processClock } from './time.ts'

const FAILED = 'failover/phase-failed'

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
      // That this process may act no more says nothing of the phase.
      if (tenure.signal.aborted || failing.signal.aborted || isFault(thrown, 'run/fenced')) throw thrown
      const { code, message } = faultOf(thrown)
      const again = records.some(
        ({ type, body }) => type === FAILED && body['phase'] === phase && body['code'] === code,
      )
      await record(FAILED, { phase, milliseconds: milliseconds(), code, message, ...(again ? { again } : {}) })
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
