/** Time that can be moved, so that tests need not wait for a schedule or a retention to pass. */
export interface Clock {
  /** Milliseconds since 1970, real time plus the offset. */
  now(): number
  /** The same instant as an ISO text with milliseconds, the way Azure prints it. */
  iso(): string
  /** Sets how far emulated time is ahead of real time. */
  shift(milliseconds: number): void
}

/** A clock that starts so many milliseconds ahead of real time. */
export function movableClock(ahead = 0): Clock {
  let offset = ahead
  const now = () => Date.now() + offset
  return {
    now,
    iso: () => new Date(now()).toISOString(),
    shift: (milliseconds) => {
      offset = milliseconds
    },
  }
}
