import { lookup } from '../../lookup.ts'
import { isArray, isObject, type Json, type JsonObject, kindOf, property, sameJson, textAt } from './json.ts'
import { TemplateViolation } from './violation.ts'

/** What the template declares of one parameter or output. */
export interface Declaration {
  readonly name: string
  /** The type in the words of the answer: `String`, `SecureString`, `Int`, … */
  readonly type: TypeName
  readonly source: JsonObject
}

export type TypeName = 'String' | 'SecureString' | 'Int' | 'Bool' | 'Object' | 'SecureObject' | 'Array' | 'Any'

const TYPES: Readonly<Record<string, TypeName>> = lookup({
  string: 'String',
  securestring: 'SecureString',
  int: 'Int',
  bool: 'Bool',
  object: 'Object',
  secureobject: 'SecureObject',
  array: 'Array',
})

const EXPECTED: Readonly<Record<TypeName, string>> = {
  String: 'String, Uri',
  SecureString: 'String, Uri',
  Int: 'Integer',
  Bool: 'Boolean',
  Object: 'Object',
  SecureObject: 'Object',
  Array: 'Array',
  Any: 'Null, Boolean, Integer, Float, String, Array, Object',
}

const HELP = 'Please see https://aka.ms/resource-manager-parameter-files for usage details.'

export function isSecure(type: string): boolean {
  return type === 'SecureString' || type === 'SecureObject'
}

/** Declarations of a section (`parameters`, `outputs`) in their order. Types named by `$ref` are looked up. */
export function declarations(section: Json | undefined, template: JsonObject, path: string): Declaration[] {
  if (section === undefined || section === null) return []
  if (!isObject(section)) throw new TemplateViolation(`The template section '${path}' must be an object.`, path)
  return Object.entries(section).map(([name, source]) => {
    if (!isObject(source))
      throw new TemplateViolation(`The declaration '${name}' must be an object.`, `${path}.${name}`)
    const declared = withDefinition(source, template)
    return { name, source: declared, type: typeOf(declared, template, `${path}.${name}`) }
  })
}

/** A declaration with what its type's definition says besides: bounds and allowed values. Its own words win. */
function withDefinition(source: JsonObject, template: JsonObject): JsonObject {
  const { type: _, metadata: __, ...more } = definitionOf(source, template) ?? {}
  return { ...more, ...source }
}

function definitionOf(source: JsonObject, template: JsonObject): JsonObject | undefined {
  const reference = textAt(source, '$ref')
  const definitions = property(template, 'definitions')
  if (reference === undefined || !isObject(definitions)) return undefined
  const found = property(definitions, reference.replace(/^#\/definitions\//, ''))
  return isObject(found) ? found : undefined
}

function typeOf(source: JsonObject, template: JsonObject, path: string): TypeName {
  const reference = textAt(source, '$ref')
  if (reference !== undefined) {
    const found = definitionOf(source, template)
    if (found === undefined) throw new TemplateViolation(`The type definition '${reference}' is not found.`, path)
    return typeOf(found, template, path)
  }
  const given = property(source, 'type')
  // Since version 2.0 of the language a declaration without a type takes anything.
  if (given === undefined && property(template, 'languageVersion') !== undefined) return 'Any'
  const type = TYPES[String(given).toLowerCase()]
  if (type !== undefined) return type
  throw new TemplateViolation(
    `The template declaration at '${path}' has no valid type: it must be one of '${Object.values(TYPES).join(', ')}'.`,
    path,
  )
}

/**
 * The values given for a deployment by name, checked against the declarations.
 *
 * A given `null` counts as not given, so that the default applies.
 */
export function givenValues(declared: readonly Declaration[], given: Json | undefined): ReadonlyMap<string, Json> {
  if (given === undefined || given === null) return requiredAreIn(declared, new Map())
  if (!isObject(given)) throw new TemplateViolation("The property 'parameters' must be an object.", 'parameters')
  const known = new Map(declared.map((one) => [one.name.toLowerCase(), one]))
  const unknown = Object.keys(given).filter((name) => !known.has(name.toLowerCase()))
  if (unknown.length > 0) throw notDeclared(unknown, declared)
  const values = new Map<string, Json>()
  for (const [name, holder] of Object.entries(given)) {
    const value = isObject(holder) ? property(holder, 'value') : undefined
    if (value !== undefined && value !== null) values.set(name.toLowerCase(), value)
  }
  return requiredAreIn(declared, values)
}

function notDeclared(unknown: readonly string[], declared: readonly Declaration[]): TemplateViolation {
  const known = declared.map((one) => one.name).join(', ')
  return new TemplateViolation(
    `The template parameters '${unknown.join(', ')}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. The only supported parameters for this template are '${known}'. ${HELP}`,
    'parameters',
  )
}

function requiredAreIn(declared: readonly Declaration[], values: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> {
  for (const { name, source } of declared) {
    const optional = property(source, 'defaultValue') !== undefined || property(source, 'nullable') === true
    if (!optional && !values.has(name.toLowerCase())) {
      throw new TemplateViolation(
        `The value for the template parameter '${name}' is not provided. ${HELP}`,
        `parameters.${name}`,
      )
    }
  }
  return values
}

/** Refuses a value that the declaration does not allow: type, allowed values, length, range. */
export function checkValue({ name, type, source }: Declaration, value: Json): void {
  if (value === null && property(source, 'nullable') === true) return
  const path = `parameters.${name}`
  const actual = kindOf(value)
  if (!EXPECTED[type].split(', ').includes(actual)) {
    throw new TemplateViolation(
      `Template parameter JToken type is not valid. Expected '${EXPECTED[type]}'. Actual '${actual}'. The parameter is '${name}'. ${HELP}`,
      path,
    )
  }
  checkAllowed(name, source, value)
  const size =
    typeof value === 'number' ? value : typeof value === 'string' || isArray(value) ? value.length : undefined
  if (size === undefined) return
  const [least, most] = typeof value === 'number' ? ['minValue', 'maxValue'] : ['minLength', 'maxLength']
  checkBound({ name, size, bound: property(source, least ?? ''), word: 'at least' })
  checkBound({ name, size, bound: property(source, most ?? ''), word: 'at most' })
}

function checkAllowed(name: string, source: JsonObject, value: Json): void {
  const allowed = property(source, 'allowedValues')
  if (!isArray(allowed)) return
  const isAllowed = (one: Json) => allowed.some((other) => sameJson(other, one) || sameText(other, one))
  // A list of allowed values on an array parameter names its members, or the whole array.
  if (isAllowed(value) || (isArray(value) && value.every(isAllowed))) return
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  throw new TemplateViolation(
    `The provided value '${shown}' for the template parameter '${name}' is not valid. The value '${shown}' is not part of the allowed value(s): '${allowed.map(String).join(',')}'.`,
    `parameters.${name}`,
  )
}

/** Allowed texts are compared whatever their case. */
function sameText(a: Json, b: Json): boolean {
  return typeof a === 'string' && typeof b === 'string' && a.toLowerCase() === b.toLowerCase()
}

function checkBound(check: {
  name: string
  size: number
  bound: Json | undefined
  word: 'at least' | 'at most'
}): void {
  const { name, size, bound, word } = check
  if (typeof bound !== 'number' || (word === 'at least' ? size >= bound : size <= bound)) return
  throw new TemplateViolation(
    `The provided value for the template parameter '${name}' is not valid. Its value or length is '${size}' and must be ${word} '${bound}'. ${HELP}`,
    `parameters.${name}`,
  )
}
