import { createHash } from 'node:crypto'
import { address, type Item, type Json, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { Point, TrackedRun } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'

/** The tag under which a replica with an id of its own keeps the id of its source. */
export const SOURCE_RUN = 'holdfast.source_run_id'
const OWN_TAG = /^holdfast\./

/** What is known of one metric without its points: enough to see that two histories are the same. */
export interface MetricDigest {
  readonly count: number
  readonly digest: string
}

/** A run in portable form. Times in milliseconds since 1970; 0 where there is none. */
export interface RunBody {
  readonly experiment: string
  readonly id: string
  readonly name: string
  readonly status: string
  readonly start: number
  readonly end: number
  readonly deleted: boolean
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, MetricDigest>>
  readonly inputs: Json
}

const OPEN = new Set(['RUNNING', 'SCHEDULED'])

export function isOpen(run: TrackedRun): boolean {
  return OPEN.has(run.info.status)
}

export function isOpenBody(body: JsonObject): boolean {
  return OPEN.has(String(body['status']))
}

/** The id under which both sides know a run. */
export function sourceIdOf(run: TrackedRun): string {
  return run.tags.find(({ key }) => key === SOURCE_RUN)?.value ?? run.info.run_id
}

export interface RunParts {
  readonly experiment: string
  readonly run: TrackedRun
  readonly metrics: Readonly<Record<string, MetricDigest>>
}

export function runItem(place: Place, { experiment, run, metrics }: RunParts): Item {
  const { info } = run
  const id = sourceIdOf(run)
  const tags = run.tags.filter(({ key }) => !OWN_TAG.test(key))
  const body = {
    experiment,
    id,
    name: String(info['run_name'] ?? ''),
    status: info.status,
    start: Number(info['start_time'] ?? 0),
    end: Number(info['end_time'] ?? 0),
    deleted: info['lifecycle_stage'] === 'deleted',
    params: Object.fromEntries(run.params.map(({ key, value }) => [key, value])),
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    metrics,
    inputs: run.inputs,
  } satisfies RunBody
  return item(runAddress(experiment, id), place.portable(body as unknown as JsonObject), [
    address('experiment', experiment),
  ])
}

export function runAddress(experiment: string, id: string) {
  return address('run', experiment, id)
}

export function runBody(place: Place, body: JsonObject): RunBody {
  return place.local(body) as unknown as RunBody
}

/** Digest of points whatever their order: equal histories are equal however a server sorts them. */
export function digestOfPoints(points: readonly Point[]): MetricDigest {
  const lines = points.map(lineOf).sort()
  return { count: points.length, digest: createHash('sha256').update(lines.join('\n')).digest('hex') }
}

/** The points of `wanted` that `found` has fewer of: metrics append, so what is there must not be sent again. */
export function missingPoints(wanted: readonly Point[], found: readonly Point[]): Point[] {
  const there = new Map<string, number>()
  for (const point of found) there.set(lineOf(point), (there.get(lineOf(point)) ?? 0) + 1)
  return wanted.filter((point) => {
    const left = there.get(lineOf(point)) ?? 0
    if (left > 0) there.set(lineOf(point), left - 1)
    return left === 0
  })
}

function lineOf({ key, value, timestamp, step }: Point): string {
  return JSON.stringify([key, Object.is(value, -0) ? 0 : value, timestamp, step])
}
