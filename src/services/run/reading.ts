import { createHash } from 'node:crypto'
import type { Item } from '../../core/model.ts'
import { namesOf } from '../../mlflow/kept.ts'
import { type MetricDigest, pointSum } from '../../mlflow/points.ts'
import { isOpenRun, type Point, type TrackedRun, type Tracking } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import type { Notes } from '../history-place.ts'
import { jsonNote } from '../json-note.ts'
import type { Place } from '../service.ts'
import { showsAll } from './latest.ts'
import {
  askedTogether,
  isNoLineage,
  LINEAGE_TAG,
  type Lineage,
  type LineageAccess,
  lineageOfTag,
  NO_LINEAGE,
} from './lineage.ts'
import { type Known, type Memory, openMemory, type Residents } from './memory.ts'
import { runItem, tagOf } from './schema.ts'
import { openSizes, POINTS_TOGETHER, readAhead, type Sizes } from './together.ts'

/** Reads runs of any place, each closed one once. */
export interface Reading {
  /** What is remembered of a place; read anew with `fresh`. */
  memory(place: Place, signal: AbortSignal, fresh?: 'fresh'): Promise<Memory>
  /** The run that both sides know by this id, as the server gives it. */
  find(place: Place, sharedId: string, signal: AbortSignal): Promise<TrackedRun | undefined>
  item(place: Place, run: TrackedRun, options: ItemOptions): Promise<Item>
  /**
   * Gives the same runs in the same order, while the points of those that come next are read together where the place
   * answers for several runs at once.
   */
  ahead(place: Place, runs: AsyncIterable<TrackedRun>, options: AheadOptions): AsyncIterable<TrackedRun>
  /** Every point of a metric as it is now, page by page, whichever key it has there. */
  points(place: Place, of: PointsOf, signal: AbortSignal): AsyncIterable<Point>
  /** Keys under which a run has its metrics, by their own. */
  metricKeys(place: Place, ownId: string, signal: AbortSignal): Promise<MetricKeys>
  /** The points of a run by metric, as the last item of it saw them; `undefined` where they are not held. */
  held(place: Place, ownId: string): ReadonlyMap<string, readonly Point[]> | undefined
  /** Points of a closed run that are held need not be held any longer. */
  release(place: Place, ownId: string): void
  /** True if somebody changed the status, end or name of a run since an item of it was read. */
  isChanged(place: Place, run: TrackedRun): boolean
  /** The run was written to: what is remembered of its metrics no longer counts. */
  forget(place: Place, ownId: string): void
  /** What a new run must show when it is read next, so that its points need not be read. */
  expect(place: Place, ownId: string, expected: Expected): void
}

export interface ItemOptions {
  readonly signal: AbortSignal
  /** True: points of a closed run are held too, until they are released. */
  readonly hold?: boolean
  /** True: nothing that was remembered of an earlier reading is believed. */
  readonly afresh?: boolean | undefined
}

export interface AheadOptions extends ItemOptions {
  /** Of which runs an item is going to be asked for. Default: all. */
  readonly of?: (run: TrackedRun) => boolean
}

/** All points of a run that the place has taken. */
export interface Expected {
  /** The last of each metric. */
  readonly last: ReadonlyMap<string, Point>
  readonly metrics: Known['metrics']
}

export interface PointsOf {
  readonly runId: string
  readonly key: string
  readonly keys: MetricKeys
}

export type MetricKeys = ReadonlyMap<string, readonly string[]>

/** Metrics of one run that are read at once. */
const METRICS_AT_ONCE = 4

/** How the runs of a place are read, and what is remembered of them from one process to the next, if anything is. */
export interface Readable {
  readonly tracking: Tracking
  readonly lineage?: LineageAccess
  readonly notes?: Notes
  readonly residents?: Residents
}

