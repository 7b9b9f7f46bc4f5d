import { setTimeout as sleep } from 'node:timers/promises'

const BEAT_MILLISECONDS = 100
const LONGEST_BEAT_MILLISECONDS = 250

/** Tells whether this process stood still: was stopped, or its machine suspended. */
export interface Standstill {
  /**
   * Resolves at once, or, where the process stood still until now, after everything that fell due meanwhile: the end
   * of a lease and of each call's time. When a stopped process goes on, answers that came meanwhile are taken up before
   * timers are, so that without this it would send its next request although its time is over.
   */
  over(): Promise<void>
  end(): void
}

/** Watches for as long as it is not ended; keeps no process alive. */
export function watchStandstill(): Standstill {
  let last = performance.now()
  const late = () => performance.now() - last > LONGEST_BEAT_MILLISECONDS
  const beat = () => {
    last = performance.now()
  }
  // Timers that are due at once run in the order of their times: this one may be before the one that matters.
  const timer = setInterval(() => (late() ? setImmediate(beat) : beat()), BEAT_MILLISECONDS).unref()
  return {
    over: async () => {
      if (late()) await sleep(1)
    },
    end: () => clearInterval(timer),
  }
}
