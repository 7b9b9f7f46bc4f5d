import { createHash } from 'node:crypto'
import { invalid, objectOr, type Values } from '../fields.ts'

type Numbers = readonly [number, number, ...number[]]

/** How one parameter is drawn. */
export type Expression =
  | { readonly is: 'choice'; readonly values: readonly unknown[] }
  | { readonly is: 'randint'; readonly upper: number }
  | { readonly is: 'uniform' | 'loguniform' | 'normal' | 'lognormal'; readonly of: Numbers; readonly step?: number }

/** The parameters of a sweep and how each is drawn. */
export type Space = Readonly<Record<string, Expression>>

/** Values of the parameters for one trial. */
export type Point = Readonly<Record<string, unknown>>

/** Gives the next number of a row, at least 0 and below 1. */
export type Random = () => number

/** Reads a search space as ARM has it: `{lr: ['uniform', [0.01, 0.1]], layers: ['choice', [[1, 2]]]}`. */
export function parseSpace(raw: Values): Space {
  const names = Object.keys(raw)
  if (names.length === 0) throw invalid("The field 'properties.searchSpace' is required.")
  return Object.fromEntries(names.map((name) => [name, expressionOf(name, raw[name])]))
}

/** One value for each parameter. A choice of objects gives the parameters of the object that was chosen. */
export function draw(space: Space, random: Random): Point {
  const point: Record<string, unknown> = {}
  for (const [name, expression] of Object.entries(space)) {
    if (expression.is === 'choice') {
      const chosen = expression.values[Math.floor(random() * expression.values.length)]
      Object.assign(point, spread(name, chosen, random))
    } else point[name] = numberOf(expression, random)
  }
  return point
}

/** Every combination, in order; a refusal where a parameter is not a choice. */
export function gridOf(space: Space): Point[] {
  let points: Point[] = [{}]
  for (const [name, expression] of Object.entries(space)) {
    if (expression.is !== 'choice') {
      throw invalid(`Grid sampling takes parameters of the form choice; '${name}' is ${expression.is}.`)
    }
    const never = () => 0
    points = points.flatMap((point) => expression.values.map((value) => ({ ...point, ...spread(name, value, never) })))
  }
  return points
}

/** A row of numbers that is the same whenever the seed is. */
export function seeded(seed: string): Random {
  let n = 0
  return () => createHash('sha256').update(`${seed}/${n++}`).digest().readUIntBE(0, 6) / 2 ** 48
}

function spread(name: string, value: unknown, random: Random): Point {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [name]: value }
  const point: Record<string, unknown> = {}
  for (const [inner, held] of Object.entries(value)) {
    if (isExpression(held)) Object.assign(point, draw({ [inner]: expressionOf(inner, held) }, random))
    else point[inner] = held
  }
  return point
}

function isExpression(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && Array.isArray(value[1])
}

function expressionOf(name: string, raw: unknown): Expression {
  if (!isExpression(raw)) throw invalid(`The parameter '${name}' of the search space is no expression.`)
  const [word, args] = raw as [string, readonly unknown[]]
  const kind = word.toLowerCase()
  if (kind === 'choice') {
    const values = Array.isArray(args[0]) ? args[0] : args
    if (values.length === 0) throw invalid(`The parameter '${name}' of the search space has no values to choose from.`)
    return { is: 'choice', values }
  }
  const numbers = args.flat().map(Number)
  if (numbers.some(Number.isNaN)) throw invalid(`The parameter '${name}' of the search space holds what is no number.`)
  const [first, second, step] = numbers
  if (kind === 'randint' && first !== undefined) return { is: 'randint', upper: first }
  const plain = kind.replace(/^q/, '')
  if (first !== undefined && second !== undefined && isDistribution(plain)) {
    return { is: plain, of: [first, second], ...(kind === plain || !step ? {} : { step }) }
  }
  throw invalid(
    `The parameter '${name}' of the search space is '${word}', which is not known with ${args.length} arguments.`,
  )
}

function isDistribution(word: string): word is 'uniform' | 'loguniform' | 'normal' | 'lognormal' {
  return ['uniform', 'loguniform', 'normal', 'lognormal'].includes(word)
}

/** As the vendor's page on sweeps defines them: `loguniform(a, b)` is `exp(uniform(a, b))`, the `q` forms round to a multiple. */
function numberOf(expression: Exclude<Expression, { is: 'choice' }>, random: Random): number {
  if (expression.is === 'randint') return Math.floor(random() * expression.upper)
  const [a, b] = expression.of
  const normal = () => a + b * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const uniform = () => a + (b - a) * random()
  const drawn = {
    uniform,
    normal,
    loguniform: () => Math.exp(uniform()),
    lognormal: () => Math.exp(normal()),
  }[expression.is]()
  return expression.step === undefined ? drawn : Math.round(drawn / expression.step) * expression.step
}

/** A search space as nodes of pipelines have it, `{lr: {type: 'uniform', min_value, max_value}}`, in ARM's form. */
export function spaceOfNode(fields: Values): Values {
  return Object.fromEntries(Object.entries(objectOr(fields['search_space'])).map(([name, raw]) => [name, arrayOf(raw)]))
}

function arrayOf(raw: unknown): unknown {
  if (Array.isArray(raw)) return raw
  const { type, values, upper, min_value, max_value, mu, sigma, q } = objectOr(raw)
  if (type === 'choice') return [type, [Array.isArray(values) ? values.map(nested) : []]]
  if (type === 'randint') return [type, [upper]]
  return [type, [min_value ?? mu, max_value ?? sigma, ...(q === undefined ? [] : [q])]]
}

function nested(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [name, 'type' in objectOr(held) ? arrayOf(held) : held]),
  )
}
