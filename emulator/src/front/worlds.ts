import type { LimitSettings } from '../limits/table.ts'
import { openWorld, type World, type WorldParts } from './world.ts'

/** The world that is open, one after the other. Between two there is none, and nothing to ask it for. */
export class Worlds {
  readonly #parts: Omit<WorldParts, 'limits' | 'everyCall'>
  #now: World | undefined

  constructor(parts: Omit<WorldParts, 'limits' | 'everyCall'>) {
    this.#parts = parts
  }

  get open(): boolean {
    return this.#now !== undefined
  }

  get now(): World {
    if (this.#now === undefined) throw new Error('Another state is being loaded.')
    return this.#now
  }

  async begin(limits: LimitSettings): Promise<void> {
    this.#now = await openWorld({ ...this.#parts, limits, everyCall: false })
  }

  /** Closes the world, lets its folder be changed, and opens the next: without faults, else under the same conditions. */
  async exchange(change: () => Promise<void>): Promise<void> {
    const { conditions } = this.now
    await this.end()
    await change()
    const kept = { limits: conditions.limited(), everyCall: conditions.everyCall() }
    this.#now = await openWorld({ ...this.#parts, ...kept })
  }

  async end(): Promise<void> {
    const closing = this.#now
    this.#now = undefined
    await closing?.close()
  }
}
