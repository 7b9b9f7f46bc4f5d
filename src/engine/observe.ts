import { isFault } from '../core/errors.ts'
import type { Address, Instant, Item, Kind } from '../core/model.ts'
import { emptySnapshot, type Snapshot, withKind } from '../core/snapshot.ts'
import type { Place, Service } from '../services/service.ts'
import { atOnce } from './at-once.ts'
import type { Progress } from './parts.ts'
import { type Doubt, goneIn } from './presence.ts'

/** One reading of a place. */
export interface Observation {
  readonly snapshot: Snapshot
  /** Before the first request: whatever was acknowledged until then is in the snapshot, if its kind is complete. */
  readonly startedAt: Instant
  /** Kinds whose list came to its end, the empty ones too. */
  readonly complete: ReadonlySet<Kind>
  /** Kinds whose list did not come to its end, with the sentence that says why. They prove nothing. */
  readonly incomplete: ReadonlyMap<Kind, string>
  /** What is there and was left out, because another kind carries it for now. */
  readonly withheld: ReadonlySet<Address>
}

export interface ObserveOptions {
  readonly services: readonly Service[]
  readonly as: 'source' | 'target'
  readonly signal: AbortSignal
  /** Is told of each list that did not come to its end, before the next begins. */
  readonly doubt?: Doubt
  /** Items that the policy leaves out. */
  readonly excluded: (address: Address) => boolean
  /** Kinds that are not to be read now, with the reason: they count as incomplete. */
  readonly unread?: (service: Service) => string | undefined
  /** True: nothing that was noted of an earlier reading is believed. */
  readonly afresh?: boolean
  /** The reading before, so that what did not change shares its memory. */
  readonly before?: Snapshot
  readonly now: () => Instant
  readonly progress: Progress
}

/** Kinds read at once: more would only make them wait for each other's share of the permitted rate. */
const WIDTH = 6

/** Reads every kind of a place. A kind that cannot be read to its end is named and does not stop the others. */
export async function observe(place: Place, options: ObserveOptions): Promise<Observation> {
  const { services, as, signal, excluded, progress, afresh = false } = options
  const reach = { signal, as, afresh }
  const startedAt = options.now()
  const complete = new Set<Kind>()
  const incomplete = new Map<Kind, string>()
  const withheld = new Set<Address>()
  let snapshot = options.before ?? emptySnapshot()
  progress.phase(`reading ${place.location}`, services.length)
  await atOnce(WIDTH, services, async (service) => {
    const items: Item[] = []
    const unread = options.unread?.(service)
    if (unread !== undefined) {
      incomplete.set(service.kind, unread)
      return
    }
    try {
      for await (const item of service.list(place, reach)) if (!excluded(item.address)) items.push(item)
      snapshot = withKind(snapshot, service.kind, items)
      complete.add(service.kind)
      for (const one of service.withheld?.(place) ?? []) withheld.add(one)
    } catch (thrown) {
      await options.doubt?.(thrown)
      if (signal.aborted) throw goneIn(signal) ?? thrown
      if (!isFault(thrown)) throw thrown
      incomplete.set(service.kind, thrown.message)
    }
    progress.advance()
  })
  return { snapshot, startedAt, complete, incomplete, withheld }
}
