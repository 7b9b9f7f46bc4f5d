import { functionNamed } from './functions/table.ts'
import { isArray, isObject, type Json, type JsonObject, property } from './json.ts'
import { unknownFunction } from './language/evaluate.ts'
import { expressionIn, nodesOf } from './language/parse.ts'
import { isInner } from './nested.ts'
import { unknownParameter, unknownVariable, variableSources } from './template-scope.ts'
import { TemplateViolation } from './violation.ts'

interface Names {
  readonly parameters: ReadonlySet<string>
  readonly variables: ReadonlySet<string>
  readonly functions: ReadonlySet<string>
}

/** Parts of a template that say something to people and hold no expressions. */
const PROSE = new Set(['metadata', 'comments', '$schema', 'contentversion', 'definitions'])

/**
 * Reads every expression of a template without evaluating any.
 *
 * Refuses text that does not parse and names that the template does not declare, also in branches that
 * would not be taken. Templates nested with an inner scope are read by the names that they declare themselves.
 */
export function checkExpressions(template: JsonObject, root = ''): void {
  const names: Names = {
    parameters: keysOf(property(template, 'parameters')),
    variables: new Set(variableSources(property(template, 'variables')).keys()),
    functions: ownFunctions(property(template, 'functions')),
  }
  for (const section of ['parameters', 'variables', 'resources', 'outputs']) {
    walk(property(template, section) ?? null, `${root}${section}`, names)
  }
}

function walk(value: Json, path: string, names: Names): void {
  if (typeof value === 'string') checkText(value, path, names)
  else if (isArray(value)) for (const [index, one] of value.entries()) walk(one, `${path}[${index}]`, names)
  else if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) {
      if (PROSE.has(key.toLowerCase())) continue
      if (key.toLowerCase() === 'template' && isInner(value) && isObject(one)) checkExpressions(one, `${path}.${key}.`)
      else {
        checkText(key, path, names)
        walk(one, `${path}.${key}`, names)
      }
    }
  }
}

function checkText(text: string, path: string, names: Names): void {
  try {
    const node = expressionIn(text)
    if (node === undefined) return
    for (const one of nodesOf(node)) {
      if (one.is !== 'call') continue
      const lower = one.name.toLowerCase()
      const [first] = one.args
      const literal = first?.is === 'text' ? first.value : undefined
      if (lower === 'parameters' && literal !== undefined && !names.parameters.has(literal.toLowerCase()))
        throw unknownParameter(literal)
      if (lower === 'variables' && literal !== undefined && !names.variables.has(literal.toLowerCase()))
        throw unknownVariable(literal)
      if (functionNamed(lower) === undefined && !names.functions.has(lower)) throw unknownFunction(one.name)
    }
  } catch (thrown) {
    throw thrown instanceof TemplateViolation ? thrown.at(path) : thrown
  }
}

function keysOf(section: Json | undefined): ReadonlySet<string> {
  return new Set(isObject(section) ? Object.keys(section).map((key) => key.toLowerCase()) : [])
}

function ownFunctions(section: Json | undefined): ReadonlySet<string> {
  const spaces = isArray(section) ? section.filter(isObject) : []
  return new Set(
    spaces.flatMap((space) =>
      [...keysOf(property(space, 'members'))].map((name) =>
        `${String(property(space, 'namespace'))}.${name}`.toLowerCase(),
      ),
    ),
  )
}
