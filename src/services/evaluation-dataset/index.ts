import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import {
  carriedDatasetTags,
  type EvaluationDataset,
  SOURCE_DATASET,
  sharedDatasetId,
} from '../../mlflow/evaluation-datasets.ts'
import { becomeRecords, mergeRecords, recordsIn } from '../../mlflow/evaluation-records.ts'
import { ahead } from '../ahead.ts'
import type { Histories } from '../history-names.ts'
import { experimentNames, type HistoryAccess } from '../history-place.ts'
import { jsonNote } from '../json-note.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import {
  type EvaluationDatasetBody,
  evaluationDatasetBody,
  evaluationDatasetItem,
  type RecordSum,
  sumOfRecords,
} from './schema.ts'

/** Datasets that are read at once. */
const READS_AT_ONCE = 4

/** Datasets of MLflow's evaluations with their records. See ./readme.md. */
export function evaluationDatasets(histories: Histories): Service {
  return {
    kind: 'evaluation-dataset',
    needs: ['experiment'],
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list: (place, reach) => list(histories.of(place), place, reach),
    read: (place, of, { signal }) => read(histories.of(place), { of, signal }),
    references: () => [],
    converge: (place, item, carriage) => become(histories, place, { item, carriage, how: AS_WANTED }),
    mergeInto: (place, item, carriage) => become(histories, place, { item, carriage, how: WITH_MORE }),
    remove: async (place, of, { signal }) => {
      const { evaluations } = histories.of(place)
      const there = await standing(histories.of(place), { of, signal })
      if (there !== undefined) await evaluations.remove(there.id, signal)
    },
  }
}

async function* list(history: HistoryAccess, place: Place, { signal, afresh = false }: Reach): AsyncIterable<Item> {
  const all = await byShared(history, signal)
  if (all.size === 0) return
  const names = await experimentNames(history, signal)
  yield* ahead(READS_AT_ONCE, all.values(), async (dataset) =>
    itemOf(dataset, await contentOf(history, place, { dataset, afresh, signal }), names),
  )
}

/** Datasets by the ids that both sides know. */
async function byShared({ evaluations }: HistoryAccess, signal: AbortSignal): Promise<Map<string, EvaluationDataset>> {
  const all = (await evaluations.list([], signal)) ?? []
  return new Map(all.map((one) => [sharedDatasetId(one), one]))
}

interface Content {
  /** Ids here. */
  readonly experiments: readonly string[]
  readonly records: RecordSum
}

function itemOf(dataset: EvaluationDataset, content: Content, names: ReadonlyMap<string, string>): Item {
  return evaluationDatasetItem({
    id: sharedDatasetId(dataset),
    name: dataset.name,
    tags: carriedDatasetTags(dataset),
    experiments: content.experiments.flatMap((id) => names.get(id) ?? []),
    records: content.records,
  })
}

/** What a dataset has. It is not read again while the server says the same of it. */
async function contentOf(
  history: HistoryAccess,
  place: Place,
  { dataset: { id, state }, afresh, signal }: Asking,
): Promise<Content> {
  const memory = jsonNote<Content & { readonly state: string }>(history.notes, `records ${place.workspace} ${id}`)
  const before = afresh ? undefined : memory.read()
  if (before?.state === state) return before
  const content = await readContent(history, id, signal)
  memory.write({ ...content, state })
  return content
}

interface Asking {
  readonly dataset: EvaluationDataset
  readonly afresh: boolean
  readonly signal: AbortSignal
}

async function readContent({ evaluations }: HistoryAccess, id: string, signal: AbortSignal): Promise<Content> {
  const experiments = await evaluations.experimentsOf(id, signal)
  return { experiments, records: sumOfRecords((await recordsIn(evaluations, id, signal)).keys()) }
}

interface Sought {
  readonly of: Address
  readonly signal: AbortSignal
}

async function standing(history: HistoryAccess, { of, signal }: Sought): Promise<EvaluationDataset | undefined> {
  return (await byShared(history, signal)).get(segmentsOf(of)[0] ?? '')
}

async function read(history: HistoryAccess, { of, signal }: Sought): Promise<Item | undefined> {
  const there = await standing(history, { of, signal })
  if (there === undefined) return undefined
  return itemOf(there, await readContent(history, there.id, signal), await experimentNames(history, signal))
}

