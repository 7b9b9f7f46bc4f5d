import { isArray, isObject, type Json, sameJson } from '../json.ts'
import type { Node } from '../language/parse.ts'
import type { Scope } from '../language/scope.ts'
import { TemplateViolation } from '../violation.ts'
import { type Evaluate, type FunctionTable, fn, type TemplateFunction } from './args.ts'

type Call = (...values: readonly Json[]) => Json

/** Functions that take a lambda, and those that stand inside one. */
export const lambdaFunctions: FunctionTable = {
  lambda: fn(1, Number.POSITIVE_INFINITY, (args) =>
    args.refuse('may only be given to a function that takes a lambda.'),
  ),
  lambdavariables: fn(1, 1, (args, scope) => {
    const value = scope.locals.get(args.text(0).toLowerCase())
    return value === undefined ? args.refuse(`has no variable '${args.text(0)}' here.`) : value
  }),
  map: over((items, call) => items.map((item, index) => call(item, index))),
  filter: over((items, call) => items.filter((item, index) => truth(call(item, index)))),
  sort: over((items, call) => [...items].sort((a, b) => (truth(call(a, b)) ? -1 : truth(call(b, a)) ? 1 : 0))),
  reduce: {
    least: 3,
    most: 3,
    form: ([items, start, body], scope, evaluate) => {
      const call = lambda(body, scope, evaluate)
      return list(items, scope, evaluate).reduce<Json>(
        (result, item, index) => call(result, item, index),
        start === undefined ? null : evaluate(start, scope),
      )
    },
  },
  groupby: over((items, call) => Object.fromEntries(Map.groupBy(items, (item) => String(call(item))))),
  mapvalues: {
    least: 2,
    most: 2,
    form: ([items, body], scope, evaluate) => {
      const value = items === undefined ? null : evaluate(items, scope)
      const call = lambda(body, scope, evaluate)
      return Object.fromEntries(Object.entries(isObject(value) ? value : {}).map(([key, one]) => [key, call(one)]))
    },
  },
  toobject: {
    least: 2,
    most: 3,
    form: ([items, keys, values], scope, evaluate) => {
      const key = lambda(keys, scope, evaluate)
      const value: Call = values === undefined ? (item = null) => item : lambda(values, scope, evaluate)
      return Object.fromEntries(list(items, scope, evaluate).map((item) => [String(key(item)), value(item)]))
    },
  },
}

function over(work: (items: readonly Json[], call: Call) => Json): TemplateFunction {
  return {
    least: 2,
    most: 2,
    form: ([items, body], scope, evaluate) => work(list(items, scope, evaluate), lambda(body, scope, evaluate)),
  }
}

function list(node: Node | undefined, scope: Scope, evaluate: Evaluate): readonly Json[] {
  const value = node === undefined ? null : evaluate(node, scope)
  if (isArray(value)) return value
  throw new TemplateViolation(
    'The template language function that takes a lambda expects its parameter 1 to be an array.',
  )
}

/** The lambda as a function. Values beyond the variables it names are left out. */
function lambda(node: Node | undefined, scope: Scope, evaluate: Evaluate): Call {
  if (node?.is !== 'call' || node.name.toLowerCase() !== 'lambda') {
    throw new TemplateViolation("The template language expects the function 'lambda' at this location.")
  }
  const names = node.args.slice(0, -1).map((arg) => String(evaluate(arg, scope)).toLowerCase())
  const body = node.args.at(-1)
  return (...values) => {
    const locals = new Map([...scope.locals, ...names.map((name, index) => [name, values[index] ?? null] as const)])
    return body === undefined ? null : evaluate(body, { ...scope, locals })
  }
}

function truth(value: Json): boolean {
  return sameJson(value, true)
}
