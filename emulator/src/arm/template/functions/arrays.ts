import {
  canonicalText,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  keyOf,
  property,
  sameJson,
  textOf,
} from '../json.ts'
import { type Args, type FunctionTable, fn } from './args.ts'
import { isEmpty } from './strings.ts'

const MANY = Number.POSITIVE_INFINITY

/** Arrays, objects, and what works on arrays and text alike. */
export const arrayFunctions: FunctionTable = {
  array: fn(1, 1, (args) => (isArray(args.any(0)) ? args.any(0) : [args.any(0)])),
  concat: fn(1, MANY, (args) =>
    isArray(args.any(0)) ? args.values.flatMap((_, at) => args.array(at)) : args.texts().join(''),
  ),
  contains: fn(2, 2, (args) => contains(args)),
  createarray: fn(0, MANY, (args) => args.values),
  createobject: fn(0, MANY, (args) => created(args)),
  empty: fn(1, 1, (args) => isEmpty(args.any(0)) ?? args.wrong(0, ['String', 'Array', 'Object'])),
  first: fn(1, 1, (args) => at(args, 0)),
  last: fn(1, 1, (args) => at(args, -1)),
  flatten: fn(1, 1, (args) => args.array(0).flatMap((one) => (isArray(one) ? one : args.wrong(0, ['Array'])))),
  indexof: fn(2, 2, (args) => indexOf(args, 'first')),
  lastindexof: fn(2, 2, (args) => indexOf(args, 'last')),
  indexfromend: fn(2, 2, (args) => fromEnd(args) ?? args.refuse('has an index outside of the array.')),
  tryindexfromend: fn(2, 2, (args) => fromEnd(args) ?? null),
  intersection: fn(1, MANY, (args) => intersection(args)),
  items: fn(1, 1, (args) => sortedKeys(args.object(0)).map((key) => ({ key, value: args.object(0)[key] ?? null }))),
  objectkeys: fn(1, 1, (args) => sortedKeys(args.object(0))),
  length: fn(1, 1, (args) => length(args)),
  range: fn(2, 2, (args) => range(args)),
  skip: fn(2, 2, (args) => sliceable(args).slice(Math.max(0, args.integer(1)))),
  take: fn(2, 2, (args) => sliceable(args).slice(0, Math.max(0, args.integer(1)))),
  tryget: fn(2, MANY, (args) => args.values.slice(1).reduce(step, args.any(0))),
  union: fn(1, MANY, (args) => union(args)),
  shallowmerge: fn(1, 1, (args) => Object.assign({}, ...args.array(0).filter(isObject))),
}

function sortedKeys(of: JsonObject): readonly string[] {
  return Object.keys(of).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
}

function contains(args: Args): boolean {
  const container = args.any(0)
  if (typeof container === 'string') return container.includes(textOf(args.any(1)))
  if (isArray(container)) return container.some((one) => sameJson(one, args.any(1)))
  if (isObject(container)) return keyOf(container, textOf(args.any(1))) !== undefined
  return args.wrong(0, ['String', 'Array', 'Object'])
}

function created(args: Args): JsonObject {
  if (args.count % 2 === 1) args.refuse('expects an even number of parameters.')
  return Object.fromEntries(
    Array.from({ length: args.count / 2 }, (_, index) => [args.text(index * 2), args.any(index * 2 + 1)]),
  )
}

function at(args: Args, index: number): Json {
  const value = args.any(0)
  return typeof value === 'string' ? (value.at(index) ?? '') : (args.array(0).at(index) ?? null)
}

function indexOf(args: Args, which: 'first' | 'last'): number {
  const value = args.any(0)
  if (isArray(value)) {
    const isIt = (one: Json) => sameJson(one, args.any(1))
    return which === 'first' ? value.findIndex(isIt) : value.findLastIndex(isIt)
  }
  const [text, part] = [args.text(0).toLowerCase(), args.text(1).toLowerCase()]
  return which === 'first' ? text.indexOf(part) : text.lastIndexOf(part)
}

function fromEnd(args: Args): Json | undefined {
  const back = args.integer(1)
  return back < 1 ? undefined : args.array(0).at(-back)
}

function intersection(args: Args): Json {
  const [first = null, ...others] = args.values
  if (isObject(first)) {
    const shared = Object.entries(first).filter(([key, value]) =>
      others.every((other, index) => {
        const there = isObject(other) ? property(other, key) : args.wrong(index + 1, ['Object'])
        return there !== undefined && sameJson(there, value)
      }),
    )
    return Object.fromEntries(shared)
  }
  const texts = others.map((_, index) => new Set(args.array(index + 1).map(canonicalText)))
  return distinct(args.array(0).filter((one) => texts.every((set) => set.has(canonicalText(one)))))
}

function union(args: Args): Json {
  if (isObject(args.any(0))) {
    return args.values.reduce<Json>((merged, _, index) => mergedWith(merged, args.object(index)), {})
  }
  return distinct(args.values.flatMap((_, index) => args.array(index)))
}

function mergedWith(base: Json, over: JsonObject): JsonObject {
  const merged = new Map(isObject(base) ? Object.entries(base) : [])
  for (const [name, value] of Object.entries(over)) {
    const key = isObject(base) ? (keyOf(base, name) ?? name) : name
    const before = merged.get(key)
    merged.set(key, isObject(before) && isObject(value) ? mergedWith(before, value) : value)
  }
  return Object.fromEntries(merged)
}

function distinct(values: readonly Json[]): readonly Json[] {
  const first = new Map<string, Json>()
  for (const value of values) {
    const text = canonicalText(value)
    if (!first.has(text)) first.set(text, value)
  }
  return [...first.values()]
}

function length(args: Args): number {
  const value = args.any(0)
  if (typeof value === 'string' || isArray(value)) return value.length
  return isObject(value) ? Object.keys(value).length : args.wrong(0, ['String', 'Array', 'Object'])
}

function range(args: Args): readonly number[] {
  const [start, count] = [args.integer(0), args.integer(1)]
  if (count < 0 || count > 10_000) args.refuse(`expects a count between 0 and 10000, and was given ${count}.`)
  return Array.from({ length: count }, (_, index) => start + index)
}

function sliceable(args: Args): string | readonly Json[] {
  return typeof args.any(0) === 'string' ? args.text(0) : args.array(0)
}

/** One step down, or nothing where there is none: never an error. */
function step(value: Json, by: Json): Json {
  if (isObject(value) && typeof by === 'string') return property(value, by) ?? null
  return isArray(value) && typeof by === 'number' ? (value[by] ?? null) : null
}
