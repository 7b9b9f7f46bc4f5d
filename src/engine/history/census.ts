import type { TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { Resident, Residents } from '../../store/history-ledger.ts'

/** What kind it is, and its id there. */
export type ShakenKey = `experiment/${string}` | `run/${string}`

/** Who lives where: every run that a place gave, by its id here and by the one under which both sides know it. */
export interface Census {
  learn(run: TrackedRun): void
  byId(id: string): Resident | undefined
  byShared(id: string): Resident | undefined
  /** {@link byShared} and its inverse, for ids alone. */
  ownId(sharedId: string): string | undefined
  sharedId(ownId: string): string | undefined
  /** Points that were written to the place. */
  points(): number
  wrote(points: number): void
  all(): Iterable<Resident>
  /** A run was deleted or restored. */
  moved(id: string, deleted: boolean): void
  /** What was deleted or restored: experiments, maybe with all their runs, and runs that were restored by themselves. */
  readonly shaken: Set<ShakenKey>
  /** Is told of each of those before it is done, once. */
  whenShaken(listener: (key: ShakenKey) => void): void
  shake(key: ShakenKey): void
  /** How many there are by experiment, of those that `of` says yes to. */
  count(of: (resident: Resident) => boolean): ReadonlyMap<string, number>
  close(): void
}

export function census(sharedIdOf: (run: TrackedRun) => string, residents: Residents): Census {
  let written = 0
  const shaken = new Set<ShakenKey>()
  let tell: (key: ShakenKey) => void = () => undefined
  return {
    points: () => written,
    wrote: (points) => {
      written += points
    },
    learn: (run) => {
      const { info } = run
      residents.put({
        id: info.run_id,
        sharedId: sharedIdOf(run),
        experimentId: info.experiment_id,
        root: String(info['artifact_uri'] ?? ''),
        deleted: info['lifecycle_stage'] === 'deleted',
      })
    },
    byId: residents.byId,
    byShared: residents.byShared,
    ownId: (id) => residents.byShared(id)?.id,
    sharedId: (id) => residents.byId(id)?.sharedId,
    count: (of) => {
      const counts = new Map<string, number>()
      for (const one of residents.all()) {
        if (of(one)) counts.set(one.experimentId, (counts.get(one.experimentId) ?? 0) + 1)
      }
      return counts
    },
    all: residents.all,
    moved: (id, deleted) => {
      const known = residents.byId(id)
      if (known !== undefined) residents.put({ ...known, deleted })
    },
    shaken,
    whenShaken: (listener) => {
      tell = listener
    },
    shake: (key) => {
      if (shaken.has(key)) return
      tell(key)
      shaken.add(key)
    },
    close: residents.close,
  }
}

/** The same tracking API, which tells a census of every run that it gives or moves and of the points that it takes. */
export function counted(tracking: Tracking, { learn, wrote, moved, shake }: Census): Tracking {
  const told = <T extends TrackedRun | undefined>(run: T): T => {
    if (run !== undefined) learn(run)
    return run
  }
  return {
    ...tracking,
    run: async (id, signal) => told(await tracking.run(id, signal)),
    log: async (id, batch, signal) => {
      await tracking.log(id, batch, signal)
      wrote(batch.metrics?.length ?? 0)
    },
    setRunDeleted: async (id, deleted, signal) => {
      if (!deleted) shake(`run/${id}`)
      await tracking.setRunDeleted(id, deleted, signal)
      moved(id, deleted)
    },
    setExperimentDeleted: async (id, deleted, signal) => {
      shake(`experiment/${id}`)
      await tracking.setExperimentDeleted(id, deleted, signal)
    },
    createRun: async (run, signal) => told(await tracking.createRun(run, signal)),
    runs: async function* (experimentIds, signal, filter) {
      for await (const run of tracking.runs(experimentIds, signal, filter)) yield told(run)
    },
  }
}
