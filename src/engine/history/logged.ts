import { createHash } from 'node:crypto'
import { type Fault, isFault } from '../../core/errors.ts'
import { awake, awakeRun } from '../../mlflow/awake.ts'
import type { LoggedModel, LoggedModels } from '../../mlflow/logged-models.ts'
import type { Pair, Point } from '../../mlflow/tracking.ts'
import { copyFiles } from './files.ts'
import { inParallel } from './in-parallel.ts'
import { forgetReplica, noteKey } from './notes.ts'
import { underWay } from './once.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaint } from './recent.ts'

/** Tags by which a replica says which model it is of, and when that was made (milliseconds). */
const SOURCE_MODEL = 'holdfast.source_model_id'
const SOURCE_CREATED = 'holdfast.source_created'
/** Kept by the server itself: which registered versions were made of the model. */
const OWN_TAGS = new Set(['mlflow.modelVersions', SOURCE_MODEL, SOURCE_CREATED])
const AT_ONCE = 4
const READY = 'LOGGED_MODEL_READY'
const FAILED = 'LOGGED_MODEL_UPLOAD_FAILED'

/** Carries logged models with their files and metrics, after the runs that made them. */
export async function copyLoggedModels(pass: Pass): Promise<void> {
  const { parts, signal, experiments } = pass
  const sources = await parts.from.models?.list([...experiments.keys()], signal)
  if (sources === undefined || experiments.size === 0) return
  const standing = await standingModels(pass)
  const going = underWay<LoggedModel>(({ id }) => id)
  await inParallel(AT_ONCE, going.once(sources), async (model) => {
    const isKnown = standing?.has(sharedModelId(model)) === true
    if (!isKnown) await acquaint(pass, model.runId)
    if (isTaken(pass, model, isKnown)) {
      await apart(pass, subjectOf(model), () => copyOne(pass, model, standing))
      parts.progress.advance()
    }
    going.end(model)
  })
}

async function copyOne(pass: Pass, model: LoggedModel, standing: Standing | undefined): Promise<void> {
  const { to } = pass.parts
  const { models } = to
  if (models === undefined || standing === undefined) {
    const message = `${to.name} has no logged models`
    pass.troubles.push({ subject: subjectOf(model), code: 'sync/loss', message })
    return
  }
  const id = sharedModelId(model)
  let isAgain = false
  await persistently(async () => {
    // It may have been made before, and nobody heard.
    const made = isAgain && !standing.has(id) ? (await standingModels(pass))?.get(id) : undefined
    if (made !== undefined) standing.set(id, made)
    isAgain = true
    await copyModel(pass, models, { model, standing })
  })
}

/** What is held of a replica while a pass goes on: there may be very many, and each says much more of itself. */
type Replica = Pick<LoggedModel, 'id' | 'location'>

/** Replicas of logged models by the id that both sides know. */
type Standing = Map<string, Replica>

/** The replicas that the target has; `undefined` where it has no logged models. */
export async function standingModels(pass: Pass): Promise<Standing | undefined> {
  const { parts, signal, experiments } = pass
  const names = new Set([...experiments.values()].map(({ name }) => name))
  const ids: string[] = []
  for await (const { id, name } of parts.to.tracking.experiments(signal)) if (names.has(name)) ids.push(id)
  const found = await parts.to.models?.list(ids, signal)
  if (found === undefined) return undefined
  const replicas: Standing = new Map()
  for await (const model of found) replicas.set(sharedModelId(model), replicaFrom(model))
  return replicas
}

function replicaFrom({ id, location }: LoggedModel): Replica {
  return { id, location }
}

/** The id under which both sides know a model: that which it had where it was made. */
export function sharedModelId(model: LoggedModel): string {
  return tagOf(model, SOURCE_MODEL) ?? model.id
}

/** When a model was made, at its source: milliseconds since 1970. */
export function createdOf(model: LoggedModel): number {
  return Number(tagOf(model, SOURCE_CREATED) ?? model.created)
}

/** Tags of a model but those that a server or a copy marks it with. */
export function carriedTags({ tags }: LoggedModel): readonly Pair[] {
  return tags.filter(({ key }) => !OWN_TAGS.has(key))
}

function tagOf({ tags }: LoggedModel, key: string): string | undefined {
  return tags.find((one) => one.key === key)?.value
}

/** A model goes with its run, where there is one still; where runs are chosen, only theirs. */
export function isTaken({ parts, identities }: Pass, { runId }: LoggedModel, isKnown: boolean): boolean {
  const { runs } = parts.filter
  if (runs !== undefined) return runs.has(runId)
  const isOrphan = parts.from.census.byId(runId) === undefined
  return isKnown || isOrphan || identities.run(runId) !== undefined
}

