import { createHash } from 'node:crypto'
import { address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { LoggedModel } from '../../mlflow/logged-models.ts'
import { SOURCE_CREATED, SOURCE_MODEL, sharedModelId } from '../history-place.ts'

/** Kept by the server itself: which registered versions were made of the model. */
const OWN_TAGS = new Set(['mlflow.modelVersions', SOURCE_MODEL, SOURCE_CREATED])

/** A logged model in portable form. */
export interface LoggedModelBody {
  readonly experiment: string
  /** The id under which both sides know it. */
  readonly id: string
  readonly name: string
  readonly type: string
  readonly status: string
  /** Shared id of the run that made it; empty where there is none. */
  readonly run: string
  /** Milliseconds since 1970, at its source. */
  readonly created: number
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  /** Of the points that were logged about it. */
  readonly points: { readonly count: number; readonly sha256: string }
}

export interface LoggedModelParts {
  readonly experiment: string
  readonly model: LoggedModel
  readonly run: string
  /** Its points with the shared ids of their runs. */
  readonly points: LoggedModel['metrics']
  /** Whether the run that made it stands, so that the model can lean on it. */
  readonly hasRun: boolean
}

export function loggedModelItem({ experiment, model, run, points, hasRun }: LoggedModelParts) {
  const id = sharedModelId(model)
  const body = {
    experiment,
    id,
    name: model.name,
    type: model.type,
    status: model.status,
    run,
    created: Number(tagOf(model, SOURCE_CREATED) ?? model.created),
    params: Object.fromEntries(model.params.map(({ key, value }) => [key, value])),
    tags: Object.fromEntries(carriedTags(model).map(({ key, value }) => [key, value])),
    points: sumOf(points),
  } satisfies LoggedModelBody
  const needs = hasRun ? [address('run', experiment, run)] : [address('experiment', experiment)]
  return item(address('logged-model', experiment, id), body satisfies JsonObject, needs)
}

export function carriedTags({ tags }: LoggedModel) {
  return tags.filter(({ key }) => !OWN_TAGS.has(key))
}

export function loggedModelBody(body: JsonObject): LoggedModelBody {
  return body as unknown as LoggedModelBody
}

function tagOf({ tags }: LoggedModel, key: string): string | undefined {
  return tags.find((one) => one.key === key)?.value
}

/** By what points about a model are the same. */
export function pointName({ key, value, timestamp, step, runId }: LoggedModel['metrics'][number]): string {
  return JSON.stringify([key, value, timestamp, step, runId])
}

function sumOf(points: LoggedModel['metrics']): LoggedModelBody['points'] {
  const lines = points.map(pointName).toSorted()
  return { count: points.length, sha256: createHash('sha256').update(lines.join('\n')).digest('hex') }
}
