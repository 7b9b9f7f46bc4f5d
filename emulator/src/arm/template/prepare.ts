import { checkExpressions } from './check.ts'
import { Directory, dependencies, isDeployed } from './graph.ts'
import { isArray, isObject, type Json, type JsonObject, kindOf, property, textAt } from './json.ts'
import { Pending, type Place, type Question, type Scope } from './language/scope.ts'
import { evaluateTree, repeated } from './language/tree.ts'
import { bodyOf, refuseNestedMode } from './nested.ts'
import { type Declaration, declarations, isSecure } from './parameters.ts'
import { canonicalId, resourceGroupOf, subscriptionOf } from './resource-ids.ts'
import { type Declared, declaredResources } from './resources.ts'
import { openTemplate } from './template-scope.ts'
import { TemplateViolation } from './violation.ts'

/** What a caller asks to be deployed, and where. */
export interface Wanted {
  readonly template: JsonObject
  readonly parameters: Json | undefined
  readonly place: Place
  readonly now: () => number
}

/** Parameters or outputs as an answer shows them. Secure ones have a type and no value, those out of a vault a reference. */
export type Shown = Readonly<
  Record<string, { readonly type: string; readonly value?: Json; readonly reference?: Json }>
>

/** A template that is known to be in order, ready to be deployed. */
export interface Prepared {
  readonly parameters: Shown
  readonly resources: readonly Declared[]
  readonly directory: Directory
  /** By position in {@link resources}: positions that must be done first. */
  readonly waits: readonly (readonly number[])[]
  readonly declaredOutputs: readonly Declaration[]
  /** Scope of resources and outputs, answered by live resources. */
  scope(answer: (question: Question) => Json): Scope
}

/**
 * Reads a template as far as it can be read before anything is created.
 *
 * @throws TemplateViolation for everything that Resource Manager refuses at the request
 */
export function prepare(wanted: Wanted): Prepared {
  const { template, place, now } = wanted
  checkExpressions(template)
  const opened = openTemplate({ template, given: wanted.parameters, place, now })
  const resources = declaredResources(template, opened.scope)
  const directory = new Directory(resources)
  refuseTwins(resources)
  resources.forEach(refuseNestedMode)
  const waits = dependencies(resources, directory, loopNames(property(template, 'resources') ?? null))
  const scope = (answer: (question: Question) => Json): Scope => ({
    ...opened.scope,
    answer,
    resourceInfo: (name) => infoOf(directory, name),
  })
  const declaredOutputs = declarations(property(template, 'outputs'), template, 'outputs')
  tryBodies(resources, scope(later))
  const bound = shown(opened.parameters, ({ name }) => opened.scope.parameter(name))
  const parameters = { ...bound, ...referring(opened.parameters, wanted.parameters) }
  return { parameters, resources, directory, waits, declaredOutputs, scope }
}

/** The scope of one resource: that of the deployment, at its place in the loops. */
export function scopeOf(resource: Declared, scope: Scope): Scope {
  return { ...scope, copies: resource.scope.copies }
}

/** The outputs of a deployment whose resources are all there. Throws Pending for what must be asked first. */
export function outputsOf(prepared: Prepared, scope: Scope): Shown {
  const wanted = prepared.declaredOutputs.filter(({ name, source }) => {
    const condition = property(source, 'condition')
    return condition === undefined || evaluateTree(condition, scope, at(name)) === true
  })
  return shown(wanted, ({ name, source }) => {
    const copy = property(source, 'copy')
    if (isObject(copy)) return repeated({ ...copy, name: textAt(copy, 'name') ?? '' }, scope, at(name))
    return evaluateTree(property(source, 'value') ?? null, scope, at(name))
  })
}

function at(name: string): { readonly path: string; readonly loops: boolean } {
  return { path: `outputs.${name}`, loops: true }
}

function shown(declared: readonly Declaration[], value: (one: Declaration) => Json): Shown {
  return Object.fromEntries(
    declared.map((one) => [one.name, isSecure(one.type) ? { type: one.type } : typed(one.type, value(one))]),
  )
}

/** Parameters whose values came out of a vault: the answer says where from. */
function referring(declared: readonly Declaration[], given: Json | undefined): Shown {
  if (given === undefined || !isObject(given)) return {}
  const entries = declared.flatMap(({ name, type }) => {
    const holder = property(given, name)
    const reference = isObject(holder) ? property(holder, 'reference') : undefined
    return reference === undefined ? [] : [[name, { type, reference }] as const]
  })
  return Object.fromEntries(entries)
}

function typed(type: string, value: Json): { readonly type: string; readonly value: Json } {
  return { type: type === 'Any' ? kindOf(value) : type, value }
}

function later(question: Question): never {
  throw new Pending(question)
}

/** Evaluates what can be evaluated, so that a bad expression is refused before the first resource exists. */
function tryBodies(resources: readonly Declared[], scope: Scope): void {
  for (const resource of resources.filter(isDeployed)) {
    try {
      bodyOf(resource, scopeOf(resource, scope), () => null)
    } catch (thrown) {
      throw thrown instanceof TemplateViolation ? thrown.at(resource.path) : thrown
    }
  }
}

function refuseTwins(resources: readonly Declared[]): void {
  const seen = new Set<string>()
  for (const { id, name, path } of resources.filter(isDeployed)) {
    const key = canonicalId(id)
    if (seen.has(key)) {
      throw new TemplateViolation(
        `The resource '${name}' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.`,
        path,
      )
    }
    seen.add(key)
  }
}

/** Names of all loops and symbolic names, also of loops that turn out to have no passes. */
function loopNames(section: Json): ReadonlySet<string> {
  const names = new Set<string>()
  const entries: readonly [string, Json][] = isArray(section)
    ? section.map((one) => ['', one])
    : isObject(section)
      ? Object.entries(section)
      : []
  for (const [symbol, one] of entries) {
    if (symbol !== '') names.add(symbol.toLowerCase())
    if (!isObject(one)) continue
    const copy = property(one, 'copy')
    if (isObject(copy)) names.add(String(property(copy, 'name')).toLowerCase())
    for (const name of loopNames(property(one, 'resources') ?? null)) names.add(name)
  }
  return names
}

function infoOf(directory: Directory, name: string): JsonObject {
  const [found] = directory.find(name)
  if (found === undefined) throw new TemplateViolation(`The template resource '${name}' is not found.`)
  const { id, type, apiVersion } = found
  return {
    id,
    name: found.name,
    type,
    apiVersion,
    subscriptionId: subscriptionOf(id),
    resourceGroup: resourceGroupOf(id) ?? null,
  }
}
