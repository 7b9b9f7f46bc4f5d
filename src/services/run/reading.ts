import { createHash } from 'node:crypto'
import type { Item } from '../../core/model.ts'
import type { Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'
import { type Known, type Memory, openMemory } from './memory.ts'
import { digestOfPoints, type MetricDigest } from './points.ts'
import { isOpen, runItem } from './schema.ts'

/** Reads runs of any place, each closed one once. */
export interface Reading {
  /** What is remembered of a place; read anew with `fresh`. */
  memory(place: Place, signal: AbortSignal, fresh?: 'fresh'): Promise<Memory>
  /** The run that both sides know by this id, as the server gives it. */
  find(place: Place, sharedId: string, signal: AbortSignal): Promise<TrackedRun | undefined>
  item(place: Place, run: TrackedRun, signal: AbortSignal): Promise<Item>
  /** Every point of a metric as it is now. */
  points(place: Place, of: PointsOf, signal: AbortSignal): Promise<readonly Point[]>
  /** The points of an open run as the last item of it saw them; `undefined` where none are held. */
  held(place: Place, ownId: string): readonly Point[] | undefined
  /** The run was written to: what is remembered of its metrics no longer counts. */
  forget(place: Place, ownId: string): void
}

export interface PointsOf {
  readonly runId: string
  readonly key: string
}

export function reading(trackingOf: (place: Place) => Tracking): Reading {
  const memories = new Map<string, Promise<Memory>>()
  const keyOf = (place: Place) => place.workspace.toLowerCase()
  /** The same memories, where they have come. */
  const open = new Map<string, Memory>()

  function memory(place: Place, signal: AbortSignal, fresh?: 'fresh'): Promise<Memory> {
    const key = keyOf(place)
    const before = memories.get(key)
    if (before !== undefined && fresh === undefined) return before
    const opening = openMemory(trackingOf(place), signal, open.get(key))
    memories.set(key, opening)
    opening.then(
      (opened) => open.set(key, opened),
      () => {
        if (memories.get(key) === opening) memories.delete(key)
      },
    )
    return opening
  }

  async function find(place: Place, sharedId: string, signal: AbortSignal): Promise<TrackedRun | undefined> {
    return trackingOf(place).run((await memory(place, signal)).ownId(sharedId), signal)
  }

  async function item(place: Place, run: TrackedRun, signal: AbortSignal): Promise<Item> {
    const remembered = await memory(place, signal)
    remembered.learn(run)
    const id = run.info.run_id
    const envelope = envelopeOf(run)
    const before = remembered.known.get(id)
    const now = before?.envelope === envelope && !isOpen(run) ? before : await look(place, run, { envelope, signal })
    remembered.known.set(id, now)
    const experiment = await experimentOf(place, run, signal)
    return runItem(place, { experiment, run, metrics: now.metrics, sharedId: remembered.sharedId })
  }

  async function look(
    place: Place,
    run: TrackedRun,
    { envelope, signal }: { readonly envelope: string; readonly signal: AbortSignal },
  ): Promise<Known> {
    const metrics: [string, MetricDigest][] = []
    const all: Point[] = []
    for (const { key } of run.latest) {
      const found = await points(place, { runId: run.info.run_id, key }, signal)
      metrics.push([key, digestOfPoints(found)])
      if (isOpen(run)) all.push(...found)
    }
    const digests = { envelope, metrics: Object.fromEntries(metrics) }
    return isOpen(run) ? { ...digests, points: all } : digests
  }

  async function experimentOf(place: Place, run: TrackedRun, signal: AbortSignal): Promise<string> {
    const { experiments } = await memory(place, signal)
    const id = run.info.experiment_id
    const known = experiments.get(id)
    if (known !== undefined) return known
    const name = (await trackingOf(place).experiment(id, signal))?.name ?? id
    experiments.set(id, name)
    return name
  }

  async function points(place: Place, { runId, key }: PointsOf, signal: AbortSignal): Promise<Point[]> {
    const found: Point[] = []
    for await (const point of trackingOf(place).history(runId, key, signal)) found.push(point)
    return found
  }

  return {
    memory,
    find,
    item,
    points,
    held: (place, ownId) => open.get(keyOf(place))?.known.get(ownId)?.points,
    forget: (place, ownId) => void open.get(keyOf(place))?.known.delete(ownId),
  }
}

/** Digest of all that a run shows without its points: while a closed run shows the same, its points are the same. */
function envelopeOf({ info, params, tags, latest }: TrackedRun): string {
  return createHash('sha256')
    .update(JSON.stringify([info, params, tags, latest]))
    .digest('hex')
}
