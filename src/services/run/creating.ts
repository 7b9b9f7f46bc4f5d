import type { TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'
import type { Ways } from './becoming.ts'
import { type RunBody, SOURCE_RUN, sharedIdOf } from './schema.ts'

/** Makes the run of a body where it is not, under the id that the body says if the place lets us choose it. */
export async function create(
  { accessOf, seen }: Ways,
  place: Place,
  body: RunBody,
  signal: AbortSignal,
): Promise<TrackedRun> {
  const { tracking, createWithId } = accessOf(place)
  const memory = await seen.memory(place, signal)
  if (![...memory.experiments.values()].includes(body.experiment)) {
    memory.experiments.set((await experimentOf(tracking, body.experiment, signal)).id, body.experiment)
  }
  if (await createWithId(body, signal)) {
    const created = await tracking.run(body.id, signal)
    if (created !== undefined) return created
  }
  const within = await experimentOf(tracking, body.experiment, signal)
  // An earlier attempt may have made it and never have heard so.
  for await (const run of tracking.runs([within.id], signal, `tags."${SOURCE_RUN}" = '${body.id}'`)) {
    if (sharedIdOf(run) !== body.id) continue
    memory.learn(run)
    return run
  }
  const tags = [{ key: SOURCE_RUN, value: body.id }]
  const request = { experiment_id: within.id, user_id: body.user, run_name: body.name, start_time: body.start, tags }
  // A deleted experiment takes no runs.
  if (within.deleted) await tracking.setExperimentDeleted(within.id, false, signal)
  const created = await tracking.createRun(request, signal)
  memory.learn(created)
  if (!within.deleted) return created
  await tracking.setExperimentDeleted(within.id, true, signal)
  return (await tracking.run(created.info.run_id, signal)) ?? created
}

async function experimentOf(
  tracking: Tracking,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly deleted: boolean }> {
  const found = await tracking.experimentByName(name, signal)
  return found ?? { id: await tracking.createExperiment(name, [], signal), deleted: false }
}
