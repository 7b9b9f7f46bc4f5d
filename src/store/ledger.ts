import type { Address, Digest, Instant, JsonObject, Side } from '../core/model.ts'
import type { Lease } from './store.ts'

/** What is known about one item and its replica. */
export interface Entry {
  readonly address: Address
  /** Side that was the source when this was verified. */
  readonly source: Side
  readonly sourceDigest: Digest
  /** Equal to `sourceDigest`, or the digest of the declared rewrite of it. */
  readonly replicaDigest: Digest
  /** Start, in source time, of the complete observation in which source and verified replica agreed last. */
  readonly recoveryPoint: Instant
  readonly verifiedAt: Instant
  /** What a later act needs of the source when it can no longer be asked: a job's whole specification. No secrets. */
  readonly kept?: JsonObject
  /** Why it was never carried and cannot be, as it is. Set only where there is no replica. */
  readonly refused?: string
}

/**
 * What is verified where. Large; can be rebuilt from the replicas' tags, so losing it costs time and no work.
 *
 * Controllers share it: each write is made under a lease, and is refused with `run/fenced`, at the same instant, where
 * that of another has begun since.
 */
export interface Ledger {
  /**
   * From now on only this lease writes for its protection. False, and nothing changes, where one of a later epoch has
   * begun, unless `isLatest`: the store may have been put back from a copy, and its epochs begin again.
   */
  begin(lease: Lease, isLatest?: boolean): Promise<boolean>
  get(protection: string, address: Address): Entry | undefined
  /** Entries of a kind, or all, in the order of their addresses. */
  entries(protection: string, kind?: string): Iterable<Entry>
  /** Durable when it resolves. */
  put(protection: string, entries: readonly Entry[], lease: Lease): Promise<void>
  /** Moves the recovery point of every named entry that is unchanged, at a cost that does not follow their number where possible. */
  touch(protection: string, recoveryPoint: Instant, except: ReadonlySet<Address>, lease: Lease): Promise<void>
  forget(protection: string, addresses: readonly Address[], lease: Lease): Promise<void>
  close(): void
}
