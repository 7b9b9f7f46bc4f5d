import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import { type Lacking, lackingPoints, sameMetrics } from './lacking.ts'
import { reading } from './reading.ts'
import { isDeleted, isOpenBody, ownTags, type RunBody, runBody, SOURCE_RUN, sharedIdOf, startOf } from './schema.ts'
import {
  additionsOf,
  conflict,
  demandNoMore,
  isNothing,
  type Lack,
  lackOf,
  marksOf,
  stateChange,
  write,
} from './writing.ts'

/** How runs are reached in one place. */
export interface RunAccess {
  readonly tracking: Tracking
  /**
   * Creates a run under the id it has at its source, with its start, where the server lets a client choose: true if
   * the server took it. Found out by trying; whether it stands is then read.
   */
  createWithId(run: RunBody, signal: AbortSignal): Promise<boolean>
  /** Sets the start of a run that stands under its source's id: true if the server took it. */
  setStart(run: RunBody, signal: AbortSignal): Promise<boolean>
}

/** Runs read at once: each is a request a metric. */
const READS_AT_ONCE = 8
/** How often a run is read again that grows between its reading and its carrying. */
const TRIES = 3

/** Runs of the history with every metric point. See ./readme.md. */
export function runs(accessOf: (place: Place) => RunAccess, now: () => number = Date.now): Service {
  const seen = reading((place) => accessOf(place).tracking)

  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    const { experiments } = await seen.memory(place, signal, 'fresh')
    const found = accessOf(place).tracking.runs([...experiments.keys()], signal)
    yield* ahead(READS_AT_ONCE, found, (run) => seen.item(place, run, signal))
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const [, id = ''] = segmentsOf(of)
    const run = await seen.find(place, id, signal)
    return run === undefined ? undefined : seen.item(place, run, signal)
  }

  async function converge(place: Place, wanted: Item, carriage: Carriage): Promise<Converged> {
    const { source, signal } = carriage
    let item = wanted
    let observedAt: number | undefined
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const body = runBody(place, item.body)
      const there = await seen.find(place, body.id, signal)
      const lacking = await pointsLacking(place, there, { body, carriage })
      if (there !== undefined) demandNoMore(there, body, lacking)
      await become(place, there, { body, lacking, signal })
      const stands = (await read(place, item.address, { signal })) ?? item
      const carried = lacking.carried()
      if (sameMetrics(body.metrics, carried)) return observedAt === undefined ? stands : { ...stands, observedAt }
      // The source has grown while its points passed. What was read here began with its fields, as a listing does.
      const { metrics } = runBody(place, stands.body)
      if (observedAt !== undefined && sameMetrics(metrics, carried)) return { ...stands, observedAt }
      // How it was when it was planned is forgotten: what it is now is carried instead.
      observedAt = source.now?.() ?? now()
      const grown = await read(source, wanted.address, { signal, as: 'source' })
      if (grown === undefined) break
      item = grown
    }
    throw new Fault('azure/changed', `${wanted.address} changed at its source while it was being carried`, {
      hint: 'Nothing to do: the next pass reads it again.',
    })
  }

  /** The points that the replica lacks: of the reading that the body comes from where that is held, else as they are. */
  async function pointsLacking(
    place: Place,
    there: TrackedRun | undefined,
    { body, carriage }: { readonly body: RunBody; readonly carriage: Carriage },
  ): Promise<Lacking> {
    const { source, signal } = carriage
    const sourceId = (await seen.memory(source, signal)).ownId(body.id)
    const held = seen.held(source, sourceId)
    return lackingPoints({
      wanted: body.metrics,
      source: (key) => held?.get(key) ?? seen.points(source, { runId: sourceId, key }, signal),
      replica: there && ((key) => seen.points(place, { runId: there.info.run_id, key }, signal)),
    })
  }

  /** Makes the replica be what the body says; its state last, so that what looks complete is. */
  async function become(
    place: Place,
    there: TrackedRun | undefined,
    { body, lacking, signal }: { readonly body: RunBody; readonly lacking: Lacking; readonly signal: AbortSignal },
  ): Promise<void> {
    const { tracking, setStart } = accessOf(place)
    const run = there ?? (await create(place, body, signal))
    const id = run.info.run_id
    const { experiments, ownId } = await seen.memory(place, signal)
    const within = experiments.get(run.info.experiment_id)
    if (within !== undefined && within !== body.experiment) {
      throw conflict(body, `its replica is in the experiment ${within}, and no run can change its experiment`)
    }
    const isStartSet = startOf(run) === body.start || (id === body.id && (await setStart(body, signal)))
    const lack = lackOf(run, body, ownTags(body, ownId))
    const whole: Lack = { ...lack, tags: [...lack.tags, ...marksOf(run, body, isStartSet)] }
    const state = stateChange(run, body)
    const isChanged = !lacking.isNothing || !isNothing(whole) || state !== undefined
    let deleted = isDeleted(run)
    if (deleted && (isChanged || !body.deleted)) {
      // A deleted run takes no writes.
      await tracking.setRunDeleted(id, false, signal)
      deleted = false
    }
    seen.forget(place, id)
    await write(tracking, id, { ...whole, metrics: lacking.points() }, signal)
    if (state !== undefined) await tracking.updateRun(id, state, signal)
    if (body.deleted && !deleted) await tracking.setRunDeleted(id, true, signal)
  }

  async function create(place: Place, body: RunBody, signal: AbortSignal): Promise<TrackedRun> {
    const { tracking, createWithId } = accessOf(place)
    const memory = await seen.memory(place, signal)
    if (![...memory.experiments.values()].includes(body.experiment)) {
      memory.experiments.set((await experimentOf(place, body.experiment, signal)).id, body.experiment)
    }
    if (await createWithId(body, signal)) {
      const created = await tracking.run(body.id, signal)
      if (created !== undefined) return created
    }
    const within = await experimentOf(place, body.experiment, signal)
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
    place: Place,
    name: string,
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly deleted: boolean }> {
    const { tracking } = accessOf(place)
    const found = await tracking.experimentByName(name, signal)
    return found ?? { id: await tracking.createExperiment(name, [], signal), deleted: false }
  }

  async function mergeInto(place: Place, theirs: Item, carriage: Carriage): Promise<Converged> {
    const { signal } = carriage
    const body = runBody(place, theirs.body)
    const there = await seen.find(place, body.id, signal)
    if (there === undefined) return converge(place, theirs, carriage)
    const { tracking } = accessOf(place)
    const id = there.info.run_id
    const lacking = await pointsLacking(place, there, { body, carriage })
    const { ownId } = await seen.memory(place, signal)
    const lack = additionsOf(there, body, ownTags(body, ownId))
    if (!lacking.isNothing || !isNothing(lack)) {
      if (isDeleted(there)) await tracking.setRunDeleted(id, false, signal)
      seen.forget(place, id)
      await write(tracking, id, { ...lack, metrics: lacking.points() }, signal)
      if (isDeleted(there)) await tracking.setRunDeleted(id, true, signal)
    }
    return (await read(place, theirs.address, { signal })) ?? theirs
  }

  async function remove(place: Place, of: Address, { signal }: Reach): Promise<void> {
    const there = await seen.find(place, segmentsOf(of)[1] ?? '', signal)
    if (there === undefined || isDeleted(there)) return
    await accessOf(place).tracking.setRunDeleted(there.info.run_id, true, signal)
  }

  return {
    kind: 'run',
    needs: ['experiment'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    open: isOpenBody,
    converge,
    mergeInto,
    remove,
  }
}
