import type { Json, JsonObject } from '../core/model.ts'
import { callsOf, lacksApi, listOf, textOf } from './call.ts'
import type { EvaluationDataset, EvaluationDatasets } from './evaluation-datasets.ts'
import { httpEvaluationRecords } from './http-evaluation-records.ts'
import type { Request, Send } from './tracking.ts'

const API = '/api/3.0/mlflow/datasets'
const PAGE = 1000
const EXPERIMENTS_A_SEARCH = 100

/** MLflow's API of evaluation datasets over what `send` reaches. Calls as of the client's `RestStore`, version 3.15. */
export function httpEvaluationDatasets(send: Send): EvaluationDatasets {
  const { call, optional, pages } = callsOf(send)
  const of = (id: string) => `${API}/${encodeURIComponent(id)}`
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

  return {
    list,
    ...httpEvaluationRecords(send, (id) => `${of(id)}/records`),
    experimentsOf: async (id, signal) => {
      const answer = await call({ method: 'GET', path: `${of(id)}/experiment-ids`, signal })
      return ((answer['experiment_ids'] ?? []) as readonly Json[]).map((one) => textOf(one))
    },
    create: async ({ name, tags, experimentIds }, signal) => {
      const body = { name, experiment_ids: experimentIds, tags: JSON.stringify(tags) }
      const made = await call({ method: 'POST', path: `${API}/create`, body, signal, once: true })
      return datasetFrom((made['dataset'] ?? {}) as JsonObject)
    },
    remove: async (id, signal) => void (await optional({ method: 'DELETE', path: of(id), signal })),
    addExperiments: async (id, experiment_ids, signal) =>
      void (await post(`${of(id)}/add-experiments`, { dataset_id: id, experiment_ids }, signal)),
    removeExperiments: async (id, experiment_ids, signal) =>
      void (await post(`${of(id)}/remove-experiments`, { dataset_id: id, experiment_ids }, signal)),
    setTags: async (id, tags, signal) => {
      const body = { dataset_id: id, tags: JSON.stringify(tags) }
      await call({ method: 'PATCH', path: `${of(id)}/tags`, body, signal })
    },
    deleteTag: async (id, key, signal) =>
      void (await optional({ method: 'DELETE', path: `${of(id)}/tags/${encodeURIComponent(key)}`, signal })),
  }
}

function datasetFrom(raw: JsonObject): EvaluationDataset {
  return {
    id: textOf(raw['dataset_id']),
    name: textOf(raw['name']),
    tags: (jsonIn(raw['tags']) ?? {}) as Readonly<Record<string, string>>,
    // Records that go change their number alone.
    state: JSON.stringify([raw['last_update_time'] ?? null, raw['profile'] ?? null]),
  }
}

/** Tags come as JSON in a text. */
function jsonIn(value: Json | undefined): Json | undefined {
  return typeof value === 'string' && value !== '' ? (JSON.parse(value) as Json) : undefined
}
