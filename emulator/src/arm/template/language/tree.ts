import { isArray, isObject, type Json, type JsonObject, textAt } from '../json.ts'
import { TemplateViolation } from '../violation.ts'
import { evaluateText } from './evaluate.ts'
import { Pending, type Scope } from './scope.ts'

/** How a whole value of a template is evaluated. */
export interface TreeOptions {
  /** Where the value stands, for messages: `resources[0].properties`. */
  readonly path: string
  /** Whether `copy` arrays in objects are loops over properties. Off for values that a later evaluation expands. */
  readonly loops: boolean
  /** Stands in for a value that waits for a live resource; `text` is its expression. Without it, Pending is thrown on. */
  readonly waiting?: (pending: Pending, text: string) => Json
  /** Takes a text out of the ordinary evaluation by returning its value. */
  readonly instead?: (text: string, scope: Scope) => Json | undefined
}

/** Loops over properties may not be longer; the limit is Azure's. */
const MOST_COPIES = 800

/** A value with every expression in it replaced, in names of properties too. */
export function evaluateTree(value: Json, scope: Scope, options: TreeOptions): Json {
  scope.allowance.spend()
  if (typeof value === 'string') return evaluateLeaf(value, scope, options)
  if (isArray(value)) {
    return value.map((one, index) => evaluateTree(one, scope, { ...options, path: `${options.path}[${index}]` }))
  }
  return isObject(value) ? evaluateObject(value, scope, options) : value
}

function evaluateObject(value: JsonObject, scope: Scope, options: TreeOptions): JsonObject {
  const entries: [string, Json][] = []
  for (const [key, one] of Object.entries(value)) {
    const inside = { ...options, path: `${options.path}.${key}` }
    if (options.loops && key.toLowerCase() === 'copy' && isLoops(one)) {
      entries.push(...one.map((loop) => expanded(loop, scope, inside)))
    } else entries.push([keyFrom(key, scope, inside), evaluateTree(one, scope, inside)])
  }
  return Object.fromEntries(entries)
}

function keyFrom(key: string, scope: Scope, options: TreeOptions): string {
  const value = evaluateLeaf(key, scope, options)
  if (typeof value === 'string') return value
  if (value === null && options.waiting !== undefined) return key
  throw new TemplateViolation(`The property name '${key}' does not evaluate to a string.`, options.path)
}

function evaluateLeaf(text: string, scope: Scope, options: TreeOptions): Json {
  try {
    const own = options.instead?.(text, scope)
    return own === undefined ? evaluateText(text, scope) : own
  } catch (thrown) {
    if (thrown instanceof Pending && options.waiting !== undefined) return options.waiting(thrown, text)
    throw thrown instanceof TemplateViolation ? thrown.at(options.path) : thrown
  }
}

/** Loops over properties are an array; the loop of a resource is an object and is none of these. */
function isLoops(value: Json): value is readonly JsonObject[] {
  return isArray(value) && value.every((one) => isObject(one) && 'input' in one && 'count' in one)
}

function expanded(loop: JsonObject, scope: Scope, options: TreeOptions): [string, Json] {
  const name = textAt(loop, 'name')
  if (name === undefined) throw new TemplateViolation("The copy loop has no property 'name'.", options.path)
  return [name, repeated({ ...loop, name }, scope, options)]
}

/** The array that a loop `{ name, count, input }` makes. */
export function repeated(loop: JsonObject & { name: string }, scope: Scope, options: TreeOptions): readonly Json[] {
  const count = copyCount(loop['count'] ?? null, scope, `${options.path}.count`)
  return Array.from({ length: count }, (_, index) =>
    evaluateTree(loop['input'] ?? null, inLoop(scope, loop.name, index), { ...options, path: `${options.path}.input` }),
  )
}

/** The count of a loop, evaluated and checked. */
export function copyCount(count: Json, scope: Scope, path: string): number {
  const value = evaluateTree(count, scope, { path, loops: false })
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_COPIES) return value
  throw new TemplateViolation(
    `The copy count must be an integer between 0 and ${MOST_COPIES}, and is '${String(value)}'. Please see https://aka.ms/arm-resource-loops for usage details.`,
    path,
  )
}

/** The scope inside one pass of a loop. `''` names the loop of the resource itself. */
export function inLoop(scope: Scope, name: string, index: number): Scope {
  return { ...scope, copies: new Map([...scope.copies, [name.toLowerCase(), index]]) }
}
