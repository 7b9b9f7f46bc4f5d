/**
 * What of a run history was carried from one place to another: by key, what it was when it was last found whole.
 * Without it both sides are read and compared, and what was carried and is gone at the source since stays at the target.
 */
export interface HistoryLedger {
  get(key: string): string | undefined
  /** On disk when it returns. */
  put(key: string, value: string): void
  forget(key: string): void
  /** Keys that begin so. */
  keys(prefix: string): Iterable<string>
  close(): void
}

/** A run as a place was last seen to have it. */
export interface Resident {
  /** Its id here. */
  readonly id: string
  readonly sharedId: string
  readonly experimentId: string
  /** Where its files are. */
  readonly root: string
  readonly deleted: boolean
}

/** The runs of one place for the time of one pass: as many as there are, so they are not held in memory. */
export interface Residents {
  put(resident: Resident): void
  byId(id: string): Resident | undefined
  byShared(sharedId: string): Resident | undefined
  all(): Iterable<Resident>
  close(): void
}
