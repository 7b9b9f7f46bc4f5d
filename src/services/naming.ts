import type { Place } from './service.ts'

/**
 * The name by which both sides know what `collection` (`computes`, `models`, …) has here as `name`.
 * It differs only where the policy maps it.
 */
export function portableName(place: Place, collection: string, name: string): string {
  return lastOf(place.portable(`${place.workspace}/${collection}/${name}`))
}

/** The inverse of {@link portableName}. */
export function localName(place: Place, collection: string, name: string): string {
  return lastOf(place.local(`${place.portable(place.workspace)}/${collection}/${name}`))
}

function lastOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1)
}
