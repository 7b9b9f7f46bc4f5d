import { address, type Item, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { TrackedExperiment } from '../../mlflow/tracking.ts'
import type { Place } from '../service.ts'

/** Tags that Holdfast itself writes: they say where a replica came from and are never carried back. */
const OWN_TAG = /^holdfast\./

/** The portable form: what an experiment is, whatever its id. */
export function experimentItem(place: Place, { name, deleted, tags }: TrackedExperiment): Item {
  const carried = tags.filter(({ key }) => !OWN_TAG.test(key)).map(({ key, value }) => [key, value] as const)
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
