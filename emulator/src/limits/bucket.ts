import type { Limit } from './table.ts'

/** A token bucket on a clock that is never set. */
export class Bucket {
  readonly #limit: Limit
  readonly #now: () => number
  #tokens: number
  #at: number

  constructor(limit: Limit, now: () => number) {
    this.#limit = limit
    this.#now = now
    this.#tokens = limit.burst
    this.#at = now()
  }

  /** Milliseconds until there is a token; 0 where there is one. */
  wait(): number {
    this.#refill()
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#limit.perSecond) * 1000
  }

  /** Takes a token and gives how many whole ones remain. Only after {@link wait} gave 0. */
  take(): number {
    this.#tokens -= 1
    return Math.floor(this.#tokens)
  }

  #refill(): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + ((now - this.#at) / 1000) * this.#limit.perSecond)
    this.#at = now
  }
}
