import { Args } from '../functions/args.ts'
import { functionNamed } from '../functions/table.ts'
import { isArray, isObject, type Json, type JsonObject, keyOf, kindOf, property } from '../json.ts'
import { TemplateViolation } from '../violation.ts'
import { expressionIn, type Node, plain } from './parse.ts'
import type { Scope } from './scope.ts'

/** The value of a parsed expression. Throws a TemplateViolation, or Pending where a live resource must be asked. */
export function evaluate(node: Node, scope: Scope): Json {
  return scope.allowance.evaluating(() => made(node, scope))
}

function made(node: Node, scope: Scope): Json {
  switch (node.is) {
    case 'text':
    case 'number':
      return node.value
    case 'property':
      return member(evaluate(node.of, scope), node.name)
    case 'index':
      return member(evaluate(node.of, scope), evaluate(node.by, scope))
    case 'call':
      return called(node, scope)
    default:
      return node satisfies never
  }
}

/** The value of one string of a template: of the expression it holds, or the plain text. */
export function evaluateText(text: string, scope: Scope): Json {
  const node = expressionIn(text)
  return node === undefined ? plain(text) : evaluate(node, scope)
}

function called(node: Node & { is: 'call' }, scope: Scope): Json {
  const { name, args } = node
  if (name.includes('.')) return calledOwn(node, scope)
  const known = functionNamed(name)
  if (known === undefined) throw unknownFunction(name)
  if (args.length < known.least || args.length > known.most) throw wrongCount(name, args.length, known)
  if ('form' in known) return scope.allowance.weighed(known.form(args, scope, evaluate))
  const values = args.map((arg) => scope.allowance.weighed(evaluate(arg, scope)))
  return scope.allowance.weighed(ran(new Args(name, values), () => known.run(new Args(name, values), scope)))
}

/** What a built-in makes; the engine's own refusal of a text that is too long, or of a date that is none, is the call's. */
function ran(args: Args, run: () => Json): Json {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof URIError) {
      return args.refuse(`cannot make its result: ${thrown.message}.`)
    }
    throw thrown
  }
}

/** A function that the template defines itself: it sees its arguments and nothing else of the template. */
function calledOwn({ name, args }: Node & { is: 'call' }, scope: Scope): Json {
  const own = scope.userFunction(name)
  if (own === undefined) throw unknownFunction(name)
  const { length } = own.parameters
  if (args.length !== length) throw wrongCount(name, args.length, { least: length, most: length })
  const values = new Map(own.parameters.map((parameter, at) => [parameter.toLowerCase(), valueAt(args, at, scope)]))
  const inner: Scope = {
    ...scope,
    parameter: (parameter) => values.get(parameter.toLowerCase()) ?? null,
    variable: (variable) => {
      throw new TemplateViolation(`The template function '${name}' cannot access the variable '${variable}'.`)
    },
    copies: new Map(),
    locals: new Map(),
  }
  return evaluateDeep(own.output, inner)
}

function evaluateDeep(value: Json, scope: Scope): Json {
  if (typeof value === 'string') return evaluateText(value, scope)
  if (isArray(value)) return value.map((one) => evaluateDeep(one, scope))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, evaluateDeep(one, scope)]))
}

function valueAt(args: readonly Node[], at: number, scope: Scope): Json {
  const arg = args[at]
  return arg === undefined ? null : evaluate(arg, scope)
}

function member(of: Json, by: Json): Json {
  // A property may be there and hold null.
  if (isObject(of) && typeof by === 'string')
    return keyOf(of, by) === undefined ? absent(of, by) : (property(of, by) ?? null)
  if (isArray(of) && typeof by === 'number') {
    if (by >= 0 && by < of.length) return of[by] ?? null
    throw new TemplateViolation(
      `The language expression property array index '${by}' is out of bounds. Please see https://aka.ms/arm-template-expressions for usage details.`,
    )
  }
  throw new TemplateViolation(
    `The language expression property '${String(by)}' can't be evaluated: its container is of type '${kindOf(of)}'. Please see https://aka.ms/arm-template-expressions for usage details.`,
  )
}

function absent(of: JsonObject, name: string): never {
  throw new TemplateViolation(
    `The language expression property '${name}' doesn't exist, available properties are '${Object.keys(of).join(', ')}'.`,
  )
}

/** For a name that no function has. */
export function unknownFunction(name: string): TemplateViolation {
  return new TemplateViolation(
    `The template function '${name}' is not valid. Please see https://aka.ms/arm-template-expressions for usage details.`,
  )
}

function wrongCount(name: string, given: number, { least, most }: { least: number; most: number }): TemplateViolation {
  const expected =
    least === most
      ? `'${least}'`
      : most === Number.POSITIVE_INFINITY
        ? `at least '${least}'`
        : `'${least}' to '${most}'`
  return new TemplateViolation(
    `The template language function '${name}' expects ${expected} argument(s). The function was invoked with '${given}' parameters.`,
  )
}
