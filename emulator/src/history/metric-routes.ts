import type { Handler } from '../call.ts'
import { exact } from '../exact.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { asking, type Route, UNFINISHED } from '../router.ts'
import { needRun } from './run-routes.ts'
import type { Point, Run } from './run-types.ts'
import { scopeOf, subjectOf } from './scope.ts'
import { listOf, objectOf, placeOf, textOf, type Values, wholeOf } from './values.ts'

const METRIC =
  '/metric/v2.0/subscriptions/:s/resourceGroups/:g/providers/Microsoft.MachineLearningServices/workspaces/:w'

/** Most points in one answer of `full`. */
const PAGE = 1000

/** Metrics of runs as run history's second version has them: a metric is a table, its columns doubles. */
export function metricRoutes(region: Region): readonly Route[] {
  return [
    ['POST', `${METRIC}/runs/:runId/list`, 'metric_list_metric', asking(list(region))],
    ['POST', `${METRIC}/runs/:runId/full`, 'metric_get_full_fidelity_metric', asking(full(region))],
    ['POST', `${METRIC}/runs/:runId/sample`, 'metric_get_sampled_metric', asking(full(region))],
    ['POST', `${METRIC}/runs/:runId/batch`, 'metric_post_run_metrics', post(region)],
    ['DELETE', `${METRIC}/runs/:runId/deleteMetrics`, 'metric_delete_metrics_by_run_id', UNFINISHED],
    ['POST', `${METRIC}/azuremonitor/list`, 'metric_list_generic_resource_metrics', UNFINISHED],
  ]
}

function list(region: Region): Handler {
  return (call, params) => {
    const run = needRun(region, scopeOf(region, call), params['runId'] ?? '')
    const value = region.runs.metrics.latest(run.key).map(({ key }) => ({
      metricKey: { namespace: '', name: key, labels: {}, standardSchemaId: null },
      columns: { [key]: 'Double' },
      properties: { uxMetricType: 'azureml.v1.scalar' },
    }))
    return { status: 200, body: { value, continuationToken: null, nextLink: null } }
  }
}

function full(region: Region): Handler {
  return async (call, params) => {
    const run = needRun(region, scopeOf(region, call), params['runId'] ?? '')
    const body = objectOf(await call.json())
    const name = textOf(body, 'metricName') ?? ''
    const offset = placeOf(textOf(body, 'continuationToken'))
    const points = region.runs.metrics.history(run.key, name, { offset, limit: PAGE + 1 })
    if (points.length === 0 && offset === 0) {
      throw new Refusal(404, 'UserError', `Metric ${name} was not found in run ${run.id}.`)
    }
    return {
      status: 200,
      body: {
        dataContainerId: `dcid.${run.id}`,
        name,
        columns: { [name]: 'Double' },
        properties: { uxMetricType: 'azureml.v1.scalar' },
        namespace: null,
        standardSchemaId: null,
        value: points.slice(0, PAGE).map((point, index) => valueJson(run, point, offset + index)),
        continuationToken: points.length > PAGE ? String(offset + PAGE) : null,
        nextLink: null,
      },
    }
  }
}

function valueJson(run: Run, point: Point, index: number): object {
  const value = Number.isFinite(point.value) ? point.value : String(point.value)
  return {
    metricId: `${run.id}/${point.key}/${index}`,
    createdUtc: new Date(point.timestamp).toISOString(),
    step: point.step,
    data: { [point.key]: value },
  }
}

function post(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const metrics = listOf(objectOf(await call.json())['values']).map(objectOf)
    const points = metrics.flatMap((metric) => pointsOf(metric, region.clock.now()))
    return call.commit(() => {
      const run = needRun(region, scope, params['runId'] ?? '')
      region.runs.log(run, { metrics: points })
      return { status: 200, body: { errors: [] }, note: { subject: subjectOf(scope, run.id) } }
    })
  }
}

/** One point for each numeric column of each row. A table of one column is a metric by its own name. */
function pointsOf(metric: Values, now: number): Point[] {
  const name = textOf(metric, 'name') ?? ''
  return listOf(metric['value'])
    .map(objectOf)
    .flatMap((row) => {
      const created = Date.parse(textOf(row, 'createdUtc') ?? '')
      const timestamp = Number.isNaN(created) ? now : created
      const step = stepOf(row['step'], name)
      const columns = Object.entries((row['data'] ?? {}) as Values)
      return columns.flatMap(([column, raw]) => {
        const value = numberOf(raw)
        if (value === undefined) return []
        return [{ key: columns.length === 1 ? name : `${name}.${column}`, value, timestamp, step }]
      })
    })
}

/** The number in a column, which may come as a text; `undefined` where it holds none. */
function numberOf(raw: unknown): number | undefined {
  if (typeof raw === 'number') return raw
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN
  return Number.isNaN(value) && raw !== 'NaN' ? undefined : value
}

/** The step of a row, 0 where it has none: a `long`, as the vendor's client of run history has it. */
function stepOf(value: unknown, metric: string): number {
  if (value === undefined || value === null) return 0
  const step = wholeOf(value)
  if (step === undefined) throw new Refusal(400, 'UserError', `The step ${JSON.stringify(value)} is no whole number.`)
  return exact(step, `a step of the metric ${metric}`)
}
