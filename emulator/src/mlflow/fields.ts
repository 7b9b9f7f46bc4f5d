import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import { invalid, missing, wrongType } from './answers.ts'

type Values = Readonly<Record<string, unknown>>

/** From here on no 64-bit integer is. */
const INT64 = 2 ** 63

/** Where fields came from: the text of a JSON body, or a query, whose values are all texts. */
type Origin = { readonly body: () => string } | { readonly query: true }

/**
 * The fields of one request or of an object in it, read as protobuf's JSON reads them: numbers may
 * come as texts, `null` is absent. Fields that nobody reads are ignored.
 */
export class Fields {
  readonly #values: Values
  readonly #path: string
  readonly #origin: Origin

  constructor(values: Values, origin: Origin, path = '') {
    this.#values = values
    this.#origin = origin
    this.#path = path
  }

  text(name: string): string | undefined {
    const value = this.#one(name)
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw this.wrong(name)
    return value
  }

  /** A text that must be there and must not be empty. */
  need(name: string): string {
    const value = this.text(name)
    if (value === undefined || value === '') throw missing(this.#path + name)
    return value
  }

  integer(name: string): number | undefined {
    const value = this.#one(name)
    if (value === undefined || value === null) return undefined
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number) || Math.abs(number) >= INT64) throw this.wrong(name)
    return number
  }

  needInteger(name: string): number {
    const value = this.integer(name)
    if (value === undefined) throw missing(this.#path + name)
    return value
  }

  /** Refuses the first of the fields that is absent, before any of them is looked at more closely. */
  needAll(...names: readonly string[]): void {
    const absent = names.find((name) => this.#values[name] === undefined || this.#values[name] === null)
    if (absent !== undefined) throw missing(this.#path + absent)
  }

  /** A double; `"NaN"`, `"Infinity"` and `"-Infinity"` count. */
  needDouble(name: string): number {
    const value = this.#values[name]
    if (value === undefined || value === null || value === '') throw missing(this.#path + name)
    if (typeof value === 'number') return value
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
    if (Number.isNaN(number) && value !== 'NaN') throw this.wrong(name)
    return number
  }

  /** True or false; false where it is absent. */
  flag(name: string): boolean {
    const value = this.#one(name)
    if (value === undefined || value === null) return false
    if (typeof value === 'boolean') return value
    if ('query' in this.#origin) return value === 'true'
    throw this.wrong(name)
  }

  /** The value of a field that holds one: of those that a query gives twice, the first counts. */
  #one(name: string): unknown {
    const value = this.#values[name]
    return 'query' in this.#origin && Array.isArray(value) ? value[0] : value
  }

  /** A list. In a query, one value is a list of one. */
  list(name: string): readonly unknown[] {
    const value = this.#values[name]
    if (value === undefined || value === null) return []
    if (Array.isArray(value)) return value
    if ('query' in this.#origin) return [value]
    throw this.wrong(name)
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value === 'string') return value
      throw this.wrong(name)
    })
  }

  /** A list of objects, each as fields that know their place. */
  objects(name: string): Fields[] {
    return this.list(name).map((value, index) => {
      if (typeof value !== 'object' || value === null) throw this.wrong(name)
      return new Fields(value as Values, this.#origin, `${this.#path}${name}[${index}].`)
    })
  }

  object(name: string): Fields | undefined {
    const value = this.#values[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'object') throw this.wrong(name)
    return new Fields(value as Values, this.#origin, `${this.#path}${name}.`)
  }

  /** One of some words, each of which may also come as its number, as protobuf reads enumerations. */
  word(name: string, words: Readonly<Record<number, string>>): string | undefined {
    const value = this.#values[name]
    if (typeof value === 'number') {
      if (words[value] === undefined) throw this.wrong(name)
      return words[value]
    }
    const text = this.text(name)
    return text !== undefined && /^\d+$/.test(text) ? words[Number(text)] : text
  }

  /** MLflow's answer to a field whose value it does not take. */
  wrong(name: string): Refusal {
    const path = this.#path + name
    const value = this.#one(name)
    return wrongType(path, 'body' in this.#origin ? asWritten(this.#origin.body(), path) : JSON.stringify(value))
  }

  raw(name: string): unknown {
    return this.#values[name]
  }

  /** `max_results`, which must be positive and at most `limit`. */
  pageSize(standard: number, limit: number): number {
    const value = this.integer('max_results') ?? standard
    if (value <= 0) {
      throw invalid(`Invalid value ${value} for parameter 'max_results' supplied. It must be a positive integer`)
    }
    if (value > limit) throw this.wrong('max_results')
    return value
  }
}

/** Fields of a request: its JSON body, or its query where it has none. */
export async function fieldsOf(call: Call): Promise<Fields> {
  if (call.method === 'GET') return ofQuery(call)
  const body = await call.json().catch((failure: unknown) => {
    throw failure instanceof Refusal && failure.status === 400 ? invalid(failure.message) : failure
  })
  if (body === undefined) return ofQuery(call)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('The body is not a JSON object.')
  const bytes = await call.bytes()
  return new Fields(body as Values, { body: () => bytes.toString('utf8') })
}

/** Fields of a request that has them in its query whatever its body is. */
export function ofQuery(call: Call): Fields {
  return new Fields(queryValues(call.query), { query: true })
}

function queryValues(query: URLSearchParams): Values {
  const values: Record<string, unknown> = {}
  for (const key of query.keys()) {
    const all = query.getAll(key)
    values[key] = all.length === 1 ? all[0] : all
  }
  return values
}

/** A number as it stood in the JSON: 9.0 is another text than 9. */
class Written {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** The value at a path such as `metrics[0].key` as JSON without spaces, keys sorted, numbers as they were sent. */
function asWritten(body: string, path: string): string {
  // The third argument, the source of a value, is in ES2025 and not yet in TypeScript's library.
  const reviver = (_: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? new Written(context?.source ?? String(value)) : value
  const steps = path.match(/[^.[\]]+/g) ?? []
  const found = steps.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? (value as Values)[step] : undefined),
    JSON.parse(body, reviver),
  )
  return sortedJson(found)
}

function sortedJson(value: unknown): string {
  if (value instanceof Written) return value.text
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, held]) => `${JSON.stringify(key)}:${sortedJson(held)}`).join(',')}}`
}
