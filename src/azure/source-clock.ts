/** One answer's `Date`, with when its request left and when it came, on this process's monotonic clock. */
export interface DatedAnswer {
  readonly sent: number
  readonly received: number
  /** Milliseconds since 1970 by the service's clock, cut to the second as HTTP has it. */
  readonly date: number
}

/**
 * What a service's clock says, as far as its answers tell.
 *
 * HTTP dates are whole seconds, so one answer gives a second of play. Each gives a bound, and the best of the
 * recent ones counts: with the answers of an ordinary pass the reckoning is some tens of milliseconds behind.
 */
export interface SourceClock {
  take(answer: DatedAnswer): void
  /** An instant that the service's clock has passed at `now`, or `undefined` where it never answered. Never later than the truth. */
  earliest(now: number): number | undefined
}

/** A second by this clock may be this much more or less by that one. */
const DRIFT = 500e-6
const SECOND = 1000
/** Answers older than this say too little. */
const KEPT_MILLISECONDS = 10 * 60_000
const MOST_KEPT = 64

export function sourceClock(): SourceClock {
  let kept: DatedAnswer[] = []

  const lower = ({ date, received }: DatedAnswer, now: number) => date + (now - received) * (1 - DRIFT)
  const upper = ({ date, sent }: DatedAnswer, now: number) => date + SECOND + (now - sent) * (1 + DRIFT)

  return {
    take: (answer) => {
      const now = answer.received
      // Where the bounds contradict each other that clock was set: only what it says since then counts.
      const consistent = kept.every(
        (one) => lower(one, now) <= upper(answer, now) && lower(answer, now) <= upper(one, now),
      )
      const recent = consistent ? kept.filter((one) => now - one.received < KEPT_MILLISECONDS) : []
      kept = [...recent, answer].sort((a, b) => lower(b, now) - lower(a, now)).slice(0, MOST_KEPT)
    },
    earliest: (now) => (kept.length === 0 ? undefined : Math.floor(Math.max(...kept.map((one) => lower(one, now))))),
  }
}
