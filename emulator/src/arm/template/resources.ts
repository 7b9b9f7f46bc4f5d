import { withoutLastSlashes } from '../../slashes.ts'
import { isArray, isObject, type Json, type JsonObject, keyOf, property, textAt } from './json.ts'
import type { Scope } from './language/scope.ts'
import { copyCount, evaluateTree, inLoop } from './language/tree.ts'
import { resourceIdAt, subscriptionOf } from './resource-ids.ts'
import { TemplateViolation } from './violation.ts'

/** Position of a resource in a loop over resources. */
export interface Loop {
  readonly name: string
  readonly index: number
  /** How many are deployed at a time; `undefined` where all may be. */
  readonly batchSize: number | undefined
}

/** One resource that a template declares: one for each pass of a loop. */
export interface Declared {
  /** Its name in a template whose resources are an object, or `undefined`. */
  readonly symbol: string | undefined
  readonly id: string
  readonly type: string
  /** Whole name, with the names of what it stands under. */
  readonly name: string
  readonly apiVersion: string
  /** Where it stands in the template. */
  readonly path: string
  readonly source: JsonObject
  readonly scope: Scope
  /** False: it is not deployed, and nothing waits for it. */
  readonly condition: boolean
  /** It is only read. */
  readonly existing: boolean
  readonly loop: Loop | undefined
  /** Texts of `dependsOn`. */
  readonly dependsOn: readonly string[]
}

interface Above {
  readonly type: string
  readonly name: string
  /** What an extension of the parent hangs on; children hang on the same. */
  readonly scope: string | undefined
}

interface Spot {
  readonly source: JsonObject
  readonly symbol: string | undefined
  readonly path: string
  readonly above: Above | undefined
}

/** Azure's limit of the resources of one template, loops unrolled. */
const MOST_RESOURCES = 800

export const NESTED_TYPE = 'microsoft.resources/deployments'

/** Every resource of a template in the order it is written, loops unrolled, children after their parents. */
export function declaredResources(template: JsonObject, scope: Scope): readonly Declared[] {
  const section = property(template, 'resources')
  if (section === undefined || section === null) return []
  const declared = spots(section, 'resources', undefined).flatMap((spot) => declare(spot, scope))
  refuseMany(declared)
  return declared
}

/** The members of a `resources` section: an array, or an object whose keys are symbolic names. */
function spots(section: Json, path: string, above: Above | undefined): readonly Spot[] {
  if (isArray(section)) {
    return section.map((source, index) => spot(source, { symbol: undefined, path: `${path}[${index}]`, above }))
  }
  if (isObject(section)) {
    return Object.entries(section).map(([symbol, source]) => spot(source, { symbol, path: `${path}.${symbol}`, above }))
  }
  throw new TemplateViolation("The template section 'resources' must be an array or an object.", path)
}

function spot(source: Json, at: Omit<Spot, 'source'>): Spot {
  if (isObject(source)) return { ...at, source }
  throw new TemplateViolation('The template resource is not an object.', at.path)
}

function declare(at: Spot, scope: Scope): readonly Declared[] {
  const copy = property(at.source, 'copy')
  if (!isObject(copy)) return one(at, scope, undefined)
  const name = textAt(copy, 'name')
  if (name === undefined) throw new TemplateViolation("The copy loop has no property 'name'.", `${at.path}.copy`)
  const count = copyCount(property(copy, 'count') ?? null, scope, `${at.path}.copy.count`)
  const batchSize = batchOf(copy, scope, at.path)
  const declared: Declared[] = []
  for (let index = 0; index < count; index++) {
    const inside = inLoop(inLoop(scope, '', index), name, index)
    declared.push(...one(at, inside, { name, index, batchSize }))
    refuseMany(declared)
  }
  return declared
}

function refuseMany(declared: readonly Declared[]): void {
  if (declared.length <= MOST_RESOURCES) return
  throw new TemplateViolation(
    `The number of template resources limit exceeded. Limit: '${MOST_RESOURCES}' and actual: '${declared.length}'. Please see https://aka.ms/arm-template/#resource-limits for usage details.`,
    'resources',
  )
}

function batchOf(copy: JsonObject, scope: Scope, path: string): number | undefined {
  if ((textAt(copy, 'mode') ?? 'parallel').toLowerCase() !== 'serial') return undefined
  const size = property(copy, 'batchSize')
  return size === undefined ? 1 : Math.max(1, copyCount(size, scope, `${path}.copy.batchSize`))
}

