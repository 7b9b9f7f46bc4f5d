import type { Note, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'

/** The sentence with which MLflow ends what it says of a request that does not have the form. */
export const SEE_DOCS = 'See the API docs for more information about request parameters.'

/** MLflow's answer to a value that it does not take. */
export function invalid(message: string): Refusal {
  return new Refusal(400, 'INVALID_PARAMETER_VALUE', message)
}

/** MLflow's answer where a required field is absent. `path` as in `metrics[0].timestamp`. */
export function missing(path: string): Refusal {
  return invalid(`Missing value for required parameter '${path}'. ${SEE_DOCS}`)
}

/** MLflow's answer to a field of the wrong type. `json` is the value as it was sent. */
export function wrongType(path: string, json: string): Refusal {
  return invalid(
    `Invalid value ${json} for parameter '${path}' supplied:  Hint: Value was of type '${typeOf(json)}'. ${SEE_DOCS}`,
  )
}

/** The type that the server's Python gives to a JSON value. */
function typeOf(json: string): string {
  const first = json[0] ?? ''
  const types: Readonly<Record<string, string>> = { '"': 'str', '[': 'list', '{': 'dict', t: 'bool', f: 'bool' }
  return types[first] ?? (/^-?\d+$/.test(json) ? 'int' : json === 'null' ? 'NoneType' : 'float')
}

/** MLflow's answer where the named thing is not there. */
export function absent(message: string): Refusal {
  return new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', message)
}

/** 200 with a JSON body; a write passes what the activity log should keep. */
export function ok(body: unknown, note?: Note): Reply {
  return note === undefined ? { status: 200, body } : { status: 200, body, note }
}

/** {@link ok} with a body that is JSON already. */
export function okText(json: string): Reply {
  return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: json }
}

/** A number as protobuf's JSON writes a double: NaN and the infinities are texts. */
export function double(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`
}

/** An answer's members as a JSON object; one without a text is left out. */
export function objectText(members: Readonly<Record<string, string | undefined>>): string {
  const texts = Object.entries(members).flatMap(([name, text]) => (text === undefined ? [] : [`"${name}":${text}`]))
  return `{${texts.join(',')}}`
}

/** A JSON list of texts, or nothing where it is empty: protobuf's JSON leaves empty lists out. */
export function listText(texts: readonly string[]): string | undefined {
  return texts.length === 0 ? undefined : `[${texts.join(',')}]`
}

/** A map as MLflow's list of `{key, value}`; absent where it is empty. */
export function pairs(map: Readonly<Record<string, string>>): { key: string; value: string }[] | undefined {
  const list = Object.entries(map).map(([key, value]) => ({ key, value }))
  return list.length === 0 ? undefined : list
}

/** A list, or nothing where it is empty: protobuf's JSON leaves empty lists out. */
export function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}

/** Page token of MLflow: base64 of `{"offset": n}`. */
export function pageToken(offset: number): string {
  return Buffer.from(`{"offset": ${offset}}`).toString('base64')
}

/** The offset that a page token holds; 0 where there is none. Refuses a token that is not one. */
export function offsetOf(token: string | undefined): number {
  return readToken(token).offset
}

/** What the token of a page of runs holds. */
export interface RunToken {
  readonly offset: number
  /** Where the page before ended. */
  readonly after?: readonly (string | number | null)[]
  /** The order in which that is a place. */
  readonly order?: readonly string[]
}

export function runToken(token: RunToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64')
}

/** Reads a page token, also one that has no more than an offset, as MLflow's have. Refuses what is none. */
export function readToken(token: string | undefined): RunToken {
  if (token === undefined || token === '') return { offset: 0 }
  // Python's decoder passes over what is no letter of base64, and fails where four letters are not full.
  if (token.replace(/[^A-Za-z0-9+/=]/g, '').length % 4 !== 0)
    throw invalid('Invalid page token, could not base64-decode')
  const decoded = Buffer.from(token, 'base64').toString('utf8')
  const held = parsed(decoded)
  if (!isToken(held)) throw invalid(`Invalid page token, decoded value=${decoded}`)
  return held
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isToken(held: unknown): held is RunToken {
  if (typeof held !== 'object' || held === null || !('offset' in held)) return false
  if (!Number.isSafeInteger(held.offset) || Number(held.offset) < 0) return false
  if (!('after' in held)) return true
  const { after } = held
  return Array.isArray(after) && after.every((one) => one === null || typeof one === 'string' || Number.isFinite(one))
}

/** A text as Python shows it in a message, and so MLflow: in single quotes, unless it has some and no double ones. */
export function pythonText(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return text.includes("'") && !text.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`
}
