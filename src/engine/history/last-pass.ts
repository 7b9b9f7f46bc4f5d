import type { HistoryLedger } from '../../store/history-ledger.ts'
import { noteKey } from './notes.ts'
import type { HistoryFilter, HistoryParts } from './parts.ts'
import type { Pass, Witness } from './pass.ts'

/** What the clocks of two machines may differ by. */
const SKEW_MILLISECONDS = 10 * 60_000

/** What is noted of a pass that lost nothing, with that by which its target is known again. */
interface Noted {
  /** Milliseconds since 1970. Absent for a pass that looks at everything. */
  readonly since?: number
  /** Ids at the target. */
  readonly experiments: readonly string[]
  /** Absent where there was no run. */
  readonly witness?: Witness | undefined
}

/** Notes the begin of a pass that lost nothing more and left no run of its experiments out. */
export function noteEnd(pass: Pass, began: number): void {
  const { parts, troubles, toldAgain, targets } = pass
  const { ledger, filter } = parts
  if (filter.runs !== undefined || troubles.some((one) => !toldAgain.has(one))) return
  const before = notedOf(ledger, filter)
  // What a person chose by a time may have left out what is older.
  if (filter.since !== undefined && before?.since !== filter.since) return
  const now: Noted = { since: began - SKEW_MILLISECONDS, experiments: targets, witness: witnessOf(pass, before) }
  ledger.put(keyOf(filter), JSON.stringify(now))
}

/**
 * The time since which runs must be looked at; `undefined` where nothing was carried whole so far, or the target is not
 * the one that it was carried to.
 */
export async function lastPass(
  { to, ledger, filter }: Pick<HistoryParts, 'to' | 'ledger' | 'filter'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const noted = notedOf(ledger, filter)
  if (noted?.since === undefined) return undefined
  const { since, experiments, witness } = noted
  const there = new Set<string>()
  for await (const { id } of to.tracking.experiments(signal)) there.add(id)
  if (!experiments.every((id) => there.has(id))) return undefined
  const isThere = witness === undefined || (await to.tracking.run(witness.replica, signal)) !== undefined
  return isThere ? since : undefined
}

/** Forgets the passes whose witness is about to be made again: in a place that keeps ids it would be found to stand. */
export function forgetPasses(ledger: HistoryLedger, run: string): void {
  for (const key of ledger.keys(noteKey('pass', ''))) {
    if (readNote(ledger.get(key))?.witness?.run === run) ledger.forget(key)
  }
}

/** The run that was made last: a target that was put back to an earlier state does not have it. Or the one before, or any. */
function witnessOf({ parts, identities, made }: Pass, before: Noted | undefined): Witness | undefined {
  const { from, to, filter } = parts
  if (made.last !== undefined) return made.last
  const known = before?.witness
  const stands = known !== undefined && (filter.since !== undefined || identities.run(known.run) === known.replica)
  if (stands) return known
  for (const { id, sharedId } of from.census.all()) {
    const replica = to.census.ownId(sharedId)
    if (replica !== undefined) return { run: id, replica }
  }
  return undefined
}

function notedOf(ledger: HistoryLedger, filter: Pick<HistoryFilter, 'experiments'>): Noted | undefined {
  return readNote(ledger.get(keyOf(filter)))
}

/** Of a note that says a time alone nobody knows which target it is about. */
function readNote(note: string | undefined): Noted | undefined {
  const said: unknown = note === undefined ? undefined : JSON.parse(note)
  return typeof said === 'object' ? (said as Noted) : undefined
}

function keyOf({ experiments }: Pick<HistoryFilter, 'experiments'>): string {
  return noteKey('pass', JSON.stringify(experiments.toSorted()))
}
