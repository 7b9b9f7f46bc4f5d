import type { Json, JsonObject } from '../core/model.ts'
import { callsOf, lacksApi, listOf, textOf } from './call.ts'
import type { LoggedModel, LoggedModels } from './logged-models.ts'
import { pointFrom } from './shapes.ts'
import type { Pair, Request, Send } from './tracking.ts'

const PAGE = 50
const EXPERIMENTS_A_SEARCH = 100
/** The server takes words and gives words with a prefix. */
const STATUS = 'LOGGED_MODEL_'

/** MLflow 3's API of logged models over what `send` reaches. */
export function httpLoggedModels(send: Send): LoggedModels {
  const { call, optional, pages } = callsOf(send)

  async function* all(experimentIds: readonly string[], signal: AbortSignal): AsyncIterable<LoggedModel> {
    for (let from = 0; from < experimentIds.length; from += EXPERIMENTS_A_SEARCH) {
      const experiment_ids = experimentIds.slice(from, from + EXPERIMENTS_A_SEARCH)
      const ask = (token?: string): Request => ({
        method: 'POST',
        path: 'logged-models/search',
        body: { experiment_ids, max_results: PAGE, ...(token === undefined ? {} : { page_token: token }) },
        signal,
      })
      for await (const page of pages(ask)) yield* listOf(page['models']).map(modelFrom)
    }
  }

  async function list(experimentIds: readonly string[], signal: AbortSignal) {
    const body = { experiment_ids: experimentIds.slice(0, 1), max_results: 1 }
    try {
      await call({ method: 'POST', path: 'logged-models/search', body, signal })
    } catch (thrown) {
      if (lacksApi(thrown)) return undefined
      throw thrown
    }
    return all(experimentIds, signal)
  }

  return {
    list,
    model: async (id, signal) => {
      const found = await optional({ method: 'GET', path: `logged-models/${encodeURIComponent(id)}`, signal })
      return found === undefined ? undefined : modelFrom((found['model'] ?? {}) as JsonObject)
    },
    create: async (wanted, signal) => {
      const body = {
        experiment_id: wanted.experimentId,
        name: wanted.name,
        model_type: wanted.type,
        ...(wanted.runId === '' ? {} : { source_run_id: wanted.runId }),
        params: wanted.params.map(pair),
        tags: wanted.tags.map(pair),
      }
      const made = await call({ method: 'POST', path: 'logged-models', body, signal, once: true })
      return modelFrom((made['model'] ?? {}) as JsonObject)
    },
    setTags: async (id, tags, signal) => {
      const path = `logged-models/${encodeURIComponent(id)}/tags`
      await call({ method: 'PATCH', path, body: { tags: tags.map(pair) }, signal })
    },
    deleteTag: async (id, key, signal) => {
      const path = `logged-models/${encodeURIComponent(id)}/tags/${encodeURIComponent(key)}`
      await optional({ method: 'DELETE', path, signal })
    },
    finish: async (id, status, signal) => {
      const path = `logged-models/${encodeURIComponent(id)}`
      await call({ method: 'PATCH', path, body: { model_id: id, status }, signal })
    },
    link: async (runId, { read, made }, signal) => {
      const post = (path: string, body: JsonObject) => call({ method: 'POST', path, body, signal })
      if (read.length > 0) {
        await post('runs/log-inputs', { run_id: runId, models: read.map(({ modelId }) => ({ model_id: modelId })) })
      }
      if (made.length > 0) {
        const models = made.map(({ modelId, step }) => ({ model_id: modelId, step }))
        // One that is there already is refused.
        await call({ method: 'POST', path: 'runs/outputs', body: { run_id: runId, models }, signal, once: true })
      }
    },
  }
}

function modelFrom(raw: JsonObject): LoggedModel {
  const info = (raw['info'] ?? {}) as JsonObject
  const data = (raw['data'] ?? {}) as JsonObject
  return {
    id: textOf(info['model_id']),
    experimentId: textOf(info['experiment_id']),
    name: textOf(info['name']),
    location: textOf(info['artifact_uri']),
    status: textOf(info['status']).startsWith(STATUS) ? textOf(info['status']) : STATUS + textOf(info['status']),
    type: textOf(info['model_type']),
    runId: textOf(info['source_run_id']),
    created: Number(info['creation_timestamp_ms'] ?? 0),
    tags: pairs(info['tags']),
    params: pairs(data['params']),
    metrics: listOf(data['metrics']).map((one) => ({ ...pointFrom(one), runId: textOf(one['run_id']) })),
  }
}

function pairs(raw: Json | undefined): readonly Pair[] {
  return listOf(raw).map((one) => ({ key: textOf(one['key']), value: textOf(one['value']) }))
}

function pair({ key, value }: Pair): JsonObject {
  return { key, value }
}
