import { isFault } from '../core/errors.ts'
import { backOff, type Notice, noticeOf } from '../core/notice.ts'
import type { Parts } from './parts.ts'
import type { Tenure } from './tenure.ts'
import type { Monotonic } from './time.ts'

/** Somebody who is told. */
export interface NoticeTarget {
  /** Stays the same while the policy says the same, and tells no secret. */
  readonly key: string
  /** For people. */
  readonly name: string
  /** Throws where it was not taken. */
  send(notice: Notice, signal: AbortSignal): Promise<void>
}

export interface NotifyingOptions {
  readonly parts: Parts
  readonly targets: readonly NoticeTarget[]
  readonly clock: Monotonic
  /** Is told of what could not be sent, once for each failure. */
  failed(target: string, why: string): void
}

/** Tells targets what is news in the journal, beside everything else that a controller does. */
export interface Notifying {
  /** Starts to send what is not sent yet, unless that is under way. */
  turn(tenure: Tenure): void
  /** Sends what can be sent now, and waits for it. */
  flush(tenure: Tenure): Promise<void>
  /** Ends what is under way. What was not sent is sent by whoever holds the lease next. */
  halt(): Promise<void>
  /** Targets that have not taken what there is to tell them. */
  pending(): number
}

/** One call to a target takes no longer. */
const SEND_MILLISECONDS = 10_000
/** What a target has not taken for so long it is not told any more. */
const STALE_MILLISECONDS = 86_400_000
/** How far a target's place may run ahead of what is written down of it. */
const UNWRITTEN = 500

interface Sending {
  readonly tenure: Tenure
  readonly signal: AbortSignal
}

/**
 * The journal is what is yet to be sent; of each target it is kept how far it was told. So a notice is there as soon
 * as the record is, none is lost by a crash, and one that may have arrived is sent again under its id.
 */
export function notifying(options: NotifyingOptions): Notifying {
  const tellers = options.targets.map((target) => new Teller(target, options))
  let stopping = new AbortController()
  let underWay: Promise<void> | undefined

  async function flush(tenure: Tenure): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, tenure.signal])
    try {
      await Promise.all(tellers.map((one) => one.tell({ tenure, signal })))
    } catch (thrown) {
      // Where the lease was given back meanwhile, whoever has it next goes on from what is written down.
      if (!signal.aborted && !isFault(thrown, 'run/fenced'))
        options.failed('anybody', thrown instanceof Error ? thrown.message : String(thrown))
    }
  }

  return {
    turn: (tenure) => {
      if (tellers.length === 0 || underWay !== undefined) return
      underWay = flush(tenure).finally(() => {
        underWay = undefined
      })
    },
    flush: async (tenure) => {
      await underWay
      await flush(tenure)
    },
    halt: async () => {
      stopping.abort()
      await underWay
      stopping = new AbortController()
    },
    pending: () => tellers.filter((one) => one.waits).length,
  }
}

/** Tells one target. */
class Teller {
  readonly #target: NoticeTarget
  readonly #options: NotifyingOptions
  /** Everything up to this record was taken, or is no news. */
  #seq = 0
  /** Under which {@link #seq} was looked up: between two, others may have told more. */
  #under: Tenure | undefined
  #written = 0
  #failures = 0
  #dueAt = Number.NEGATIVE_INFINITY

  constructor(target: NoticeTarget, options: NotifyingOptions) {
    this.#target = target
    this.#options = options
  }

  get waits(): boolean {
    return this.#failures > 0
  }

  async tell(by: Sending): Promise<void> {
    const { parts, clock } = this.#options
    if (clock() < this.#dueAt) return
    if (this.#under !== by.tenure) this.#seq = Math.max(this.#seq, await this.#begins(by.tenure))
    this.#under = by.tenure
    for await (const record of parts.store.read(parts.protection, { after: this.#seq })) {
      by.signal.throwIfAborted()
      const notice = noticeOf(parts.protection, record)
      const stale = parts.now() - Date.parse(record.at) > STALE_MILLISECONDS
      if (notice !== undefined && !stale && !(await this.#sent(notice, by.signal))) return
      this.#seq = record.seq
      if (notice !== undefined || record.seq - this.#written > UNWRITTEN) await this.#write(by.tenure)
    }
    this.#failures = 0
  }

  /** A target that is new is told what happens from now on. */
  async #begins(tenure: Tenure): Promise<number> {
    const { store, protection } = this.#options.parts
    const fact = await store.fact(protection, factOf(this.#target))
    if (fact !== undefined) return Number(fact['seq'])
    const seq = (await store.head(protection))?.seq ?? 0
    await tenure.setFact(factOf(this.#target), { seq })
    return seq
  }

  async #sent(notice: Notice, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#target.send(notice, AbortSignal.any([signal, AbortSignal.timeout(SEND_MILLISECONDS)]))
      this.#failures = 0
      return true
    } catch (thrown) {
      if (signal.aborted) throw thrown
      this.#dueAt = this.#options.clock() + backOff(this.#failures++)
      this.#options.failed(this.#target.name, thrown instanceof Error ? thrown.message : 'it could not be told')
      return false
    }
  }

  async #write(tenure: Tenure): Promise<void> {
    this.#written = this.#seq
    await tenure.setFact(factOf(this.#target), { seq: this.#written })
  }
}

function factOf({ key }: NoticeTarget): string {
  return `notified-${key}`
}
