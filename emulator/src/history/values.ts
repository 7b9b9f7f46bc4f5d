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
