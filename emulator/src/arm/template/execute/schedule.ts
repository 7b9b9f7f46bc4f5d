/** How one piece of work ended. `skipped`: something it needed did not succeed, or the whole was cancelled. */
export type Ended = 'succeeded' | 'failed' | 'skipped'

/** What is to be done in which order. */
export interface Schedule {
  /** By position: positions that must succeed first. Has no cycles. */
  readonly waits: readonly (readonly number[])[]
  /** How many may be under way at once. */
  readonly limit: number
  /** Once true, nothing more is begun. */
  cancelled(): boolean
}

/**
 * Does every piece of work after what it waits for, and as much at once as the limit allows.
 *
 * A failure ends only what waits for it; everything else goes on. Resolves when nothing is under way.
 * Work that throws is a defect: the first such error is thrown on, when nothing is under way.
 */
export async function runSchedule(schedule: Schedule, work: (index: number) => Promise<boolean>): Promise<Ended[]> {
  const { waits, limit } = schedule
  const ended = new Map<number, Ended>()
  const waiting = new Set(waits.keys())
  const running = new Map<number, Promise<void>>()
  const broken: unknown[] = []

  const begin = (index: number): void => {
    waiting.delete(index)
    const settle = (end: Ended): void => {
      ended.set(index, end)
      running.delete(index)
    }
    const done = work(index).then(
      (succeeded) => settle(succeeded ? 'succeeded' : 'failed'),
      (thrown: unknown) => {
        broken.push(thrown)
        settle('failed')
      },
    )
    running.set(index, done)
  }

  for (;;) {
    for (const index of waiting) {
      const needed = waits[index] ?? []
      if (schedule.cancelled() || needed.some((one) => ended.has(one) && ended.get(one) !== 'succeeded')) {
        waiting.delete(index)
        ended.set(index, 'skipped')
      } else if (running.size < limit && needed.every((one) => ended.get(one) === 'succeeded')) begin(index)
    }
    if (running.size > 0) await Promise.race(running.values())
    else if (waiting.size === 0 || !canGoOn(waiting, waits, ended)) break
  }
  if (broken.length > 0) throw broken[0]
  return waits.map((_, index) => ended.get(index) ?? 'skipped')
}

function canGoOn(waiting: ReadonlySet<number>, waits: Schedule['waits'], ended: ReadonlyMap<number, Ended>): boolean {
  return [...waiting].some((index) => (waits[index] ?? []).every((one) => ended.has(one)))
}
