import type { Reply } from '../call.ts'
import type { Point, Run } from '../history/run-types.ts'
import { invalid, offsetOf, ok, pageToken, unlessEmpty } from './answers.ts'
import type { Request, Row } from './request.ts'
import { pointJson } from './run-json.ts'

export const METRIC_ROWS: readonly Row[] = [
  ['GET', 'metrics/get-history', 'getMetricHistory', history],
  ['GET', 'metrics/get-history-bulk', 'getMetricHistoryBulk', bulk],
  ['GET', 'metrics/get-history-bulk-interval', 'getMetricHistoryBulkInterval', interval],
]

const ALL = Number.MAX_SAFE_INTEGER - 1
const BULK_LIMIT = 25_000
const INTERVAL_LIMIT = 2500

function history(request: Request): Reply {
  const { fields, region } = request
  const run = findRun(request, fields.text('run_id') || fields.text('run_uuid') || fields.need('run_id'))
  const key = fields.need('metric_key')
  const limit = fields.integer('max_results') ?? ALL
  const offset = offsetOf(fields.text('page_token'))
  const points = run === undefined ? [] : region.runs.metrics.history(run.key, key, { offset, limit: limit + 1 })
  return ok({
    metrics: unlessEmpty(points.slice(0, limit).map(pointJson)),
    next_page_token: points.length > limit ? pageToken(offset + limit) : undefined,
  })
}

function bulk(request: Request): Reply {
  const { fields, region } = request
  const key = fields.need('metric_key')
  const limit = Math.min(fields.integer('max_results') ?? BULK_LIMIT, BULK_LIMIT)
  const runs = fields.texts('run_id').toSorted()
  const points = runs.flatMap((id) => {
    const run = findRun(request, id)
    return run === undefined ? [] : labelled(run, region.runs.metrics.history(run.key, key, { offset: 0, limit }))
  })
  return ok({ metrics: points.slice(0, limit) })
}

function interval(request: Request): Reply {
  const { fields, region } = request
  const key = fields.need('metric_key')
  const from = fields.integer('start_step')
  const to = fields.integer('end_step')
  if ((from === undefined) !== (to === undefined)) {
    throw invalid('Both start_step and end_step must be specified together, or neither may be specified.')
  }
  const limit = Math.max(1, Math.min(fields.integer('max_results') ?? INTERVAL_LIMIT, INTERVAL_LIMIT))
  const steps = from === undefined || to === undefined ? undefined : { from, to }
  const points = fields.texts('run_ids').flatMap((id) => {
    const run = findRun(request, id)
    return run === undefined ? [] : labelled(run, sample(region.runs.metrics.byStep(run.key, key, steps), limit))
  })
  return ok({ metrics: unlessEmpty(points) })
}

function findRun({ region, scope }: Request, id: string): Run | undefined {
  return region.runs.get(scope.workspace, id)
}

function labelled(run: Run, points: readonly Point[]): object[] {
  return points.map((point) => ({ ...pointJson(point), run_id: run.id }))
}

/** At most `size` points, the first of each of `size` equal buckets, and always the last point. */
function sample(points: readonly Point[], size: number): readonly Point[] {
  if (points.length <= size) return points
  const large = points.length % size
  const width = Math.floor(points.length / size)
  const starts = Array.from({ length: size }, (_, bucket) => bucket * width + Math.min(bucket, large))
  return [...starts.slice(0, -1), points.length - 1].flatMap((index) => points[index] ?? [])
}
