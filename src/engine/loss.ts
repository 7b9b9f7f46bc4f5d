import type { Address, Instant, Kind } from '../core/model.ts'
import { kindOf } from '../core/model.ts'
import type { Service } from '../services/service.ts'
import type { Entry, Ledger } from '../store/ledger.ts'
import { serviceOf } from './parts.ts'
import { isRefused, markOf, NO_REPLICA } from './reckon.ts'

/** Tells of a ledger entry whether it was still being written to. */
export function openBy(services: readonly Service[]): (entry: Entry) => boolean {
  return ({ address, kept }) =>
    kept === undefined ? false : (serviceOf(services, kindOf(address))?.open?.(kept) ?? false)
}

/** One thing that would be lost, or lost in part, if the active side were gone now. */
export interface Lost {
  readonly address: Address
  /** Up to when it is safe; 0 where it never was. */
  readonly recoveryPoint: Instant
  /** `whole`: nothing of it is in the standby. `since`: what was written to it after its recovery point. */
  readonly is: 'whole' | 'since'
  readonly why: string
}

export interface Loss {
  /**
   * Up to when everything that was acknowledged is in the standby, but for what is {@link Loss.refused};
   * `undefined` where not even one pass was complete.
   */
  readonly recoveryPoint: Instant | undefined
  readonly items: readonly Lost[]
  /** Of these, what was never carried and cannot be, as it is. */
  readonly refused: readonly Address[]
  /** Items in the ledger, by kind. */
  readonly counts: ReadonlyMap<Kind, number>
}

/**
 * What the ledger says would be lost: it asks neither side, so it answers during an outage too.
 *
 * Whatever was made in the active side after the recovery point and never seen cannot be listed by anyone;
 * the recovery point itself is the statement about it.
 *
 * @param isOpen tells whether a kept body is of something still being written to
 */
export function lossOf(ledger: Ledger, protection: string, isOpen: (entry: Entry) => boolean): Loss {
  const items: Lost[] = []
  const counts = new Map<Kind, number>()
  let recoveryPoint: Instant | undefined
  const entries = [...ledger.entries(protection)]
  const listed = new Map<Kind, Instant>()
  for (const entry of entries) {
    if (!isRefused(entry)) recoveryPoint = Math.min(recoveryPoint ?? entry.recoveryPoint, entry.recoveryPoint)
    const kind = kindOf(entry.address)
    if (entry.address === markOf(kind)) listed.set(kind, entry.recoveryPoint)
  }
  for (const entry of entries) {
    const kind = kindOf(entry.address)
    if (entry.address === markOf(kind)) continue
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    const lost = lostOf(entry, listed.get(kind) ?? 0, isOpen)
    if (lost !== undefined) items.push(lost)
  }
  const refused = entries.filter(isRefused).map(({ address }) => address)
  return { recoveryPoint: recoveryPoint === 0 ? undefined : recoveryPoint, items, refused, counts }
}

/** `listed`: start of the last list of the kind that came to its end. */
function lostOf(entry: Entry, listed: Instant, isOpen: (entry: Entry) => boolean): Lost | undefined {
  const { address, recoveryPoint } = entry
  if (entry.replicaDigest === NO_REPLICA) {
    return { address, recoveryPoint, is: 'whole', why: entry.refused ?? 'it was seen and could not be carried yet' }
  }
  if (isOpen(entry)) return { address, recoveryPoint, is: 'since', why: 'it was still being written to' }
  if (recoveryPoint < listed)
    return { address, recoveryPoint, is: 'since', why: 'its last change could not be carried yet' }
  return undefined
}