function one(at: Spot, scope: Scope, loop: Loop | undefined): readonly Declared[] {
  const { source, symbol, path, above } = at
  const read = (field: string) =>
    evaluateTree(property(source, field) ?? null, scope, { path: `${path}.${field}`, loops: false })
  const condition = conditionOf(source, read, path)
  // What is not deployed need not be evaluated, and what is only read is known when it is asked for.
  const needed = condition && property(source, 'existing') !== true
  const own = evaluatedIf(needed, () => String(read('name') ?? '')) ?? ''
  const type = typeUnder(above, { type: String(read('type') ?? ''), name: own, path })
  const name = nameUnder(above, own, type)
  const hangsOn = evaluatedIf(condition, () => read('scope')) ?? null
  const extended = typeof hangsOn === 'string' ? hangsOn : above?.scope
  const apiVersion = read('apiVersion') ?? read('apiProfile')
  if (needed) checkForm({ type, name, apiVersion, path })
  const resource: Declared = {
    symbol,
    id: idIf(needed, { type, name, extended, read, scope }),
    type,
    name,
    apiVersion: String(apiVersion ?? ''),
    path,
    source,
    scope,
    condition,
    existing: property(source, 'existing') === true,
    loop,
    dependsOn: condition ? textsOf(read('dependsOn'), `${path}.dependsOn`) : [],
  }
  const inside = property(source, 'resources')
  if (inside === undefined || inside === null || type.toLowerCase() === NESTED_TYPE) return [resource]
  const children = spots(inside, `${path}.resources`, { type, name, scope: extended })
  return [resource, ...children.flatMap((child) => declare(child, scope))]
}

function conditionOf(source: JsonObject, read: (field: string) => Json, path: string): boolean {
  if (keyOf(source, 'condition') === undefined) return true
  const value = read('condition')
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw new TemplateViolation(`The template resource condition must be a boolean, and is '${String(value)}'.`, path)
}

/** A value; where it is not needed, one that cannot be evaluated is no error. */
function evaluatedIf<T>(needed: boolean, work: () => T): T | undefined {
  try {
    return work()
  } catch (thrown) {
    if (needed || !(thrown instanceof TemplateViolation)) throw thrown
    return undefined
  }
}

function idIf(needed: boolean, of: Identified): string {
  if (!needed && !sameDepth(of.type, of.name)) return ''
  return evaluatedIf(needed, () => idOf(of)) ?? ''
}

function typeUnder(above: Above | undefined, own: { type: string; name: string; path: string }): string {
  const { type, name, path } = own
  if (type === '') throw new TemplateViolation("The template resource has no property 'type'.", path)
  if (above === undefined || type.toLowerCase().startsWith(`${above.type.toLowerCase()}/`)) return type
  if (!type.split('/')[0]?.includes('.')) return `${above.type}/${type}`
  // One of another provider whose name is whole stands beside the one that it is written in.
  return sameDepth(type, name) ? type : `${above.type}/providers/${type.slice(type.indexOf('/') + 1)}`
}

function nameUnder(above: Above | undefined, name: string, type: string): string {
  return above === undefined || sameDepth(type, name) ? name : `${above.name}/${name}`
}

function sameDepth(type: string, name: string): boolean {
  return type.split('/').length - 1 === name.split('/').length && name !== ''
}

function checkForm({
  type,
  name,
  apiVersion,
  path,
}: {
  type: string
  name: string
  apiVersion: Json
  path: string
}): void {
  if (!type.split('/')[0]?.includes('.') || !type.includes('/')) {
    throw new TemplateViolation(
      `The template resource type '${type}' is not valid: it must have the form 'Namespace.Provider/type'.`,
      path,
    )
  }
  if (!sameDepth(type, name) || name.split('/').includes('')) {
    throw new TemplateViolation(
      `The template resource '${name}' for type '${type}' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      path,
    )
  }
  if (typeof apiVersion !== 'string') {
    throw new TemplateViolation(
      `The template resource '${name}' of type '${type}' has no 'apiVersion' specified.`,
      path,
    )
  }
}

interface Identified {
  readonly type: string
  readonly name: string
  readonly extended: string | undefined
  readonly read: (field: string) => Json
  readonly scope: Scope
}

function idOf({ type, name, extended, read, scope }: Identified): string {
  const { place } = scope
  const names = name.split('/')
  if (type.toLowerCase() === NESTED_TYPE && extended === undefined) {
    return resourceIdAt(nestedScope(place.id, read), type, names)
  }
  if (extended === undefined) return resourceIdAt(place.id, type, names)
  if (extended === '/') return resourceIdAt('', type, names)
  if (extended.startsWith('/')) return resourceIdAt(withoutLastSlashes(extended), type, names)
  return resourceIdAt(`${place.id}/providers/${extended}`, type, names)
}

/**
 * Where a nested deployment goes: `subscriptionId` and `resourceGroup` of the resource, or the place of its parent.
 * An empty text is none: modules of Bicep say so where their user named no group.
 */
function nestedScope(parent: string, read: (field: string) => Json): string {
  const [subscription, group] = [read('subscriptionId') || null, read('resourceGroup') || null]
  const base = `/subscriptions/${typeof subscription === 'string' ? subscription : subscriptionOf(parent)}`
  if (typeof group === 'string') return `${base}/resourceGroups/${group}`
  return typeof subscription === 'string' ? base : parent
}

function textsOf(value: Json, path: string): readonly string[] {
  if (value === null) return []
  if (isArray(value)) return value.map(String)
  throw new TemplateViolation("The template resource property 'dependsOn' must be an array.", path)
}
