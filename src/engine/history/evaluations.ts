import { createHash } from 'node:crypto'
import { canonical } from '../../core/canonical.ts'
import type { JsonObject } from '../../core/model.ts'
import type { EvaluationDataset, EvaluationDatasets, EvaluationRecord } from '../../mlflow/evaluation-datasets.ts'
import type { Tell } from './differences.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { targetIds } from './traces.ts'

/** Tag by which a replica says which dataset it is of. */
const SOURCE_DATASET = 'holdfast.source_dataset_id'
/** Records that are held before they are written. */
const RECORDS_AT_ONCE = 1000

/** Carries evaluation datasets with their records and experiments. To a place that has none they are counted, as a loss. */
export async function copyEvaluations(pass: Pass): Promise<void> {
  const sources = await chosen(pass)
  if (sources.length === 0) return
  const { parts, signal } = pass
  const { evaluations: api } = parts.to
  let standing = await standingDatasets(pass)
  if (api === undefined || standing === undefined) {
    const message = `${sources.length} evaluation datasets are not carried: ${parts.to.name} has none`
    pass.troubles.push({ subject: 'evaluation datasets', code: 'sync/loss', message })
    return
  }
  for (const dataset of sources) {
    await apart(pass, subjectOf(dataset), () =>
      persistently(async () => {
        const there = standing?.get(sharedId(dataset))
        // It may have been made before, and nobody heard.
        if (there === undefined) standing = await standingDatasets(pass)
        await copyDataset(pass, api, { dataset, there: standing?.get(sharedId(dataset)) })
        signal.throwIfAborted()
      }),
    )
    parts.progress.advance()
  }
}

/** Those of the experiments that are chosen, or all; none where runs are. */
async function chosen({ parts, experiments, signal }: Pass): Promise<readonly EvaluationDataset[]> {
  const { filter, from } = parts
  const isAll = filter.experiments.length === 0
  if (filter.runs !== undefined || (experiments.size === 0 && !isAll)) return []
  return (await from.evaluations?.list(isAll ? [] : [...experiments.keys()], signal)) ?? []
}

/** Datasets of the target by the id that both sides know; `undefined` where it has no such API. */
async function standingDatasets({ parts, signal }: Pass): Promise<Map<string, EvaluationDataset> | undefined> {
  const all = await parts.to.evaluations?.list([], signal)
  return all && new Map(all.map((one) => [sharedId(one), one]))
}

function sharedId({ id, tags }: EvaluationDataset): string {
  return tags[SOURCE_DATASET] ?? id
}

interface DatasetCopy {
  readonly dataset: EvaluationDataset
  readonly there: EvaluationDataset | undefined
}

async function copyDataset(pass: Pass, api: EvaluationDatasets, { dataset, there }: DatasetCopy): Promise<void> {
  const { parts, signal } = pass
  const key = `evaluation/${dataset.id}`
  const envelope = digestOf({ ...dataset })
  if (there !== undefined && parts.ledger.get(key) === envelope) return
  const experimentIds = await experimentsAtTarget(pass, dataset)
  const tags = { ...dataset.tags, [SOURCE_DATASET]: sharedId(dataset) }
  const replica = there ?? (await api.create({ name: dataset.name, tags, experimentIds }, signal))
  const lack = Object.entries(tags).filter(([tag, value]) => replica.tags[tag] !== value)
  if (lack.length > 0) await api.setTags(replica.id, Object.fromEntries(lack), signal)
  const linked = new Set(await api.experimentsOf(replica.id, signal))
  const missing = experimentIds.filter((id) => !linked.has(id))
  if (missing.length > 0) await api.addExperiments(replica.id, missing, signal)
  await copyRecords(pass, api, { dataset, replica })
  parts.ledger.put(key, envelope)
}

async function copyRecords(
  { parts, signal }: Pass,
  api: EvaluationDatasets,
  { dataset, replica }: { readonly dataset: EvaluationDataset; readonly replica: EvaluationDataset },
): Promise<void> {
  const has = await digestsOf(api, replica.id, signal)
  let waiting: EvaluationRecord[] = []
  for await (const record of parts.from.evaluations?.records(dataset.id, signal) ?? []) {
    if (has.has(digestOf({ ...record }))) continue
    waiting.push(record)
    if (waiting.length < RECORDS_AT_ONCE) continue
    await api.put(replica.id, waiting, signal)
    waiting = []
  }
  await api.put(replica.id, waiting, signal)
}

/** The experiments that a dataset belongs to, by their ids at the target: those that are carried. */
async function experimentsAtTarget(pass: Pass, { id }: EvaluationDataset): Promise<readonly string[]> {
  const { parts, experiments, signal } = pass
  const targets = await targetIds(pass)
  const own = (await parts.from.evaluations?.experimentsOf(id, signal)) ?? []
  return own.flatMap((one) => targets.get(experiments.get(one)?.name ?? '') ?? []).toSorted()
}

/** Compares evaluation datasets with their replicas: tags, experiments, and which records are there. */
export async function compareEvaluations(pass: Pass, tell: Tell): Promise<number> {
  const sources = await chosen(pass)
  const standing = sources.length === 0 ? undefined : await standingDatasets(pass)
  for (const dataset of sources) {
    const subject = subjectOf(dataset)
    await apart(pass, subject, async () => {
      const there = standing?.get(sharedId(dataset))
      if (there === undefined) tell(subject, { dataset: dataset.id }, { dataset: null })
      else await compareDataset(pass, { dataset, there }, tell)
    })
  }
  return sources.length
}

async function compareDataset(
  pass: Pass,
  { dataset, there }: { readonly dataset: EvaluationDataset; readonly there: EvaluationDataset },
  tell: Tell,
): Promise<void> {
  const { from, to } = pass.parts
  const { signal } = pass
  const [source, target] = [from.evaluations, to.evaluations]
  if (source === undefined || target === undefined) return
  const found = (await target.experimentsOf(there.id, signal)).toSorted()
  const wanted = await experimentsAtTarget(pass, dataset)
  tell(
    subjectOf(dataset),
    { name: dataset.name, tags: carriedTags(dataset), experiments: wanted },
    { name: there.name, tags: carriedTags(there), experiments: found },
  )
  const [here, theirs] = [await digestsOf(source, dataset.id, signal), await digestsOf(target, there.id, signal)]
  const lacking = here.difference(theirs).size
  const extra = theirs.difference(here).size
  if (lacking + extra > 0) tell(subjectOf(dataset), { 'records of its own': lacking }, { 'records of its own': extra })
}

async function digestsOf(api: EvaluationDatasets, id: string, signal: AbortSignal): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const record of api.records(id, signal)) found.add(digestOf({ ...record }))
  return found
}

function carriedTags({ tags }: EvaluationDataset): JsonObject {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => key !== SOURCE_DATASET))
}

function digestOf(of: JsonObject): string {
  return createHash('sha256').update(canonical(of)).digest('hex')
}

function subjectOf({ id, name }: EvaluationDataset): string {
  return `evaluation dataset ${id} (${name})`
}
