import type { Json, JsonObject } from '../core/model.ts'
import { callsOf, lacksApi, listOf, textOf } from './call.ts'
import {
  type EvaluationDataset,
  type EvaluationDatasets,
  type EvaluationRecord,
  recordFrom,
} from './evaluation-datasets.ts'
import type { Request, Send } from './tracking.ts'

const API = '/api/3.0/mlflow/datasets'
const PAGE = 1000
const EXPERIMENTS_A_SEARCH = 100
const RECORDS_A_CALL = 200

/** MLflow's API of evaluation datasets over what `send` reaches. Calls as of the client's `RestStore`, version 3.15. */
export function httpEvaluationDatasets(send: Send): EvaluationDatasets {
  const { call, pages } = callsOf(send)
  const at = (id: string, what: string) => `${API}/${encodeURIComponent(id)}/${what}`
  const post = (path: string, body: JsonObject, signal: AbortSignal) => call({ method: 'POST', path, body, signal })

  async function found(experiment_ids: readonly string[], signal: AbortSignal): Promise<readonly EvaluationDataset[]> {
    const ask = (token?: string): Request => ({
      method: 'POST',
      path: `${API}/search`,
      body: {
        max_results: PAGE,
        ...(experiment_ids.length === 0 ? {} : { experiment_ids }),
        ...(token === undefined ? {} : { page_token: token }),
      },
      signal,
    })
    const all: EvaluationDataset[] = []
    for await (const page of pages(ask)) all.push(...listOf(page['datasets']).map(datasetFrom))
    return all
  }

  async function list(experimentIds: readonly string[], signal: AbortSignal) {
    const all = new Map<string, EvaluationDataset>()
    try {
      for (let from = 0; from === 0 || from < experimentIds.length; from += EXPERIMENTS_A_SEARCH) {
        const some = await found(experimentIds.slice(from, from + EXPERIMENTS_A_SEARCH), signal)
        for (const one of some) all.set(one.id, one)
      }
    } catch (thrown) {
      if (lacksApi(thrown)) return undefined
      throw thrown
    }
    return [...all.values()]
  }

  async function* records(id: string, signal: AbortSignal): AsyncIterable<EvaluationRecord> {
    const ask = (token?: string): Request => ({
      method: 'GET',
      path: at(id, 'records'),
      query: { max_results: String(PAGE), ...(token === undefined ? {} : { page_token: token }) },
      signal,
    })
    for await (const page of pages(ask)) yield* listOf(jsonIn(page['records'])).map(recordFrom)
  }

  return {
    list,
    records,
    experimentsOf: async (id, signal) => {
      const answer = await call({ method: 'GET', path: at(id, 'experiment-ids'), signal })
      return ((answer['experiment_ids'] ?? []) as readonly Json[]).map((one) => textOf(one))
    },
    create: async ({ name, tags, experimentIds }, signal) => {
      const body = { name, experiment_ids: experimentIds, tags: JSON.stringify(tags) }
      const made = await call({ method: 'POST', path: `${API}/create`, body, signal, once: true })
      return datasetFrom((made['dataset'] ?? {}) as JsonObject)
    },
    addExperiments: async (id, experiment_ids, signal) =>
      void (await post(at(id, 'add-experiments'), { dataset_id: id, experiment_ids }, signal)),
    setTags: async (id, tags, signal) => {
      const body = { dataset_id: id, tags: JSON.stringify(tags) }
      await call({ method: 'PATCH', path: at(id, 'tags'), body, signal })
    },
    put: async (id, all, signal) => {
      for (let from = 0; from < all.length; from += RECORDS_A_CALL) {
        const some = JSON.stringify(all.slice(from, from + RECORDS_A_CALL))
        await post(at(id, 'records'), { dataset_id: id, records: some }, signal)
      }
    },
  }
}

function datasetFrom(raw: JsonObject): EvaluationDataset {
  return {
    id: textOf(raw['dataset_id']),
    name: textOf(raw['name']),
    tags: (jsonIn(raw['tags']) ?? {}) as Readonly<Record<string, string>>,
    updated: Number(raw['last_update_time'] ?? 0),
  }
}

/** Tags and records come as JSON in a text. */
function jsonIn(value: Json | undefined): Json | undefined {
  return typeof value === 'string' && value !== '' ? (JSON.parse(value) as Json) : undefined
}
