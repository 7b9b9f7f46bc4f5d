import { Fault } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/model.ts'
import { int64 } from './int64.ts'
import type { Pair, Point, TrackedExperiment, TrackedRun } from './tracking.ts'

const WORDS = new Set(['NaN', 'Infinity', '-Infinity'])
const ABOUT = ['dataset_name', 'dataset_digest', 'model_id'] as const

/** A point from what a server sends: int64 come as text or number, NaN and the infinities as words. */
export function pointFrom(raw: Json): Point {
  const { key, value, timestamp, step, ...rest } = object(raw)
  const number: Point['value'] =
    typeof value === 'string' && WORDS.has(value) ? (value as Point['value']) : Number(value ?? 0)
  const point = { key: String(key), value: number, timestamp: int64(timestamp), step: int64(step) }
  const about = ABOUT.flatMap((field) => (typeof rest[field] === 'string' ? [[field, rest[field]] as const] : []))
  return about.length === 0 ? point : { ...point, about: Object.fromEntries(about) }
}

export function pointToJson({ key, value, timestamp, step, about }: Point): JsonObject {
  return { key, value, timestamp, step, ...about }
}

export function runFrom(raw: Json): TrackedRun {
  const { info, data, inputs, outputs } = object(raw)
  const details = object(info ?? null)
  const { params, tags, metrics } = object(data ?? {})
  return {
    info: {
      ...details,
      run_id: text(details, 'run_id'),
      experiment_id: text(details, 'experiment_id'),
      status: text(details, 'status'),
    },
    params: pairs(params),
    tags: pairs(tags),
    latest: (Array.isArray(metrics) ? metrics : []).map(pointFrom),
    inputs: inputs ?? null,
    ...(outputs === undefined ? {} : { outputs }),
  }
}

export function experimentFrom(raw: Json): TrackedExperiment {
  const experiment = object(raw)
  return {
    id: text(experiment, 'experiment_id'),
    name: text(experiment, 'name'),
    deleted: experiment['lifecycle_stage'] === 'deleted',
    tags: pairs(experiment['tags']),
    ...(experiment['creation_time'] === undefined ? {} : { created: String(experiment['creation_time']) }),
  }
}

function pairs(raw: Json | undefined): readonly Pair[] {
  return (Array.isArray(raw) ? raw : []).map((one) => {
    const { key, value } = object(one)
    return { key: String(key), value: String(value ?? '') }
  })
}

function object(raw: Json): JsonObject {
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return raw as JsonObject
  throw unreadable('an object')
}

function text(of: JsonObject, field: string): string {
  const value = of[field]
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw unreadable(field)
}

function unreadable(what: string): Fault {
  return new Fault('observe/incomplete', `The tracking server sent a record without ${what}`, {
    hint: 'Look at the server: an answer of this form is not MLflow’s.',
  })
}
