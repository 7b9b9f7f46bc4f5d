import type { Reply } from '../call.ts'
import type { Point, Run } from '../history/run-types.ts'
import { invalid, listText, missing, objectText, offsetOf, okText, pageToken, SEE_DOCS } from './answers.ts'
import type { Request, Row } from './request.ts'
import { pointWriter } from './run-json.ts'

export const METRIC_ROWS: readonly Row[] = [
  ['GET', 'metrics/get-history', 'getMetricHistory', history],
  ['GET', 'metrics/get-history-bulk', 'getMetricHistoryBulk', bulk],
  ['GET', 'metrics/get-history-bulk-interval', 'getMetricHistoryBulkInterval', interval],
]

const ALL = Number.MAX_SAFE_INTEGER - 1
const BULK_LIMIT = 25_000
const INTERVAL_LIMIT = 2500
const MOST_RUNS = 100

function history(request: Request): Reply {
  const { fields, region } = request
  const run = findRun(request, fields.text('run_id') || fields.text('run_uuid') || fields.need('run_id'))
  const key = fields.need('metric_key')
  const limit = fields.integer('max_results') ?? ALL
  if (limit <= 0) {
    throw invalid(`Invalid value ${limit} for parameter 'max_results' supplied. It must be a positive integer.`)
  }
  const offset = offsetOf(fields.text('page_token'))
  const points = run === undefined ? [] : region.runs.metrics.history(run.key, key, { offset, limit: limit + 1 })
  const next = points.length > limit ? pageToken(offset + limit) : undefined
  return okText(
    objectText({
      metrics: listText(points.slice(0, limit).map(pointWriter())),
      next_page_token: next && JSON.stringify(next),
    }),
  )
}

function bulk(request: Request): Reply {
  const { fields, region } = request
  const runs = fields.texts('run_id').toSorted()
  if (runs.length === 0) throw invalid('GetMetricHistoryBulk request must specify at least one run_id.')
  if (runs.length > MOST_RUNS) {
    throw invalid(
      `GetMetricHistoryBulk request cannot specify more than ${MOST_RUNS} run_ids. Received ${runs.length} run_ids.`,
    )
  }
  const key = fields.text('metric_key')
  if (key === undefined) throw invalid('GetMetricHistoryBulk request must specify a metric_key.')
  const limit = Math.min(fields.integer('max_results') ?? BULK_LIMIT, BULK_LIMIT)
  const points = runs.flatMap((id) => {
    const run = findRun(request, id)
    return run === undefined ? [] : labelled(run, region.runs.metrics.history(run.key, key, { offset: 0, limit }))
  })
  return okText(`{"metrics":[${points.slice(0, limit).join(',')}]}`)
}

function interval(request: Request): Reply {
  const { fields, region } = request
  const ids = fields.texts('run_ids')
  if (ids.length === 0) throw missing('run_ids')
  if (ids.length > MOST_RUNS) {
    const said = `must specify at most ${MOST_RUNS} run_ids. Received ${ids.length} run_ids.`
    throw invalid(`GetMetricHistoryBulkInterval request ${said} ${SEE_DOCS}`)
  }
  const key = fields.need('metric_key')
  const limit = fields.integer('max_results') ?? INTERVAL_LIMIT
  if (limit < 1 || limit > INTERVAL_LIMIT) {
    throw invalid(`max_results must be between 1 and ${INTERVAL_LIMIT}. ${SEE_DOCS}`)
  }
  const steps = stepsOf(request)
  const runs = ids.flatMap((id) => findRun(request, id) ?? [])
  const points = runs.flatMap((run) => labelled(run, sample(region.runs.metrics.byStep(run.key, key, steps), limit)))
  return okText(objectText({ metrics: listText(points) }))
}

function stepsOf({ fields }: Request): { from: number; to: number } | undefined {
  const from = fields.integer('start_step')
  const to = fields.integer('end_step')
  if (from === undefined && to === undefined) return undefined
  if (from === undefined || to === undefined) {
    throw invalid('If either start step or end step are specified, both must be specified.')
  }
  if (from > to) throw invalid(`end_step must be greater than start_step. Found start_step=${from} and end_step=${to}.`)
  return { from, to }
}

function findRun({ region, scope }: Request, id: string): Run | undefined {
  return region.runs.get(scope.workspace, id)
}

function labelled(run: Run, points: readonly Point[]): string[] {
  return points.map(pointWriter(run.id))
}

/** At most `size` points, the first of each of `size` equal buckets, and always the last point. */
function sample(points: readonly Point[], size: number): readonly Point[] {
  if (points.length <= size) return points
  const large = points.length % size
  const width = Math.floor(points.length / size)
  const starts = Array.from({ length: size }, (_, bucket) => bucket * width + Math.min(bucket, large))
  return [...starts.slice(0, -1), points.length - 1].flatMap((index) => points[index] ?? [])
}
