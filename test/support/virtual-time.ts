import type { Time } from '../../src/engine/time.ts'

/** Time that passes only when a test lets it, so that nothing depends on how fast a machine is. */
export interface VirtualTime extends Time {
  /** Lets so many milliseconds pass, moment by moment, each with all that follows from it. */
  goOn(milliseconds: number): Promise<void>
}

interface Moment {
  readonly at: number
  readonly act: () => void
}

export function virtualTime(): VirtualTime {
  const moments = new Set<Moment>()
  let now = 0

  function after(milliseconds: number, act: () => void): () => void {
    const moment = { at: now + milliseconds, act }
    moments.add(moment)
    return () => void moments.delete(moment)
  }

  function next(until: number): Moment | undefined {
    let first: Moment | undefined
    for (const one of moments) if (one.at <= until && (first === undefined || one.at < first.at)) first = one
    return first
  }

  return {
    clock: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const cancel = after(milliseconds, resolve)
        const wake = () => {
          cancel()
          resolve()
        }
        signal.addEventListener('abort', wake, { once: true })
      }),
    every: (milliseconds, act) => {
      let cancel: () => void
      const again = () => {
        cancel = after(milliseconds, again)
        act()
      }
      cancel = after(milliseconds, again)
      return () => cancel()
    },
    goOn: async (milliseconds) => {
      const end = now + milliseconds
      await settled()
      for (let moment = next(end); moment !== undefined; moment = next(end)) {
        moments.delete(moment)
        now = moment.at
        moment.act()
        await settled()
      }
      now = end
    },
  }
}

/** Resolves when every promise that could go on has gone on. Nothing in a made-up world waits for anything real. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