async function copyModel(
  pass: Pass,
  api: LoggedModels,
  { model, standing }: { readonly model: LoggedModel; readonly standing: Standing },
): Promise<void> {
  const { parts, identities, signal } = pass
  const { ledger } = parts
  const envelope = createHash('sha256').update(JSON.stringify(model)).digest('hex')
  const key = noteKey('logged', model.id)
  const known = standing.get(sharedModelId(model))
  if (known !== undefined) identities.learnModel(model, known)
  if (known !== undefined && ledger.get(key) === envelope && model.status !== 'LOGGED_MODEL_PENDING') return
  const stands = known === undefined ? undefined : await api.model(known.id, signal)
  if (stands === undefined) {
    standing.delete(sharedModelId(model))
    forgetReplica(ledger, ['logged', 'file', 'logged-tags'], model.id)
  }
  const there = stands ?? (await create(pass, api, model))
  // A list may give it twice.
  standing.set(sharedModelId(model), replicaFrom(there))
  identities.learnModel(model, there)
  for (const { runId } of model.metrics) await acquaint(pass, runId)
  const tags = lackingTags(model, there)
  if (tags.length > 0) await api.setTags(there.id, tags, signal)
  await removeTags(pass, api, { model, there })
  const left = await copyPoints(pass, model, there)
  const refusal = await copyItsFiles(pass, model, there)
  if ([READY, FAILED].includes(model.status) && there.status !== model.status) {
    await api.finish(there.id, model.status, signal)
  }
  if (refusal !== undefined) throw refusal
  pass.tally.loggedModels += 1
  // Its own face does not change when those runs come.
  if (left === 0) ledger.put(key, envelope)
  else {
    const remark = `${left} of its points are left out: they are of runs that are not at the target`
    pass.remarks.push({ subject: subjectOf(model), remark })
  }
}

/** Returns why some of the files can never be carried as they are: it costs the model nothing else. */
async function copyItsFiles(pass: Pass, model: LoggedModel, there: Replica): Promise<Fault | undefined> {
  const { parts, identities, signal, tally } = pass
  try {
    const { files, bytes } = await copyFiles({
      from: { artifacts: parts.from.artifacts, root: model.location },
      to: { artifacts: parts.to.artifacts, root: there.location },
      key: noteKey('file', model.id),
      ledger: parts.ledger,
      rewritten: identities.rewritten,
      signal,
    })
    tally.files += files
    tally.bytes += bytes
    return undefined
  } catch (thrown) {
    if (isFault(thrown, 'azure/refused', 'azure/denied', 'blob/damaged')) return thrown
    throw thrown
  }
}

/** Of the tags that were carried, takes away what is gone at the source; what others have added stays. */
async function removeTags(
  { parts: { ledger }, signal }: Pass,
  api: LoggedModels,
  { model, there }: { readonly model: LoggedModel; readonly there: LoggedModel },
): Promise<void> {
  const key = noteKey('logged-tags', model.id)
  const before = ledger.get(key)
  const now = carriedTags(model).map((tag) => tag.key)
  const carried = before === undefined ? [] : (JSON.parse(before) as readonly string[])
  for (const gone of carried.filter((one) => !now.includes(one))) {
    if (tagOf(there, gone) !== undefined) await api.deleteTag(there.id, gone, signal)
  }
  if (JSON.stringify(now) !== before) ledger.put(key, JSON.stringify(now))
}

async function create(pass: Pass, api: LoggedModels, model: LoggedModel): Promise<LoggedModel> {
  const { experiments, identities, parts, signal } = pass
  const name = experiments.get(model.experimentId)?.name ?? ''
  const experiment = await parts.to.tracking.experimentByName(name, signal)
  const marks = [
    { key: SOURCE_MODEL, value: sharedModelId(model) },
    { key: SOURCE_CREATED, value: String(createdOf(model)) },
  ]
  const wanted = {
    ...model,
    experimentId: experiment?.id ?? '',
    // A run that is gone goes on being named.
    runId: identities.run(model.runId) ?? model.runId,
    tags: [...carriedTags(model), ...marks],
  }
  return awake(parts.to.tracking, wanted.experimentId, signal, () => api.create(wanted, signal))
}

function lackingTags(model: LoggedModel, there: LoggedModel): readonly Pair[] {
  return carriedTags(model).filter(
    ({ key, value }) => !there.tags.some((other) => other.key === key && other.value === value),
  )
}

/**
 * Points about a model are points of a run that say so; the run itself keeps equal points once. Returns how many are left
 * out, because their runs are not at the target.
 */
async function copyPoints(pass: Pass, model: LoggedModel, there: LoggedModel): Promise<number> {
  const { identities, parts, signal } = pass
  let left = 0
  const has = new Set(there.metrics.map((point) => pointName(point, point.runId)))
  for (const [runId, points] of Map.groupBy(model.metrics, (point) => point.runId)) {
    const own = identities.run(runId)
    if (own === undefined) {
      left += points.length
      continue
    }
    const missing = points.filter((point) => !has.has(pointName(point, own)))
    if (missing.length === 0) continue
    const metrics = missing.map(({ runId: _, about, ...point }) => ({
      ...point,
      about: { ...about, model_id: there.id },
    }))
    await awakeRun(parts.to.tracking, own, signal, () => parts.to.tracking.log(own, { metrics }, signal))
  }
  return left
}

function subjectOf({ id, name }: LoggedModel): string {
  return `logged model ${id} (${name})`
}

/** By what points about a model are the same. */
export function pointName({ key, value, timestamp, step }: Point, runId: string): string {
  return JSON.stringify([runId, key, value, timestamp, step])
}