export function reading(readableOf: (place: Place) => Readable): Reading {
  const trackingOf = (place: Place) => readableOf(place).tracking
  const expected = new Map<string, Expected>()
  const asked = new Map<string, ReturnType<typeof askedTogether>>()
  const nameOf = (place: Place, ownId: string) => `${keyOf(place)}/${ownId}`
  const memories = new Map<string, Promise<Memory>>()
  const keyOf = (place: Place) => place.workspace.toLowerCase()
  const sizes = new Map<string, Sizes>()
  const sizesOf = (place: Place) => {
    const found = sizes.get(keyOf(place)) ?? openSizes()
    sizes.set(keyOf(place), found)
    return found
  }
  /** The same memories, where they have come. */
  const open = new Map<string, Memory>()

  function memory(place: Place, signal: AbortSignal, fresh?: 'fresh'): Promise<Memory> {
    const key = keyOf(place)
    const before = memories.get(key)
    if (before !== undefined && fresh === undefined) return before
    const opening = openMemory(trackingOf(place), signal, {
      before: open.get(key),
      residents: readableOf(place).residents,
    })
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

  async function item(
    place: Place,
    run: TrackedRun,
    { signal, hold = false, afresh = false }: ItemOptions,
  ): Promise<Item> {
    const remembered = await memory(place, signal)
    remembered.learn(run)
    const before = afresh ? undefined : knownBefore(place, remembered, run)
    const [seen, lineage] = await Promise.all([
      before ?? taken(place, run) ?? look(place, run, { holds: hold || isOpenRun(run), signal }),
      before?.lineage ?? lineageOf(place, run, signal),
    ])
    const now = { ...seen, lineage, state: stateIn(run) }
    if (seen === before && before.lineage !== undefined) remembered.know(run.info.run_id, now)
    else learn(place, remembered, run, now)
    const experiment = await experimentOf(place, run, signal)
    return runItem(place, { experiment, run, metrics: now.metrics, lineage, sharedId: remembered.sharedId })
  }

  /** What the place itself says, or a tag where it has no words for it. */
  async function lineageOf(place: Place, run: TrackedRun, signal: AbortSignal): Promise<Lineage> {
    const { lineage } = readableOf(place)
    const key = keyOf(place)
    if (lineage !== undefined && !asked.has(key)) asked.set(key, askedTogether(lineage.of))
    const found = (await asked.get(key)?.(run.info.run_id, signal)) ?? NO_LINEAGE
    return isNoLineage(found) ? lineageOfTag(tagOf(run, LINEAGE_TAG)) : found
  }

  /** What was read of a run that is over, while it shows the same. */
  function knownBefore(place: Place, remembered: Memory, run: TrackedRun): Known | undefined {
    if (isOpenRun(run)) return undefined
    const id = run.info.run_id
    const known: Known | undefined = remembered.known(id) ?? pointNote(readableOf(place).notes, place, id).read()
    if (known?.envelope !== envelopeOf(run)) return undefined
    // Whoever asks next need not read the note again.
    remembered.know(id, known)
    return known
  }

  function learn(place: Place, remembered: Memory, run: TrackedRun, now: Known): void {
    const { envelope, metrics, lineage, keys } = now
    remembered.know(run.info.run_id, now)
    sizesOf(place).learn(metrics)
    // Names that a place keeps in another form are found out by reading.
    const isToNote = !isOpenRun(run) && keys === undefined
    if (isToNote)
      pointNote(readableOf(place).notes, place, run.info.run_id).write({
        envelope,
        metrics,
        ...(lineage === undefined ? {} : { lineage }),
      })
  }

  async function* readingAhead(
    place: Place,
    runs: AsyncIterable<TrackedRun>,
    { signal, hold = false, afresh = false, of = () => true }: AheadOptions,
  ): AsyncIterable<TrackedRun> {
    const { histories } = trackingOf(place)
    if (histories === undefined || afresh) return yield* runs
    const remembered = await memory(place, signal)
    yield* readAhead(runs, {
      histories,
      sizes: sizesOf(place),
      isDue: (run) =>
        of(run) &&
        !isOpenRun(run) &&
        !hasOwn(namesOf(run).metrics) &&
        knownBefore(place, remembered, run) === undefined,
      most: hold ? 2 * POINTS_TOGETHER : 0,
      learned: (run, { metrics, points: all }) => {
        const count = Object.values(metrics).reduce((sum, one) => sum + one.count, 0)
        const holds = all !== undefined && count <= remembered.room()
        learn(place, remembered, run, { envelope: envelopeOf(run), metrics, ...(holds ? { points: all } : {}) })
      },
      signal,
    })
  }

  async function look(
    place: Place,
    run: TrackedRun,
    { holds, signal }: { readonly holds: boolean; readonly signal: AbortSignal },
  ): Promise<Known> {
    const metrics: [string, MetricDigest][] = []
    const all = new Map<string, readonly Point[]>()
    let room = holds ? (await memory(place, signal)).room() : 0
    const { metrics: keys } = namesOf(run)
    const read = async (key: string) => {
      const sum = pointSum()
      const own: Point[] = []
      for await (const point of points(place, { runId: run.info.run_id, key, keys }, signal)) {
        sum.add(point)
        if (room > 0) own.push(point)
        room -= 1
      }
      return { key, sum: sum.value(), own }
    }
    for await (const { key, sum, own } of ahead(METRICS_AT_ONCE, keys.keys(), read)) {
      metrics.push([key, sum])
      if (room < 0) all.clear()
      else all.set(key, own)
    }
    const digests = {
      envelope: envelopeOf(run),
      metrics: Object.fromEntries(metrics),
      ...(hasOwn(keys) ? { keys } : {}),
    }
    return holds && room >= 0 ? { ...digests, points: all } : digests
  }

  /** What is known of a run without reading its points: it is closed, and shows what was expected. */
  function taken(place: Place, run: TrackedRun): Known | undefined {
    const name = nameOf(place, run.info.run_id)
    const wanted = expected.get(name)
    expected.delete(name)
    if (wanted === undefined || isOpenRun(run) || hasOwn(namesOf(run).metrics)) return undefined
    return showsAll(run, wanted.last) ? { envelope: envelopeOf(run), metrics: wanted.metrics } : undefined
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

  async function* points(place: Place, { runId, key, keys }: PointsOf, signal: AbortSignal): AsyncIterable<Point> {
    for (const own of keys.get(key) ?? [key]) {
      const found = trackingOf(place).history(runId, own, signal)
      if (own === key) yield* found
      else for await (const point of found) yield { ...point, key }
    }
  }

  async function metricKeys(place: Place, ownId: string, signal: AbortSignal): Promise<MetricKeys> {
    const known = open.get(keyOf(place))?.known(ownId)
    if (known !== undefined) return known.keys ?? new Map()
    const run = await trackingOf(place).run(ownId, signal)
    return run === undefined ? new Map() : namesOf(run).metrics
  }

  return {
    memory,
    find,
    item,
    ahead: readingAhead,
    points,
    metricKeys,
    held: (place, ownId) => open.get(keyOf(place))?.known(ownId)?.points,
    release: (place, ownId) => {
      const known = open.get(keyOf(place))?.known(ownId)
      if (known === undefined) return
      const { points: _, ...rest } = known
      open.get(keyOf(place))?.know(ownId, rest)
    },
    isChanged: (place, run) => {
      const state = open.get(keyOf(place))?.known(run.info.run_id)?.state
      return state !== undefined && state !== stateIn(run)
    },
    forget: (place, ownId) => {
      open.get(keyOf(place))?.forget(ownId)
      pointNote(readableOf(place).notes, place, ownId).forget()
    },
    expect: (place, ownId, one) => void expected.set(nameOf(place, ownId), one),
  }
}

/** What of a run a replica takes over from its source, whatever it was. */
function stateIn({ info }: TrackedRun): string {
  return JSON.stringify([info.status, info['end_time'] ?? 0, info['run_name'] ?? ''])
}

/** True if a metric has another key here than its own. */
function hasOwn(keys: MetricKeys): boolean {
  return [...keys].some(([key, [own, ...more]]) => own !== key || more.length > 0)
}

/**
 * Digest of all that a run shows without its points, in whichever order: while a closed run shows the same, its points
 * are the same.
 */
function envelopeOf({ info, params, tags, latest }: TrackedRun): string {
  const inOrder = <T extends { readonly key: string }>(all: readonly T[]) =>
    all.toSorted((one, other) => (one.key < other.key ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([info, inOrder(params), inOrder(tags), inOrder(latest)]))
    .digest('hex')
}

/** What was read of the metrics of a run that is over, noted for the next process. */
function pointNote(notes: Notes | undefined, place: Place, ownId: string) {
  return jsonNote<Pick<Known, 'envelope' | 'metrics' | 'lineage'>>(notes, `points ${place.workspace} ${ownId}`)
}
