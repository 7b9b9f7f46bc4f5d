import { isFault } from '../core/errors.ts'
import { callsOf, listOf } from './call.ts'
import type { Send } from './tracking.ts'

/** Whether an experiment has traces of MLflow 3. A server that knows none has none. */
export type HasTraces = (experimentId: string, signal: AbortSignal) => Promise<boolean>

export function httpHasTraces(send: Send): HasTraces {
  const { call } = callsOf(send)
  return async (experimentId, signal) => {
    const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } }
    const body = { locations: [location], max_results: 1 }
    try {
      const found = await call({ method: 'POST', path: '/api/3.0/mlflow/traces/search', body, signal })
      return listOf(found['traces']).length > 0
    } catch (thrown) {
      if (isFault(thrown, 'azure/refused')) return false
      throw thrown
    }
  }
}
