import { randomUUID } from 'node:crypto'
import { isArray, isObject, type Json, textOf } from '../json.ts'
import { LARGEST } from '../language/allowance.ts'
import { parseLenient } from '../lenient-json.ts'
import { TemplateViolation } from '../violation.ts'
import { type Args, type FunctionTable, fn } from './args.ts'
import { composed } from './format.ts'
import { nameGuid, uniqueString } from './unique.ts'

const MANY = Number.POSITIVE_INFINITY

/** Text. Functions that also take arrays are with the arrays. */
export const stringFunctions: FunctionTable = {
  base64: fn(1, 1, (args) => Buffer.from(args.text(0), 'utf8').toString('base64')),
  base64tostring: fn(1, 1, (args) => Buffer.from(args.text(0), 'base64').toString('utf8')),
  base64tojson: fn(1, 1, (args) => jsonFrom(args, Buffer.from(args.text(0), 'base64').toString('utf8'))),
  datauri: fn(
    1,
    1,
    (args) => `data:text/plain;charset=utf8;base64,${Buffer.from(textOf(args.any(0))).toString('base64')}`,
  ),
  datauritostring: fn(1, 1, (args) => fromDataUri(args)),
  endswith: fn(2, 2, (args) => args.text(0).toLowerCase().endsWith(args.text(1).toLowerCase())),
  startswith: fn(2, 2, (args) => args.text(0).toLowerCase().startsWith(args.text(1).toLowerCase())),
  format: fn(1, MANY, (args) => composed(args.text(0), args.values.slice(1))),
  guid: fn(1, MANY, (args) => nameGuid(args.texts())),
  uniquestring: fn(1, MANY, (args) => uniqueString(args.texts())),
  newguid: fn(0, 0, (args, scope) => {
    if (scope.now === undefined)
      args.refuse('is not expected at this location: it may only be used in a default value.')
    return randomUUID()
  }),
  json: fn(1, 1, (args) => jsonFrom(args, args.text(0))),
  string: fn(1, 1, (args) => (args.any(0) === null ? 'null' : textOf(args.any(0)))),
  padleft: fn(2, 3, (args) => {
    const value = args.any(0)
    const letter = args.textOr(2, ' ')
    if (letter.length !== 1) args.refuse('expects its parameter 3 to be one character.')
    if (args.integer(1) > LARGEST) args.refuse(`expects a length of at most ${LARGEST}.`)
    return (typeof value === 'number' ? String(value) : args.text(0)).padStart(args.integer(1), letter)
  }),
  replace: fn(3, 3, (args) => args.text(0).replaceAll(args.text(1), () => args.text(2))),
  split: fn(2, 2, (args) => split(args)),
  join: fn(2, 2, (args) => args.array(0).map(textOf).join(args.text(1))),
  substring: fn(2, 3, (args) => substring(args)),
  tolower: fn(1, 1, (args) => args.text(0).toLowerCase()),
  toupper: fn(1, 1, (args) => args.text(0).toUpperCase()),
  trim: fn(1, 1, (args) => args.text(0).trim()),
  uri: fn(2, 2, (args) => {
    const [base, relative] = [args.text(0), args.text(1)]
    return URL.canParse(relative, base)
      ? new URL(relative, base).href
      : args.refuse(`cannot combine '${base}' and '${relative}' to a URI.`)
  }),
  uricomponent: fn(1, 1, (args) =>
    encodeURIComponent(args.text(0)).replace(
      /[!'()*]/g,
      (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  ),
  uricomponenttostring: fn(1, 1, (args) => decoded(args, args.text(0))),
  fail: fn(1, 1, (args) => {
    throw new TemplateViolation(args.text(0))
  }),
}

function jsonFrom(args: Args, text: string): Json {
  try {
    return parseLenient(text)
  } catch (failure) {
    return args.refuse(`cannot read its parameter as JSON: ${(failure as Error).message}.`)
  }
}

function fromDataUri(args: Args): string {
  const found = /^data:[^,]*?(;base64)?,(.*)$/s.exec(args.text(0))
  if (found === null) return args.refuse('expects its parameter to be a data URI.')
  const [, base64, data = ''] = found
  return base64 === undefined ? decoded(args, data) : Buffer.from(data, 'base64').toString('utf8')
}

function decoded(args: Args, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return args.refuse(`cannot decode '${text}'.`)
  }
}

function split(args: Args): readonly string[] {
  const delimiter = args.any(1)
  const delimiters = isArray(delimiter) ? delimiter.map(textOf) : [args.text(1)]
  let parts: readonly string[] = [args.text(0)]
  for (const one of delimiters) parts = parts.flatMap((part) => (one === '' ? [part] : part.split(one)))
  return parts
}

function substring(args: Args): string {
  const text = args.text(0)
  const start = args.integer(1)
  const length = args.count > 2 && args.any(2) !== null ? args.integer(2) : text.length - start
  if (start < 0 || length < 0 || start + length > text.length) {
    args.refuse(
      `has its parameters out of range: the index and length must refer to a location within the string, the index was '${start}', the length parameter was '${length}' and the length of the string parameter was '${text.length}'.`,
    )
  }
  return text.slice(start, start + length)
}

/** Whether a value counts as empty: nothing, or a text, array or object without content. */
export function isEmpty(value: Json): boolean | undefined {
  if (value === null) return true
  if (typeof value === 'string' || isArray(value)) return value.length === 0
  return isObject(value) ? Object.keys(value).length === 0 : undefined
}
