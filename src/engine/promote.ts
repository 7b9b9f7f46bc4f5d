import { type Address, kindOf, type Side } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import { ledForm } from '../core/standing.ts'
import type { Place } from '../services/service.ts'
import type { Entry } from '../store/ledger.ts'
import type { Mapping } from './carry.ts'
import { insist } from './insist.ts'
import { type Parts, serviceOf } from './parts.ts'
import { conflictsOf } from './roles.ts'
import type { Tenure } from './tenure.ts'

export interface Promoted {
  /** What stood by and acts now, or did not stand at all and does now. */
  readonly raised: readonly Address[]
  /** What could not be raised, with the reason. */
  readonly failed: Readonly<Record<Address, string>>
}

/**
 * Gives everything on a side the form in which it acts: schedules fire, clusters may grow, what was cold is made.
 * What it is to become comes from the ledger: the other side may be gone.
 *
 * @throws Fault where the side itself does not answer; to be called again then
 */
export async function promote(
  parts: Parts,
  side: Side,
  act: {
    readonly tenure: Tenure
    readonly signal: AbortSignal
    readonly callMilliseconds: number
    /** Where things stand there that what acts may point to. */
    readonly mapped: Mapping
  },
): Promise<Promoted> {
  const place = await parts.open(side, act.signal)
  const raised: Address[] = []
  const failed: Record<Address, string> = {}
  if (place === undefined) return { raised, failed }
  const { signal, mapped } = act
  const conflicts = await conflictsOf(parts)
  for (const entry of standingBy(parts)) {
    act.tenure.demand(act.callMilliseconds)
    if (conflicts[entry.address] !== undefined) {
      // The ledger has what both had before, which is neither side's any more.
      failed[entry.address] = 'each side has its own, and nobody has said which stands'
      continue
    }
    const read = serviceOf(parts.services, kindOf(entry.address))?.read
    const answers = async () => read?.(place, entry.address, { signal, as: 'target' })
    const done = await insist(() => raise(parts, place, { entry, mapped }, signal), { answers, signal })
    if ('failed' in done) failed[entry.address] = done.failed.message
    else raised.push(entry.address)
  }
  return { raised, failed }
}

/** Entries whose replica is not what acts, in the order in which kinds need each other. */
export function* standingBy(parts: Parts): Iterable<Entry> {
  for (const service of parts.services) {
    if (!service.can.converge || service.parked === undefined) continue
    for (const entry of parts.ledger.entries(parts.protection, service.kind)) if (entry.kept !== undefined) yield entry
  }
}

async function raise(
  parts: Parts,
  place: Place,
  { entry, mapped }: { readonly entry: Entry; readonly mapped: Mapping },
  signal: AbortSignal,
): Promise<void> {
  const service = serviceOf(parts.services, kindOf(entry.address))
  if (service === undefined || entry.kept === undefined) return
  const kept = item(entry.address, entry.kept, service.references(entry.kept))
  const wanted = ledForm(kept, service, mapped)
  // No bytes and no secrets come from the other side here: it may be gone, and what needs them stands already.
  await service.converge(place, wanted, { source: place, signal, as: 'target' })
}
