import type { Instant, JsonObject } from '../core/model.ts'

/** The right to act for one protection, for a while. */
export interface Lease {
  readonly protection: string
  readonly holder: string
  /** Grows by one with every change of the holder, never falls, never repeats. */
  readonly epoch: number
  /** How long it lasts from each renewal. */
  readonly milliseconds: number
  /** Who had it before and let it run out; `undefined` where it was given back, or nobody had it. */
  readonly outOf?: string
}

/** Who holds a lease that could not be had, for the sentence that says so. */
export interface HeldBy {
  readonly holder: string
  readonly epoch: number
  /** By the store's own reckoning. */
  readonly remainingMilliseconds: number
}

/** One line of the journal, as it was appended. `body` holds no secret. */
export interface JournalRecord {
  /** Without gaps, from 1, per protection. */
  readonly seq: number
  readonly epoch: number
  /** The plan, failover or pass to which it belongs. */
  readonly run: string
  readonly type: string
  readonly at: string
  readonly body: JsonObject
}

/** Up to where a journal has come. The chain stands for every record before it too. */
export interface JournalHead {
  readonly seq: number
  readonly chain: string
}

export type NewRecord = Pick<JournalRecord, 'run' | 'type' | 'body'>

/** What a person asks of whoever holds the lease. It has no effect before the holder has taken it up. */
export interface Word {
  /** Given by whoever leaves it: left twice it is there once. */
  readonly id: string
  readonly is: string
  readonly by: string
  /** When it was said. Missing in one that an earlier version left. */
  readonly at?: Instant
  readonly body: JsonObject
}

/** Which records to read; all, where nothing is said. */
export interface ReadOptions {
  /** Only those after this seq. */
  readonly after?: number
  /** Only those of one run. */
  readonly run?: string
  /** Only those whose type begins like this, for instance `failover/`. */
  readonly typed?: string
}

/**
 * What must not be forgotten: the lease, the journal, and the facts that a decision stands on.
 *
 * Methods stand in the order of how much their atomicity matters. Every implementation passes `conformance.ts`.
 */
export interface Store {
  /**
   * Appends records if, at the same instant, the lease is still held: one atomic conditional write.
   * Durable when it resolves. Throws `run/fenced` if the epoch is over, and then nothing is written.
   */
  append(lease: Lease, records: readonly NewRecord[]): Promise<readonly JournalRecord[]>
  /** Takes the lease if it is free or has run out; the epoch then grows. */
  acquire(protection: string, holder: string, milliseconds: number): Promise<Lease | { readonly held: HeldBy }>
  /** Prolongs it. Throws `run/fenced` if it is another's by now. */
  renew(lease: Lease): Promise<void>
  /** Gives it up. Nothing happens if it is another's by now. */
  release(lease: Lease): Promise<void>
  /** Records in order. At a cost that follows what is given back, however long the journal is. */
  read(protection: string, options?: ReadOptions): AsyncIterable<JournalRecord>
  /** Place and link in the chain of the last record, or of the one at a place; `undefined` where there is none. */
  head(protection: string, at?: number): Promise<JournalHead | undefined>
  /** A small fact that is replaced as a whole, under the lease: roles, the armed state, … `undefined` where none was set. */
  fact(protection: string, name: string): Promise<JsonObject | undefined>
  /** Sets a fact under the same atomic condition as {@link append}. */
  setFact(lease: Lease, name: string, value: JsonObject): Promise<void>
  /** Leaves a word for whoever holds the lease. It needs no lease, and is durable when it resolves. */
  leave(protection: string, word: Word): Promise<void>
  /** Words that were not answered yet, in the order in which they were left. */
  words(protection: string): Promise<readonly Word[]>
  /**
   * Takes a word up: it is gone and the records are there, in one atomic write under the same condition as
   * {@link append}. False, and nothing is written, where it is gone already.
   */
  answer(lease: Lease, word: string, records: readonly NewRecord[]): Promise<boolean>
  /** Takes a word back. False where it was answered already. */
  withdraw(protection: string, word: string): Promise<boolean>
  close(): Promise<void>
}
