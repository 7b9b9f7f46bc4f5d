import type { TrackedRun, Tracking } from '../../mlflow/tracking.ts'

/** A run as a place was last seen to have it. */
export interface Resident {
  /** Its id here. */
  readonly id: string
  readonly sharedId: string
  readonly experimentId: string
  /** Where its files are. */
  readonly root: string
  readonly deleted: boolean
}

/** Who lives where: every run that a place gave, by its id here and by the one under which both sides know it. */
export interface Census {
  learn(run: TrackedRun): void
  byId(id: string): Resident | undefined
  byShared(id: string): Resident | undefined
  /** How many there are by experiment, of those that `of` says yes to. */
  count(of: (resident: Resident) => boolean): ReadonlyMap<string, number>
}

export function census(sharedIdOf: (run: TrackedRun) => string): Census {
  const here = new Map<string, Resident>()
  const shared = new Map<string, string>()
  return {
    learn: (run) => {
      const { info } = run
      const resident = {
        id: info.run_id,
        sharedId: sharedIdOf(run),
        experimentId: info.experiment_id,
        root: String(info['artifact_uri'] ?? ''),
        deleted: info['lifecycle_stage'] === 'deleted',
      }
      here.set(resident.id, resident)
      shared.set(resident.sharedId, resident.id)
    },
    byId: (id) => here.get(id),
    byShared: (id) => here.get(shared.get(id) ?? ''),
    count: (of) => {
      const counts = new Map<string, number>()
      for (const one of here.values()) {
        if (of(one)) counts.set(one.experimentId, (counts.get(one.experimentId) ?? 0) + 1)
      }
      return counts
    },
  }
}

/** The same tracking API, which tells a census of every run that it gives. */
export function counted(tracking: Tracking, { learn }: Census): Tracking {
  const told = <T extends TrackedRun | undefined>(run: T): T => {
    if (run !== undefined) learn(run)
    return run
  }
  return {
    ...tracking,
    run: async (id, signal) => told(await tracking.run(id, signal)),
    createRun: async (run, signal) => told(await tracking.createRun(run, signal)),
    runs: async function* (experimentIds, signal, filter) {
      for await (const run of tracking.runs(experimentIds, signal, filter)) yield told(run)
    },
  }
}
