import type { Json } from '../core/model.ts'

/** A text of JSON, or what Python writes for a number: also NaN, the infinities, and more digits than a double has. */
const TOKEN = /"((?:[^"\\]|\\.)*)"|-?(?:NaN|Infinity|\d[\d.eE+-]*)/g
const MARKED = /"(['#])((?:[^"\\]|\\.)*)"/g

/**
 * JSON as Python writes it, kept to the digit: each text, names of fields too, begins with `'`, and each number is a text
 * that begins with `#`. {@link exactText} gives back what was there.
 */
export function exactJson(text: string): Json {
  const marked = text.replace(TOKEN, (all, inner?: string) => (inner === undefined ? `"#${all}"` : `"'${inner}"`))
  return JSON.parse(marked) as Json
}

/** The inverse of {@link exactJson}. */
export function exactText(value: Json): string {
  return JSON.stringify(value).replace(MARKED, (_, mark: string, inner: string) =>
    mark === '#' ? inner : `"${inner}"`,
  )
}

/** The same with fields in an order of their own: equal values are equal texts then. */
export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, one]) => [name, sorted(one ?? null)] as const)
  return Object.fromEntries(fields.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
