import { isFault } from '../../core/errors.ts'
import type { Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { MetricDigest } from './points.ts'
import { SOURCE_RUN, sharedIdOf } from './schema.ts'

/** The metrics of a run as they were at one reading. */
export interface Known {
  /** Digest of everything else that the run showed then. */
  readonly envelope: string
  readonly metrics: Readonly<Record<string, MetricDigest>>
  /** Only of runs that are open: a closed one can be read again and will be the same. */
  readonly points?: readonly Point[]
}

/** What is remembered of the runs of one place between readings. Losing it costs time only. */
export interface Memory {
  /** Names of experiments by their ids. */
  readonly experiments: Map<string, string>
  /** By the run's id here. */
  readonly known: Map<string, Known>
  /** The id here of the run that both sides know by this id. */
  ownId(sharedId: string): string
  /**
   * The inverse of {@link ownId}. An id that should have become another one here is marked, so that it counts as a
   * difference: a child can come before its parent has an id.
   */
  sharedId(ownId: string): string
  learn(run: TrackedRun): void
}

/** Reads which experiments a place has and which of its runs have ids of their own. */
export async function openMemory(tracking: Tracking, signal: AbortSignal, before?: Memory): Promise<Memory> {
  const experiments = new Map<string, string>()
  for await (const { id, name } of tracking.experiments(signal)) experiments.set(id, name)
  const [own, shared] = [new Map<string, string>(), new Map<string, string>()]
  const memory: Memory = {
    experiments,
    known: before?.known ?? new Map(),
    ownId: (id) => own.get(id) ?? id,
    sharedId: (id) => shared.get(id) ?? (own.has(id) ? `unresolved:${id}` : id),
    learn: (run) => {
      const id = sharedIdOf(run)
      if (id === run.info.run_id) return
      own.set(id, run.info.run_id)
      shared.set(run.info.run_id, id)
    },
  }
  for await (const run of replicas(tracking, [...experiments.keys()], signal)) memory.learn(run)
  return memory
}

/** Runs that keep the id of their source in a tag. */
async function* replicas(
  tracking: Tracking,
  experiments: readonly string[],
  signal: AbortSignal,
): AsyncIterable<TrackedRun> {
  if (experiments.length === 0) return
  try {
    yield* tracking.runs(experiments, signal, `tags."${SOURCE_RUN}" LIKE '%'`)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused')) throw thrown
    // A server that cannot look for a tag gives all runs.
    yield* tracking.runs(experiments, signal)
  }
}
