import type { HistoryLedger } from '../../store/history-ledger.ts'
import { noteKey } from './notes.ts'
import type { HistoryFilter } from './parts.ts'
import type { Pass } from './pass.ts'

/** What the clocks of two machines may differ by. */
const SKEW_MILLISECONDS = 10 * 60_000

/** Notes the begin of a pass that lost nothing and left no run of its experiments out. */
export function noteEnd({ parts: { ledger, filter }, troubles }: Pass, began: number): void {
  if (filter.runs !== undefined || troubles.length > 0) return
  // What a person chose by a time may have left out what is older.
  if (filter.since !== undefined && lastPass(ledger, filter) !== filter.since) return
  ledger.put(keyOf(filter), String(began - SKEW_MILLISECONDS))
}

/** The time since which runs must be looked at; `undefined` where nothing was carried whole so far. */
export function lastPass(ledger: HistoryLedger, filter: Pick<HistoryFilter, 'experiments'>): number | undefined {
  const noted = ledger.get(keyOf(filter))
  return noted === undefined ? undefined : Number(noted)
}

function keyOf({ experiments }: Pick<HistoryFilter, 'experiments'>): string {
  return noteKey('pass', JSON.stringify(experiments.toSorted()))
}
