import { isArray, isObject, type Json, type JsonObject, keyOf, sameJson } from '../json.ts'

/** One difference that a deployment would make, in the words of the vendor's `WhatIfPropertyChange`. */
export type PropertyChange = {
  readonly path: string
  readonly propertyChangeType: 'Create' | 'Delete' | 'Modify' | 'Array'
  readonly before: Json
  readonly after: Json
  readonly children: readonly PropertyChange[] | null
}

/**
 * What a deployment would change of a resource.
 *
 * Properties that the template does not set are taken for what the provider fills in itself, and do not count;
 * only tags are replaced as a whole.
 */
export function deltaOf(before: JsonObject, after: JsonObject): readonly PropertyChange[] {
  return inObject(before, after, '')
}

function inObject(before: JsonObject, after: JsonObject, path: string): readonly PropertyChange[] {
  const changes = Object.entries(after).flatMap(([key, value]) => {
    const known = keyOf(before, key)
    const at = path === '' ? key : `${path}.${key}`
    return between(known === undefined ? undefined : (before[known] ?? null), value, at)
  })
  if (path.toLowerCase() !== 'tags') return changes
  const gone = Object.keys(before).filter((key) => keyOf(after, key) === undefined)
  return [...changes, ...gone.map((key) => change('Delete', `${path}.${key}`, before[key] ?? null, null))]
}

function between(before: Json | undefined, after: Json, path: string): readonly PropertyChange[] {
  // Null says no more than nothing at all.
  if (after === null) return []
  if (before === undefined || before === null) return [change('Create', path, null, after)]
  if (isObject(before) && isObject(after)) return inObject(before, after, path)
  if (isArray(before) && isArray(after)) return inArray(before, after, path)
  if (sameJson(before, after) || sameWord(before, after, path)) return []
  return [change('Modify', path, before, after)]
}

/** Members are compared by position, and named by it. */
function inArray(before: readonly Json[], after: readonly Json[], path: string): readonly PropertyChange[] {
  const children = Array.from({ length: Math.max(before.length, after.length) }, (_, index) => {
    const at = String(index)
    const [one, other] = [before[index], after[index]]
    if (other === undefined) return [change('Delete', at, one ?? null, null)]
    if (isObject(one) && isObject(other)) {
      const inside = inObject(one, other, '')
      return inside.length === 0 ? [] : [{ ...change('Modify', at, one, other), children: inside }]
    }
    return between(one, other, at)
  }).flat()
  return children.length === 0 ? [] : [{ ...change('Array', path, before, after), children }]
}

/** Locations and ids are the same whatever their case; `East US 2` is `eastus2`. */
function sameWord(before: Json, after: Json, path: string): boolean {
  if (typeof before !== 'string' || typeof after !== 'string') return false
  const [one, other] = [before.toLowerCase(), after.toLowerCase()]
  if (path.toLowerCase() === 'location') return one.replaceAll(' ', '') === other.replaceAll(' ', '')
  return one.startsWith('/subscriptions/') && one === other
}

function change(propertyChangeType: PropertyChange['propertyChangeType'], path: string, before: Json, after: Json) {
  return { path, propertyChangeType, before, after, children: null }
}
