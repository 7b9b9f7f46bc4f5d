import { artifactFolder } from '../history/artifact-store.ts'
import { type Experiment, type Link, type Point, type Run, stateOf } from '../history/run-types.ts'
import type { Region } from '../region.ts'
import { double, pairs, unlessEmpty } from './answers.ts'
import type { Request } from './request.ts'

/**
 * Where a client should put and find a run's artifacts.
 *
 * Microsoft's plugin names itself in `User-Agent` and needs a URI of its own scheme, as Azure gives it.
 * A plain MLflow client cannot read that scheme and gets one that leads it through the artifact proxy.
 */
export function artifactUri(request: Request, run: Run): string {
  const { scope, call } = request
  if (run.artifactLocation) return `${run.artifactLocation.replace(/\/+$/, '')}/${run.id}/artifacts`
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
    ...(run.end === null ? {} : { end_time: run.end }),
    artifact_uri: artifactUri(request, run),
    lifecycle_stage: run.stage,
    run_id: run.id,
  }
}

/** A run with its newest metrics, parameters, tags, inputs and outputs. */
export function runJson(request: Request, run: Run): object {
  return runsJson(request, [run])[0] ?? {}
}

/** Runs of a page, read with one query for each kind of data. */
export function runsJson(request: Request, runs: readonly Run[]): object[] {
  const held = heldBy(request.region, runs)
  return runs.map((run) => {
    const { metrics, params, tags, links } = held(run.key)
    const bodies = (kind: Link['kind']) => unlessEmpty(links.filter((link) => link.kind === kind).map((l) => l.body))
    return {
      info: infoJson(request, run),
      data: {
        metrics: unlessEmpty(metrics.map(pointJson)),
        params: unlessEmpty(params),
        tags: unlessEmpty(tags),
      },
      inputs: { dataset_inputs: bodies('dataset'), model_inputs: bodies('model-input') },
      outputs: { model_outputs: bodies('model-output') },
    }
  })
}

export function pointJson(point: Point): object {
  return { key: point.key, value: double(point.value), timestamp: point.timestamp, step: point.step }
}

interface Held {
  readonly metrics: readonly Point[]
  readonly params: readonly { key: string; value: string }[]
  readonly tags: readonly { key: string; value: string }[]
  readonly links: readonly Link[]
}

function heldBy(region: Region, runs: readonly Run[]): (key: number) => Held {
  const { db } = region
  const keys = JSON.stringify(runs.map(({ key }) => key))
  const rows = <Row extends { run: number }>(columns: string, table: string, order: string): Map<number, Row[]> =>
    Map.groupBy(
      db.all<Row>(
        `SELECT run, ${columns} FROM json_each(?) j CROSS JOIN ${table} ON run = j.value ORDER BY j.key, ${order}`,
        keys,
      ),
      ({ run }) => run,
    )
  type Pair = { run: number; key: string; value: string }
  type StoredPoint = { run: number; key: string; value: number | null; timestamp: number; step: number }
  type StoredLink = { run: number; kind: Link['kind']; name: string; body: string }
  const metrics = rows<StoredPoint>('t.key, t.value, timestamp, step', 'latestMetrics t', 't.key')
  const params = rows<Pair>('t.key, t.value', 'params t', 't.key')
  const tags = rows<Pair>('t.key, t.value', 'tags t', 't.key')
  const links = rows<StoredLink>('kind, name, body', 'links t', 'n')
  return (key) => ({
    metrics: (metrics.get(key) ?? []).map(({ run: _, ...point }) => ({ ...point, value: point.value ?? Number.NaN })),
    params: (params.get(key) ?? []).map((pair) => ({ key: pair.key, value: pair.value })),
    tags: (tags.get(key) ?? []).map((pair) => ({ key: pair.key, value: pair.value })),
    links: (links.get(key) ?? []).map(({ kind, name, body }) => ({ kind, name, body: JSON.parse(body) })),
  })
}
