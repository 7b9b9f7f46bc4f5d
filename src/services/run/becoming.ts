import { Fault } from '../../core/errors.ts'
import { namesOf } from '../../mlflow/kept.ts'
import type { MetricDigest } from '../../mlflow/points.ts'
import type { Pair, Point, TrackedRun } from '../../mlflow/tracking.ts'
import type { Carriage, Place } from '../service.ts'
import { create, whereRunsAreTaken } from './creating.ts'
import type { RunAccess } from './index.ts'
import { keep, type Left, leftOf, namesOfLeft, type Refusals, tagsOfMetrics, underOwnKeys } from './keeping.ts'
import { type Lacking, lackingPoints } from './lacking.ts'
import { followed } from './latest.ts'
import { isNoLineage, LINEAGE_TAG, lineageOfTag, NO_LINEAGE, sameLineage } from './lineage.ts'
import type { Reading } from './reading.ts'
import { isDeleted, ownTags, type RunBody, startOf, tagOf } from './schema.ts'
import {
  additionsOf,
  conflict,
  demandNoMore,
  isNothing,
  isRefusal,
  type Lack,
  lackOf,
  marksOf,
  stateChange,
  write,
} from './writing.ts'

/** One run on its way to a place. */
export interface Bringing {
  readonly body: RunBody
  readonly carriage: Carriage
  readonly refusals: Refusals
}

/** How runs are reached, and what was seen of them. */
export interface Ways {
  readonly accessOf: (place: Place) => RunAccess
  readonly seen: Reading
  /** Ids of experiments that take runs, by place and name: looked up again when one refuses. */
  readonly live: Map<string, string>
}

/** Parameters and tags in a place's own names. */
export interface Wanted {
  readonly params: readonly Pair[]
  readonly tags: readonly Pair[]
}

/** A run on its way, and what of it the place was to get: all, if nothing is said. */
type Getting = Bringing & { readonly only?: Wanted | undefined }

/** What is to be written to a run, all of it at once. */
interface Writing {
  readonly run: TrackedRun
  readonly lack: Lack
  readonly lacking: Lacking
  readonly state?: Record<string, string | number> | undefined
  /** Whether the run is to be a deleted one after it. */
  readonly deleted: boolean
}

/**
 * Makes the replica be what the body says. Returns the metrics that the source had while they passed; `undefined`
 * where the place refused something by its name, which `refusals` knows now: then do it again.
 */
export async function become(
  ways: Ways,
  place: Place,
  bringing: Bringing,
): Promise<Readonly<Record<string, MetricDigest>> | undefined> {
  const { body, carriage } = bringing
  const { signal } = carriage
  const there = await standing(ways, place, body.id, signal)
  const lacking = await pointsLacking(ways, place, there, bringing)
  if (there !== undefined) {
    if (ways.seen.isChanged(place, there)) throw changedThere(body)
    demandNoMore(there, body, lacking)
    return align(ways, place, bringing, { run: there, lacking, isNew: false })
  }
  return whereRunsAreTaken({ ways, place, body, signal }, async () => {
    const run = await create(ways, place, body, signal)
    return align(ways, place, bringing, { run, lacking, isNew: true })
  })
}

/** What somebody wrote to the replica since both sides were read is known to nobody yet, and must not be lost. */
function changedThere({ experiment, id }: RunBody): Fault {
  return new Fault('azure/changed', `run/${experiment}/${id} changed at its target while it was being carried`, {
    hint: 'Nothing to do: the next pass reads it again.',
  })
}

