import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { awake, awakeRun } from '../../mlflow/awake.ts'
import type { LoggedModel } from '../../mlflow/logged-models.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import type { Histories, HistoryNames } from '../history-names.ts'
import { experimentNames, SOURCE_CREATED, SOURCE_MODEL } from '../history-place.ts'
import type { Carriage, Place, Service } from '../service.ts'
import { carriedTags, type LoggedModelBody, loggedModelBody, loggedModelItem, pointName } from './schema.ts'

const READY = 'LOGGED_MODEL_READY'
const FAILED = 'LOGGED_MODEL_UPLOAD_FAILED'
const PENDING = 'LOGGED_MODEL_PENDING'

/** Logged models of MLflow 3 with the points about them. See ./readme.md. */
export function loggedModels(histories: Histories): Service {
  // Nobody heard the end of these: they may stand.
  const unheard = new Set<string>()
  const becoming = (change: Change): Service['converge'] => {
    return (place, item, carriage) => become(histories, place, { item, carriage, change, unheard })
  }
  return {
    kind: 'logged-model',
    needs: ['run'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list: (place, { signal }) => list(histories, place, signal),
    read: (place, of, { signal }) => read(histories, place, { of, signal }),
    references: () => [],
    open: (body) => loggedModelBody(body).status === PENDING,
    converge: becoming(asWanted),
    mergeInto: becoming(withMore),
    remove: () => Promise.reject(new Fault('run/defect', 'A logged model is never removed')),
  }
}

async function* list(histories: Histories, place: Place, signal: AbortSignal): AsyncIterable<Item> {
  const history = histories.of(place)
  const experiments = await experimentNames(history, signal)
  if (experiments.size === 0) return
  for await (const model of (await history.models.list([...experiments.keys()], signal)) ?? []) {
    histories.namesOf(place).learnModel(model)
    const experiment = experiments.get(model.experimentId) ?? ''
    yield await itemOf(histories.namesOf(place), model, { experiment, signal })
  }
}

async function itemOf(
  names: HistoryNames,
  model: LoggedModel,
  { experiment, signal }: { readonly experiment: string; readonly signal: AbortSignal },
): Promise<Item> {
  const hasRun = model.runId !== '' && (await names.run(model.runId, signal)) !== undefined
  const run = model.runId === '' ? '' : await names.shared(model.runId, signal)
  const points = []
  for (const point of model.metrics) points.push({ ...point, runId: await names.shared(point.runId, signal) })
  return loggedModelItem({ experiment, model, run, points, hasRun })
}

async function read(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const [experiment = '', id = ''] = segmentsOf(of)
  const there = await standing(histories, place, { id, signal })
  return there && itemOf(histories.namesOf(place), there, { experiment, signal })
}

/** The model as it is now. */
async function standing(
  histories: Histories,
  place: Place,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): Promise<LoggedModel | undefined> {
  const known = await histories.namesOf(place).modelOf(id, signal)
  return known && histories.of(place).models.model(known.id, signal)
}

/** What is to be changed of a model that stands. */
type Change = (
  there: LoggedModel,
  body: LoggedModelBody,
) => {
  readonly tags: readonly Pair[]
  /** Keys of tags to be taken away. */
  readonly gone: readonly string[]
  readonly status: string
}

const asWanted: Change = (there, body) => ({
  tags: pairsOf(body.tags).filter(({ key, value }) => tagOf(there, key) !== value),
  gone: carriedTags(there).flatMap(({ key }) => (Object.hasOwn(body.tags, key) ? [] : [key])),
  status: body.status,
})

const withMore: Change = (there, body) => ({
  tags: pairsOf(body.tags).filter(({ key }) => tagOf(there, key) === undefined),
  gone: [],
  status: there.status === PENDING ? body.status : there.status,
})

interface Becoming {
  readonly item: Item
  readonly carriage: Carriage
  readonly change: Change
  readonly unheard: Set<string>
}

async function become(
  histories: Histories,
  place: Place,
  { item, carriage, change, unheard }: Becoming,
): Promise<Item> {
  const body = loggedModelBody(item.body)
  const { source, signal } = carriage
  const { models } = histories.of(place)
  const known = await standing(histories, place, { id: body.id, signal })
  const there = known ?? (await create(histories, place, { body, unheard, signal }))
  const { tags, gone, status } = change(there, body)
  for (const key of gone) await models.deleteTag(there.id, key, signal)
  if (tags.length > 0) await models.setTags(there.id, tags, signal)
  if (body.points.count > 0) {
    const original = await standing(histories, source, { id: body.id, signal })
    await addPoints(histories, { place, there, source, points: original?.metrics ?? [], signal })
  }
  if ([READY, FAILED].includes(status) && there.status !== status) await models.finish(there.id, status, signal)
  return (await read(histories, place, { of: item.address, signal })) ?? item
}

async function create(
  histories: Histories,
  place: Place,
  {
    body,
    unheard,
    signal,
  }: { readonly body: LoggedModelBody; readonly signal: AbortSignal } & Pick<Becoming, 'unheard'>,
): Promise<LoggedModel> {
  const { tracking, models } = histories.of(place)
  const names = histories.namesOf(place)
  const experiment = await tracking.experimentByName(body.experiment, signal)
  if (experiment === undefined) throw noExperiment(body, place)
  const attempt = `${place.workspace} ${body.id}`
  if (unheard.has(attempt)) {
    for await (const model of (await models.list([experiment.id], signal)) ?? []) names.learnModel(model)
    const found = await standing(histories, place, { id: body.id, signal })
    if (found !== undefined) return found
  }
  unheard.add(attempt)
  const marks = [
    { key: SOURCE_MODEL, value: body.id },
    { key: SOURCE_CREATED, value: String(body.created) },
  ]
  const wanted = {
    experimentId: experiment.id,
    name: body.name,
    type: body.type,
    status: PENDING,
    runId: body.run === '' ? '' : ((await names.runOf(body.run, signal))?.id ?? ''),
    params: pairsOf(body.params),
    tags: [...pairsOf(body.tags), ...marks],
  }
  const made = await awake(tracking, experiment.id, signal, () => models.create(wanted, signal))
  unheard.delete(attempt)
  names.learnModel(made)
  return made
}

interface Adding {
  readonly place: Place
  readonly there: LoggedModel
  readonly source: Place
  readonly points: LoggedModel['metrics']
  readonly signal: AbortSignal
}

/** Points about a model are points of a run that say so; the run itself keeps equal points once. */
async function addPoints(histories: Histories, { place, there, source, points, signal }: Adding): Promise<void> {
  const { tracking } = histories.of(place)
  const names = histories.namesOf(place)
  const has = new Set(there.metrics.map(pointName))
  for (const { about, ...point } of points) {
    const runId = await names.own(await histories.namesOf(source).shared(point.runId, signal), signal)
    if (has.has(pointName({ ...point, runId })) || (await names.run(runId, signal)) === undefined) continue
    const { key, value, timestamp, step } = point
    const metrics = [{ key, value, timestamp, step, about: { ...about, model_id: there.id } }]
    await awakeRun(tracking, runId, signal, () => tracking.log(runId, { metrics }, signal))
  }
}

function pairsOf(values: Readonly<Record<string, string>>): readonly Pair[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

function tagOf(model: LoggedModel, key: string): string | undefined {
  return carriedTags(model).find((one) => one.key === key)?.value
}

function noExperiment({ id, experiment }: LoggedModelBody, place: Place): Fault {
  return new Fault('azure/changed', `${place.location} has no experiment ${experiment} for the logged model ${id}`, {
    hint: 'Run it again: the experiment is carried first.',
  })
}
