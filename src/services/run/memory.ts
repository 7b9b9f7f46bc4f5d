import { isFault } from '../../core/errors.ts'
import type { MetricDigest } from '../../mlflow/points.ts'
import type { Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import { resolved, unresolved } from '../history-names.ts'
import type { Lineage } from './lineage.ts'
import { SOURCE_RUN, sharedIdOf } from './schema.ts'

/** The metrics of a run as they were at one reading. */
export interface Known {
  /** Digest of everything else that the run showed then. */
  readonly envelope: string
  readonly metrics: Readonly<Record<string, MetricDigest>>
  /** What its place says that it has read and made; absent until it was asked. */
  readonly lineage?: Lineage
  /** Its status, end and name then, of this process. */
  readonly state?: string
  /** Keys under which the run has its metrics, by their own, if any differs. */
  readonly keys?: ReadonlyMap<string, readonly string[]>
  /** By metric, of runs that are open: a closed one can be read again and will be the same. Absent where there are many. */
  readonly points?: ReadonlyMap<string, readonly Point[]>
}

/** What is remembered of the runs of one place between readings. Losing it costs time only. */
export interface Memory {
  /** Names of experiments by their ids. */
  readonly experiments: Map<string, string>
  /** What is known of the run that has this id here. */
  known(ownId: string): Known | undefined
  know(ownId: string, known: Known): void
  forget(ownId: string): void
  /** Points of one more open run that may be held. */
  room(): number
  /** Metrics that the place takes in no run under their own names. */
  readonly oddMetrics: Set<string>
  /** The id here of the run that both sides know by this id. */
  ownId(sharedId: string): string
  /**
   * The inverse of {@link ownId}. An id that should have become another one here is marked, so that it counts as a
   * difference: a child can come before its parent has an id.
   */
  sharedId(ownId: string): string
  learn(run: TrackedRun): void
}

/** Runs that are known at most in a pass that reads each once. */
const MOST_KNOWN = 2_000
/** Points of one open run, and of all of a place, that are held at most: how they were seen is forgotten of the others. */
const MOST_HELD = { run: 20_000, place: 200_000 }

/** Under which id a run stands here, and under which both sides know it: `undefined` for what is not here. */
export interface Residents {
  ownId(sharedId: string): string | undefined
  sharedId(ownId: string): string | undefined
}

export interface MemoryOptions {
  /** What was remembered before. */
  readonly before?: Memory | undefined
  /** Who is here, where somebody has looked already and goes on learning: then no replicas are looked for. */
  readonly residents?: Residents | undefined
}

/** Reads which experiments a place has and which of its runs have ids of their own. */
export async function openMemory(
  tracking: Tracking,
  signal: AbortSignal,
  { before, residents }: MemoryOptions = {},
): Promise<Memory> {
  const experiments = new Map<string, string>()
  for await (const { id, name } of tracking.experiments(signal)) experiments.set(id, name)
  const known =
    before === undefined ? openKnown(residents === undefined ? Number.POSITIVE_INFINITY : MOST_KNOWN) : knownOf(before)
  if (residents !== undefined) return { experiments, ...known, ...idsOf(residents) }
  const [own, shared] = [new Map<string, string>(), new Map<string, string>()]
  const memory: Memory = {
    experiments,
    ...known,
    ...idsOf({ ownId: (id) => own.get(id), sharedId: (id) => shared.get(id) }),
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

function idsOf({ ownId, sharedId }: Residents): Pick<Memory, 'ownId' | 'sharedId' | 'learn'> {
  return {
    ownId: (id) => ownId(resolved(id)) ?? resolved(id),
    sharedId: (id) => sharedId(id) ?? ((ownId(id) ?? id) === id ? id : unresolved(id)),
    learn: () => {},
  }
}

type KnownRuns = Pick<Memory, 'known' | 'know' | 'forget' | 'room' | 'oddMetrics'>

function knownOf({ known, know, forget, room, oddMetrics }: KnownRuns): KnownRuns {
  return { known, know, forget, room, oddMetrics }
}

function openKnown(most: number): KnownRuns {
  const all = new Map<string, Known>()
  let held = 0
  const heldBy = (id: string) => [...(all.get(id)?.points?.values() ?? [])].reduce((sum, { length }) => sum + length, 0)
  const forget = (id: string) => {
    held -= heldBy(id)
    all.delete(id)
  }
  return {
    known: (id) => all.get(id),
    know: (id, known) => {
      forget(id)
      all.set(id, known)
      held += heldBy(id)
      const [oldest] = all.keys()
      if (all.size > most && oldest !== undefined) forget(oldest)
    },
    forget,
    oddMetrics: new Set(),
    room: () => Math.max(0, Math.min(MOST_HELD.run, MOST_HELD.place - held)),
  }
}

/** Runs that keep the id of their source in a tag. */
export async function* replicas(
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

/** The run that both sides know by this id: under it, or as a replica that keeps it in a tag. */
export async function replicaOf(
  tracking: Tracking,
  { id, in: experiments }: { readonly id: string; readonly in: readonly string[] },
  signal: AbortSignal,
): Promise<TrackedRun | undefined> {
  for await (const run of tracking.runs(experiments, signal, `tags."${SOURCE_RUN}" = '${id}'`)) {
    if (sharedIdOf(run) === id) return run
  }
  return tracking.run(id, signal)
}