/** {@link become} of a run that stands. */
async function align(
  ways: Ways,
  place: Place,
  bringing: Bringing,
  { run, lacking, isNew }: { readonly run: TrackedRun; readonly lacking: Lacking; readonly isNew: boolean },
): Promise<Readonly<Record<string, MetricDigest>> | undefined> {
  const { body, carriage, refusals } = bringing
  const { signal } = carriage
  const { tracking, setStart } = ways.accessOf(place)
  const id = run.info.run_id
  const { experiments, ownId } = await ways.seen.memory(place, signal)
  const within = experiments.get(run.info.experiment_id)
  if (within !== undefined && within !== body.experiment) {
    throw conflict(body, `its replica is in the experiment ${within}, and no run can change its experiment`)
  }
  const isStartSet = startOf(run) === body.start || (id === body.id && (await setStart(body, signal)))
  const lack = lackOf(run, body, ownTags(body, ownId))
  const lineage = await lineageLeft(ways, place, run, bringing)
  const marks = [...marksOf(run, body, isStartSet), ...lineage, ...tagsOfMetrics(body, refusals)].filter(
    (one) => !has(run, one),
  )
  const whole = { ...lack, tags: [...lack.tags, ...marks] }
  const { deleted } = body
  const last = await bring(ways, place, bringing, {
    run,
    lack: whole,
    lacking,
    state: stateChange(run, body),
    deleted,
  })
  if (last === undefined) return undefined
  // All points of a new run were taken: what it shows of them says whether they must be read.
  if (isNew) ways.seen.expect(place, id, { last, metrics: lacking.carried() })
  if (isDeleted(run) && !deleted) {
    ways.seen.forget(place, id)
    await tracking.setRunDeleted(id, false, signal)
  }
  return lacking.carried()
}

/**
 * Gives the run its lineage, where the place has words for it. Returns the tag that keeps it where it has none. What a
 * run has made or read is never taken away from it.
 */
async function lineageLeft(
  { accessOf, seen }: Ways,
  place: Place,
  run: TrackedRun,
  { body, carriage, isAddition = false }: Bringing & { readonly isAddition?: boolean },
): Promise<readonly Pair[]> {
  const { signal } = carriage
  const { lineage: wanted = NO_LINEAGE } = body
  if (isNoLineage(wanted)) return []
  const { lineage } = accessOf(place)
  const { run_id: id } = run.info
  const stands =
    lineage === undefined
      ? lineageOfTag(tagOf(run, LINEAGE_TAG))
      : ((await lineage.of([id], signal)).get(id) ?? NO_LINEAGE)
  if (sameLineage(stands, wanted) || (isAddition && !isNoLineage(stands))) return []
  seen.forget(place, id)
  const isTaken = await lineage?.set({ experiment: body.experiment, id }, wanted, signal)
  return isTaken === true ? [] : [{ key: LINEAGE_TAG, value: JSON.stringify(wanted) }]
}

/** Adds what is not there and changes nothing. Returns what that was, and whether it is done, as above. */
export async function add(
  ways: Ways,
  place: Place,
  there: TrackedRun,
  bringing: Bringing,
): Promise<{ readonly isDone: boolean; readonly lack: Wanted }> {
  const { body, carriage } = bringing
  const { ownId } = await ways.seen.memory(place, carriage.signal)
  const additions = additionsOf(there, body, ownTags(body, ownId))
  const lineage = await lineageLeft(ways, place, there, { ...bringing, isAddition: true })
  const lack = { ...additions, tags: [...additions.tags, ...lineage] }
  const lacking = await pointsLacking(ways, place, there, bringing)
  const last = await bring(ways, place, bringing, { run: there, lack, lacking, deleted: isDeleted(there) })
  return { isDone: last !== undefined, lack }
}

/** Keeps apart what the place refused, cut or dropped of what it was to get. True if there was any. */
export async function keepLeft(ways: Ways, place: Place, stands: RunBody, getting: Getting): Promise<boolean> {
  const { accessOf, seen } = ways
  const { body, carriage, refusals } = getting
  const { signal, remark } = carriage
  const left = await leftBehind(ways, place, stands, getting)
  const lost = refusals.lost()
  if (lost.length > 0) remark?.(`the target takes these metrics under no name: ${lost.join(', ')}`, true)
  if (left.params.length + left.tags.length === 0) return false
  const run = await seen.find(place, body.id, signal)
  if (run === undefined) return false
  seen.forget(place, run.info.run_id)
  const kept = await keep(accessOf(place).tracking, run, left, signal)
  remark?.(kept, false)
  return true
}

/** Tells what the place has neither as it was sent nor as it was kept apart: a limit of what it takes of one run. */
export async function tellLost(ways: Ways, place: Place, stands: RunBody, getting: Getting): Promise<void> {
  const { tags, params } = await leftBehind(ways, place, stands, getting)
  const names = namesOfLeft({ tags, params })
  if (names.length > 0) getting.carriage.remark?.(`the target keeps these in no form: ${names.join(', ')}`, true)
}

