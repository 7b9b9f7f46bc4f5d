import type { Milliseconds } from '../core/duration.ts'
import { backOff } from '../core/notice.ts'
import type { Monotonic } from '../engine/time.ts'

/** When what failed is tried again: what is tried without end would else fill the journal with its failures. */
export interface Retries {
  /** Whether it is to be tried now. What has not failed yet is. */
  isDue(what: string): boolean
  /** Notes a failure. Each in a row is followed by a longer wait. */
  failed(what: string): void
  /** Notes that something of it was done: the next failure is the first again. */
  gotOn(): void
}

/** A side that answers again is not left alone for longer. */
const LONGEST: Milliseconds = 60_000

export function retries(clock: Monotonic): Retries {
  let last = ''
  let failures = 0
  let dueAt = Number.NEGATIVE_INFINITY
  return {
    isDue: (what) => what !== last || clock() >= dueAt,
    failed: (what) => {
      if (what !== last) failures = 0
      last = what
      dueAt = clock() + Math.min(LONGEST, backOff(failures++))
    },
    gotOn: () => {
      failures = 0
    },
  }
}
