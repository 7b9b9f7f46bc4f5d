import type { Item } from './model.ts'
import { item } from './snapshot.ts'
import type { PlanRules } from './step.ts'

/**
 * The form in which an item of the source shall stand on the changed side: parked where that side is a standby and
 * the kind knows parking, the item itself otherwise. Whoever verifies a replica compares it with this.
 */
export function standingForm(one: Item, rules: PlanRules): Item {
  const { parked } = rules.kind(kindOfItem(one)) ?? {}
  if (rules.role === 'active' || parked === undefined) return one
  const body = parked(one.body, rules.mode(one.address))
  return body === one.body ? one : item(one.address, body, one.needs, one.order)
}

/** Whether it shall come to be only at a failover: what can be parked, under the mode in which not even that is wanted. */
export function isCold(one: Item, rules: PlanRules): boolean {
  if (rules.role === 'active' || rules.kind(kindOfItem(one))?.parked === undefined) return false
  return rules.mode(one.address) === 'hot/cold'
}

function kindOfItem(one: Item): string {
  return one.address.slice(0, one.address.indexOf('/'))
}
