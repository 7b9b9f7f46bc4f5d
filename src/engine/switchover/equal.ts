import { Fault } from '../../core/errors.ts'
import type { Service } from '../../services/service.ts'
import { type Parts, serviceOf } from '../parts.ts'
import type { Pass, Prepared } from '../sync.ts'

interface Equality {
  readonly parts: Parts
  /** Kinds that were not to be read. */
  but(service: Service): boolean
  /** Whether a step that had to be done counts as a difference: the side may have changed since. */
  readonly stepsToo: boolean
}

/** Differences of a plan that no pass carries, each in a sentence. */
export function uncarried({ plan, source, target }: Prepared, { parts, but }: Omit<Equality, 'stepsToo'>): string[] {
  const left: string[] = []
  for (const [kind, why] of [...source.incomplete, ...target.incomplete]) {
    const service = serviceOf(parts.services, kind)
    if (service !== undefined && but(service)) continue
    left.push(`${kind} cannot be read to its end: ${why}`)
  }
  for (const note of plan.notes) if (note.is === 'refused') left.push(`${note.address}: ${note.reason}`)
  if (plan.brake !== undefined)
    left.push(
      `${plan.brake.withdrawals} things would be withdrawn, which is more than the brake lets pass (${plan.brake.allowed})`,
    )
  return left
}

/** @throws Fault that names what of the active side the standby does not have */
export function demandEqual(done: Pass, equality: Equality): void {
  const { execution, plan } = done
  const left = uncarried(done, equality)
  for (const { step, message } of [...execution.quarantined, ...execution.stuck])
    left.push(`${step.address}: ${message || 'something it needs could not be carried'}`)
  if (left.length > 0) {
    throw new Fault('sync/loss', `Not everything can be carried: ${left.slice(0, 5).join('; ')}`, {
      facts: { left: left.length },
      hint: 'Correct what is said of each, or exclude it in the policy, and run this again.',
    })
  }
  if (!equality.stepsToo || plan.steps.length === 0) return
  throw new Fault(
    'azure/changed',
    `The active side still changes: ${plan.steps
      .slice(0, 5)
      .map(({ address }) => address)
      .join(', ')} since the pass before`,
    {
      facts: { steps: plan.steps.length },
      hint: 'Let whoever writes there pause, and run this again.',
    },
  )
}
