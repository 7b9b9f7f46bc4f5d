/** A JSON value, which is all that a template ever computes with. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [key: string]: Json
}

/** The kind of a value in the words that Resource Manager uses in its messages. */
export type Kind = 'Null' | 'Boolean' | 'Integer' | 'Float' | 'String' | 'Array' | 'Object'

export function kindOf(value: Json): Kind {
  if (value === null) return 'Null'
  if (typeof value === 'boolean') return 'Boolean'
  if (typeof value === 'number') return Number.isInteger(value) ? 'Integer' : 'Float'
  if (typeof value === 'string') return 'String'
  return isArray(value) ? 'Array' : 'Object'
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A property whatever its case, as Resource Manager looks them up; an exact match is preferred. */
export function property(of: JsonObject, name: string): Json | undefined {
  const key = keyOf(of, name)
  return key === undefined ? undefined : of[key]
}

/** The key as it is written in the object, for a name in any case. */
export function keyOf(of: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(of, name)) return name
  const lower = name.toLowerCase()
  return Object.keys(of).find((key) => key.toLowerCase() === lower)
}

/** Deep equality; the order of properties does not matter, the case of text does. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true
  if (isArray(a)) {
    return isArray(b) && a.length === b.length && a.every((one, index) => sameJson(one, b[index] ?? null))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key] ?? null, b[key] ?? null))
}

/** A text that is equal for values that {@link sameJson} calls equal, and for no others. */
export function canonicalText(value: Json): string {
  if (isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key] ?? null)}`).join()}}`
}

/** The text that a value becomes inside other text: truth values are written `True` and `False`. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

/** The text of a property, or `undefined` where it is absent or something else. */
export function textAt(of: JsonObject, name: string): string | undefined {
  const value = property(of, name)
  return typeof value === 'string' ? value : undefined
}
