/**
 * What of a run history was carried from one place to another: by key, what it was when it was last found whole.
 * Losing it costs time only: without it both sides are read and compared.
 */
export interface HistoryLedger {
  get(key: string): string | undefined
  /** On disk when it returns. */
  put(key: string, value: string): void
  forget(key: string): void
  close(): void
}
