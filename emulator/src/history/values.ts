import { Refusal } from '../refusal.ts'

export type Params = Readonly<Record<string, string>>
export type Values = Readonly<Record<string, unknown>>

/** The value as an object, or run history's refusal of what is none. */
export function objectOf(value: unknown): Values {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Values
  throw new Refusal(400, 'UserError', 'The request body is not a JSON object.')
}

/** The value if it is a list, else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Entries of an object as texts; an entry that is null is left out. */
export function mapOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (text === null ? [] : [[key, String(text)]])),
  )
}

/** A field that is a text; `undefined` for every other. */
export function textOf(values: Values, field: string): string | undefined {
  const value = values[field]
  return typeof value === 'string' ? value : undefined
}

/** A whole number, which may come as a text; `undefined` for every other value. */
export function wholeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}

/** How many a page shall hold: a whole number above 0, `otherwise` where nothing is said, at most `most`. */
export function countOf(
  value: unknown,
  { field, otherwise, most }: { readonly field: string; readonly otherwise: number; readonly most: number },
): number {
  if (value === undefined || value === null) return otherwise
  const count = wholeOf(value)
  if (count !== undefined && count > 0) return Math.min(count, most)
  throw new Refusal(
    400,
    'UserError',
    `The field '${field}' is ${JSON.stringify(value)}, which is no whole number above 0.`,
  )
}

/** The place after which a page goes on, from a token that holds its number; 0 without one. */
export function placeOf(token: string | undefined): number {
  const place = token === undefined ? 0 : wholeOf(token)
  if (place !== undefined && place >= 0 && Number.isSafeInteger(place)) return place
  throw new Refusal(400, 'UserError', `The continuation token '${token}' is not one of this list.`)
}
