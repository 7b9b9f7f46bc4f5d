import { type Address, kindOf } from '../../core/model.ts'
import { mappedFrom } from '../../core/plan-drafts.ts'
import type { Entry } from '../../store/ledger.ts'
import type { Lease } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { NO_REPLICA } from '../reckon.ts'
import type { Prepared } from '../sync.ts'

/**
 * An item as both sides had it when they agreed last, also where its original was deleted since and its replica was
 * left on the standby: the ledger speaks of what the active side has, and without what is noted here a replica that
 * nobody has touched would look like somebody's late work.
 */
export function lastAgreed(
  { ledger, protection }: Pick<Parts, 'ledger' | 'protection'>,
  of: Address,
): Entry | undefined {
  const entry = ledger.get(protection, of)
  return entry === undefined || entry.replicaDigest === NO_REPLICA ? ledger.get(shelfOf(protection), of) : entry
}

/** Notes what this pass leaves behind, before the ledger forgets it; and forgets what is gone from the standby too. */
export async function noteLeftBehind(
  { ledger, protection }: Pick<Parts, 'ledger' | 'protection'>,
  { source, target }: Pick<Prepared, 'source' | 'target'>,
  lease: Lease,
): Promise<void> {
  const isRead = (address: Address) => source.complete.has(kindOf(address)) && target.complete.has(kindOf(address))
  const left: Entry[] = []
  for (const { address, digest } of target.snapshot.items()) {
    if (!isRead(address) || source.snapshot.get(address) !== undefined) continue
    const origin = mappedFrom(address)
    const mapped = origin && ledger.get(protection, origin)
    const entry = ledger.get(protection, address) ?? (mapped?.replicaDigest === digest ? mapped : undefined)
    if (entry === undefined || entry.replicaDigest === NO_REPLICA) continue
    if (source.snapshot.get(entry.address)?.digest !== entry.sourceDigest) left.push({ ...entry, address })
  }
  const gone: Address[] = []
  for (const { address } of ledger.entries(shelfOf(protection))) {
    const isThere = target.snapshot.get(address) !== undefined
    if (target.complete.has(kindOf(address)) && !isThere) gone.push(address)
  }
  if (left.length > 0) await ledger.put(shelfOf(protection), left, lease)
  if (gone.length > 0) await ledger.forget(shelfOf(protection), gone, lease)
}

/** No protection has a name with a space. */
function shelfOf(protection: string): string {
  return `${protection} left`
}
