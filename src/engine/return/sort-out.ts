import { sameJson } from '../../core/canonical.ts'
import { type Address, type Digest, type Item, type JsonObject, kindOf, type Side } from '../../core/model.ts'
import { item as itemOf, type Snapshot } from '../../core/snapshot.ts'
import type { Service } from '../../services/service.ts'
import { type Parts, serviceOf } from '../parts.ts'
import { lastAgreed } from './left-behind.ts'

/** What becomes of something that only the returned side has, or has in another state. */
export type Finding =
  /** Only the returned side had it, or only that side had changed it: it is in the active side now. */
  | { readonly is: 'carried'; readonly address: Address }
  /** Both sides had more of it: what the returned side had was added, nothing was changed. */
  | { readonly is: 'merged'; readonly address: Address }
  /** Both sides have their own: the returned side's is in the active side under another name. */
  | { readonly is: 'aside'; readonly address: Address; readonly as: Address }
  /** Both sides have their own and one cannot take the other in: each keeps its own until a person decides. */
  | { readonly is: 'conflict'; readonly address: Address; readonly why: string }
  /** It cannot be made in the active side: a job, whose making would run it. */
  | { readonly is: 'listed'; readonly address: Address; readonly why: string }

/** Everything on the returned side that is not as it was when both sides agreed last, by what is to be done with it. */
export interface Sorted {
  /** `of` is where it stands on the returned side; the item may be meant for another name. */
  readonly carry: readonly { readonly of: Address; readonly item: Item }[]
  readonly merge: readonly { readonly service: Service; readonly item: Item }[]
  readonly settled: readonly Finding[]
}

/** What an attempt that was cut off meant to do with something. */
export interface Earlier {
  readonly finding: Finding
  /** Its step came to its end. */
  readonly ended: boolean
}

export interface Sorting {
  readonly parts: Parts
  readonly returned: Side
  /** Marks the name that something of theirs gets beside ours. Equal items give equal marks. */
  readonly mark: (item: Item) => string
  /** Set where equal marks are of equal items: what stands under such a name is theirs already, and else may be older. */
  readonly marksAreOfItems?: boolean
  readonly theirs: Snapshot
  readonly ours: Snapshot
  /** By address on the returned side. */
  readonly earlier: ReadonlyMap<Address, Earlier>
}

/** Three states of each thing decide: as it was when both sides agreed last, as it is there, as it is here. */
export function sortOut(sorting: Sorting): Sorted {
  const { parts, returned, theirs, ours, earlier } = sorting
  const carry: { of: Address; item: Item }[] = []
  const merge: { service: Service; item: Item }[] = []
  const settled: Finding[] = []
  for (const item of theirs.items()) {
    const { address } = item
    const service = serviceOf(parts.services, kindOf(address))
    if (service === undefined) continue
    const here = ours.get(address)
    const before = earlier.get(address)
    if (before === undefined && here?.digest === item.digest) continue
    const known = baseOf(parts, address, returned)
    const fate = fateOf(service, { item, here, known, before })
    if (fate === 'nothing') continue
    if (fate === 'same') settled.push(...(before === undefined ? [] : [before.finding]))
    else if (fate === 'carry') carry.push({ of: address, item })
    else if (fate === 'merge') merge.push({ service, item })
    else if (fate === 'aside') {
      const other = service.aside?.(item, sorting.mark(item)) ?? item
      if (sorting.marksAreOfItems === true && ours.has(other.address))
        settled.push({ is: 'aside', address, as: other.address })
      else carry.push({ of: address, item: other })
    } else settled.push({ address, ...fate })
  }
  return { carry, merge, settled }
}

interface States {
  readonly item: Item
  readonly here: Item | undefined
  /** As both sides had it last. */
  readonly known: Base | undefined
  readonly before: Earlier | undefined
}

/** The last state in which both sides agreed, as each had it. */
interface Base {
  readonly theirs: Digest
  readonly ours: Digest
  readonly kept?: JsonObject
}

type Fate =
  /** It is as it was when both sides agreed last. */
  | 'nothing'
  /** Both sides have the same. */
  | 'same'
  | 'carry'
  | 'merge'
  | 'aside'
  | { readonly is: 'conflict' | 'listed'; readonly why: string }

function fateOf(service: Service, { item, here, known, before }: States): Fate {
  if (unchanged(service, item, known)) return 'nothing'
  if (here !== undefined && sameStanding(service, item, here.body)) return 'same'
  if (service.observed?.(item.body) === true) {
    // Whatever has its name here is what it is here.
    return here === undefined ? { is: 'listed', why: 'it is never made, and nothing has its name here' } : 'nothing'
  }
  if (!service.can.converge) {
    return { is: 'listed', why: `it ${known === undefined ? 'came to be' : 'went on'} after the last reading` }
  }
  if (here === undefined) return 'carry'
  if (untouchedHere(service, here, known)) {
    const would = isParked(service, item) && !isParked(service, here)
    return would ? { is: 'conflict', why: 'it was changed there and stands by; carrying it would stop ours' } : 'carry'
  }
  // Two things under one name: the planner finds a name of its own for theirs, where the kind has such.
  if (service.frozen !== undefined && !sameJson(service.frozen(item.body), service.frozen(here.body))) return 'carry'
  // What is made in several calls and was cut off between them is no work of this side: to be merged with, it would stay half.
  if (service.mergeInto !== undefined) return isHalfCarried(before) ? 'carry' : 'merge'
  return service.aside === undefined ? { is: 'conflict', why: 'both sides changed it' } : 'aside'
}

function isHalfCarried(before: Earlier | undefined): boolean {
  return before?.finding.is === 'carried' && !before.ended
}

/** `undefined` where they never agreed. */
function baseOf(parts: Parts, address: Address, returned: Side): Base | undefined {
  const entry = lastAgreed(parts, address)
  if (entry === undefined) return undefined
  const { source, sourceDigest, replicaDigest, kept } = entry
  const [theirs, ours] = source === returned ? [sourceDigest, replicaDigest] : [replicaDigest, sourceDigest]
  return { theirs, ours, ...(kept === undefined ? {} : { kept }) }
}

function unchanged(service: Service, item: Item, known: Base | undefined): boolean {
  if (known === undefined) return false
  // The fence has just parked what acts: that is no change of theirs.
  return item.digest === known.theirs || (known.kept !== undefined && sameStanding(service, item, known.kept))
}

function untouchedHere(service: Service, here: Item, known: Base | undefined): boolean {
  if (known === undefined) return false
  return here.digest === known.ours || (known.kept !== undefined && sameStanding(service, here, known.kept))
}

/** Equal but for acting or standing by. */
function sameStanding(service: Service, item: Item, other: JsonObject): boolean {
  return parked(service, item.body) === parked(service, other)
}

function isParked(service: Service, { body }: Item): boolean {
  return service.parked !== undefined && parked(service, body) === digestIn(body)
}

function parked(service: Service, body: JsonObject): string {
  return digestIn(service.parked?.(body, 'hot/warm') ?? body)
}

function digestIn(body: JsonObject): string {
  return itemOf('body/of', body).digest
}
