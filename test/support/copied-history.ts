import type { HistoryEnd, HistoryParts } from '../../src/engine/history/parts.ts'
import { silent } from '../../src/engine/parts.ts'
import { openSqliteHistoryLedger } from '../../src/store/sqlite-history-ledger.ts'
import type { OneHistory, TwoHistories } from './two-histories.ts'

const ALL: HistoryParts['filter'] = { experiments: [], models: [], since: undefined }

/** What copies one of two histories to the other, with a ledger of its own. */
export function copying({ source, target, service }: TwoHistories): HistoryParts {
  const ledger = openSqliteHistoryLedger(':memory:')
  const services = { experiments: service('experiment'), runs: service('run') }
  return { from: endOf(source), to: endOf(target), ...services, ledger, progress: silent, filter: ALL }
}

/** Reads what a test puts in the place of a part of the history later. */
function endOf(history: OneHistory): HistoryEnd {
  return {
    ...history,
    name: history.place.location,
    get tracking() {
      return history.tracking
    },
    get models() {
      return history.models
    },
    get registry() {
      return history.registry
    },
    replicas: (ids, signal) => history.tracking.runs(ids, signal),
    find: (id, _, signal) => history.tracking.run(history.census.ownId(id) ?? id, signal),
  }
}
