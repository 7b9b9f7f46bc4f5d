import type { Instant, Kind, Side } from '../core/model.ts'
import type { Place, Service } from '../services/service.ts'
import type { Ledger } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'

/** What a long act tells while it runs. Nothing depends on anyone listening. */
export interface Progress {
  /** A phase began; `total` where it is known. */
  phase(name: string, total?: number): void
  /** So many more are done. */
  advance(count?: number): void
  /** A sentence worth a line. */
  note(sentence: string): void
}

export const silent: Progress = { phase: () => undefined, advance: () => undefined, note: () => undefined }

/** Everything the engine works with, joined by `cli/compose.ts` for one protection. */
export interface Parts {
  readonly protection: string
  /** In the order in which kinds need each other. */
  readonly services: readonly Service[]
  /** Opens a side: `undefined` where its workspace does not exist. Throws where it cannot be asked. */
  open(side: Side, signal: AbortSignal): Promise<Place | undefined>
  readonly store: Store
  readonly ledger: Ledger
  /** Wall clock, for what people and reports read. */
  now(): Instant
  readonly progress: Progress
}

export function serviceOf(services: readonly Service[], kind: Kind): Service | undefined {
  return services.find((one) => one.kind === kind)
}
