import { Fault, isFault } from '../../core/errors.ts'
import { chosenExperiments } from './copy.ts'
import type { HistoryParts } from './parts.ts'
import { readableOf } from './readable.ts'

/**
 * Ids of the chosen runs that a search of the source finds in the experiments that may be read: `search` in the words of
 * MLflow's `search_runs`. They may be none. Throws `usage/bad-argument` where the source refuses to search so, or cannot search.
 */
export async function searchedRuns(
  { from, filter }: Pick<HistoryParts, 'from' | 'filter'>,
  search: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { readable } = await readableOf({ from }, await chosenExperiments({ from, filter }, signal), signal)
  const experiments = [...readable.keys()]
  const found = new Set<string>()
  try {
    for await (const { info } of from.tracking.runs(experiments, signal, search)) found.add(info.run_id)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused')) throw thrown
    throw new Fault('usage/bad-argument', `${from.name} does not take the search ${search}: ${thrown.message}`, {
      hint: "Write it as MLflow's search_runs has it: metrics.auc > 0.9 and tags.team = 'crm'. A folder cannot be searched.",
    })
  }
  return filter.runs === undefined ? found : found.intersection(filter.runs)
}
