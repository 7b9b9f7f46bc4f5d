import type { Address, Item, Side } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import type { Place, Service } from '../services/service.ts'
import type { Parts } from './parts.ts'

interface Asking {
  readonly parts: Parts
  /** The side that would take over. */
  readonly side: Side
  readonly signal: AbortSignal
}

type Acting = (service: Service, place: Place) => Iterable<Item> | Promise<Iterable<Item>>

/**
 * What a side lacks for what would act there, each in a sentence: quota, and sizes that its region does not offer.
 *
 * @param acting what would act there, by kind. Default: what the ledger knows, for when the active side may be gone
 * @throws Fault where a region does not say what it has
 */
export async function lackingAt(asking: Asking, acting: Acting = byLedger(asking)): Promise<readonly string[]> {
  const { parts, side, signal } = asking
  const place = await parts.open(side, signal)
  const lacking: string[] = []
  for (const service of place === undefined ? [] : parts.services) {
    if (place === undefined || service.lacking === undefined) continue
    lacking.push(...(await service.lacking(place, [...(await acting(service, place))], { signal })))
  }
  return lacking
}

/** What is carried there, each thing in the form in which it acts. */
function byLedger({ parts, signal }: Asking): Acting {
  return async ({ kind, list }, place) => {
    const there = new Map<Address, Item>()
    for await (const one of list(place, { signal, as: 'target' })) there.set(one.address, one)
    const entries = [...parts.ledger.entries(parts.protection, kind)]
    return entries.flatMap(({ address, kept }) =>
      kept === undefined ? (there.get(address) ?? []) : item(address, kept),
    )
  }
}
