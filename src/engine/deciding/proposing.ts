import { otherSide, type Roles, type Side } from '../../core/model.ts'
import { type Approval, approvalIn, type TakeoverPlan } from '../../core/persons/approval.ts'
import type { PointerTarget } from '../../core/policy.ts'
import { isCandidate } from '../../core/resubmission.ts'
import { item } from '../../core/snapshot.ts'
import type { Parts } from '../parts.ts'
import { standingBy } from '../promote.ts'

/** What a failover would do now, as far as the ledger knows. It asks neither side. */
export async function takeoverPlan(
  parts: Parts,
  roles: Roles,
  pointer: readonly PointerTarget[],
): Promise<TakeoverPlan> {
  const synced = await parts.store.fact(parts.protection, 'synced')
  return {
    protection: parts.protection,
    epoch: roles.epoch,
    from: roles.active,
    to: otherSide(roles.active),
    recoveryPoint: Number(synced?.['recoveryPoint'] ?? 0),
    raises: [...standingBy(parts)].map(({ address }) => address),
    jobs: openInLedger(parts, roles.active),
    pointers: pointer.map((target) => Object.values(target).join()),
  }
}

function openInLedger({ services, ledger, protection }: Parts, active: Side) {
  return services
    .filter((service) => !service.can.converge && service.fence !== undefined)
    .flatMap(({ kind }) => [...ledger.entries(protection, kind)])
    .filter(({ address, source, kept }) => kept !== undefined && source === active && isCandidate(item(address, kept)))
    .map(({ address }) => address)
}

/** The last proposal and what became of it, as the journal has it. */
export async function approvalNow({ store, protection }: Parts): Promise<Approval | undefined> {
  const records = []
  for await (const record of store.read(protection, { typed: 'approval/' })) records.push(record)
  return approvalIn(records)
}
