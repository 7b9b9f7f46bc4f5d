import { isArray, type Json } from '../json.ts'
import { type Args, type FunctionTable, fn } from './args.ts'

/** Arithmetic on integers. */
export const numberFunctions: FunctionTable = {
  add: fn(2, 2, (args) => args.integer(0) + args.integer(1)),
  sub: fn(2, 2, (args) => args.integer(0) - args.integer(1)),
  mul: fn(2, 2, (args) => whole(args.integer(0) * args.integer(1))),
  div: fn(2, 2, (args) => whole(Math.trunc(args.integer(0) / divisor(args)))),
  mod: fn(2, 2, (args) => whole(args.integer(0) % divisor(args))),
  min: fn(1, Number.POSITIVE_INFINITY, (args) => Math.min(...numbers(args))),
  max: fn(1, Number.POSITIVE_INFINITY, (args) => Math.max(...numbers(args))),
  int: fn(1, 1, (args) => integerFrom(args)),
  float: fn(1, 1, (args) => floatFrom(args)),
}

function divisor(args: Args): number {
  const value = args.integer(1)
  return value === 0 ? args.refuse('cannot divide by zero.') : value
}

/** Without the negative zero that JavaScript knows and JSON does not. */
function whole(value: number): number {
  return value === 0 ? 0 : value
}

function numbers(args: Args): readonly number[] {
  const first = args.any(0)
  const values: readonly Json[] = args.count === 1 && isArray(first) ? first : args.values
  if (values.length === 0) args.refuse('expects at least one integer.')
  return values.map((value, index) =>
    typeof value === 'number' && Number.isInteger(value) ? value : args.wrong(index, ['Integer']),
  )
}

function integerFrom(args: Args): number {
  const value = args.any(0)
  if (typeof value === 'number') return Math.trunc(value)
  const text = args.text(0).trim()
  return /^[-+]?\d+$/.test(text) ? Number(text) : args.refuse(`cannot convert '${text}' to an integer.`)
}

function floatFrom(args: Args): number {
  const value = args.any(0)
  if (typeof value === 'number') return value
  const number = Number(args.text(0))
  return Number.isFinite(number) ? number : args.refuse(`cannot convert '${args.text(0)}' to a number.`)
}
