import { isFault } from '../../core/errors.ts'
import { awake } from '../../mlflow/awake.ts'
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
    memory.experiments.set(await experimentOf(ways, place, body.experiment, signal), body.experiment)
  }
  if (await createWithId(body, signal)) {
    const created = await tracking.run(body.id, signal)
    if (created !== undefined) return created
  }
  const experimentId = await experimentOf(ways, place, body.experiment, signal)
  if (creations === undefined || creations.begun(body.id)) {
    // An earlier attempt may have made it and never have heard so.
    const run = await replicaOf(tracking, { id: body.id, in: [experimentId] }, signal)
    if (run !== undefined && sharedIdOf(run) === body.id) {
      memory.learn(run)
      return run
    }
  }
  creations?.begin(body.id)
  const created = await createIn(ways, place, { body, experimentId, signal })
  memory.learn(created)
  return created
}

/** Makes a new run, all of it, while its experiment takes runs: a deleted one is restored meanwhile. */
export async function whereRunsAreTaken<T>(
  { ways, place, body, signal }: { ways: Ways; place: Place; body: RunBody; signal: AbortSignal },
  make: () => Promise<T>,
): Promise<T> {
  const { tracking } = ways.accessOf(place)
  const name = liveName(place, body.experiment)
  if (ways.live.has(name)) return make()
  const experimentId = await experimentOf(ways, place, body.experiment, signal)
  let isBackAsleep = false
  const made = await awake(tracking, experimentId, signal, (wasDeleted) => {
    isBackAsleep = wasDeleted
    if (!wasDeleted) ways.live.set(name, experimentId)
    return make()
  })
  // A run that is not deleted itself went with its experiment.
  if (isBackAsleep && !body.deleted) {
    const { ownId } = await ways.seen.memory(place, signal)
    await tracking.setRunDeleted(ownId(body.id), false, signal)
  }
  return made
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
): Promise<string> {
  const { tracking } = accessOf(place)
  const known = live.get(liveName(place, name))
  if (known !== undefined) return known
  const found = await tracking.experimentByName(name, signal)
  return found?.id ?? tracking.createExperiment(name, [], signal)
}

function liveName(place: Place, experiment: string): string {
  return `${place.workspace}\n${experiment}`
}
