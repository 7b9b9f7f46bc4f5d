import { Fault } from '../../src/core/errors.ts'
import type { JsonObject } from '../../src/core/model.ts'
import type { JournalRecord, Lease, NewRecord, Store } from '../../src/store/store.ts'
import type { SimulatedProcess } from './process.ts'
import type { Schedule } from './schedule.ts'

/** Who holds the lease of the one protection of a simulated world. */
interface Held {
  readonly holder: string
  readonly epoch: number
  until: number
}

/** One store that all controllers of a world share. It obeys the contract of `store.ts`, in virtual time. */
export class SharedStore {
  readonly journal: JournalRecord[] = []
  readonly facts = new Map<string, JsonObject>()
  readonly #schedule: Schedule
  readonly #wrote: (by: string, what: JournalRecord | { fact: string; value: JsonObject; epoch: number }) => void
  #held: Held = { holder: '', epoch: 0, until: 0 }

  constructor(
    schedule: Schedule,
    wrote: (by: string, what: JournalRecord | { fact: string; value: JsonObject; epoch: number }) => void,
  ) {
    this.#schedule = schedule
    this.#wrote = wrote
  }

  /** The epoch in which somebody may act now, or 0. */
  get epoch(): number {
    return this.#held.until > this.#schedule.now ? this.#held.epoch : 0
  }

  /** The store as one process reaches it. */
  from(process: SimulatedProcess): Store {
    const { journal, facts } = this
    return {
      append: (lease, records) => process.ask(() => this.#append(process, lease, records)),
      acquire: (protection, holder, milliseconds) =>
        process.ask(() => this.#acquire({ protection, holder, milliseconds })),
      renew: (lease) =>
        process.ask(() => {
          this.#demand(lease)
          this.#held.until = this.#schedule.now + lease.milliseconds
        }),
      release: (lease) =>
        process.ask(() => {
          if (this.#held.epoch === lease.epoch) this.#held.until = 0
        }),
      async *read(_, { after = 0, run, typed = '' } = {}) {
        if (process.cut || process.stopped) await process.ask(() => undefined)
        for (const one of journal)
          if (one.seq > after && (run === undefined || one.run === run) && one.type.startsWith(typed)) yield one
      },
      fact: async (_, name) => (process.cut || process.stopped ? process.ask(() => facts.get(name)) : facts.get(name)),
      setFact: (lease, name, value) =>
        process.ask(() => {
          this.#demand(lease)
          facts.set(name, value)
          this.#wrote(process.name, { fact: name, value, epoch: lease.epoch })
        }),
      // Nobody says anything in a simulated world.
      head: async () => undefined,
      leave: async () => undefined,
      words: async () => [],
      withdraw: async () => false,
      answer: async () => false,
      close: async () => undefined,
    }
  }

  #append({ name }: SimulatedProcess, lease: Lease, records: readonly NewRecord[]): readonly JournalRecord[] {
    this.#demand(lease)
    const at = new Date(EPOCH + this.#schedule.now).toISOString()
    const written = records.map((one, index) => ({
      ...one,
      seq: this.journal.length + 1 + index,
      epoch: lease.epoch,
      at,
    }))
    this.journal.push(...written)
    for (const one of written) this.#wrote(name, one)
    return written
  }

  #acquire({
    protection,
    holder,
    milliseconds,
  }: Omit<Lease, 'epoch'>): Lease | { held: Held & { remainingMilliseconds: number } } {
    const remainingMilliseconds = this.#held.until - this.#schedule.now
    if (remainingMilliseconds > 0) return { held: { ...this.#held, remainingMilliseconds } }
    const outOf = this.#held.until === 0 ? {} : { outOf: this.#held.holder }
    this.#held = { holder, epoch: this.#held.epoch + 1, until: this.#schedule.now + milliseconds }
    return { protection, holder, epoch: this.#held.epoch, milliseconds, ...outOf }
  }

  #demand(lease: Lease): void {
    if (this.epoch === lease.epoch) return
    throw new Fault('run/fenced', `Epoch ${lease.epoch} is over`)
  }
}

/** The wall clock's time when a simulated world begins: a Tuesday, 06:00 UTC. */
export const EPOCH = Date.UTC(2030, 0, 1, 6)
