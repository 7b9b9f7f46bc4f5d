/** Time that can be moved, so that tests need not wait for a schedule or a retention to pass. */
export interface Clock {
  /** Milliseconds since 1970, real time plus the offset. */
  now(): number
  /** The same instant as an ISO text with milliseconds, the way Azure prints it. */
  iso(): string
  /** Sets how far emulated time is ahead of real time. */
  shift(milliseconds: number): void
  /** Sets how far this clock is wrong besides. */
  skew(milliseconds: number): void
  /** How far it is wrong. Checks of tokens go by real time and this: emulated time may pass without a client's knowing. */
  skewed(): number
}

/** A clock that starts so many milliseconds ahead of real time. */
export function movableClock(ahead = 0): Clock {
  let offset = ahead
  let wrong = 0
  const now = () => Date.now() + offset + wrong
  return {
    now,
    iso: () => new Date(now()).toISOString(),
    shift: (milliseconds) => {
      offset = milliseconds
    },
    skew: (milliseconds) => {
      wrong = milliseconds
    },
    skewed: () => wrong,
  }
}
