import { Fault } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import { isLater } from '../later.ts'
import type { Batch, Point, TrackedRun, Tracking } from '../tracking.ts'
import type { Documents } from './documents.ts'
import { folderExperiments, withPairs } from './experiments.ts'
import { type LinkModels, nameOfPoint, noteModelPoints, withoutModel } from './logged-models.ts'
import { readPoints, writePoints } from './points.ts'
import { type RunDocuments, runDocuments, runOf } from './run-documents.ts'

/** The tracking API of a folder, which takes ids from whoever writes. */
export interface FolderTracking extends Tracking {
  /** One that is there already stays as it is. */
  createWithId(id: string, run: JsonObject): Promise<void>
  readonly linkModels: LinkModels
}

/** Experiments and runs in a folder. */
export function folderTracking(documents: Documents): FolderTracking {
  const standing = runDocuments(documents)
  const { history, log } = metricsOf(documents, standing)
  const { get, create, change } = standing

  async function* runs(experimentIds: readonly string[], signal: AbortSignal, filter = ''): AsyncIterable<TrackedRun> {
    if (filter !== '') unsearchable(filter)
    for (const id of experimentIds) for await (const one of standing.all(id, signal)) yield runOf(one)
  }

  async function run(id: string): Promise<TrackedRun | undefined> {
    const found = await get(id)
    return found === undefined ? undefined : runOf(found)
  }

  const changeInfo = (id: string, more: JsonObject) =>
    change(id, (before) => ({ ...before, info: { ...before.info, ...more } }))

  return {
    ...folderExperiments(documents),
    runs,
    run,
    history,
    createWithId: create,
    createRun: async (wanted) => {
      const id = crypto.randomUUID().replaceAll('-', '')
      await create(id, wanted)
      return (await run(id)) ?? unsearchable(id)
    },
    updateRun: changeInfo,
    setRunDeleted: (id, deleted) => changeInfo(id, { lifecycle_stage: deleted ? 'deleted' : 'active' }),
    log,
    deleteTag: (id, key) => change(id, (before) => ({ ...before, tags: before.tags.filter((one) => one.key !== key) })),
    logInputs: (id, datasets) => change(id, (before) => ({ ...before, datasets: union(before.datasets, datasets) })),
    linkModels: (id, { read, made }) =>
      change(id, (before) => ({
        ...before,
        modelsRead: union(before.modelsRead, read),
        modelsMade: union(before.modelsMade, made),
      })),
  }
}

/** What appends. Unlike at a server a call arrives whole or not at all: the document names its files last. */
function metricsOf(documents: Documents, runs: RunDocuments): Pick<Tracking, 'history' | 'log'> {
  async function* history(runId: string, key: string, signal: AbortSignal): AsyncIterable<Point> {
    const found = await runs.get(runId)
    if (found === undefined) return
    for (const segment of found.run.segments) {
      if (segment.key === key) yield* readPoints(documents, { folder: found.folder, segment }, signal)
    }
  }

  /** The points that a run is to get. One about a logged model is kept with that, and in the run if it is not there. */
  async function ownPoints(id: string, points: readonly Point[], signal: AbortSignal): Promise<readonly Point[]> {
    const own = new Set(points)
    const ofModels = Map.groupBy(points, ({ about }) => about?.['model_id'])
    for (const [modelId, about] of ofModels) {
      if (modelId === undefined || !(await noteModelPoints(documents, { id: modelId, runId: id, points: about })))
        continue
      for (const [key, some] of Map.groupBy(about, (point) => point.key)) {
        for (const point of some) own.delete(point)
        const missing = new Map(some.map((point) => [nameOfPoint(point), withoutModel(point)]))
        for await (const point of history(id, key, signal)) missing.delete(nameOfPoint(point))
        for (const point of missing.values()) own.add(point)
      }
    }
    return [...own]
  }

  async function log(id: string, { metrics = [], params = [], tags = [] }: Batch, signal: AbortSignal): Promise<void> {
    const own = await ownPoints(id, metrics, signal)
    if (own.length + params.length + tags.length === 0) return
    await runs.change(id, async (before, folder) => ({
      ...before,
      params: withPairs(before.params, params),
      tags: withPairs(before.tags, tags),
      latest: latestOf(before.latest, own),
      segments: [
        ...before.segments,
        ...(await writePoints(documents, folder, { points: own, first: before.segments.length + 1 })),
      ],
    }))
  }

  return { history, log }
}

function union(before: readonly Json[], more: readonly Json[]): readonly Json[] {
  return [...new Map([...before, ...more].map((one) => [JSON.stringify(one), one])).values()]
}

function latestOf(before: readonly Point[], points: readonly Point[]): readonly Point[] {
  const latest = new Map(before.map((point) => [point.key, point]))
  for (const point of points) {
    const last = latest.get(point.key)
    if (last === undefined || isLater(point, last)) latest.set(point.key, point)
  }
  return [...latest.values()]
}

function unsearchable(what: string): never {
  throw new Fault('azure/refused', `The folder cannot be searched for ${what}`, { hint: 'Read all of it.' })
}
