import { isArray, isObject, type Json, type JsonObject, property, textAt } from './json.ts'
import { Allowance } from './language/allowance.ts'
import { noAnswer, type Place, type Scope, type UserFunction } from './language/scope.ts'
import { evaluateTree, repeated } from './language/tree.ts'
import { checkValue, type Declaration, declarations, givenValues } from './parameters.ts'
import { TemplateViolation } from './violation.ts'

/** A template with the values that it is deployed with. */
export interface OpenTemplate {
  readonly template: JsonObject
  readonly parameters: readonly Declaration[]
  /** Scope of resources and outputs, in which no live resource answers yet. */
  readonly scope: Scope
}

export interface Opening {
  readonly template: JsonObject
  /** The `parameters` of the request: values by name, each in an object with `value`. */
  readonly given: Json | undefined
  readonly place: Place
  readonly now: () => number
}

/** Binds the parameters of a template, evaluates each of them once, and opens its variables and functions. */
export function openTemplate({ template, given, place, now }: Opening): OpenTemplate {
  const parameters = declarations(property(template, 'parameters'), template, 'parameters')
  const values = givenValues(parameters, given)
  const functions = userFunctions(property(template, 'functions'))
  const common = {
    userFunction: (name: string) => functions.get(name.toLowerCase()),
    resourceInfo: (name: string): JsonObject => {
      throw new TemplateViolation(`The template resource '${name}' is not found.`)
    },
    answer: noAnswer,
    place,
    allowance: new Allowance(),
    copies: new Map(),
    locals: new Map(),
  }
  const defaults: Scope = {
    ...common,
    now,
    parameter: (name) => parameter(name),
    variable: (name) => {
      throw new TemplateViolation(
        `The template variable '${name}' cannot be used in the default value of a parameter. Please see https://aka.ms/arm-template/#parameters for usage details.`,
      )
    },
  }
  const byName = new Map(parameters.map((one) => [one.name.toLowerCase(), one]))
  const parameter = once('parameter', (name) => {
    const declaration = byName.get(name.toLowerCase())
    if (declaration === undefined) throw unknownParameter(name)
    return bound(declaration, values, defaults)
  })
  const scope: Scope = { ...common, now: undefined, parameter, variable: (name) => variable(name) }
  const variable = variablesOf(property(template, 'variables'), scope)
  for (const { name } of parameters) parameter(name)
  return { template, parameters, scope }
}

function bound(declaration: Declaration, values: ReadonlyMap<string, Json>, defaults: Scope): Json {
  const given = values.get(declaration.name.toLowerCase())
  const path = `parameters.${declaration.name}.defaultValue`
  const value =
    given ?? evaluateTree(property(declaration.source, 'defaultValue') ?? null, defaults, { path, loops: false })
  checkValue(declaration, value)
  return value
}

type VariableSource = { readonly value: Json } | { readonly loop: JsonObject }

/** The variables of a template by name in lower case, with those that loops make. */
export function variableSources(section: Json | undefined): ReadonlyMap<string, VariableSource> {
  if (!isObject(section)) return new Map()
  const entries = Object.entries(section).flatMap(([name, value]): [string, VariableSource][] => {
    if (name.toLowerCase() !== 'copy' || !isArray(value)) return [[name.toLowerCase(), { value }]]
    return value.filter(isObject).map((loop) => [String(loop['name']).toLowerCase(), { loop }])
  })
  return new Map(entries)
}

function variablesOf(section: Json | undefined, scope: Scope): (name: string) => Json {
  const sources = variableSources(section)
  return once('variable', (name) => {
    const source = sources.get(name.toLowerCase())
    if (source === undefined) throw unknownVariable(name)
    const options = { path: `variables.${name}`, loops: true }
    return 'loop' in source
      ? repeated({ ...source.loop, name }, scope, options)
      : evaluateTree(source.value, scope, options)
  })
}

/** Evaluates each name once, and refuses names that need themselves. */
function once(kind: 'parameter' | 'variable', work: (name: string) => Json): (name: string) => Json {
  const known = new Map<string, Json>()
  const underWay = new Set<string>()
  return (name) => {
    const key = name.toLowerCase()
    const value = known.get(key)
    if (value !== undefined) return value
    if (underWay.has(key)) throw new TemplateViolation(`The template ${kind} '${name}' refers to itself.`)
    underWay.add(key)
    try {
      const made = work(name)
      known.set(key, made)
      return made
    } finally {
      underWay.delete(key)
    }
  }
}

/** Functions of the template's own, by `namespace.name` in lower case. */
function userFunctions(section: Json | undefined): ReadonlyMap<string, UserFunction> {
  const found = new Map<string, UserFunction>()
  for (const space of isArray(section) ? section.filter(isObject) : []) {
    const members = property(space, 'members')
    for (const [name, member] of Object.entries(isObject(members) ? members : {})) {
      found.set(`${textAt(space, 'namespace')}.${name}`.toLowerCase(), userFunction(member))
    }
  }
  return found
}

function userFunction(member: Json): UserFunction {
  const parameters = isObject(member) ? property(member, 'parameters') : undefined
  const output = isObject(member) ? property(member, 'output') : undefined
  return {
    parameters: isArray(parameters) ? parameters.filter(isObject).map((one) => textAt(one, 'name') ?? '') : [],
    output: (isObject(output) ? property(output, 'value') : undefined) ?? null,
  }
}

export function unknownParameter(name: string): TemplateViolation {
  return new TemplateViolation(
    `The template parameter '${name}' is not found. Please see https://aka.ms/arm-template/#parameters for usage details.`,
  )
}

export function unknownVariable(name: string): TemplateViolation {
  return new TemplateViolation(
    `The template variable '${name}' is not found. Please see https://aka.ms/arm-template/#variables for usage details.`,
  )
}
