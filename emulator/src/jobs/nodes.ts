import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_TIMER } from '../long-timer.ts'

/** What a job needs to know of the compute it asks for. */
export interface Compute {
  /** ARM id in lower case, or `serverless`. */
  readonly id: string
  /** The most nodes it may have at once. */
  readonly most: number
  /** Nodes that are never given back. */
  readonly least: number
  readonly idleSeconds: number
  /** True where its nodes need no allocation: a compute instance. */
  readonly standing: boolean
}

interface Pool {
  busy: number
  /** When each idle node came to be idle, on the monotonic clock, oldest first. */
  idle: number[]
}

/**
 * Nodes of the computes of a region.
 *
 * They are held in memory only: a region that comes back has none, and what waits in its
 * queues waits for a whole allocation again.
 */
export class Nodes {
  readonly #pools = new Map<string, Pool>()
  readonly #allocationSeconds: number

  constructor(allocationSeconds: number) {
    this.#allocationSeconds = allocationSeconds
  }

  /** Takes nodes where so many are free; `undefined` where not. The promise resolves when they are allocated. */
  take(compute: Compute, count: number, signal: AbortSignal): Promise<void> | undefined {
    const pool = this.#pool(compute)
    if (pool.busy + count > compute.most) return undefined
    pool.busy += count
    const warm = Math.min(count, pool.idle.length)
    pool.idle.splice(0, warm)
    if (compute.standing || warm === count) return Promise.resolve()
    return sleep(Math.min(this.#allocationSeconds * 1000, LONGEST_TIMER), undefined, { signal })
  }

  /** Gives back nodes. `allocated` is false where the allocation did not come to its end. */
  release(compute: Compute, count: number, allocated: boolean): void {
    const pool = this.#pool(compute)
    pool.busy -= count
    if (allocated) pool.idle.push(...Array.from({ length: count }, () => performance.now()))
  }

  #pool(compute: Compute): Pool {
    const pool = this.#pools.get(compute.id) ?? { busy: 0, idle: [] }
    this.#pools.set(compute.id, pool)
    const oldest = performance.now() - compute.idleSeconds * 1000
    while (pool.busy + pool.idle.length > compute.least && (pool.idle[0] ?? oldest) < oldest) pool.idle.shift()
    return pool
  }
}
