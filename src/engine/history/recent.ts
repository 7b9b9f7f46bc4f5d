import { isFault } from '../../core/errors.ts'
import { isOpenRun, OPEN_STATUSES, type TrackedRun } from '../../mlflow/tracking.ts'
import { noteKey } from './notes.ts'
import type { Pass } from './pass.ts'

const NOTED_OPEN = noteKey('open', '')
/** Of a run that was open, and was carried since as it is at its end. */
const OVER = 'over'
const IDS = /\b[0-9a-f]{32}\b/g

/**
 * Runs of the source that are open, that were open when they were last carried, or that began or ended since: found by
 * searches, so that the cost follows what changed. A source that cannot search gives all of them.
 */
export async function* recentRuns(pass: Pass, since: number): AsyncIterable<TrackedRun> {
  const { parts, experiments, signal } = pass
  const { tracking } = parts.from
  const ids = [...experiments.keys()]
  const given = new Set<string>()
  const filters = [
    ...OPEN_STATUSES.map((status) => `attributes.status = '${status}'`),
    `attributes.start_time >= ${since}`,
    `attributes.end_time >= ${since}`,
  ]
  try {
    for (const filter of filters) {
      for await (const run of tracking.runs(ids, signal, filter)) {
        if (given.has(run.info.run_id)) continue
        given.add(run.info.run_id)
        yield run
      }
    }
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused') || given.size > 0) throw thrown
    yield* tracking.runs(ids, signal)
    return
  }
  for (const key of parts.ledger.keys(NOTED_OPEN)) {
    const id = key.slice(NOTED_OPEN.length)
    const run = given.has(id) ? undefined : await tracking.run(id, signal)
    if (run !== undefined && experiments.has(run.info.experiment_id)) yield run
  }
}

/** Notes a run that is open, so that the next pass looks at it whatever it says of its times; or that it was, and is over. */
export function noteOpen({ parts: { ledger } }: Pass, run: TrackedRun): void {
  const key = NOTED_OPEN + run.info.run_id
  const noted = ledger.get(key)
  const now = isOpenRun(run) ? '' : OVER
  if (noted === undefined ? isOpenRun(run) : noted !== now) ledger.put(key, now)
}

/** True for a run that was open when it was carried last. */
export function wasOpen({ parts: { ledger } }: Pass, { info }: TrackedRun): boolean {
  return ledger.get(NOTED_OPEN + info.run_id) !== undefined
}

/** Forgets the runs that are over, when all of them is carried. */
export function forgetOver({ parts: { ledger } }: Pass): void {
  for (const key of ledger.keys(NOTED_OPEN)) if (ledger.get(key) === OVER) ledger.forget(key)
}

/** Notes under which id a run stands at the target. */
export function noteReplica({ parts, identities }: Pass, sourceId: string): void {
  const own = identities.run(sourceId)
  const key = noteKey('replica', sourceId)
  if (own !== undefined && parts.ledger.get(key) !== own) parts.ledger.put(key, own)
}

/** Learns where a run of the source and its replica are, where no census of everything was taken. */
export async function acquaint(pass: Pass, sourceId: string): Promise<void> {
  const { parts, targets, signal } = pass
  const { from, to, ledger } = parts
  if (parts.filter.since === undefined || sourceId === '' || pass.identities.run(sourceId) !== undefined) return
  if (from.census.byId(sourceId) === undefined && (await from.tracking.run(sourceId, signal)) === undefined) return
  const sharedId = from.census.sharedId(sourceId) ?? sourceId
  const noted = ledger.get(noteKey('replica', sourceId))
  if (noted !== undefined && (await to.tracking.run(noted, signal)) !== undefined) return
  await to.find(sharedId, targets, signal)
}

/** The same for every run that a text names. */
export async function acquaintAll(pass: Pass, text: string): Promise<void> {
  if (pass.parts.filter.since === undefined) return
  for (const id of new Set(text.match(IDS))) await acquaint(pass, id)
}
