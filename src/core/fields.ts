import type { Json } from './model.ts'

/** A field in which two bodies differ. A side that lacks it has no value. */
export interface FieldDifference {
  /** Names joined by dots, positions in lists in brackets: `properties.tags.stage`, `inputs[0].path`. */
  readonly path: string
  readonly one?: Json
  readonly other?: Json
}

/** Fields in which two bodies differ, the deepest that can be named, in the order of their paths. */
export function differingFields(one: Json, other: Json): readonly FieldDifference[] {
  return [...differences(one, other, '')].sort((left, right) => (left.path < right.path ? -1 : 1))
}

function* differences(one: Json | undefined, other: Json | undefined, path: string): Iterable<FieldDifference> {
  const [left, right] = [fieldsOf(one), fieldsOf(other)]
  if (left !== undefined && right !== undefined && Array.isArray(one) === Array.isArray(other)) {
    for (const name of new Set([...left.keys(), ...right.keys()])) {
      const below = Array.isArray(one) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`
      yield* differences(left.get(name), right.get(name), below)
    }
  } else if (one !== other) {
    yield { path, ...(one === undefined ? {} : { one }), ...(other === undefined ? {} : { other }) }
  }
}

function fieldsOf(value: Json | undefined): ReadonlyMap<string, Json> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
}
