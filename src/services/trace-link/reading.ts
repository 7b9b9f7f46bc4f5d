import { createHash } from 'node:crypto'
import type { TraceName } from '../../mlflow/traces.ts'
import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import type { HistoryAccess, Notes } from '../history-place.ts'
import { type JsonNote, jsonNote } from '../json-note.ts'
import type { Place, Reach } from '../service.ts'

/** Runs that are asked for at once. */
const READS_AT_ONCE = 8

/** A run, with the traces that were linked to it. */
export interface LinkedTraces {
  readonly run: TrackedRun
  readonly traces: readonly TraceName[]
}

interface Asking {
  /** Ids of those that have traces. */
  readonly experiments: readonly string[]
  readonly reach: Reach
}

/**
 * The runs of those experiments that have traces. Nothing tells of a link but a search for its run, so each is asked for
 * by itself. One that is over, and shows no change since, is not asked for again.
 */
export async function* linkedTraces(
  history: HistoryAccess,
  place: Place,
  { experiments, reach }: Asking,
): AsyncIterable<LinkedTraces> {
  if (experiments.length === 0) return
  const traced = new Set<string>()
  for await (const trace of (await history.traces.list(experiments, reach.signal)) ?? []) traced.add(trace.experimentId)
  if (traced.size === 0) return
  const asking = { experiments: [...traced], reach }
  yield* ahead(READS_AT_ONCE, history.tracking.runs(asking.experiments, reach.signal), async (run) => ({
    run,
    traces: await askedTraces(history, place, { run, ...asking }),
  }))
}

async function askedTraces(
  { traces, notes }: HistoryAccess,
  place: Place,
  { run, experiments, reach: { signal, afresh = false } }: Asking & { readonly run: TrackedRun },
): Promise<readonly TraceName[]> {
  const id = run.info.run_id
  const memory = notedTraces(notes, place, id)
  const isOpen = isOpenRun(run)
  const envelope = createHash('sha256').update(JSON.stringify(run)).digest('hex')
  const before = afresh || isOpen ? undefined : memory.read()
  if (before?.envelope === envelope) return before.traces
  const found = (await traces.linked(id, experiments, signal)).map((one) => ({ ...one }))
  if (!isOpen) memory.write({ envelope, traces: found })
  return found
}

interface Noted {
  /** Digest of all that a search showed of the run. */
  readonly envelope: string
  readonly traces: readonly TraceName[]
}

/** What is noted of the traces that were linked to one run, by its id in the place. */
export function notedTraces(notes: Notes, place: Place, ownId: string): JsonNote<Noted> {
  return jsonNote(notes, `trace-links ${place.workspace} ${ownId}`)
}
