import { isFault } from '../core/errors.ts'
import { callsOf, listOf } from './call.ts'
import type { HasTraces } from './traces.ts'
import type { Send } from './tracking.ts'

export function httpHasTraces(send: Send): HasTraces {
  const { call } = callsOf(send)
  return async (experimentId, signal) => {
    const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } }
    const body = { locations: [location], max_results: 1 }
    try {
      const found = await call({ method: 'POST', path: '/api/3.0/mlflow/traces/search', body, signal })
      return listOf(found['traces']).length > 0
    } catch (thrown) {
      // Only a server of MLflow 2 has no such endpoint.
      if (isFault(thrown, 'azure/refused') && [404, 405, 501].includes(Number(thrown.facts['status']))) return false
      throw thrown
    }
  }
}
