import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds of a clock that no one can set. Its zero means nothing. */
export type Monotonic = () => number

export const processClock: Monotonic = () => performance.now()

/** How time passes for a process. A simulation hands in its own. */
export interface Time {
  readonly clock: Monotonic
  /** Resolves after so long, or as soon as the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
  /** Acts again and again, and keeps no process alive for it. The answer ends it. */
  every(milliseconds: number, act: () => void): () => void
}

export const processTime: Time = {
  clock: processClock,
  sleep: (milliseconds, signal) => pause(milliseconds, undefined, { signal }).catch(() => undefined),
  every: (milliseconds, act) => {
    const timer = setInterval(act, milliseconds)
    timer.unref()
    return () => clearInterval(timer)
  },
}
