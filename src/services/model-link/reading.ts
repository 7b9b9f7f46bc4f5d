import { createHash } from 'node:crypto'
import { type Links, linksOf } from '../../mlflow/logged-models.ts'
import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import type { HistoryAccess, Notes } from '../history-place.ts'
import { type JsonNote, jsonNote } from '../json-note.ts'
import type { Place, Reach } from '../service.ts'

/** Runs that are asked for at once. */
const READS_AT_ONCE = 8

/** A run, with what it says of logged models. */
export interface LinkedRun {
  readonly run: TrackedRun
  readonly links: Links
}

/**
 * All runs of experiments with their links. A search leaves out which models a run read, so where there are any, each
 * run is asked for by itself. One that is over, and shows no change since, is not asked for again.
 */
export async function* linkedRuns(
  history: HistoryAccess,
  place: Place,
  { experiments, reach }: { readonly experiments: readonly string[]; readonly reach: Reach },
): AsyncIterable<LinkedRun> {
  const { tracking } = history
  const hasModels = await hasAny(history, experiments, reach.signal)
  yield* ahead(READS_AT_ONCE, tracking.runs(experiments, reach.signal), async (run) => ({
    run,
    links: hasModels ? await askedLinks(history, place, { run, reach }) : linksOf(run),
  }))
}

async function hasAny({ models }: HistoryAccess, experiments: readonly string[], signal: AbortSignal) {
  if (experiments.length === 0) return false
  for await (const _ of (await models.list(experiments, signal)) ?? []) return true
  return false
}

async function askedLinks(
  { tracking, notes }: HistoryAccess,
  place: Place,
  { run, reach: { signal, afresh = false } }: { readonly run: TrackedRun; readonly reach: Reach },
): Promise<Links> {
  const memory = notedLinks(notes, place, run.info.run_id)
  const isOpen = isOpenRun(run)
  const envelope = createHash('sha256').update(JSON.stringify(run)).digest('hex')
  const before = afresh || isOpen ? undefined : memory.read()
  if (before?.envelope === envelope) return before.links
  const links = linksOf((await tracking.run(run.info.run_id, signal)) ?? run)
  if (!isOpen) memory.write({ envelope, links })
  return links
}

interface Noted {
  /** Digest of all that a search showed of the run. */
  readonly envelope: string
  readonly links: Links
}

/** What is noted of the links of one run, by its id in the place. */
export function notedLinks(notes: Notes, place: Place, ownId: string): JsonNote<Noted> {
  return jsonNote(notes, `links ${place.workspace} ${ownId}`)
}
