import { address, type Item, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { tagsOf } from '../../mlflow/kept.ts'
import type { TrackedExperiment } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'

/** Tags by which a replica says what it is a copy of: never compared, never carried on. */
const MARKS = new Set(['holdfast.source', 'holdfast.digest'])

export function isCarriedTag(key: string): boolean {
  return !MARKS.has(key)
}

/** The portable form: what an experiment is, whatever its id. */
export function experimentItem(place: Place, { name, deleted, tags }: TrackedExperiment): Item {
  const carried = [...tagsOf(tags).tags].filter(([key]) => isCarriedTag(key))
  const body: JsonObject = { name, deleted, tags: Object.fromEntries(carried) }
  return item(address('experiment', name), place.portable(body), [])
}

export interface ExperimentBody {
  readonly name: string
  readonly deleted: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** The same in a place's own names, typed. */
export function experimentBody(place: Place, body: JsonObject): ExperimentBody {
  return place.local(body) as unknown as ExperimentBody
}
