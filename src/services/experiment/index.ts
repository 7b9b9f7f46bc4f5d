import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { Tracking } from '../../mlflow/tracking.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { experimentBody, experimentItem } from './schema.ts'

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
    const tracking = trackingOf(place)
    const { name, deleted, tags } = experimentBody(place, wanted.body)
    const there = await tracking.experimentByName(name, signal)
    const pairs = Object.entries(tags).map(([key, value]) => ({ key, value }))
    const id = there?.id ?? (await tracking.createExperiment(name, pairs, signal))
    // A deleted experiment takes no tags: it is restored first and deleted again at the end.
    const differing = pairs.filter(
      (one) => there !== undefined && there.tags.find(({ key }) => key === one.key)?.value !== one.value,
    )
    let hidden = there?.deleted ?? false
    if (hidden && (differing.length > 0 || !deleted)) {
      await tracking.setExperimentDeleted(id, false, signal)
      hidden = false
    }
    for (const tag of differing) await tracking.setExperimentTag(id, tag, signal)
    if (hidden !== deleted) await tracking.setExperimentDeleted(id, deleted, signal)
    return (await read(place, wanted.address, { signal })) ?? wanted
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
    remove,
  }
}

function nameOf(of: Address): string {
  return segmentsOf(of)[0] ?? ''
}
