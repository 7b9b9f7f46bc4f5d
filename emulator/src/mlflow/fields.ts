import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import { invalid, missing, wrongType } from './answers.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * The fields of one request or of an object in it, read as protobuf's JSON reads them: numbers may
 * come as texts, `null` is absent. Fields that nobody reads are ignored.
 */
export class Fields {
  readonly #values: Values
  readonly #path: string

  constructor(values: Values, path = '') {
    this.#values = values
    this.#path = path
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw wrongType(this.#path + name, value)
    return value
  }

  /** A text that must be there and must not be empty. */
  need(name: string): string {
    const value = this.text(name)
    if (value === undefined || value === '') throw missing(this.#path + name)
    return value
  }

  integer(name: string): number | undefined {
    const value = this.#values[name]
    if (value === undefined || value === null) return undefined
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number)) throw wrongType(this.#path + name, value)
    return number
  }

  needInteger(name: string): number {
    const value = this.integer(name)
    if (value === undefined) throw missing(this.#path + name)
    return value
  }

  /** A double; `"NaN"`, `"Infinity"` and `"-Infinity"` count. */
  needDouble(name: string): number {
    const value = this.#values[name]
    if (value === undefined || value === null) throw missing(this.#path + name)
    if (typeof value === 'number') return value
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
    if (Number.isNaN(number) && value !== 'NaN') throw wrongType(this.#path + name, value)
    return number
  }

  flag(name: string): boolean {
    const value = this.#values[name]
    return value === true || value === 'true'
  }

  /** A list; one value that is no list counts as a list of one, as in a query. */
  list(name: string): readonly unknown[] {
    const value = this.#values[name]
    if (value === undefined || value === null) return []
    return Array.isArray(value) ? value : [value]
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== 'string') throw wrongType(this.#path + name, value)
      return value
    })
  }

  /** A list of objects, each as fields that know their place. */
  objects(name: string): Fields[] {
    return this.list(name).map((value, index) => {
      const path = `${this.#path}${name}[${index}]`
      if (typeof value !== 'object' || value === null) throw wrongType(path, value)
      return new Fields(value as Values, `${path}.`)
    })
  }

  object(name: string): Fields | undefined {
    const value = this.#values[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'object') throw wrongType(this.#path + name, value)
    return new Fields(value as Values, `${this.#path}${name}.`)
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
    if (value > limit) throw wrongType('max_results', value)
    return value
  }
}

/** Fields of a request: its JSON body, or its query where it has none. */
export async function fieldsOf(call: Call): Promise<Fields> {
  if (call.method === 'GET') return new Fields(queryValues(call.query))
  const body = await call.json().catch((failure: unknown) => {
    throw failure instanceof Refusal && failure.status === 400 ? invalid(failure.message) : failure
  })
  if (body === undefined) return new Fields(queryValues(call.query))
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('The body is not a JSON object.')
  return new Fields(body as Values)
}

function queryValues(query: URLSearchParams): Values {
  const values: Record<string, unknown> = {}
  for (const key of query.keys()) {
    const all = query.getAll(key)
    values[key] = all.length === 1 ? all[0] : all
  }
  return values
}
