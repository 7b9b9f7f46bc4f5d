import type { Address, Digest, Instant, JsonObject, Side } from '../core/model.ts'

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
}

/**
 * What is verified where. Large; can be rebuilt from the replicas' tags, so losing it costs time and no work.
 */
export interface Ledger {
  get(protection: string, address: Address): Entry | undefined
  /** Entries of a kind, or all, in the order of their addresses. */
  entries(protection: string, kind?: string): Iterable<Entry>
  /** Durable when it resolves. */
  put(protection: string, entries: readonly Entry[]): Promise<void>
  /** Moves the recovery point of every named entry that is unchanged, at a cost that does not follow their number where possible. */
  touch(protection: string, recoveryPoint: Instant, except: ReadonlySet<Address>): Promise<void>
  forget(protection: string, addresses: readonly Address[]): Promise<void>
  close(): void
}
