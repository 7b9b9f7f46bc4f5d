import { createHash } from 'node:crypto'
import { canonical } from '../../core/canonical.ts'
import type { JsonObject } from '../../core/model.ts'
import {
  carriedDatasetTags,
  type EvaluationDataset,
  type EvaluationDatasets,
  type KeptRecord,
  SOURCE_DATASET,
  sharedDatasetId,
} from '../../mlflow/evaluation-datasets.ts'
import { becomeRecords, recordsIn } from '../../mlflow/evaluation-records.ts'
import type { Tell } from './differences.ts'
import { forgetReplica, noteKey } from './notes.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { targetIds } from './traces.ts'

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
        const there = standing?.get(sharedDatasetId(dataset))
        // It may have been made before, and nobody heard.
        if (there === undefined) standing = await standingDatasets(pass)
        await copyDataset(pass, api, { dataset, there: standing?.get(sharedDatasetId(dataset)) })
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
  return all && new Map(all.map((one) => [sharedDatasetId(one), one]))
}

interface DatasetCopy {
  readonly dataset: EvaluationDataset
  readonly there: EvaluationDataset | undefined
}

async function copyDataset(pass: Pass, api: EvaluationDatasets, { dataset, there }: DatasetCopy): Promise<void> {
  const { parts, signal } = pass
  if (there === undefined) forgetReplica(parts.ledger, ['evaluation-dataset'], dataset.id)
  const before = carriedBefore(pass, dataset)
  const envelope = digestOf({ ...dataset })
  if (there !== undefined && before.envelope === envelope) return
  const own = (await parts.from.evaluations?.experimentsOf(dataset.id, signal)) ?? []
  const experiments = await atTarget(pass, own)
  const tags = { ...dataset.tags, [SOURCE_DATASET]: sharedDatasetId(dataset) }
  const experimentIds = [...experiments.values()]
  const replica = there ?? (await api.create({ name: dataset.name, tags, experimentIds }, signal))
  const lack = Object.entries(tags).filter(([tag, value]) => replica.tags[tag] !== value)
  if (lack.length > 0) await api.setTags(replica.id, Object.fromEntries(lack), signal)
  for (const tag of before.tags) {
    if (!Object.hasOwn(tags, tag) && Object.hasOwn(replica.tags, tag)) await api.deleteTag(replica.id, tag, signal)
  }
  await associate(pass, api, { replica, before, experiments })
  const records = await becomeRecords(
    api,
    {
      id: replica.id,
      wanted: () => parts.from.evaluations?.records(dataset.id, signal) ?? nothing(),
      mayGo: (digest) => before.records.has(digest),
    },
    signal,
  )
  const others = before.experiments.filter((one) => !pass.experiments.has(one))
  const now = {
    // One that belongs to an experiment beyond this pass is looked at again by a pass with that.
    ...(own.length === experiments.size ? { envelope } : {}),
    records: [...records],
    tags: Object.keys(dataset.tags),
    experiments: [...experiments.keys(), ...others],
  }
  parts.ledger.put(keyOf(dataset), JSON.stringify(now))
}

/** What was carried last: of that, what is gone since is taken away; what others have added there stays. */
interface Before {
  readonly envelope: string
  /** Digests. */
  readonly records: ReadonlySet<string>
  readonly tags: readonly string[]
  /** Ids at the source. */
  readonly experiments: readonly string[]
}

function carriedBefore({ parts }: Pass, dataset: EvaluationDataset): Before {
  const {
    envelope = '',
    records = [],
    tags = [],
    experiments = [],
  } = JSON.parse(parts.ledger.get(keyOf(dataset)) ?? '{}')
  return { envelope, records: new Set<string>(records), tags, experiments }
}

function keyOf({ id }: EvaluationDataset): string {
  return noteKey('evaluation-dataset', id)
}

async function* nothing(): AsyncIterable<KeptRecord> {}

interface Association {
  readonly replica: EvaluationDataset
  readonly before: Before
  /** Ids at the target by those at the source. */
  readonly experiments: ReadonlyMap<string, string>
}

async function associate(
  pass: Pass,
  api: EvaluationDatasets,
  { replica, before, experiments }: Association,
): Promise<void> {
  const { signal } = pass
  const linked = await api.experimentsOf(replica.id, signal)
  const missing = [...experiments.values()].filter((id) => !linked.includes(id))
  if (missing.length > 0) await api.addExperiments(replica.id, missing, signal)
  // One that this pass does not carry is nobody's to take away.
  const left = await atTarget(
    pass,
    before.experiments.filter((id) => !experiments.has(id)),
  )
  const gone = [...left.values()].filter((id) => linked.includes(id))
  if (gone.length > 0) await api.removeExperiments(replica.id, gone, signal)
}

/** The experiments that a dataset belongs to, of those that are carried: their ids at the target by those at the source. */
async function experimentsOf(pass: Pass, { id }: EvaluationDataset): Promise<ReadonlyMap<string, string>> {
  const { parts, signal } = pass
  return atTarget(pass, (await parts.from.evaluations?.experimentsOf(id, signal)) ?? [])
}

async function atTarget(pass: Pass, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const targets = ids.length === 0 ? new Map<string, string>() : await targetIds(pass)
  const found = new Map<string, string>()
  for (const id of ids) {
    const there = targets.get(pass.experiments.get(id)?.name ?? '')
    if (there !== undefined) found.set(id, there)
  }
  return found
}

/** Compares evaluation datasets with their replicas: tags, experiments, and which records are there. */
export async function compareEvaluations(pass: Pass, tell: Tell): Promise<number> {
  const sources = await chosen(pass)
  const standing = sources.length === 0 ? undefined : await standingDatasets(pass)
  for (const dataset of sources) {
    const subject = subjectOf(dataset)
    await apart(pass, subject, async () => {
      const there = standing?.get(sharedDatasetId(dataset))
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
  const wanted = [...(await experimentsOf(pass, dataset)).values()].toSorted()
  tell(
    subjectOf(dataset),
    { name: dataset.name, tags: carriedDatasetTags(dataset), experiments: wanted },
    { name: there.name, tags: carriedDatasetTags(there), experiments: found },
  )
  const [here, theirs] = [await digestsOf(source, dataset.id, signal), await digestsOf(target, there.id, signal)]
  const lacking = here.difference(theirs).size
  const extra = theirs.difference(here).size
  if (lacking + extra > 0) tell(subjectOf(dataset), { 'records of its own': lacking }, { 'records of its own': extra })
}

async function digestsOf(api: EvaluationDatasets, id: string, signal: AbortSignal): Promise<Set<string>> {
  return new Set((await recordsIn(api, id, signal)).keys())
}

function digestOf(of: JsonObject): string {
  return createHash('sha256').update(canonical(of)).digest('hex')
}

function subjectOf({ id, name }: EvaluationDataset): string {
  return `evaluation dataset ${id} (${name})`
}
