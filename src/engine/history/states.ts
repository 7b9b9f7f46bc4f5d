import type { Resident } from '../../store/history-ledger.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { targetIds } from './traces.ts'

/**
 * Makes each replica be deleted, or not, as its source is. A server takes all runs of an experiment along whenever that
 * is deleted, or restored for as long as it is written to; a pass that was killed may have left them so.
 */
export async function settleStates(pass: Pass): Promise<void> {
  const { parts, signal } = pass
  const { from, to } = parts
  const shaken = await shakenExperiments(pass)
  for await (const _ of from.tracking.runs([...shaken.keys()], signal));
  for await (const _ of to.tracking.runs([...shaken.values()], signal));
  for (const { id, sharedId } of moved(pass, new Set(shaken.keys()))) {
    await apart(pass, `run ${id}`, () => persistently(() => settle(pass, id, sharedId)))
  }
}

/** Experiments that this pass deleted or restored at the target: the id there by that of the source. */
async function shakenExperiments(pass: Pass): Promise<ReadonlyMap<string, string>> {
  const { shaken } = pass.parts.to.census
  if (shaken.size === 0) return new Map()
  const targets = await targetIds(pass)
  const found = new Map<string, string>()
  for (const { id, name } of pass.experiments.values()) {
    const there = targets.get(name)
    if (there !== undefined && shaken.has(there)) found.set(id, there)
  }
  return found
}

/** Runs of the source that seem to be deleted on one side only: all, where all were looked at. */
function moved({ parts, experiments }: Pass, shaken: ReadonlySet<string>): readonly Resident[] {
  const { from, to, filter } = parts
  const isWhole = filter.since === undefined && filter.runs.length === 0
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
