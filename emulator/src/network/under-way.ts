import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A listener whose requests are followed to their ends. */
export interface Followed {
  readonly listener: Listener
  /** Resolves when nothing is under way any more, or after a moment: some wait for what does not come. */
  ended(): Promise<void>
}

const PATIENCE_MILLISECONDS = 1000

/** Follows what a listener works on, so that what it works with can be closed behind it. */
export function followed(listener: Listener): Followed {
  const underWay = new Set<Promise<void>>()
  return {
    listener: (request, response) => {
      const work = listener(request, response).finally(() => underWay.delete(work))
      underWay.add(work)
      return work
    },
    ended: async () => {
      const given = new AbortController()
      const patience = sleep(PATIENCE_MILLISECONDS, undefined, { signal: given.signal }).catch(() => undefined)
      await Promise.race([Promise.allSettled(underWay), patience])
      given.abort()
    },
  }
}
