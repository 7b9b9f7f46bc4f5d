import type { FaultCode } from '../core/errors.ts'
import { type Address, kindOf } from '../core/model.ts'
import { allowance } from '../core/plan-withdrawals.ts'
import type { Note, Plan, PlanRules, Step } from '../core/step.ts'
import type { Ledger } from '../store/ledger.ts'
import type { Execution } from './execute.ts'
import type { Observation } from './observe.ts'
import { markOf } from './reckon.ts'

/** Failures that speak of the thing itself. A role that is missing, or a service that is away, says nothing of it. */
const OF_THE_THING: ReadonlySet<FaultCode> = new Set(['azure/refused', 'sync/conflict', 'plan/conflict'])

/** Fields of one thing that a sentence names. */
const FIELDS_NAMED = 3

/** One pass as far as it tells what cannot be carried. */
export interface Refusing {
  readonly protection: string
  readonly ledger: Ledger
  readonly source: Observation
  readonly rules: Pick<PlanRules, 'incomplete'>
  readonly plan: Plan
  readonly execution: Pick<Execution, 'carried' | 'quarantined' | 'stuck'>
}

/**
 * What cannot be carried as it is, however often it is tried, with the reason: by the plan, by Azure's answer, or
 * because it needs such a thing. What Azure takes and makes otherwise all the same is no better.
 *
 * Azure's answer counts only for what was there in the first list already: of what is newer it is known since when
 * work is not carried. Where more of a kind is refused than the brake would let go, that is no matter of the things.
 */
export function refusalsOf(refusing: Refusing): ReadonlyMap<Address, string> {
  const { plan, source, execution } = refusing
  const refused = new Map<Address, string>()
  for (const note of plan.notes) if (isRefusal(note, refusing)) refused.set(note.address, note.reason)
  const answered = execution.quarantined.filter(({ code }) => code !== undefined && OF_THE_THING.has(code))
  const known = [...answered, ...madeOtherwise(refusing)].filter(({ step }) =>
    isFromTheBeginning(refusing, originOf(step)),
  )
  for (const [kind, those] of Map.groupBy(known, ({ step }) => kindOf(step.address))) {
    if (those.length > allowance(source.snapshot.root(kind)?.size ?? 0)) continue
    for (const { step, message } of those) note(refused, step, message)
  }
  // In the order of the plan, so that what is needed comes first.
  for (const { step } of execution.stuck) {
    const need = step.after.find((one) => refused.has(one))
    if (need !== undefined) note(refused, step, `It needs ${need}, which cannot be carried`)
  }
  return refused
}

/** Steps that came to their end, and after which what they made is not as it was asked for. */
function madeOtherwise({ plan, execution }: Refusing): readonly { readonly step: Step; readonly message: string }[] {
  return plan.steps.flatMap((step) => {
    const { verified = true, unlike = [] } = execution.carried.get(step.address) ?? {}
    if (verified || step.do === 'archive' || step.do === 'remove') return []
    const fields = unlike.length === 0 ? 'content' : unlike.slice(0, FIELDS_NAMED).join(', ')
    return [{ step, message: `It was taken, and stands there with another ${fields}` }]
  })
}

function isRefusal(one: Note, { source, rules }: Refusing): boolean {
  if (one.is === 'kept') return one.because === 'observed' && rules.incomplete?.has(kindOf(one.address)) !== true
  if (one.is !== 'refused') return false
  // What it needs may be in the rest of a list that broke off.
  const isUnread = (need: Address) => rules.incomplete?.has(kindOf(need)) === true
  return one.code !== 'plan/dangling-reference' || source.snapshot.get(one.address)?.needs.some(isUnread) !== true
}

function isFromTheBeginning({ ledger, protection }: Refusing, of: Address): boolean {
  const known = ledger.get(protection, of) ?? ledger.get(protection, markOf(kindOf(of)))
  return (known?.recoveryPoint ?? 0) === 0
}

function note(refused: Map<Address, string>, step: Step, why: string): void {
  refused.set(step.address, why).set(originOf(step), why)
}

function originOf(step: Step): Address {
  return ('origin' in step ? step.origin : undefined) ?? step.address
}
