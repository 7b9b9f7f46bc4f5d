import type { AzureReply, AzureRequest, Exchange, Lane } from './exchange.ts'
import { secondsOf } from './faults.ts'
import { LONGEST_PAUSE, type Pause, pause } from './pause.ts'

/** A token bucket: so many requests at once, and so many a second from then on. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

/** What ARM counts apart, by the names of its headers. */
type Counted = 'reads' | 'writes' | 'deletes'

export interface ThrottleOptions {
  /** Limits of ARM for one identity in one subscription. */
  readonly limits: Readonly<Record<Counted, Limit>>
  /** Share of the burst that only the critical lane may use. */
  readonly reserved: number
  /** A clock that is never set, in milliseconds. */
  readonly now?: () => number
  readonly pause?: Pause
}

/**
 * ARM's own limits for one identity in one subscription and region
 * (learn.microsoft.com, azure-resource-manager/management/request-limits-and-throttling).
 * They hold until its answers tell what really remains.
 */
export const ARM_LIMITS: ThrottleOptions = {
  limits: {
    reads: { burst: 250, perSecond: 25 },
    writes: { burst: 200, perSecond: 10 },
    deletes: { burst: 200, perSecond: 10 },
  },
  reserved: 0.2,
}

const ARM_HOST = 'management.azure.com'

/**
 * Sends as fast as ARM permits and no faster: each of its answers tells how much of a bucket remains, which counts in
 * what others use of it. Whatever says 429 is left alone by everybody for as long as it asks.
 *
 * No figure is documented for Azure's other services, so they are not held back before they say so.
 */
export function throttled(inner: Exchange, options: ThrottleOptions = ARM_LIMITS): Exchange {
  const { now = () => performance.now(), pause: wait = pause } = options
  const buckets = new Map<string, Bucket>()

  function bucketOf({ url }: AzureRequest, counted: Counted): Bucket {
    const { host, pathname } = new URL(url)
    const key = `${counted} ${host} ${/\/subscriptions\/([^/]+)/i.exec(pathname)?.[1]?.toLowerCase() ?? ''}`
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      bucket = new Bucket(host === ARM_HOST ? options.limits[counted] : UNLIMITED, options.reserved, now)
      buckets.set(key, bucket)
    }
    return bucket
  }

  return async (request) => {
    const { lane = 'usual', signal } = request
    const counted = countedAs(request)
    const bucket = bucketOf(request, counted)
    await bucket.admits(lane, (milliseconds) => wait(milliseconds, signal))
    let reply: AzureReply | undefined
    try {
      reply = await inner(request)
      return reply
    } finally {
      bucket.answered(reply === undefined ? undefined : remainingIn(reply, counted))
      if (reply?.status === 429) bucket.close((secondsOf(reply.headers['retry-after']) ?? 1) * 1000)
    }
  }
}

const UNLIMITED: Limit = { burst: Number.POSITIVE_INFINITY, perSecond: Number.POSITIVE_INFINITY }

function countedAs({ method }: AzureRequest): Counted {
  if (method === 'GET' || method === 'HEAD') return 'reads'
  return method === 'DELETE' ? 'deletes' : 'writes'
}

/** What this identity, or all of them together, may still send at once. */
function remainingIn({ headers }: AzureReply, counted: Counted): number | undefined {
  const told = ['subscription', 'subscription-global', 'tenant', 'tenant-global'].flatMap((scope) => {
    const text = headers[`x-ms-ratelimit-remaining-${scope}-${counted}`]
    return text === undefined || text.trim() === '' ? [] : [Number(text)]
  })
  const least = Math.min(...told)
  return Number.isFinite(least) && least >= 0 ? least : undefined
}

class Bucket {
  readonly #limit: Limit
  readonly #kept: number
  readonly #now: () => number
  #tokens: number
  #at: number
  #underWay = 0
  readonly #lines: Readonly<Record<Lane, Set<object>>> = { usual: new Set(), critical: new Set() }
  #closedUntil = Number.NEGATIVE_INFINITY

  constructor(limit: Limit, reserved: number, now: () => number) {
    this.#limit = limit
    this.#kept = Number.isFinite(limit.burst) ? Math.floor(limit.burst * reserved) : 0
    this.#now = now
    this.#tokens = limit.burst
    this.#at = now()
  }

  /** Resolves when a token was taken, in the order of those who ask; rejects where waiting does. */
  async admits(lane: Lane, wait: (milliseconds: number) => Promise<void>): Promise<void> {
    const line = this.#lines[lane]
    const own = {}
    line.add(own)
    try {
      const ahead = () => [...line].indexOf(own)
      for (let waiting = this.#take(lane, ahead()); waiting > 0; waiting = this.#take(lane, ahead())) {
        await wait(Math.min(waiting, LONGEST_PAUSE))
      }
    } finally {
      line.delete(own)
    }
  }

  /** Takes a token and gives 0, or gives the milliseconds after which there may be one for this place in the line. */
  #take(lane: Lane, ahead: number): number {
    const now = this.#now()
    if (now < this.#closedUntil) return this.#closedUntil - now
    this.#refill(now)
    const lacking = (lane === 'critical' ? 0 : this.#kept) + ahead + 1 - this.#tokens
    if (lacking > 0) return Math.max(1, (lacking / this.#limit.perSecond) * 1000)
    this.#tokens -= 1
    this.#underWay++
    return 0
  }

  /** Gives what was taken its end. What ARM says remains is believed, less what is on its way and may not be counted in it. */
  answered(remaining: number | undefined): void {
    this.#underWay--
    if (remaining === undefined) return
    this.#tokens = remaining - this.#underWay
    this.#at = this.#now()
  }

  /** Lets nothing through for so long. */
  close(milliseconds: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#now() + milliseconds)
  }

  #refill(now: number): void {
    if (this.#tokens < this.#limit.burst) {
      const come = this.#tokens + ((now - this.#at) / 1000) * this.#limit.perSecond
      this.#tokens = Math.min(this.#limit.burst, come)
    }
    this.#at = now
  }
}