async function leftBehind(
  { seen }: Ways,
  place: Place,
  stands: RunBody,
  { body, carriage, only }: Getting,
): Promise<Left> {
  const { ownId } = await seen.memory(place, carriage.signal)
  const params = Object.entries(body.params).map(([key, value]) => ({ key, value }))
  return leftOf(stands, only ?? { params, tags: ownTags(body, ownId) })
}

/** The replica. Nobody asks for it where it is known who is there. */
async function standing(
  { accessOf, seen }: Ways,
  place: Place,
  id: string,
  signal: AbortSignal,
): Promise<TrackedRun | undefined> {
  const { residents, creations } = accessOf(place)
  const isNew = residents !== undefined && creations !== undefined && residents.ownId(id) === undefined
  return isNew ? undefined : seen.find(place, id, signal)
}

/** The points that the replica lacks: of the reading that the body comes from where that is held, else as they are. */
async function pointsLacking(
  ways: Ways,
  place: Place,
  there: TrackedRun | undefined,
  bringing: Bringing,
): Promise<Lacking> {
  const keys = there && namesOf(there).metrics
  const runId = there?.info.run_id ?? ''
  return lackingPoints({
    wanted: bringing.body.metrics,
    source: await sourcePoints(ways, bringing),
    replica: keys && ((key) => ways.seen.points(place, { runId, key, keys }, bringing.carriage.signal)),
  })
}

async function sourcePoints(
  { seen }: Ways,
  { body, carriage }: Bringing,
): Promise<(key: string) => AsyncIterable<Point> | Iterable<Point>> {
  const { source, signal } = carriage
  const runId = (await seen.memory(source, signal)).ownId(body.id)
  const held = seen.held(source, runId)
  const keys = Object.keys(body.metrics).length === 0 ? new Map() : await seen.metricKeys(source, runId, signal)
  return (key) => held?.get(key) ?? seen.points(source, { runId, key, keys }, signal)
}

/**
 * Writes to a run, which may be deleted and then takes no writes; its state last, so that what looks complete is.
 * Returns the last points that were sent, by metric; `undefined` as above.
 */
async function bring(
  ways: Ways,
  place: Place,
  bringing: Bringing,
  writing: Writing,
): Promise<ReadonlyMap<string, Point> | undefined> {
  const { carriage, refusals } = bringing
  const { run, lack, lacking, state, deleted } = writing
  const { signal } = carriage
  const { tracking } = ways.accessOf(place)
  const id = run.info.run_id
  const isChanged = !lacking.isNothing || !isNothing(lack) || state !== undefined
  if (!isChanged) {
    if (deleted && !isDeleted(run)) {
      ways.seen.forget(place, id)
      await tracking.setRunDeleted(id, true, signal)
    }
    return new Map()
  }
  const params = lack.params.filter((one) => refusals.takesParam(one))
  if (isDeleted(run)) await tracking.setRunDeleted(id, false, signal)
  ways.seen.forget(place, id)
  const { points: metrics, last } = followed(underOwnKeys(lacking.points(), namesOf(run), refusals))
  try {
    await write(tracking, id, { ...lack, params, metrics }, signal)
  } catch (thrown) {
    if (!isRefusal(thrown) || !(await learn(ways, place, bringing, { id, params }))) throw thrown
    return undefined
  }
  if (state !== undefined) await tracking.updateRun(id, state, signal)
  if (deleted) await tracking.setRunDeleted(id, true, signal)
  return last
}

/** Finds out what was refused. What of it arrived is read anew by then, so that no point is sent twice. */
async function learn(
  ways: Ways,
  place: Place,
  bringing: Bringing,
  { id, params }: { readonly id: string; readonly params: readonly Pair[] },
): Promise<boolean> {
  const { body, carriage, refusals } = bringing
  const run = await ways.accessOf(place).tracking.run(id, carriage.signal)
  if (run === undefined) return false
  const points = await sourcePoints(ways, bringing)
  const firstPoint = async (key: string) => {
    for await (const point of points(key)) return point
    return undefined
  }
  return refusals.learn(run, { params, metrics: Object.keys(body.metrics), firstPoint }, carriage.signal)
}

function has({ tags }: TrackedRun, { key, value }: Pair): boolean {
  return tags.some((one) => one.key === key && one.value === value)
}
