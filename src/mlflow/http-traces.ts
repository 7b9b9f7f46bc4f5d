import type { JsonObject } from '../core/model.ts'
import { type Calls, callsOf, lacksApi, listOf, textOf } from './call.ts'
import { SOURCE_RUN, type Trace, type Traces } from './traces.ts'
import type { Request, Send } from './tracking.ts'

const API = '/api/3.0/mlflow/traces'
/** OpenTelemetry's protocol over HTTP, which the server takes as JSON too. */
const SPANS = '/v1/traces'
/** The API of MLflow 2.14, `SearchTraces` of its `service.proto`. */
const OLDER = 'traces'
/** Below the older API, though it came later. */
const LINK = 'traces/link-to-run'
const LINK_PROMPTS = 'traces/link-prompts'
const EXPERIMENT = 'x-mlflow-experiment-id'
const PAGE = 500
const EXPERIMENTS_A_SEARCH = 100
/** Spans of one request: a trace can have tens of thousands, and a request is read whole. */
const SPANS_A_CALL = 200
/** What MLflow's store takes at most. */
const LINKS_A_CALL = 100

/** MLflow 3's API of traces over what `send` reaches. Calls as of the client's `RestStore`, version 3.15. */
export function httpTraces(send: Send): Traces {
  const { call, optional, pages } = callsOf(send)
  const at = (id: string) => `${API}/${encodeURIComponent(id)}`

  function search(experimentIds: readonly string[], { size, filter, token, signal }: Search): Request {
    const locations = experimentIds.map((id) => ({
      type: 'MLFLOW_EXPERIMENT',
      mlflow_experiment: { experiment_id: id },
    }))
    const more = { ...(filter === undefined ? {} : { filter }), ...(token === undefined ? {} : { page_token: token }) }
    return { method: 'POST', path: `${API}/search`, body: { locations, max_results: size, ...more }, signal }
  }

  async function* all(experimentIds: readonly string[], signal: AbortSignal, filter?: string): AsyncIterable<Trace> {
    for (let from = 0; from < experimentIds.length; from += EXPERIMENTS_A_SEARCH) {
      const some = experimentIds.slice(from, from + EXPERIMENTS_A_SEARCH)
      for await (const page of pages((token) => search(some, { size: PAGE, filter, token, signal }))) {
        yield* listOf(page['traces']).map(traceFrom)
      }
    }
  }

  async function list(experimentIds: readonly string[], signal: AbortSignal) {
    try {
      await call(search(experimentIds.slice(0, 1), { size: 1, signal }))
    } catch (thrown) {
      if (lacksApi(thrown)) return undefined
      throw thrown
    }
    return all(experimentIds, signal)
  }

  return {
    list,
    hasOlder: async (id, signal) => {
      const query = { experiment_ids: [id], max_results: '1' }
      try {
        return listOf((await call({ method: 'GET', path: OLDER, query, signal }))['traces']).length > 0
      } catch (thrown) {
        if (lacksApi(thrown)) return false
        throw thrown
      }
    },
    trace: async (id, signal) => {
      const found = await optional({ method: 'GET', path: `${API}/${encodeURIComponent(id)}`, signal })
      const info = ((found?.['trace'] ?? {}) as JsonObject)['trace_info']
      return info === undefined ? undefined : traceFrom(info as JsonObject)
    },
    spans: async (id, signal) => {
      const query = { trace_id: id, allow_partial: 'true' }
      try {
        const found = await call({ method: 'GET', path: `${API}/get`, query, signal })
        return listOf(((found['trace'] ?? {}) as JsonObject)['spans'])
      } catch (thrown) {
        if (lacksApi(thrown)) return []
        throw thrown
      }
    },
    put: async ({ info }, signal) => {
      await call({ method: 'POST', path: API, body: { trace: { trace_info: info } }, signal })
    },
    deleteTag: async (id, key, signal) =>
      void (await optional({ method: 'DELETE', path: `${at(id)}/tags`, body: { key }, signal })),
    deleteAssessment: async (id, assessmentId, signal) => {
      const path = `${at(id)}/assessments/${encodeURIComponent(assessmentId)}`
      await optional({ method: 'DELETE', path, body: { trace_id: id, assessment_id: assessmentId }, signal })
    },
    putSpans: async ({ experimentId }, spans, signal) => {
      for (let from = 0; from < spans.length; from += SPANS_A_CALL) {
        const some = spans.slice(from, from + SPANS_A_CALL)
        // In the names and the base64 of protobuf's own JSON, as the server gives them: it takes both.
        const body = { resource_spans: [{ scope_spans: [{ spans: some }] }] }
        await call({ method: 'POST', path: SPANS, body, signal, headers: { [EXPERIMENT]: experimentId } })
      }
    },
    ...links(call, all),
  }
}

type All = (experimentIds: readonly string[], signal: AbortSignal, filter?: string) => AsyncIterable<Trace>

function links(call: Calls['call'], all: All): Pick<Traces, 'linked' | 'isLinked' | 'link' | 'linkPrompts'> {
  async function* linked(runId: string, experimentIds: readonly string[], signal: AbortSignal, more = '') {
    // It finds those that came of the run too.
    for await (const { id, experimentId, info } of all(
      experimentIds,
      signal,
      `attributes.run_id = '${runId}'${more}`,
    )) {
      if (((info['trace_metadata'] ?? {}) as JsonObject)[SOURCE_RUN] !== runId) yield { id, experimentId }
    }
  }

  return {
    linked: (runId, experimentIds, signal) => Array.fromAsync(linked(runId, experimentIds, signal)),
    isLinked: async (runId, { id, experimentId }, signal) => {
      const only = ` AND attributes.request_id = '${id}'`
      for await (const _ of linked(runId, [experimentId], signal, only)) return true
      return false
    },
    link: async (runId, traceIds, signal) => {
      try {
        for (let from = 0; from < traceIds.length; from += LINKS_A_CALL) {
          const body = { run_id: runId, trace_ids: traceIds.slice(from, from + LINKS_A_CALL) }
          await call({ method: 'POST', path: LINK, body, signal })
        }
        return true
      } catch (thrown) {
        if (lacksApi(thrown)) return false
        throw thrown
      }
    },
    linkPrompts: async (trace_id, prompts, signal) => {
      const body = { trace_id, prompt_versions: prompts.map((one) => ({ ...one })) }
      try {
        await call({ method: 'POST', path: LINK_PROMPTS, body, signal })
      } catch (thrown) {
        // Where nothing is looked up by prompts, the tag says it all.
        if (!lacksApi(thrown)) throw thrown
      }
    },
  }
}

interface Search {
  readonly size: number
  readonly filter?: string | undefined
  readonly token?: string | undefined
  readonly signal: AbortSignal
}

function traceFrom(info: JsonObject): Trace {
  const location = (info['trace_location'] ?? {}) as JsonObject
  const experiment = (location['mlflow_experiment'] ?? {}) as JsonObject
  return { id: textOf(info['trace_id']), experimentId: textOf(experiment['experiment_id']), info }
}
