import { isFault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { fewAtOnce } from '../disk/turns.ts'
import { batches, LIMITS, type Limits } from './batches.ts'
import { callsOf, listOf, refused } from './call.ts'
import { httpHistories } from './http-histories.ts'
import { experimentFrom, pointFrom, pointToJson, runFrom } from './shapes.ts'
import type { Pair, Point, Request, Send, TrackedExperiment, TrackedRun, Tracking } from './tracking.ts'

/** Experiments that one search names, so that a request stays small however many there are. */
const EXPERIMENTS_A_SEARCH = 100
/** Items a page: what a server gives without slowing down. MLflow permits up to 50,000. */
const PAGE = 1000
/** Points of the first page of a history, which is all of most, and of those that follow. */
const POINTS = { first: 5_000, next: 10_000 } as const
/** A workspace takes fewer points in one call: learn.microsoft.com, azure/machine-learning/resource-limits-capacity. */
const OF_A_WORKSPACE: Limits = { ...LIMITS, metrics: 250 }
/** Long pages that are fetched at once, however many histories are read: each is megabytes of text. */
const LONG_PAGES_AT_ONCE = 2

/** MLflow's REST API over what `send` reaches. `limits`: what one `log-batch` may hold there. */
export function httpTracking(send: Send, limits: Limits = LIMITS): Tracking {
  const { call, optional, pages } = callsOf(send)
  const longPage = fewAtOnce(LONG_PAGES_AT_ONCE)
  const histories = callsOf((request) =>
    request.query?.['page_token'] === undefined ? send(request) : longPage(() => send(request)),
  )

  const post = (path: string, body: JsonObject, signal: AbortSignal) => call({ method: 'POST', path, body, signal })
  const postOnce = (path: string, body: JsonObject, signal: AbortSignal) =>
    call({ method: 'POST', path, body, signal, once: true })

  /** A removal of what is gone already is done. */
  async function remove(path: string, body: JsonObject, signal: AbortSignal): Promise<void> {
    await optional({ method: 'POST', path, body, signal })
  }

  async function* experiments(signal: AbortSignal): AsyncIterable<TrackedExperiment> {
    const body = { view_type: 'ALL', max_results: PAGE }
    const ask = (token?: string): Request => ({
      method: 'POST',
      path: 'experiments/search',
      body: token === undefined ? body : { ...body, page_token: token },
      signal,
    })
    for await (const page of pages(ask)) yield* listOf(page['experiments']).map(experimentFrom)
  }

  async function experiment(id: string, signal: AbortSignal): Promise<TrackedExperiment | undefined> {
    const found = await optional({ method: 'GET', path: 'experiments/get', query: { experiment_id: id }, signal })
    return found === undefined ? undefined : experimentFrom(found['experiment'] ?? null)
  }

  async function experimentByName(name: string, signal: AbortSignal): Promise<TrackedExperiment | undefined> {
    const query = { experiment_name: name }
    const found = await optional({ method: 'GET', path: 'experiments/get-by-name', query, signal })
    return found === undefined ? undefined : experimentFrom(found['experiment'] ?? null)
  }

  async function createExperiment(name: string, tags: readonly Pair[], signal: AbortSignal): Promise<string> {
    const body = { name, tags: tags.map(({ key, value }) => ({ key, value })) }
    const request: Request = { method: 'POST', path: 'experiments/create', body, signal }
    const answer = await send(request)
    if (answer.status < 300) return String(answer.body['experiment_id'])
    const there = await experimentByName(name, signal)
    if (there !== undefined) return there.id
    throw refused(request, answer)
  }

  async function* runs(experimentIds: readonly string[], signal: AbortSignal, filter = ''): AsyncIterable<TrackedRun> {
    const order_by = ['attributes.start_time ASC']
    for (let from = 0; from < experimentIds.length; from += EXPERIMENTS_A_SEARCH) {
      const experiment_ids = experimentIds.slice(from, from + EXPERIMENTS_A_SEARCH)
      const body = { experiment_ids, run_view_type: 'ALL', max_results: PAGE, order_by, filter }
      const ask = (token?: string): Request => ({
        method: 'POST',
        path: 'runs/search',
        body: token === undefined ? body : { ...body, page_token: token },
        signal,
      })
      for await (const page of pages(ask)) yield* listOf(page['runs']).map(runFrom)
    }
  }

  async function run(id: string, signal: AbortSignal): Promise<TrackedRun | undefined> {
    const found = await optional({ method: 'GET', path: 'runs/get', query: { run_id: id }, signal })
    return found === undefined ? undefined : runFrom(found['run'] ?? null)
  }

  async function* history(runId: string, key: string, signal: AbortSignal): AsyncIterable<Point> {
    const query = { run_id: runId, metric_key: key }
    const ask = (token?: string): Request => ({
      method: 'GET',
      path: 'metrics/get-history',
      query:
        token === undefined
          ? { ...query, max_results: String(POINTS.first) }
          : { ...query, max_results: String(POINTS.next), page_token: token },
      signal,
    })
    for await (const page of histories.pages(ask)) for (const point of listOf(page['metrics'])) yield pointFrom(point)
  }

  return {
    experiments,
    experimentByName,
    experiment,
    createExperiment,
    setExperimentTag: async (id, { key, value }, signal) =>
      void (await post('experiments/set-experiment-tag', { experiment_id: id, key, value }, signal)),
    deleteExperimentTag: (id, key, signal) =>
      remove('experiments/delete-experiment-tag', { experiment_id: id, key }, signal),
    setExperimentDeleted: async (id, deleted, signal) => {
      try {
        await post(deleted ? 'experiments/delete' : 'experiments/restore', { experiment_id: id }, signal)
      } catch (thrown) {
        // It is refused where it is done already: by the call before, whose answer nobody got.
        if (!isFault(thrown, 'azure/refused') || (await experiment(id, signal))?.deleted !== deleted) throw thrown
      }
    },
    renameExperiment: async (id, new_name, signal) =>
      void (await post('experiments/update', { experiment_id: id, new_name }, signal)),
    runs,
    run,
    history,
    createRun: async (body, signal) => runFrom((await postOnce('runs/create', body, signal))['run'] ?? null),
    updateRun: async (id, change, signal) => void (await post('runs/update', { run_id: id, ...change }, signal)),
    setRunDeleted: async (id, deleted, signal) =>
      void (await post(deleted ? 'runs/delete' : 'runs/restore', { run_id: id }, signal)),
    log: async (runId, batch, signal) => {
      for (const { metrics = [], params = [], tags = [] } of batches(batch, limits)) {
        const body = {
          run_id: runId,
          metrics: metrics.map(pointToJson),
          params: params.map(pair),
          tags: tags.map(pair),
        }
        await (metrics.length > 0 ? postOnce : post)('runs/log-batch', body, signal)
      }
    },
    deleteTag: (runId, key, signal) => remove('runs/delete-tag', { run_id: runId, key }, signal),
    logInputs: async (runId, datasets, signal) =>
      void (await post('runs/log-inputs', { run_id: runId, datasets }, signal)),
  }
}

/** The same of MLflow's own server, which answers for several runs at once too. */
export function serverTracking(send: Send): Tracking {
  return { ...httpTracking(send), histories: httpHistories(send) }
}

/** The same of a workspace. */
export function workspaceTracking(send: Send): Tracking {
  return httpTracking(send, OF_A_WORKSPACE)
}

function pair({ key, value }: Pair): JsonObject {
  return { key, value }
}
