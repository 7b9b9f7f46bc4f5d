import fc from 'fast-check'
import type { Address, Item, Json, JsonObject } from '../../src/core/model.ts'
import { item, type Snapshot, snapshotOf } from '../../src/core/snapshot.ts'

/** Random values for the property tests of core. */

export const anyJson: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>

export const anyJsonObject: fc.Arbitrary<JsonObject> = fc.dictionary(fc.string(), anyJson, {
  maxKeys: 6,
}) as fc.Arbitrary<JsonObject>

/** Kinds in the order in which they may need each other: an item needs only items of earlier kinds, so there is no ring. */
export const KINDS = ['blob', 'datastore', 'environment', 'model', 'endpoint', 'schedule'] as const

const NAMES = ['a/1', 'a/2', 'b/1', 'c']

interface Draft {
  readonly kind: number
  readonly name: string
  readonly body: number
  readonly tag: number
  readonly order: number
  readonly needs: readonly (readonly [kind: number, name: string])[]
}

const anyDraft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.nat({ max: KINDS.length - 1 }),
  name: fc.constantFrom(...NAMES),
  body: fc.nat({ max: 1 }),
  tag: fc.nat({ max: 1 }),
  order: fc.nat({ max: 3 }),
  needs: fc.array(fc.tuple(fc.nat({ max: KINDS.length - 1 }), fc.constantFrom(...NAMES)), { maxLength: 3 }),
})

/** A snapshot in which every item has what it needs. Addresses of two such snapshots overlap often. */
export const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .array(anyDraft, { maxLength: 14 })
  .map((drafts) => snapshotOf(standing(drafts)))

function standing(drafts: readonly Draft[]): Item[] {
  const byAddress = new Map<Address, Draft>()
  for (const draft of drafts) byAddress.set(addressOf(draft.kind, draft.name), draft)
  return [...byAddress].map(([at, draft]) => {
    const needs = draft.needs
      .filter(([kind, name]) => kind < draft.kind && byAddress.has(addressOf(kind, name)))
      .map(([kind, name]) => addressOf(kind, name))
    const unique = [...new Set(needs)].sort()
    return item(at, { value: draft.body, live: true, tag: draft.tag, needs: unique }, unique, draft.order)
  })
}

function addressOf(kind: number, name: string): Address {
  return `${KINDS[kind]}/${name}`
}
