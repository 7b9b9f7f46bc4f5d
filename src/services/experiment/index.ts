import { isFault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { setOrKeep, tagsOf } from '../../mlflow/kept.ts'
import type { Pair, TrackedExperiment, Tracking } from '../../mlflow/tracking.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { type ExperimentBody, experimentBody, experimentItem, isCarriedTag } from './schema.ts'

/** Experiments of the run history, the deleted ones too. See ./readme.md. */
export function experiments(trackingOf: (place: Place) => Tracking): Service {
  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    for await (const experiment of trackingOf(place).experiments(signal)) yield experimentItem(place, experiment)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const found = await trackingOf(place).experimentByName(nameOf(of), signal)
    return found === undefined ? undefined : experimentItem(place, found)
  }

  async function converge(place: Place, wanted: Item, { signal }: Carriage): Promise<Item> {
    const body = experimentBody(place, wanted.body)
    const there = await standing(trackingOf(place), body, signal)
    const names = tagsOf(there.tags)
    const tags = pairsOf(body).filter(({ key, value }) => names.tags.get(key) !== value)
    const gone = [...names.tags.keys()].filter((key) => isCarriedTag(key) && !Object.hasOwn(body.tags, key))
    const stale = [...gone, ...tags.map(({ key }) => key)].flatMap((key) => names.kept('tag', key))
    const extra = [...gone.filter((key) => there.tags.some((tag) => tag.key === key)), ...stale]
    await change(trackingOf(place), there, { tags, extra, deleted: body.deleted, signal })
    return (await read(place, wanted.address, { signal })) ?? wanted
  }

  async function mergeInto(place: Place, theirs: Item, { signal }: Carriage): Promise<Item> {
    const body = experimentBody(place, theirs.body)
    const there = await standing(trackingOf(place), body, signal)
    const standingTags = tagsOf(there.tags).tags
    const tags = pairsOf(body).filter(({ key }) => !standingTags.has(key))
    await change(trackingOf(place), there, { tags, extra: [], deleted: there.deleted, signal })
    return (await read(place, theirs.address, { signal })) ?? theirs
  }

  async function remove(place: Place, of: Address, { signal }: Reach): Promise<void> {
    const there = await trackingOf(place).experimentByName(nameOf(of), signal)
    if (there !== undefined && !there.deleted) await trackingOf(place).setExperimentDeleted(there.id, true, signal)
  }

  return {
    kind: 'experiment',
    needs: [],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    converge,
    mergeInto,
    remove,
  }
}

/** The experiment of that name, made where there is none. */
async function standing(tracking: Tracking, body: ExperimentBody, signal: AbortSignal): Promise<TrackedExperiment> {
  const there = await tracking.experimentByName(body.name, signal)
  if (there !== undefined) return there
  const id = await create(tracking, body, signal)
  return (await tracking.experiment(id, signal)) ?? { id, name: body.name, deleted: false, tags: [] }
}

/** A tag that is refused must not cost the experiment: it is kept later. */
async function create(tracking: Tracking, body: ExperimentBody, signal: AbortSignal): Promise<string> {
  try {
    return await tracking.createExperiment(body.name, pairsOf(body), signal)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused') || pairsOf(body).length === 0) throw thrown
    return tracking.createExperiment(body.name, [], signal)
  }
}

interface Change {
  readonly tags: readonly Pair[]
  /** Keys of tags to be taken away. */
  readonly extra: readonly string[]
  readonly deleted: boolean
  readonly signal: AbortSignal
}

async function change(tracking: Tracking, there: TrackedExperiment, wanted: Change): Promise<void> {
  const { tags, extra, deleted, signal } = wanted
  let hidden = there.deleted
  if (hidden && (!deleted || tags.length + extra.length > 0)) {
    // A deleted experiment takes no tags.
    await tracking.setExperimentDeleted(there.id, false, signal)
    hidden = false
  }
  for (const key of extra) await withoutTag(tracking, { id: there.id, key }, signal)
  for (const tag of tags) await setOrKeep(tag, (one) => tracking.setExperimentTag(there.id, one, signal))
  if (hidden !== deleted) await tracking.setExperimentDeleted(there.id, deleted, signal)
}

/** Servers before MLflow 3 cannot take a tag away: it stays, and the experiment that is read back shows it. */
async function withoutTag(
  tracking: Tracking,
  { id, key }: { readonly id: string; readonly key: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await tracking.deleteExperimentTag(id, key, signal)
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused', 'azure/denied')) throw thrown
  }
}

function pairsOf({ tags }: ExperimentBody): readonly Pair[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }))
}

function nameOf(of: Address): string {
  return segmentsOf(of)[0] ?? ''
}
