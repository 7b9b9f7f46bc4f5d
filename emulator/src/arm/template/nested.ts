import { isArray, isObject, type Json, type JsonObject, property, textAt } from './json.ts'
import { evaluateText } from './language/evaluate.ts'
import { escaped, expressionIn, nodesOf } from './language/parse.ts'
import type { Link, Pending, Scope } from './language/scope.ts'
import { evaluateTree, type TreeOptions } from './language/tree.ts'
import { type Declared, NESTED_TYPE } from './resources.ts'
import { TemplateViolation } from './violation.ts'

/** Whether these properties of a nested deployment keep the expressions of its template to that deployment. */
export function isInner(properties: JsonObject): boolean {
  const options = property(properties, 'expressionEvaluationOptions')
  return isObject(options) && String(property(options, 'scope')).toLowerCase() === 'inner'
}

/** Fields of a declared resource that are addressed to the template engine and not to the provider. */
const ENGINE_FIELDS = new Set(
  'type name apiversion apiprofile condition dependson copy scope resources comments metadata existing'.split(' '),
)
const NESTED_FIELDS = new Set([...ENGINE_FIELDS, 'resourcegroup', 'subscriptionid'])

/** The part of a declared resource that is sent to its provider, before evaluation. */
export function ownFields({ source, type }: Declared): JsonObject {
  const left = type.toLowerCase() === NESTED_TYPE ? NESTED_FIELDS : ENGINE_FIELDS
  return Object.fromEntries(Object.entries(source).filter(([key]) => !left.has(key.toLowerCase())))
}

/**
 * The body of the request that deploys a resource.
 *
 * @param waiting stands in for what only a live resource knows; without it Pending is thrown
 */
export function bodyOf(
  resource: Declared,
  scope: Scope,
  waiting?: (pending: Pending, text: string) => Json,
): JsonObject {
  const options = { path: resource.path, loops: true, ...(waiting === undefined ? {} : { waiting }) }
  const fields = ownFields(resource)
  if (resource.type.toLowerCase() !== NESTED_TYPE) return object(evaluateTree(fields, scope, options))
  const { properties = {}, ...others } = fields
  const { template, ...rest } = object(properties)
  if (template === undefined) return placed(object(evaluateTree(fields, scope, options)), scope)
  const around = object(evaluateTree({ ...others, properties: rest }, scope, options))
  const carried = isInner(object(properties)) ? template : outerTemplate(template, scope, options)
  return { ...around, properties: { ...object(around['properties'] ?? {}), template: carried } }
}

/** A nested deployment whose template or parameters are named relative to the template around it, with whole addresses. */
function placed(body: JsonObject, { place }: Scope): JsonObject {
  const properties = object(property(body, 'properties') ?? null)
  const links = ['templateLink', 'parametersLink'].flatMap((name): [string, Json][] => {
    const named = property(properties, name)
    const path = isObject(named) ? textAt(named, 'relativePath') : undefined
    if (!isObject(named) || path === undefined || place.link === undefined) return []
    if (!URL.canParse(path, place.link.uri)) return []
    const { relativePath: _, ...others } = named
    return [[name, { ...others, ...besides(place.link, path) }]]
  })
  return links.length === 0 ? body : { ...body, properties: { ...properties, ...Object.fromEntries(links) } }
}

/** What lies beside a link, opened by the same signature. */
function besides({ uri, queryString }: Link, path: string): JsonObject {
  const base = new URL(uri)
  const query = queryString ?? base.search.slice(1)
  base.search = ''
  return { uri: new URL(path, base).href, ...(query === '' ? {} : { queryString: query }) }
}

/** What of a nested deployment's template the template around it evaluates: nothing of an inner one. */
export function outerExpressions(resource: Declared): Json {
  const fields = ownFields(resource)
  const properties = fields['properties']
  if (resource.type.toLowerCase() !== NESTED_TYPE || !isObject(properties) || !isInner(properties)) return fields
  const { template: _, ...rest } = properties
  return { ...fields, properties: rest }
}

/**
 * A nested template whose expressions belong to the template around it, with those replaced by their values.
 *
 * Values that would read as expressions are escaped, because the nested deployment evaluates once more.
 */
function outerTemplate(template: Json, scope: Scope, options: TreeOptions): Json {
  const instead = (text: string, inside: Scope): Json | undefined => {
    const node = expressionIn(text)
    if (node === undefined) return text
    if (isOfInnerLoop(text, inside)) return text
    return escapedIn(evaluateText(text, inside))
  }
  return evaluateTree(template, scope, {
    ...options,
    path: `${options.path}.properties.template`,
    loops: false,
    instead,
  })
}

/** Positions in a loop that the nested template itself declares are known only there. */
function isOfInnerLoop(text: string, scope: Scope): boolean {
  const node = expressionIn(text)
  if (node === undefined) return false
  return [...nodesOf(node)].some((one) => {
    if (one.is !== 'call' || one.name.toLowerCase() !== 'copyindex') return false
    const [first] = one.args
    return !scope.copies.has(first?.is === 'text' ? first.value.toLowerCase() : '')
  })
}

function escapedIn(value: Json): Json {
  if (typeof value === 'string') return escaped(value)
  if (isArray(value)) return value.map(escapedIn)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [escaped(key), escapedIn(one)]))
}

/** Only the outermost deployment may be Complete, as the reference of deployment modes says. */
export function refuseNestedMode({ source, type, name, path }: Declared): void {
  if (type.toLowerCase() !== NESTED_TYPE) return
  const mode = property(object(property(source, 'properties') ?? null), 'mode')
  if (typeof mode !== 'string' || mode.toLowerCase() !== 'complete') return
  throw new TemplateViolation(
    `The nested deployment '${name}' has the mode 'Complete': nested deployments must have the mode 'Incremental'. Please see https://aka.ms/arm-deployment-modes for usage details.`,
    `${path}.properties.mode`,
  )
}

function object(value: Json): JsonObject {
  return isObject(value) ? value : {}
}
