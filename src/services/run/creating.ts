import { isFault } from '../../core/errors.ts'
import type { Pair, TrackedRun } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'
import type { Ways } from './becoming.ts'
import { replicaOf } from './memory.ts'
import { ownTags, type RunBody, SOURCE_RUN, sharedIdOf } from './schema.ts'

/** Tags that a run is created with at most, as many as one `log-batch` takes. */
const MOST_TAGS = 100

/** Makes the run of a body where it is not, under the id that the body says if the place lets us choose it. */
export async function create(ways: Ways, place: Place, body: RunBody, signal: AbortSignal): Promise<TrackedRun> {
  const { accessOf, seen } = ways
  const { tracking, createWithId, creations } = accessOf(place)
  const memory = await seen.memory(place, signal)
  if (![...memory.experiments.values()].includes(body.experiment)) {
    memory.experiments.set((await experimentOf(ways, place, body.experiment, signal)).id, body.experiment)
  }
  if (await createWithId(body, signal)) {
    const created = await tracking.run(body.id, signal)
    if (created !== undefined) return created
  }
  const within = await experimentOf(ways, place, body.experiment, signal)
  if (creations === undefined || creations.begun(body.id)) {
    // An earlier attempt may have made it and never have heard so.
    const run = await replicaOf(tracking, { id: body.id, in: [within.id] }, signal)
    if (run !== undefined && sharedIdOf(run) === body.id) {
      memory.learn(run)
      return run
    }
  }
  creations?.begin(body.id)
  // A deleted experiment takes no runs.
  if (within.deleted) await tracking.setExperimentDeleted(within.id, false, signal)
  const created = await createIn(ways, place, { body, experimentId: within.id, signal })
  memory.learn(created)
  if (!within.deleted) return created
  await tracking.setExperimentDeleted(within.id, true, signal)
  return (await tracking.run(created.info.run_id, signal)) ?? created
}

/** A new run with all its tags, or with its mark alone where one of them is refused. */
async function createIn(
  { accessOf, seen, live }: Ways,
  place: Place,
  {
    body,
    experimentId,
    signal,
  }: { readonly body: RunBody; readonly experimentId: string; readonly signal: AbortSignal },
): Promise<TrackedRun> {
  const { tracking } = accessOf(place)
  const { user, name, start } = body
  const create = (own: readonly Pair[]) => {
    const tags = [{ key: SOURCE_RUN, value: body.id }, ...own.map(({ key, value }) => ({ key, value }))]
    return tracking.createRun(
      { experiment_id: experimentId, user_id: user, run_name: name, start_time: start, tags },
      signal,
    )
  }
  const tags = ownTags(body, (await seen.memory(place, signal)).ownId)
  if (tags.length === 0 || tags.length >= MOST_TAGS) return create([])
  try {
    return await create(tags)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused')) throw thrown
    live.clear()
    return create([])
  }
}

async function experimentOf(
  { accessOf, live }: Ways,
  place: Place,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly deleted: boolean }> {
  const { tracking } = accessOf(place)
  const key = `${place.workspace}\n${name}`
  const id = live.get(key)
  if (id !== undefined) return { id, deleted: false }
  const found = await tracking.experimentByName(name, signal)
  const there = found ?? { id: await tracking.createExperiment(name, [], signal), deleted: false }
  if (!there.deleted) live.set(key, there.id)
  return there
}
