import { Fault } from '../core/errors.ts'
import type { Instant, Kind, Side } from '../core/model.ts'
import type { Place, Service } from '../services/service.ts'
import type { Ledger } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'
import type { Tenure } from './tenure.ts'

/** What a long act tells while it runs. Nothing depends on anyone listening. */
export interface Progress {
  /** A phase began; `total` where it is known. */
  phase(name: string, total?: number): void
  /** So many more are done. */
  advance(count?: number): void
  /** A sentence worth a line. */
  note(sentence: string): void
  /** What else was done in this phase so far, in few words. */
  beside?(words: string): void
}

export const silent: Progress = { phase: () => undefined, advance: () => undefined, note: () => undefined }

/** Everything the engine works with, joined by `cli/compose/` for one protection. */
export interface Parts {
  readonly protection: string
  /** In the order in which kinds need each other. */
  readonly services: readonly Service[]
  /**
   * Opens a side: `undefined` where its workspace does not exist. A side that was learnt once is opened from memory,
   * so that one which is gone can still be named.
   */
  open(side: Side, signal: AbortSignal): Promise<Place | undefined>
  /** Asks both sides anew by which names they go, and keeps the answers. A side that does not answer keeps its own. */
  learn(tenure: Tenure, signal: AbortSignal): Promise<void>
  /** Asks each plane of a side once whether it answers now: false where none does. Missing: nobody can tell. */
  answers?(side: Side, signal: AbortSignal): Promise<boolean>
  /** Who may go on writing to a side that was left, because no fence of it reaches them: a sentence for people. */
  readonly unfenced?: string
  readonly store: Store
  readonly ledger: Ledger
  /** Wall clock, for what people and reports read. */
  now(): Instant
  readonly progress: Progress
}

/**
 * Opens a side that must be there.
 * @throws Fault `policy/missing` where its workspace does not exist
 */
export async function placeOf(parts: Pick<Parts, 'open'>, side: Side, signal: AbortSignal): Promise<Place> {
  const place = await parts.open(side, signal)
  if (place !== undefined) return place
  throw new Fault('policy/missing', `The workspace of the ${side} does not exist`, {
    facts: { side },
    hint: side === 'secondary' ? 'Make it with `holdfast apply`.' : 'Look at `primary.workspace` in the policy.',
  })
}

export function serviceOf(services: readonly Service[], kind: Kind): Service | undefined {
  return services.find((one) => one.kind === kind)
}
