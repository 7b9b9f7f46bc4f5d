import type { Address, Digest, Instant, Item, Kind, Side } from '../core/model.ts'
import { kindOf } from '../core/model.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { isCold, ledForm, standingForm } from '../core/standing.ts'
import type { PlanRules } from '../core/step.ts'
import type { Entry, Ledger } from '../store/ledger.ts'
import type { Lease } from '../store/store.ts'
import type { Carried } from './carry.ts'
import type { Observation } from './observe.ts'

/** Everything that one pass found out, from which the ledger is brought up to date. */
export interface Reckoning {
  /** Under which the ledger is written. */
  readonly lease: Lease
  readonly active: Side
  readonly source: Observation
  readonly target: Observation
  readonly carried: ReadonlyMap<Address, Carried>
  readonly rules: PlanRules
  /** Where the source's items stand in the target, if not at their own address. */
  readonly mapped: ReadonlyMap<Address, Address>
  /** What is made at a failover and not before. */
  readonly cold: ReadonlySet<Address>
  /** What cannot be carried as it is, with the reason. */
  readonly refused: ReadonlyMap<Address, string>
  /** Whether an item is still being written to. */
  readonly isOpen: (item: Item) => boolean
  readonly now: Instant
}

/** Up to when everything that was acknowledged is in the standby, but for what cannot be carried. */
export interface Reckoned {
  /** The oldest recovery point of all items, and of the kinds themselves. `undefined` before the first complete pass. */
  readonly recoveryPoint: Instant | undefined
  /** Items whose replica is not the source's latest observed state. */
  readonly behind: readonly Address[]
  /** Of these, what was never carried and cannot be: lost whole with the active side, whatever the recovery point is. */
  readonly refused: readonly Address[]
}

/** A ledger entry of something that has no verified replica. */
export const NO_REPLICA: Digest = ''

/** Whether an entry is of something that has no replica and can have none as it is. */
export function isRefused({ replicaDigest, refused }: Entry): boolean {
  return replicaDigest === NO_REPLICA && refused !== undefined
}

/**
 * Brings the ledger up to date with one pass and gives the recovery point.
 *
 * An item is as recent as the start of the latest complete observation in which it equalled its verified replica.
 * One that was new in this pass and could not be carried is as recent as the pass before, in which it was not there
 * on either side. A kind whose list broke off keeps what it had. What was never carried and cannot be has no such
 * instant and holds no other back: it is named.
 *
 * @throws Fault `run/fenced` where another has the lease by now
 */
export async function reckon(ledger: Ledger, of: Reckoning): Promise<Reckoned> {
  const { lease, source, rules } = of
  const { protection } = lease
  const changed: Entry[] = []
  const behind: Address[] = []
  const refused: Address[] = []
  const untouched = new Set<Address>()
  let oldest: Instant | undefined
  for (const kind of kindsOf(of)) {
    const before = lastComplete(ledger, protection, kind)
    if (source.incomplete.has(kind)) {
      oldest = older(oldest, before)
      for (const entry of ledger.entries(protection, kind)) {
        untouched.add(entry.address)
        if (entry.address === markOf(kind)) continue
        behind.push(entry.address)
        if (isRefused(entry)) refused.push(entry.address)
        else oldest = older(oldest, entry.recoveryPoint)
      }
      continue
    }
    for (const item of source.snapshot.items(kind)) {
      const known = ledger.get(protection, item.address)
      const entry = entryOf(of, item) ?? unproved(of, item.address, known ?? before)
      if (entry.recoveryPoint < source.startedAt) {
        behind.push(item.address)
        untouched.add(item.address)
      }
      // What is left to a person is named, and does not hold the recovery point of all else.
      if (isRefused(entry)) refused.push(item.address)
      else if (rules.quarantined?.(item.address) === undefined) oldest = older(oldest, entry.recoveryPoint)
      if (!sameEntry(known, entry)) changed.push(entry)
    }
    changed.push(mark(of, kind))
  }
  await ledger.put(protection, changed, lease)
  // Before the others move on: what is gone from the source was not in it at the instant they move to.
  await ledger.forget(protection, gone(ledger, of), lease)
  await ledger.touch(protection, source.startedAt, untouched, lease)
  const recoveryPoint = older(oldest, source.startedAt)
  return {
    recoveryPoint: recoveryPoint === 0 ? undefined : recoveryPoint,
    behind: behind.sort(),
    refused: refused.sort(),
  }
}

function kindsOf({ source }: Reckoning): readonly Kind[] {
  return [...source.complete, ...source.incomplete.keys()].sort()
}

