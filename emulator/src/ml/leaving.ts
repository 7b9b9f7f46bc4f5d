import { propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import { Refusal } from '../refusal.ts'

/** True for what is there and is to go: its removal is under way. */
export function isLeaving(found: Resource): boolean {
  return propertiesOf(found.body)['provisioningState'] === 'Deleting'
}

/** Refuses to change what is on its way out, or to begin something in it. `called`: as what its name is told. */
export function refuseLeaving(found: Resource | undefined, called?: string): void {
  if (found === undefined || !isLeaving(found)) return
  const what = called === undefined ? '' : `The ${called} `
  throw new Refusal(409, 'Conflict', `${what}'${found.name}' is being deleted.`)
}
