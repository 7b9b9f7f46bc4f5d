import type { Tracking } from './tracking.ts'

/** What may be deleted. */
interface Sleeper {
  readonly name: string
  isDeleted(): Promise<boolean>
  setDeleted(deleted: boolean): Promise<void>
}

/** Everybody who works on one sleeper at a time. */
interface Hold {
  workers: number
  /** Whether it had to be restored. */
  readonly woken: Promise<boolean>
  /** Resolves when the last of them has put it to sleep again. */
  readonly over: PromiseWithResolvers<void>
  isEnding: boolean
}

type Work<T> = (wasDeleted: boolean) => Promise<T>

const holds = new WeakMap<Tracking, Map<string, Hold>>()

/**
 * Works on an experiment that may be deleted, and takes nothing new while it is. It is restored for as long as anybody
 * works on it, and is deleted again when this resolves; its runs go with it both ways, as MLflow has it.
 */
export function awake<T>(tracking: Tracking, id: string, signal: AbortSignal, work: Work<T>): Promise<T> {
  const sleeper: Sleeper = {
    name: `experiment ${id}`,
    isDeleted: async () => (await tracking.experiment(id, signal))?.deleted === true,
    setDeleted: (deleted) => tracking.setExperimentDeleted(id, deleted, signal),
  }
  return held(tracking, sleeper, work)
}

/** The same for a run. */
export function awakeRun<T>(tracking: Tracking, id: string, signal: AbortSignal, work: Work<T>): Promise<T> {
  const sleeper: Sleeper = {
    name: `run ${id}`,
    isDeleted: async () => (await tracking.run(id, signal))?.info['lifecycle_stage'] === 'deleted',
    setDeleted: (deleted) => tracking.setRunDeleted(id, deleted, signal),
  }
  return held(tracking, sleeper, work)
}

async function held<T>(tracking: Tracking, sleeper: Sleeper, work: Work<T>): Promise<T> {
  const hold = await join(tracking, sleeper)
  try {
    return await work(await hold.woken)
  } finally {
    await leave(tracking, sleeper, hold)
  }
}

/** Whoever comes while it is being put to sleep waits for that, and wakes it again. */
async function join(tracking: Tracking, { name, isDeleted, setDeleted }: Sleeper): Promise<Hold> {
  const all = holds.get(tracking) ?? new Map<string, Hold>()
  holds.set(tracking, all)
  let hold = all.get(name)
  while (hold?.isEnding === true) {
    await hold.over.promise.catch(() => undefined)
    hold = all.get(name)
  }
  if (hold === undefined) {
    const wake = async () => {
      const wasDeleted = await isDeleted()
      if (wasDeleted) await setDeleted(false)
      return wasDeleted
    }
    hold = { workers: 0, woken: wake(), over: Promise.withResolvers(), isEnding: false }
    // Each who works hears of a failure by itself.
    hold.over.promise.catch(() => undefined)
    all.set(name, hold)
  }
  hold.workers += 1
  return hold
}

async function leave(tracking: Tracking, { name, setDeleted }: Sleeper, hold: Hold): Promise<void> {
  hold.workers -= 1
  const wasDeleted = await hold.woken.catch(() => false)
  if (hold.workers === 0 && !hold.isEnding) {
    hold.isEnding = true
    const asleep = wasDeleted ? setDeleted(true) : Promise.resolve()
    asleep.finally(() => holds.get(tracking)?.delete(name)).then(hold.over.resolve, hold.over.reject)
  }
  if (wasDeleted) await hold.over.promise
}
