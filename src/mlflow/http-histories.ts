import { listOf } from './call.ts'
import { pointFrom } from './shapes.ts'
import type { Point, Send, Tracking } from './tracking.ts'

/** Points that one answer holds at most: MLflow gives up to 25,000, as text of megabytes. */
export const POINTS_AN_ANSWER = 10_000

const PATH = '/ajax-api/2.0/mlflow/metrics/get-history-bulk'
/** Characters of a line of a request: gunicorn takes 4,094. */
const LONGEST_LINE = 3900
/** Ids that one call may name: MLflow takes 100. */
const MOST_IDS = 100

/**
 * One metric of many runs by the call of MLflow's own pages, as of MLflow 2.0 (`get_metric_history_bulk_handler` of
 * `mlflow/server/handlers.py`). It has no pages, leaves out what a point is about, and is not a part of the public API,
 * so what it says is believed only where nothing can be missing; a server that lacks it is asked once.
 */
export function httpHistories(send: Send): NonNullable<Tracking['histories']> {
  let isAble = true

  async function ask(runIds: readonly string[], key: string, signal: AbortSignal): Promise<Map<string, Point[]>> {
    // One run is named twice: see below.
    const query = { run_id: [...runIds, ...runIds.slice(0, 1)], metric_key: key, max_results: String(POINTS_AN_ANSWER) }
    const answer = await send({ method: 'GET', path: PATH, query, signal }).catch(() => undefined)
    signal.throwIfAborted()
    // Whoever reads the runs by themselves meets what keeps it from answering, and names it.
    if (answer === undefined || answer.status === 429 || answer.status >= 500) return new Map()
    const { status, body } = answer
    const points = listOf(body['metrics'])
    const found = Map.groupBy(points, ({ run_id: id }) => String(id))
    const first = found.get(runIds[0] ?? '') ?? []
    // A server that looks points up in a table, where they are about nothing, gives each once. One that goes through its
    // runs gives those of the first twice: it may know more of them than it says here.
    const isTable = new Set(first.map((point) => JSON.stringify(point))).size === first.length
    isAble = status < 300 && Array.isArray(body['metrics']) && isTable
    // There are databases to which `Loss` and `loss` are one key.
    const isOneKey = points.every((point) => point['key'] === key)
    if (!isAble || !isOneKey || points.length >= POINTS_AN_ANSWER) return new Map()
    return new Map([...found].map(([id, own]) => [id, own.map((point) => ({ ...pointFrom(point), key }))]))
  }

  return async (runIds, key, signal) => {
    const room = LONGEST_LINE - new URLSearchParams({ metric_key: key }).toString().length
    const longest = Math.max(...runIds.map((id) => new URLSearchParams({ run_id: id }).toString().length))
    const most = Math.min(MOST_IDS, Math.floor(room / (longest + 1))) - 1
    const found = new Map<string, readonly Point[]>()
    for (let from = 0; isAble && most > 0 && from < runIds.length; from += most) {
      for (const [id, points] of await ask(runIds.slice(from, from + most), key, signal)) found.set(id, points)
    }
    return found
  }
}
