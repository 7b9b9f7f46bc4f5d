import type { Address, Item } from './model.ts'
import { item } from './snapshot.ts'
import type { KindRules, PlanRules } from './step.ts'

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

/** An item with its references led to where things stand that were mapped, if its kind can change references. */
export function ledForm(
  one: Item,
  kind: Pick<KindRules, 'renamed'> | undefined,
  mapped: ReadonlyMap<Address, Address>,
): Item {
  if (kind?.renamed === undefined || !one.needs.some((need) => mapped.has(need))) return one
  const needs = one.needs.map((need) => mapped.get(need) ?? need)
  return item(one.address, kind.renamed(one.body, mapped), needs, one.order)
}

/** Whether it shall come to be only at a failover: what can be parked, under the mode in which not even that is wanted. */
export function isCold(one: Item, rules: PlanRules): boolean {
  if (rules.role === 'active' || rules.kind(kindOfItem(one))?.parked === undefined) return false
  return rules.mode(one.address) === 'hot/cold'
}

function kindOfItem(one: Item): string {
  return one.address.slice(0, one.address.indexOf('/'))
}
