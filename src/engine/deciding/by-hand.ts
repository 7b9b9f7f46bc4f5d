import { type Decision, decide, type Situation } from '../../core/failover.ts'
import { consentIn, type FailoverWish } from '../../core/persons/failover.ts'
import type { NewRecord } from '../../store/store.ts'
import type { Taken } from '../words.ts'
import { beginningOf, failoverRecords, type Naming } from './beginning.ts'

/** What a person's wish to fail over comes to. */
export interface Weighed {
  /** As it is with that person's yes. */
  readonly decision: Decision
  readonly taken: Taken
}

/** Weighs a person's wish, wherever it is taken up. Touches nothing. */
export function weigh(wish: FailoverWish, situation: Situation, naming: Naming): Weighed {
  const decision = decide({ ...situation, consent: consentIn(wish, situation) })
  const taken = (...records: readonly NewRecord[]): Weighed => ({ decision, taken: { records } })
  if (decision.do === 'fail-over') return taken(...failoverRecords(beginningOf(decision, situation, naming)))
  if (decision.do === 'continue')
    return decide(situation).do === 'continue' ? taken() : taken(agreed(decision.id, wish))
  return { decision, taken: { refused: decision.reason } }
}

/** That a person wants what had begun carried on: whoever does so needs no other reason. */
function agreed(id: string, { by }: FailoverWish): NewRecord {
  return { run: id, type: 'failover/agreed', body: { id, by } }
}