/** What becomes of what only the replica has, and of what both have. */
interface Manner {
  readonly takesAway: boolean
  /** Whether a tag that both have gets the other's value. */
  readonly overwrites: boolean
  readonly writeRecords: typeof becomeRecords
}

const AS_WANTED: Manner = { takesAway: true, overwrites: true, writeRecords: becomeRecords }
const WITH_MORE: Manner = { takesAway: false, overwrites: false, writeRecords: mergeRecords }

interface Becoming {
  readonly item: Item
  readonly carriage: Carriage
  readonly how: Manner
}

async function become(histories: Histories, place: Place, { item, carriage, how }: Becoming): Promise<Converged> {
  const { source, signal } = carriage
  const [history, origin] = [histories.of(place), histories.of(source)]
  const of = item.address
  const body = evaluationDatasetBody(item.body)
  const wanted = await experimentIds(history, place, { body, signal })
  const there = (await standing(history, { of, signal })) ?? (await create(history, { body, wanted, signal }))
  await retag(history, { there, body, how, signal })
  await associate(history, { there, wanted, how, signal })
  const observedAt = source.now?.() ?? Date.now()
  const original = await standing(origin, { of, signal })
  if (original === undefined) throw gone(of, source)
  const records = () => origin.evaluations.records(original.id, signal)
  await how.writeRecords(history.evaluations, { id: there.id, wanted: records, mayGo: () => true }, signal)
  const stands = (await read(history, { of, signal })) ?? item
  return stands.digest === item.digest ? stands : { ...stands, observedAt }
}

type Step<T> = T & { readonly signal: AbortSignal }

/** @throws Fault `azure/changed` where an experiment is not there */
async function experimentIds(
  { tracking }: HistoryAccess,
  place: Place,
  { body, signal }: Step<{ readonly body: EvaluationDatasetBody }>,
): Promise<readonly string[]> {
  const ids: string[] = []
  for (const name of body.experiments) {
    const found = await tracking.experimentByName(name, signal)
    if (found === undefined) throw noExperiment(body, name, place)
    ids.push(found.id)
  }
  return ids
}

function create(
  { evaluations }: HistoryAccess,
  { body, wanted, signal }: Step<{ readonly body: EvaluationDatasetBody; readonly wanted: readonly string[] }>,
): Promise<EvaluationDataset> {
  const tags = { ...body.tags, [SOURCE_DATASET]: body.id }
  return evaluations.create({ name: body.name, tags, experimentIds: wanted }, signal)
}

interface Tagging {
  readonly there: EvaluationDataset
  readonly body: EvaluationDatasetBody
  readonly how: Manner
}

async function retag({ evaluations }: HistoryAccess, { there, body, how, signal }: Step<Tagging>): Promise<void> {
  const has = carriedDatasetTags(there)
  const lacking = Object.entries(body.tags).filter(([key, value]) =>
    how.overwrites ? has[key] !== value : !Object.hasOwn(has, key),
  )
  if (lacking.length > 0) await evaluations.setTags(there.id, Object.fromEntries(lacking), signal)
  if (!how.takesAway) return
  for (const key of Object.keys(has)) {
    if (!Object.hasOwn(body.tags, key)) await evaluations.deleteTag(there.id, key, signal)
  }
}

interface Associating {
  readonly there: EvaluationDataset
  /** Ids of experiments here. */
  readonly wanted: readonly string[]
  readonly how: Manner
}

async function associate({ evaluations }: HistoryAccess, { there, wanted, how, signal }: Step<Associating>) {
  const has = await evaluations.experimentsOf(there.id, signal)
  const lacking = wanted.filter((id) => !has.includes(id))
  if (lacking.length > 0) await evaluations.addExperiments(there.id, lacking, signal)
  const extra = how.takesAway ? has.filter((id) => !wanted.includes(id)) : []
  if (extra.length > 0) await evaluations.removeExperiments(there.id, extra, signal)
}

function noExperiment({ id }: EvaluationDatasetBody, name: string, place: Place): Fault {
  return new Fault('azure/changed', `${place.location} has no experiment ${name} for the evaluation dataset ${id}`, {
    hint: 'Run it again: the experiment is carried first.',
  })
}

function gone(of: Address, place: Place): Fault {
  return new Fault('azure/changed', `${of} is gone from ${place.location}`, { hint: 'Run it again.' })
}