/** What the pass proves of an item, or `undefined` where it proves nothing. */
function entryOf(of: Reckoning, item: Item): Entry | undefined {
  const { source, carried, rules, active, now } = of
  const { address } = item
  const facts = { address, source: active, sourceDigest: item.digest, verifiedAt: now, recoveryPoint: source.startedAt }
  const kind = rules.kind(kindOf(address))
  if (kind?.observed?.(item.body) === true) {
    const there = targetOf(of, address)
    if (there !== undefined) return { ...facts, replicaDigest: there.digest }
    const why = of.refused.get(address)
    return why === undefined ? undefined : { ...facts, replicaDigest: NO_REPLICA, recoveryPoint: 0, refused: why }
  }
  if (kind?.can.converge === false || isCold(item, rules) || of.cold.has(address)) {
    // Never made in the standby before a failover: what is needed then is the body, and the ledger has it.
    return { ...facts, replicaDigest: item.digest, kept: item.body }
  }
  const done = carried.get(of.mapped.get(address) ?? address)
  if (done?.verified === true) {
    const { sourceDigest, replicaDigest, observedAt = source.startedAt } = done
    return { ...facts, sourceDigest, replicaDigest, recoveryPoint: observedAt, ...asIsOf(of, item) }
  }
  const replica = done === undefined ? standsAs(of, item) : undefined
  if (replica !== undefined) return { ...facts, replicaDigest: replica, ...asIsOf(of, item) }
  return undefined
}

/** What a replica does not show: how it is to act when its side is in charge, and that it was still being written to. */
function asIsOf({ rules, isOpen }: Reckoning, item: Item): Pick<Entry, 'kept'> {
  return standingForm(item, rules) === item && !isOpen(item) ? {} : { kept: item.body }
}

/** An item without proof is as old as its last proof; without any, as the last complete list, in which it was not. */
function unproved(of: Reckoning, address: Address, known: Entry | Instant): Entry {
  const { source, active, now } = of
  const why = of.refused.get(address)
  const refused = why === undefined ? {} : { refused: why }
  if (typeof known !== 'number') return known.replicaDigest === NO_REPLICA ? { ...known, ...refused } : known
  const digest = source.snapshot.get(address)?.digest ?? NO_REPLICA
  return {
    address,
    source: active,
    sourceDigest: digest,
    replicaDigest: NO_REPLICA,
    recoveryPoint: known,
    verifiedAt: now,
    ...refused,
  }
}

/** Digest of the replica if it was found to be what the source's item shall be there. */
function standsAs(of: Reckoning, item: Item): Digest | undefined {
  const there = targetOf(of, of.mapped.get(item.address) ?? item.address)
  const wanted = standingForm(ledForm(item, of.rules.kind(kindOf(item.address)), of.mapped), of.rules)
  return there !== undefined && there.digest === wanted.digest ? there.digest : undefined
}

/** What stands in the target, where its list came to its end. */
function targetOf({ target }: Reckoning, address: Address): Item | undefined {
  return target.incomplete.has(kindOf(address)) ? undefined : target.snapshot.get(address)
}

/** The instant of the last complete observation of a kind: kept in the ledger as the mark of the kind itself. */
function lastComplete(ledger: Ledger, protection: string, kind: Kind): Instant {
  return ledger.get(protection, markOf(kind))?.recoveryPoint ?? 0
}

/** A kind's own line in the ledger; no item has an empty name. */
export function markOf(kind: Kind): Address {
  return `${kind}/`
}

function mark({ active, source, now }: Reckoning, kind: Kind): Entry {
  return {
    address: markOf(kind),
    source: active,
    sourceDigest: '',
    replicaDigest: '',
    recoveryPoint: source.startedAt,
    verifiedAt: now,
  }
}

function gone(ledger: Ledger, { lease: { protection }, source }: Reckoning): Address[] {
  const missing: Address[] = []
  for (const { address } of ledger.entries(protection)) {
    const complete = !source.incomplete.has(kindOf(address))
    if (complete && address !== markOf(kindOf(address)) && !has(source.snapshot, address)) missing.push(address)
  }
  return missing
}

function has(snapshot: Snapshot, address: Address): boolean {
  return snapshot.get(address) !== undefined
}

function sameEntry(known: Entry | undefined, entry: Entry): boolean {
  if (known === undefined) return false
  // The recovery point of what did not change is moved for all at once.
  return (
    known.sourceDigest === entry.sourceDigest &&
    known.replicaDigest === entry.replicaDigest &&
    known.source === entry.source &&
    entry.replicaDigest !== NO_REPLICA &&
    (entry.kept === undefined) === (known.kept === undefined)
  )
}

function older(one: Instant | undefined, other: Instant): Instant {
  return one === undefined ? other : Math.min(one, other)
}
