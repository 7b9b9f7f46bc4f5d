import { asksResource } from './functions/table.ts'
import { isArray, isObject, type Json } from './json.ts'
import { evaluate } from './language/evaluate.ts'
import { expressionIn, type Node, nodesOf } from './language/parse.ts'
import { Pending, type Scope } from './language/scope.ts'
import { outerExpressions } from './nested.ts'
import { canonicalId } from './resource-ids.ts'
import type { Declared } from './resources.ts'
import { TemplateViolation } from './violation.ts'

/** Finds declared resources by the ways a template may name them. */
export class Directory {
  readonly #bySymbol: ReadonlyMap<string, readonly Declared[]>
  readonly #byLoop: ReadonlyMap<string, readonly Declared[]>
  readonly #byId: ReadonlyMap<string, readonly Declared[]>
  readonly #byName: ReadonlyMap<string, readonly Declared[]>
  readonly #bySuffix: ReadonlyMap<string, readonly Declared[]>
  readonly #byLastName: ReadonlyMap<string, readonly Declared[]>

  constructor(resources: readonly Declared[]) {
    this.#bySymbol = grouped(resources, ({ symbol }) => symbol)
    this.#byLoop = grouped(resources, ({ loop }) => loop?.name)
    this.#byId = grouped(resources, ({ id }) => (id === '' ? undefined : canonicalId(id)))
    this.#byName = grouped(resources, ({ name }) => name)
    this.#bySuffix = grouped(resources, ({ id }) => id.split(/\/providers\//i).at(-1))
    this.#byLastName = grouped(resources, ({ name }) => name.split('/').at(-1))
  }

  /**
   * Resources by id, symbolic name (`vm`, `vm[2]`), loop, or name, which of a child may be the last part alone;
   * none where the template declares no such thing.
   */
  find(text: string): readonly Declared[] {
    const wanted = text.toLowerCase()
    const pass = /^(.+)\[(\d+)\]$/.exec(wanted)
    return (
      this.#byId.get(canonicalId(text)) ??
      this.#bySymbol.get(wanted) ??
      (pass === null ? undefined : this.#pass(pass[1] ?? '', Number(pass[2]))) ??
      this.#byLoop.get(wanted) ??
      this.#byName.get(wanted) ??
      this.#bySuffix.get(wanted) ??
      this.#byLastName.get(wanted) ??
      []
    )
  }

  /** Those of a loop or symbolic name that the template was found to have no pass of. */
  #pass(name: string, index: number): readonly Declared[] | undefined {
    const all = this.#bySymbol.get(name) ?? this.#byLoop.get(name)
    return all?.filter(({ loop }) => loop?.index === index)
  }
}

function grouped(
  resources: readonly Declared[],
  key: (resource: Declared) => string | undefined,
): ReadonlyMap<string, readonly Declared[]> {
  const groups = Map.groupBy(resources, (resource) => (key(resource) ?? '').toLowerCase())
  groups.delete('')
  return groups
}

/** What each resource waits for, by position in `resources`. Resources that are not deployed wait for nothing. */
export function dependencies(
  resources: readonly Declared[],
  directory: Directory,
  loops: ReadonlySet<string>,
): readonly (readonly number[])[] {
  const position = new Map(resources.map((resource, index) => [resource, index]))
  const waits = resources.map((resource, index) => {
    if (!isDeployed(resource)) return []
    const named = resource.dependsOn.flatMap((text) => dependency(text, { resource, directory, loops }))
    const needed = [...named, ...implied(resource, directory), ...batchBefore(resource, resources)]
    const positions = needed.filter(isDeployed).map((one) => position.get(one) ?? index)
    return [...new Set(positions.filter((one) => one !== index))]
  })
  refuseCycles(resources, waits)
  return waits
}

export function isDeployed({ condition, existing }: Declared): boolean {
  return condition && !existing
}

function dependency(
  text: string,
  at: { readonly resource: Declared; readonly directory: Directory; readonly loops: ReadonlySet<string> },
): readonly Declared[] {
  const found = at.directory.find(text)
  // A loop of no passes, or a symbolic name of one, is declared though nothing stands for it.
  if (found.length > 0 || at.loops.has(text.toLowerCase())) return found
  throw new TemplateViolation(
    `The resource '${text}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.`,
    at.resource.path,
  )
}

/** Earlier members of a serial loop that must be done before this one. */
function batchBefore(resource: Declared, resources: readonly Declared[]): readonly Declared[] {
  const { loop } = resource
  if (loop?.batchSize === undefined) return []
  const first = loop.index - (loop.index % loop.batchSize)
  return resources.filter(
    (other) =>
      other.path === resource.path &&
      other.loop !== undefined &&
      other.loop.index < first &&
      other.loop.index >= first - (loop.batchSize ?? 1),
  )
}

/**
 * Resources that the expressions of one ask for with `reference` or `list…`.
 *
 * By name this makes one wait for the other; by id with an API version it does not, as the reference of
 * `reference()` says: such a template needs `dependsOn`.
 */
function implied(resource: Declared, directory: Directory): readonly Declared[] {
  const found: Declared[] = []
  for (const call of runtimeCalls(outerExpressions(resource))) {
    const target = targetOf(call, resource.scope)
    if (target === undefined) continue
    const byId = target.startsWith('/')
    if (!byId || (call.name.toLowerCase() === 'reference' && call.args.length === 1))
      found.push(...directory.find(target))
  }
  return found
}

function* runtimeCalls(value: Json): Generator<Node & { is: 'call' }> {
  if (typeof value === 'string') {
    const node = expressionIn(value)
    if (node === undefined) return
    for (const one of nodesOf(node)) if (one.is === 'call' && asksResource(one.name)) yield one
  } else if (isArray(value)) for (const one of value) yield* runtimeCalls(one)
  else if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) {
      yield* runtimeCalls(key)
      yield* runtimeCalls(one)
    }
  }
}

/** The first argument, where it can be known now. */
function targetOf(call: Node & { is: 'call' }, scope: Scope): string | undefined {
  const [first] = call.args
  try {
    const value = first === undefined ? null : evaluate(first, scope)
    return typeof value === 'string' ? value : undefined
  } catch (thrown) {
    if (thrown instanceof Pending || thrown instanceof TemplateViolation) return undefined
    throw thrown
  }
}

function refuseCycles(resources: readonly Declared[], waits: readonly (readonly number[])[]): void {
  const done = new Set<number>()
  let before = -1
  while (done.size > before) {
    before = done.size
    for (const [index, needed] of waits.entries()) if (needed.every((one) => done.has(one))) done.add(index)
  }
  const stuck = resources.filter((_, index) => !done.has(index))
  const [first] = stuck
  if (first === undefined) return
  throw new TemplateViolation(
    `Circular dependency detected on resource: '${first.id}'. The resources that wait for each other are '${stuck.map(({ id }) => id).join(', ')}'. Please see https://aka.ms/arm-syntax-resources for usage details.`,
    first.path,
  )
}
