import type { Resident } from '../../store/history-ledger.ts'
import type { ShakenKey } from './census.ts'
import { noteKey } from './notes.ts'
import type { HistoryEnd } from './parts.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { targetIds } from './traces.ts'

const NOTED = noteKey('shaken', '')

/** Notes what is deleted or restored at the target before it is, and what an earlier pass noted that did not come to its end. */
export function rememberShaken({ parts: { to, ledger } }: Pass): void {
  to.census.shaken.clear()
  for (const key of ledger.keys(NOTED)) to.census.shaken.add(key.slice(NOTED.length) as ShakenKey)
  to.census.whenShaken((key) => ledger.put(NOTED + key, ''))
}

/**
 * Makes each replica be deleted, or not, as its source is. A server takes all runs of an experiment along whenever that
 * is deleted, or restored for as long as it is written to; a pass that was killed may have left them so.
 */
export async function settleStates(pass: Pass): Promise<void> {
  const { parts, signal, troubles } = pass
  const { from, to, ledger } = parts
  const before = troubles.length
  const experiments = await shakenExperiments(pass)
  for await (const _ of from.tracking.runs([...experiments.keys()], signal));
  for await (const _ of to.tracking.runs([...experiments.values()], signal));
  for (const { id, sharedId } of moved(pass, new Set(experiments.keys()))) {
    await apart(pass, `run ${id}`, () => persistently(() => settle(pass, id, sharedId)))
  }
  const runs = await shakenRuns(pass)
  for (const [key, { id, sharedId }] of runs) {
    await apart(pass, `run ${id}`, () => persistently(() => settle(pass, id, sharedId)))
    if (troubles.length === before) ledger.forget(NOTED + key)
  }
  if (troubles.length > before) return
  for (const id of experiments.values()) ledger.forget(`${NOTED}experiment/${id}`)
}

/** Experiments that this pass deleted or restored at the target: the id there by that of the source. */
async function shakenExperiments(pass: Pass): Promise<ReadonlyMap<string, string>> {
  const { shaken } = pass.parts.to.census
  if (shaken.size === 0) return new Map()
  const targets = await targetIds(pass)
  const found = new Map<string, string>()
  for (const { id, name } of pass.experiments.values()) {
    const there = targets.get(name)
    if (there !== undefined && shaken.has(`experiment/${there}`)) found.set(id, there)
  }
  return found
}

/** Runs of the source whose replicas were restored by themselves. One that is gone is nobody's to put right. */
async function shakenRuns({ parts, experiments, signal }: Pass): Promise<ReadonlyMap<ShakenKey, Resident>> {
  const { from, to } = parts
  const found = new Map<ShakenKey, Resident>()
  for (const key of to.census.shaken) {
    const own = key.startsWith('run/') ? key.slice('run/'.length) : undefined
    const there = own === undefined ? undefined : (to.census.byId(own) ?? (await learned(to, own, signal)))
    if (there === undefined) continue
    if (from.census.byShared(there.sharedId) === undefined) {
      await from.find(there.sharedId, [...experiments.keys()], signal)
    }
    const here = from.census.byShared(there.sharedId)
    if (here !== undefined && experiments.has(here.experimentId)) found.set(key, here)
  }
  return found
}

async function learned(
  { tracking, census }: HistoryEnd,
  id: string,
  signal: AbortSignal,
): Promise<Resident | undefined> {
  await tracking.run(id, signal)
  return census.byId(id)
}

/** Runs of the source that seem to be deleted on one side only: all, where all were looked at. */
function moved({ parts, experiments }: Pass, shaken: ReadonlySet<string>): readonly Resident[] {
  const { from, to, filter } = parts
  const isWhole = filter.since === undefined && filter.runs === undefined
  const among = isWhole ? experiments : shaken
  if (among.size === 0) return []
  const found: Resident[] = []
  for (const one of from.census.all()) {
    const there = among.has(one.experimentId) ? to.census.byShared(one.sharedId) : undefined
    if (there !== undefined && there.deleted !== one.deleted) found.push(one)
  }
  return found
}

async function settle({ parts, signal }: Pass, id: string, sharedId: string): Promise<void> {
  const { from, to } = parts
  const own = to.census.ownId(sharedId)
  const here = await from.tracking.run(id, signal)
  const there = own === undefined ? undefined : await to.tracking.run(own, signal)
  if (own === undefined || here === undefined || there === undefined) return
  const [wanted, found] = [here, there].map(({ info }) => info['lifecycle_stage'] === 'deleted')
  if (wanted !== undefined && wanted !== found) await to.tracking.setRunDeleted(own, wanted, signal)
}
