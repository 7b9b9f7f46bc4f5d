import { artifactFolder } from '../history/artifact-store.ts'
import { type Experiment, type Link, type Point, type Run, stateOf } from '../history/run-types.ts'
import { withoutLastSlashes } from '../slashes.ts'
import type { Database } from '../state/database.ts'
import { double, objectText, pairs, unlessEmpty } from './answers.ts'
import type { Request } from './request.ts'

/**
 * Where a client should put and find a run's artifacts.
 *
 * Microsoft's plugin names itself in `User-Agent` and needs a URI of its own scheme, as Azure gives it.
 * A plain MLflow client cannot read that scheme and gets one that leads it through the artifact proxy.
 */
export function artifactUri(request: Request, run: Run): string {
  const { scope, call } = request
  if (run.artifactLocation) return `${withoutLastSlashes(run.artifactLocation)}/${run.id}/artifacts`
  return isPlugin(request)
    ? `azureml://${call.host}/mlflow/v2.0${scope.workspace}/experiments/${run.experimentId}/runs/${run.id}/artifacts`
    : `mlflow-artifacts:/${artifactFolder(run.id)}`
}

export function experimentJson(request: Request, experiment: Experiment): object {
  const { scope, call } = request
  return {
    experiment_id: experiment.id,
    name: experiment.name,
    artifact_location:
      experiment.artifactLocation ??
      (isPlugin(request)
        ? `azureml://${call.host}/mlflow/v2.0${scope.workspace}/experiments/${experiment.id}`
        : 'mlflow-artifacts:/ExperimentRun'),
    lifecycle_stage: experiment.stage,
    last_update_time: experiment.updated,
    creation_time: experiment.created,
    tags: pairs(request.region.runs.experiments.tags(experiment)),
  }
}

/** True for Microsoft's plugin, which names itself to every server. */
export function isPlugin({ call }: Request): boolean {
  return /azureml-mlflow\//.test(call.headers['user-agent'] ?? '')
}

export function infoJson(request: Request, run: Run): object {
  return {
    run_uuid: run.id,
    experiment_id: run.experimentId,
    run_name: run.name,
    user_id: run.user,
    status: stateOf(run.status),
    ...(run.start === null ? {} : { start_time: run.start }),
    ...(run.end === null || run.end === 0 ? {} : { end_time: run.end }),
    artifact_uri: artifactUri(request, run),
    lifecycle_stage: run.stage,
    run_id: run.id,
  }
}

/** A run with its newest metrics, parameters, tags, inputs and outputs. */
export function runJson(request: Request, run: Run): object {
  return JSON.parse(runTexts(request, [run])[0] ?? '{}')
}

/** {@link runJson} of each run of a page as text, read with one query for each kind of data: a page may hold 50,000. */
export function runTexts(request: Request, runs: readonly Run[]): string[] {
  const { db } = request.region
  const keys = JSON.stringify(runs.map(({ key }) => key))
  const metrics = metricTexts(db, keys)
  const pairs = db.tuples<[params: string, tags: string]>(
    `SELECT ${pairsOf('params')}, ${pairsOf('tags')} FROM json_each(?) j ORDER BY j.key`,
    keys,
  )
  const links = linksOf(db, keys)
  return runs.map((run, index) => {
    const [params = EMPTY, tags = EMPTY] = pairs[index] ?? []
    const data = objectText({
      metrics: unlessNone(`[${metrics.get(run.key) ?? ''}]`),
      params: unlessNone(params),
      tags: unlessNone(tags),
    })
    const linked = links.get(run.key) ?? []
    const bodies = (kind: Link['kind']) => unlessEmpty(linked.filter((link) => link.kind === kind).map((l) => l.body))
    const inputs = { dataset_inputs: bodies('dataset'), model_inputs: bodies('model-input') }
    const outputs = { model_outputs: bodies('model-output') }
    return `{"info":${JSON.stringify(infoJson(request, run))},"data":${data},"inputs":${JSON.stringify(inputs)},"outputs":${JSON.stringify(outputs)}}`
  })
}

const EMPTY = '[]'

function unlessNone(list: string): string | undefined {
  return list === EMPTY ? undefined : list
}

/** SQL of what a run `j.value` has in a table of keys and values, as MLflow's JSON. */
function pairsOf(table: 'params' | 'tags'): string {
  return `(SELECT json_group_array(json_object('key', t.key, 'value', t.value) ORDER BY t.key)
    FROM ${table} t WHERE t.run = j.value)`
}

/** Newest points of each run, as the inside of a list. */
function metricTexts(db: Database, keys: string): Map<number, string> {
  const texts = new Map<number, string>()
  const rows = db.tuples<[run: number, key: string, value: number | null, timestamp: number, step: number]>(
    `SELECT run, t.key, t.value, timestamp, step FROM json_each(?) j CROSS JOIN latestMetrics t ON run = j.value
     ORDER BY j.key, t.key`,
    keys,
  )
  const write = pointWriter()
  for (const [run, key, value, timestamp, step] of rows) {
    const text = write({ key, value: value ?? Number.NaN, timestamp, step })
    const before = texts.get(run)
    texts.set(run, before === undefined ? text : `${before},${text}`)
  }
  return texts
}

/** Writes points as JSON, with the id of their run where it is given: several times as fast as `JSON.stringify`. */
export function pointWriter(runId?: string): (point: Point) => string {
  const quoted = new Map<string, string>()
  const end = runId === undefined ? '}' : `,"run_id":${JSON.stringify(runId)}}`
  return ({ key, value, timestamp, step }) => {
    const name = quoted.get(key) ?? JSON.stringify(key)
    quoted.set(key, name)
    return `{"key":${name},"value":${double(value)},"timestamp":${timestamp},"step":${step}${end}`
  }
}

function linksOf(db: Database, keys: string): Map<number, Pick<Link, 'kind' | 'body'>[]> {
  const rows = db.all<{ run: number; kind: Link['kind']; body: string }>(
    'SELECT run, kind, body FROM json_each(?) j CROSS JOIN links ON run = j.value ORDER BY j.key, n',
    keys,
  )
  const parsed = rows.map(({ run, kind, body }) => ({ run, kind, body: JSON.parse(body) as unknown }))
  return Map.groupBy(parsed, ({ run }) => run)
}
