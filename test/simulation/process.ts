import { Fault } from '../../src/core/errors.ts'
import type { Time } from '../../src/engine/time.ts'
import type { Random } from './random.ts'
import type { Owner, Schedule } from './schedule.ts'

const REQUEST_FAILS_AFTER = 2000

/**
 * A process of a simulated world: its own clock, its own way to the rest of the world, and what can befall it.
 *
 * Stopped, its moments wait and its clock goes on, as under SIGSTOP; suspended, its clock stands still as well, as
 * that of a machine put to sleep. What it had sent arrives all the same. Dead, it never goes on.
 */
export class SimulatedProcess implements Owner {
  readonly name: string
  readonly time: Time
  cut = false
  /** Added to what it takes for the time of day. */
  wallOff = 0
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #rate: number
  readonly #postponed: (() => void)[] = []
  readonly #unsent: (() => void)[] = []
  #dead = false
  #stoppedAt: number | undefined
  #suspended = false
  #slept = 0

  constructor(of: { name: string; schedule: Schedule; random: Random; rate: number }) {
    this.name = of.name
    this.#schedule = of.schedule
    this.#random = of.random
    this.#rate = of.rate
    this.time = {
      clock: () => this.clock(),
      sleep: (milliseconds, signal) => this.wait(milliseconds, signal).catch(() => undefined),
      every: (milliseconds, act) => this.#every(milliseconds, act),
    }
  }

  get dead(): boolean {
    return this.#dead
  }

  get stopped(): boolean {
    return this.#stoppedAt !== undefined
  }

  postpone(act: () => void): void {
    this.#postponed.push(act)
  }

  clock(): number {
    const asleep = this.#suspended && this.#stoppedAt !== undefined ? this.#schedule.now - this.#stoppedAt : 0
    return 1_000_000 + (this.#schedule.now - this.#slept - asleep) * this.#rate
  }

  stop(suspended: boolean): void {
    if (this.#dead || this.stopped) return
    this.#stoppedAt = this.#schedule.now
    this.#suspended = suspended
  }

  resume(): void {
    if (this.#stoppedAt === undefined) return
    if (this.#suspended) this.#slept += this.#schedule.now - this.#stoppedAt
    this.#stoppedAt = undefined
    // Timers are due first, as in a real event loop; what came over the network follows.
    for (const act of [...this.#postponed.splice(0), ...this.#unsent.splice(0)])
      this.#schedule.at(this.#schedule.now, act, this)
  }

  kill(): void {
    this.#dead = true
  }

  /** Waits, and rejects with the signal's reason as soon as it aborts. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const aborted = () => {
        cancel()
        reject(signal.reason)
      }
      const done = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const cancel = this.#schedule.at(this.#schedule.now + milliseconds / this.#rate, done, this)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  /** Sends a request, lets it act where it arrives, and brings the answer back, unless this process is cut off. */
  async ask<T>(act: () => T): Promise<T> {
    await this.running()
    return this.#sent(act)
  }

  /** Resolves at once, or when this process is no longer stopped. */
  running(): Promise<void> | undefined {
    return this.stopped ? new Promise((resolve) => this.#unsent.push(resolve)) : undefined
  }

  #sent<T>(act: () => T): Promise<T> {
    const there = this.#schedule.now + this.#random.between(1, 20)
    return new Promise((resolve, reject) => {
      const failed = () => {
        const fault = new Fault('azure/unreachable', `${this.name} got no answer`)
        this.#schedule.at(there + REQUEST_FAILS_AFTER, () => reject(fault), this)
      }
      if (this.cut) {
        failed()
        return
      }
      this.#schedule.at(there, () => {
        try {
          const answer = act()
          // The request did its work; the answer is lost if the way was cut meanwhile.
          if (this.cut) failed()
          else this.#schedule.at(there + this.#random.between(1, 20), () => resolve(answer), this)
        } catch (thrown) {
          this.#schedule.at(there + this.#random.between(1, 20), () => reject(thrown), this)
        }
      })
    })
  }

  #every(milliseconds: number, act: () => void): () => void {
    let cancel: () => void = () => undefined
    const next = () => {
      cancel = this.#schedule.at(
        this.#schedule.now + milliseconds / this.#rate,
        () => {
          next()
          act()
        },
        this,
      )
    }
    next()
    return () => cancel()
  }
}
