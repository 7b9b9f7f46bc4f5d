import { isArray, isObject, type Json, sameJson } from '../json.ts'
import { TemplateViolation } from '../violation.ts'
import { type Args, type Evaluate, type FunctionTable, fn } from './args.ts'

/** Logic and comparison. Only the branch that counts is evaluated. */
export const logicFunctions: FunctionTable = {
  true: fn(0, 0, () => true),
  false: fn(0, 0, () => false),
  null: fn(0, 0, () => null),
  not: fn(1, 1, (args) => !args.boolean(0)),
  equals: fn(2, 2, (args) => sameJson(args.any(0), args.any(1))),
  less: fn(2, 2, (args) => compared(args) < 0),
  lessorequals: fn(2, 2, (args) => compared(args) <= 0),
  greater: fn(2, 2, (args) => compared(args) > 0),
  greaterorequals: fn(2, 2, (args) => compared(args) >= 0),
  bool: fn(1, 1, (args) => truth(args)),
  if: {
    least: 3,
    most: 3,
    form: ([condition, yes, no], scope, evaluate) => {
      const chosen = truthOf(condition === undefined ? null : evaluate(condition, scope), 'if') ? yes : no
      return chosen === undefined ? null : evaluate(chosen, scope)
    },
  },
  and: {
    least: 2,
    most: Number.POSITIVE_INFINITY,
    form: (args, scope, evaluate) => args.every((arg) => truthOf(evaluate(arg, scope), 'and')),
  },
  or: {
    least: 2,
    most: Number.POSITIVE_INFINITY,
    form: (args, scope, evaluate) => args.some((arg) => truthOf(evaluate(arg, scope), 'or')),
  },
  coalesce: {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    form: (args, scope, evaluate) => firstPresent(args, (arg) => evaluate(arg, scope)),
  },
}

function firstPresent(
  args: readonly Parameters<Evaluate>[0][],
  evaluate: (node: Parameters<Evaluate>[0]) => Json,
): Json {
  for (const arg of args) {
    const value = evaluate(arg)
    if (value !== null) return value
  }
  return null
}

function truthOf(value: Json, name: string): boolean {
  if (typeof value === 'boolean') return value
  throw new TemplateViolation(
    `The template language function '${name}' expects its parameter to be a boolean. Please see https://aka.ms/arm-functions for usage details.`,
  )
}

/** Two integers or two texts. Text is ordered by code point. */
function compared(args: Args): number {
  const [a, b] = [args.any(0), args.any(1)]
  if (typeof a === 'string') return order(a, args.text(1))
  if (typeof a === 'number' && typeof b === 'number') return order(a, b)
  return args.wrong(typeof a === 'number' ? 1 : 0, ['Integer', 'String'])
}

function order<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function truth(args: Args): boolean {
  const value = args.any(0)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string' && /^(true|1)$/i.test(value)) return true
  if (typeof value === 'string' && /^(false|0)$/i.test(value)) return false
  return isArray(value) || isObject(value)
    ? args.wrong(0, ['Boolean', 'Integer', 'String'])
    : args.refuse(`cannot convert '${String(value)}' to a boolean.`)
}
