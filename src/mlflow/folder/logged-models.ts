import { Fault } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import type { LoggedModel, LoggedModels } from '../logged-models.ts'
import type { Pair, Point } from '../tracking.ts'
import type { Documents } from './documents.ts'
import { fileName, rootOf } from './names.ts'

const MODELS = 'logged-models'
/** Tags by which a copy names what it is of. A folder keeps both as the model's own. */
const SOURCE_MODEL = 'holdfast.source_model_id'
const SOURCE_CREATED = 'holdfast.source_created'

/** Adds to what a run says of logged models. */
export type LinkModels = (
  runId: string,
  links: { readonly read: readonly Json[]; readonly made: readonly Json[] },
) => Promise<void>

/** Logged models in a folder, under the ids of their source. */
export function folderLoggedModels(documents: Documents, linkModels: LinkModels): LoggedModels {
  const change = (id: string, become: (before: LoggedModel) => LoggedModel) => changeModel(documents, id, become)

  async function* list(experimentIds: readonly string[], signal: AbortSignal): AsyncIterable<LoggedModel> {
    const wanted = new Set(experimentIds)
    for (const name of await documents.foldersIn(MODELS)) {
      signal.throwIfAborted()
      const found = await modelAt(documents, `${MODELS}/${name}/model.json`)
      if (found !== undefined && wanted.has(found.experimentId)) yield found
    }
  }

  return {
    list: (experimentIds, signal) => Promise.resolve(list(experimentIds, signal)),
    model: (id) => modelAt(documents, at(id)),
    create: async ({ experimentId, name, type, runId, params, tags }) => {
      const id = valueUnder(tags, SOURCE_MODEL) ?? `m-${crypto.randomUUID().replaceAll('-', '')}`
      const created = Number(valueUnder(tags, SOURCE_CREATED) ?? Date.now())
      const about = { id, experimentId, name, type, runId, created, status: 'LOGGED_MODEL_PENDING' }
      const fresh = { ...about, params, tags, metrics: [] } as unknown as JsonObject
      return located((await documents.change(at(id), (before) => before ?? fresh)) as unknown as LoggedModel)
    },
    setTags: (id, tags) =>
      change(id, (before) => ({
        ...before,
        tags: [...before.tags.filter(({ key }) => valueUnder(tags, key) === undefined), ...tags],
      })),
    deleteTag: (id, key) => change(id, (before) => ({ ...before, tags: before.tags.filter((one) => one.key !== key) })),
    finish: (id, status) => change(id, (before) => ({ ...before, status })),
    link: (runId, { read, made }) =>
      linkModels(runId, {
        read: read.map(({ modelId }) => ({ model_id: modelId })),
        made: made.map(({ modelId, step }) => ({ model_id: modelId, step })),
      }),
  }
}

/**
 * Keeps with a logged model the points that are about it, each once, as a server does. Returns true if the folder has
 * the model.
 */
export async function noteModelPoints(
  documents: Documents,
  { id, runId, points }: { readonly id: string; readonly runId: string; readonly points: readonly Point[] },
): Promise<boolean> {
  if ((await documents.read(at(id))) === undefined) return false
  await changeModel(documents, id, (before) => {
    const metrics = new Map(before.metrics.map((point) => [nameIn(point), point]))
    for (const point of points) {
      const kept = { ...withoutModel(point), runId }
      metrics.set(nameIn(kept), kept)
    }
    return { ...before, metrics: [...metrics.values()] }
  })
  return true
}

/** A point as the run has it, which does not say which model it is about. */
export function withoutModel({ about, ...point }: Point): Point {
  const { model_id: _, ...context } = about ?? {}
  return Object.keys(context).length === 0 ? point : { ...point, about: context }
}

/** By what points of a run are the same to a logged model, whatever they are about. */
export function nameOfPoint({ key, value, timestamp, step }: Point): string {
  return JSON.stringify([key, value, timestamp, step])
}

function nameIn(point: LoggedModel['metrics'][number]): string {
  return `${point.runId} ${nameOfPoint(point)}`
}

async function changeModel(
  documents: Documents,
  id: string,
  become: (before: LoggedModel) => LoggedModel,
): Promise<void> {
  await documents.change(at(id), (before) => {
    if (before === undefined) throw absent(id)
    return become(before as unknown as LoggedModel) as unknown as JsonObject
  })
}

async function modelAt(documents: Documents, path: string): Promise<LoggedModel | undefined> {
  const found = await documents.read(path)
  return found === undefined ? undefined : located(found as unknown as LoggedModel)
}

/** Where its files are follows from its id, and is not kept. */
function located(model: LoggedModel): LoggedModel {
  return { ...model, location: rootOf(MODELS, fileName(model.id), 'artifacts') }
}

function at(id: string): string {
  return `${MODELS}/${fileName(id)}/model.json`
}

function valueUnder(tags: readonly Pair[], key: string): string | undefined {
  return tags.find((one) => one.key === key)?.value
}

function absent(id: string): Fault {
  return new Fault('azure/refused', `There is no logged model ${id} in the folder`, { hint: 'Run it again.' })
}
