import type { AzureRequest, Exchange, Lane } from './exchange.ts'
import { secondsOf } from './faults.ts'
import { type Pause, pause } from './pause.ts'

/** A token bucket: so many requests at once, and so many a second from then on. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

export interface ThrottleOptions {
  readonly read: Limit
  readonly write: Limit
  /** Share of the burst that only the critical lane may use. */
  readonly reserved: number
  /** A clock that is never set, in milliseconds. */
  readonly now?: () => number
  readonly pause?: Pause
}

/**
 * ARM's own limits for one identity in one subscription and region are 250 + 25/s for reads and 200 + 10/s for
 * writes and deletes (learn.microsoft.com, azure-resource-manager/management/request-limits-and-throttling).
 * We stay below them, since we are not alone.
 */
export const ARM_LIMITS: ThrottleOptions = {
  read: { burst: 200, perSecond: 20 },
  write: { burst: 150, perSecond: 8 },
  reserved: 0.2,
}

/** Keeps requests below the limits of each subscription, and stops them all while Azure says that they are over it. */
export function throttled(inner: Exchange, options: ThrottleOptions = ARM_LIMITS): Exchange {
  const { now = () => performance.now(), pause: wait = pause } = options
  const buckets = new Map<string, Bucket>()

  function bucketOf({ method, url }: AzureRequest): Bucket {
    const kind = method === 'GET' || method === 'HEAD' ? 'read' : 'write'
    const { host, pathname } = new URL(url)
    const key = `${kind} ${host} ${/\/subscriptions\/([^/]+)/i.exec(pathname)?.[1]?.toLowerCase() ?? ''}`
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      bucket = new Bucket(options[kind], options.reserved, now)
      buckets.set(key, bucket)
    }
    return bucket
  }

  return async (request) => {
    const bucket = bucketOf(request)
    for (
      let waiting = bucket.take(request.lane ?? 'usual');
      waiting > 0;
      waiting = bucket.take(request.lane ?? 'usual')
    ) {
      await wait(waiting, request.signal)
    }
    const reply = await inner(request)
    if (reply.status === 429) bucket.close((secondsOf(reply.headers['retry-after']) ?? 1) * 1000)
    return reply
  }
}

class Bucket {
  readonly #limit: Limit
  readonly #kept: number
  readonly #now: () => number
  #tokens: number
  #at: number
  #closedUntil = Number.NEGATIVE_INFINITY

  constructor(limit: Limit, reserved: number, now: () => number) {
    this.#limit = limit
    this.#kept = Math.floor(limit.burst * reserved)
    this.#now = now
    this.#tokens = limit.burst
    this.#at = now()
  }

  /** Takes a token and returns 0, or returns the milliseconds after which to ask again. */
  take(lane: Lane): number {
    const now = this.#now()
    if (now < this.#closedUntil) return this.#closedUntil - now
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + ((now - this.#at) / 1000) * this.#limit.perSecond)
    this.#at = now
    const floor = lane === 'critical' ? 0 : this.#kept
    if (this.#tokens >= floor + 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, ((floor + 1 - this.#tokens) / this.#limit.perSecond) * 1000)
  }

  close(milliseconds: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#now() + milliseconds)
  }
}
