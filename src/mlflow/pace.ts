import { setTimeout } from 'node:timers/promises'

/** Keeps calls of one sort to what a server's limit permits, which is learned from what it refuses. */
export interface Pace {
  /** Waits until a call may be sent, and returns its number. At once, until something was refused. */
  turn(signal: AbortSignal): Promise<number>
  /** The server took the call. */
  took(): void
  /** A limit refused the call of this number; nothing of its sort goes before the wait is over. */
  refused(call: number, waitMilliseconds: number): void
}

/** The time as a pace sees it, in milliseconds. */
export interface PaceClock {
  now(): number
  sleep(milliseconds: number, signal: AbortSignal): Promise<unknown>
}

const CLOCK: PaceClock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
}

/** Of the rate that a limit was found to permit, what is used at first. */
const SAFE = 0.985
/** By how much the rate rises each second: a little, and what was measured in doubt, in so many seconds. */
const RISE = 0.001
const SECONDS_OF_DOUBT = 40
/** The same while all that is known is how many calls went before the first that was refused. */
const RISE_AT_FIRST = 0.05
/** Seconds without a refusal after which it rises twice as fast, and then ever faster: the limit may have become wider. */
const CALM_SECONDS = 20
const STEEPEST = 0.05
/** Milliseconds by which a caller may be late and still make up for it: a busy machine must not cost what is permitted. */
const CATCH_UP = 500
/** Calls a millisecond, however little was taken. */
const SLOWEST = 1 / 2000
/** Between two refusals that say how much is permitted: shorter, and it is chance. */
const SHORTEST_MEASURE = 500

/**
 * A pace that nothing limits until a call is refused. Where a server counts, it is full at every refusal, so the calls
 * that it took between two of them, by the time between, are what it permits.
 */
export function openPace({ now, sleep }: PaceClock = CLOCK): Pace {
  let [sent, lastOfEvent] = [0, 0]
  let [next, pausedUntil] = [0, 0]
  /** Calls a millisecond; Infinity until a limit shows. */
  let rate = Number.POSITIVE_INFINITY
  let rise = RISE_AT_FIRST
  let [taken, refusedAt, raisedAt] = [0, Number.NaN, 0]
  const recent: number[] = []

  function faster(): void {
    const seconds = (now() - raisedAt) / 1000
    if (rate === Number.POSITIVE_INFINITY || seconds < 1) return
    const calm = (now() - refusedAt) / 1000 / CALM_SECONDS
    rate *= (1 + Math.min(STEEPEST, rise * (1 + calm ** 2))) ** seconds
    raisedAt = now()
  }

  /** Calls a millisecond that the server permits, as far as the call tells that it refused just now. */
  function measured(): number {
    const since = now() - refusedAt
    // Servers let a second's calls go at once, or more.
    if (Number.isNaN(refusedAt)) return recent.filter((at) => at > now() - 1000).length / 1000
    if (since < SHORTEST_MEASURE) return rate * SAFE
    // The one that was refused would have been permitted a little later: by so much the measure is in doubt.
    const permitted = taken + 1
    rise = Math.max(RISE, 1 / permitted / SECONDS_OF_DOUBT)
    return Math.min(rate, permitted / since)
  }

  return {
    turn: async (signal) => {
      for (;;) {
        faster()
        const slot = Math.max(now() - CATCH_UP, next, pausedUntil)
        if (rate !== Number.POSITIVE_INFINITY) next = slot + 1 / rate
        if (slot > now()) await sleep(slot - now(), signal)
        // A refusal in the meantime holds up all that had not gone.
        if (now() >= pausedUntil) return ++sent
      }
    },
    took: () => {
      taken += 1
      if (rate !== Number.POSITIVE_INFINITY) return
      recent.push(now())
      if (recent.length > 10_000) recent.splice(0, 5_000)
    },
    refused: (call, waitMilliseconds) => {
      pausedUntil = Math.max(pausedUntil, now() + waitMilliseconds)
      next = Math.max(next, pausedUntil)
      // What had gone before the first refusal was known says nothing new.
      if (call <= lastOfEvent) return
      lastOfEvent = sent
      rate = Math.max(SLOWEST, measured() * SAFE)
      recent.length = 0
      taken = 0
      refusedAt = now()
      raisedAt = now() + waitMilliseconds
    },
  }
}

/** The paces towards one server. Limits are of sorts of calls: what holds up one holds up no other. */
export function openPaces(): (path: string) => Pace {
  const paces = new Map<string, Pace>()
  return (path) => {
    const sort = sortOf(path)
    const pace = paces.get(sort) ?? openPace()
    paces.set(sort, pace)
    return pace
  }
}

/** By what a path begins with, as far as no ids stand there: what is asked of one thing is of the same sort as of another. */
function sortOf(path: string): string {
  if (path.startsWith('/')) return path.split('/', 5).join('/')
  const [first = '', second] = path.split('/', 2)
  return first === 'logged-models' && second !== 'search' ? first : [first, second].join('/')
}
