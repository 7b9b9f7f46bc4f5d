import { isFault } from '../core/errors.ts'
import type { AzureReply, AzureRequest, Exchange } from './exchange.ts'
import { endingOf, secondsOf } from './faults.ts'
import { type Pause, pause } from './pause.ts'

export interface RetryOptions {
  /** Most times that one request is sent. */
  readonly attempts: number
  /** What Azure asks us to wait longer than this for is left to the caller. */
  readonly mostWaitSeconds: number
  readonly pause?: Pause
  /** In [0, 1): spreads clients that were turned away together. */
  readonly random?: () => number
}

const USUAL: RetryOptions = { attempts: 4, mostWaitSeconds: 30 }
const FIRST_WAIT_MILLISECONDS = 200
const PASSING = new Set([408, 429, 500, 502, 503, 504])

/**
 * Asks again where Azure says that it may help.
 *
 * A throttled request waits as long as Azure says, a failing service a little longer each time. A connection
 * that cannot be made or breaks is tried once more at once and is then `azure/unreachable`: whoever
 * watches a region must not wait for it. What is marked `once` is never sent again after it may have arrived.
 */
export function retrying(inner: Exchange, options: Partial<RetryOptions> = {}): Exchange {
  const { attempts, mostWaitSeconds, pause: wait = pause, random = Math.random } = { ...USUAL, ...options }

  async function answered(request: AzureRequest): Promise<AzureReply> {
    let broken = 0
    for (let attempt = 1; ; attempt++) {
      const reply = await inner(request).catch((thrown: unknown) => {
        broken++
        if (!isFault(thrown, 'azure/unreachable') || request.once === true || broken > 1 || isSlow(thrown.facts))
          throw thrown
        return undefined
      })
      if (reply === undefined) continue
      if (!mayPass(request, reply) || attempt >= attempts) return reply
      const seconds = secondsOf(reply.headers['retry-after'])
      if (seconds !== undefined && seconds > mostWaitSeconds) return reply
      const backoff = FIRST_WAIT_MILLISECONDS * 2 ** (attempt - 1)
      await wait(seconds === undefined ? backoff * (0.5 + random() / 2) : seconds * 1000, request.signal)
    }
  }

  return async (request) => {
    try {
      return await answered(request)
    } catch (thrown) {
      throw endingOf(request, thrown)
    }
  }
}

function mayPass(request: AzureRequest, { status }: AzureReply): boolean {
  // A 429 was turned away before it took effect; after a 5xx nobody knows.
  return PASSING.has(status) && (request.once !== true || status === 429)
}

/** A request that took its whole time would take it again. */
function isSlow(facts: Readonly<Record<string, unknown>>): boolean {
  return facts['cause'] === 'TIMEOUT' || facts['cause'] === 'ETIMEDOUT'
}
