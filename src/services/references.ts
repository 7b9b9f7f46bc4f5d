import { type Address, address, type Json, type JsonObject, kindOf, segmentsOf } from '../core/model.ts'
import { hasExpression } from '../core/portable.ts'

/** How ARM calls the collections whose members other bodies point to. */
const COLLECTIONS: Readonly<Record<string, string>> = {
  codes: 'code',
  environments: 'environment',
  data: 'data',
  models: 'model',
  components: 'component',
  computes: 'compute',
  datastores: 'datastore',
}

const NAME = '[^/\\s:@?#]+'
const MEMBER = `(?<collection>${Object.keys(COLLECTIONS).join('|')})/(?<name>${NAME})`
const VERSION = `(?:/(?<sort>versions|labels)/(?<version>${NAME}))?`

/** A whole text that points into this workspace, in portable form: the words in `<<…>>` are those of `core/portable.ts`. */
const POINTERS: readonly RegExp[] = [
  // ARM id, alone or as Azure ML's YAML writes it.
  new RegExp(`^(?:azureml:)?/<<hf:workspace>>/${MEMBER}${VERSION}/?$`, 'i'),
  // Asset id with the workspace's GUID.
  new RegExp(`^azureml://locations/[^/]+/workspaces/<<hf:guid>>/${MEMBER}${VERSION}$`, 'i'),
  // Asset by its long URI.
  new RegExp(`^azureml://<<hf:workspace-path>>/(?!datastores)${MEMBER}${VERSION}$`, 'i'),
  // Path in a datastore, long and short.
  new RegExp(`^azureml://(?:<<hf:workspace-path>>/)?(?<collection>datastores)/(?<name>${NAME})/`, 'i'),
]

/** `azureml:name:version`, `azureml:name@label`, `azureml:name`: what it is depends on the field. */
const SHORT = new RegExp(`^azureml:(?<name>${NAME})(?::(?<version>${NAME})|@(?<label>${NAME}))?$`, 'i')

const KIND_OF_FIELD: Readonly<Record<string, string>> = {
  environmentid: 'environment',
  environment: 'environment',
  codeid: 'code',
  code: 'code',
  componentid: 'component',
  component: 'component',
  modelid: 'model',
  model: 'model',
  computeid: 'compute',
  compute: 'compute',
  uri: 'data',
  path: 'data',
}

/** Fields that hold what people write, not what Azure follows. */
const PROSE = new Set(['tags', 'description', 'displayName', 'display_name', 'command'])

/** Environments curated by the vendor are in every workspace. Some ids have lost their case. */
const CURATED = /^AzureML-/i

/**
 * How a body asks for serverless compute, which is no resource of a workspace and is there in each. Source:
 * [Serverless compute](https://learn.microsoft.com/azure/machine-learning/how-to-use-serverless-compute).
 */
const SERVERLESS = /^serverless$/i

/** Everything that a portable body points to in its own workspace, each once, sorted. */
export function referencesIn(body: JsonObject): readonly Address[] {
  const found = new Set<Address>()
  walk(body, (text, at) => {
    const target = targetOf(text, at)
    if (target !== undefined) found.add(target)
    return text
  })
  return [...found].sort()
}

/** The body with every reference to an address of the map led to the other one. */
export function renamedIn(body: JsonObject, renames: ReadonlyMap<Address, Address>): JsonObject {
  return walk(body, (text, at) => {
    const target = targetOf(text, at)
    const to = target === undefined ? undefined : renames.get(target)
    return target === undefined || to === undefined ? text : ledTo(text, target, to)
  }) as JsonObject
}

interface At {
  readonly field: string
  readonly object: JsonObject
}

function targetOf(text: string, at: At): Address | undefined {
  const long = POINTERS.map((pointer) => pointer.exec(text)?.groups).find((groups) => groups !== undefined)
  const groups = long ?? SHORT.exec(text)?.groups
  const kind = long === undefined ? kindOfField(at) : COLLECTIONS[(long['collection'] ?? '').toLowerCase()]
  const name = groups?.['name']
  if (groups === undefined || kind === undefined || name === undefined) return undefined
  if ((kind === 'environment' && CURATED.test(name)) || (kind === 'compute' && SERVERLESS.test(name))) return undefined
  // What a name comes to where a job runs is no reference of the body: each side fills in its own.
  if (hasExpression(name) || hasExpression(groups['version'] ?? '')) return undefined
  const version = groups['sort']?.toLowerCase() === 'labels' ? undefined : groups['version']
  const versioned = kind !== 'compute' && kind !== 'datastore' && version !== undefined
  return versioned ? address(kind, name, version) : address(kind, name)
}

function kindOfField({ field, object }: At): string | undefined {
  const kind = KIND_OF_FIELD[field.toLowerCase()]
  const type = String(object['jobInputType'] ?? object['type'] ?? '')
  return kind === 'data' && /_model$/i.test(type) ? 'model' : kind
}

/** The last segments of the text changed to those of the new address; what stands around them stays. */
function ledTo(text: string, from: Address, to: Address): string {
  if (kindOf(from) !== kindOf(to)) return text
  const [oldName = '', oldVersion] = segmentsOf(from)
  const [newName = '', newVersion] = segmentsOf(to)
  if (oldVersion === undefined || newVersion === undefined) return text.replace(oldName, newName)
  const start = text.lastIndexOf(oldName, text.lastIndexOf(oldVersion))
  return `${text.slice(0, start)}${text
    .slice(start)
    .replace(oldName, newName)
    .replace(new RegExp(`${escaped(oldVersion)}(?=/?$)`), () => newVersion)}`
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** Visits every text that may be followed. Returns the value itself where nothing changes. */
function walk(value: Json, visit: (text: string, at: At) => string, depth = 0): Json {
  if (value === null || typeof value !== 'object' || depth > 100) return value
  if (Array.isArray(value)) {
    const after = value.map((one) => walk(one as Json, visit, depth + 1))
    return after.every((one, index) => one === value[index]) ? value : after
  }
  const object = value as JsonObject
  let same = true
  const after = Object.entries(object).map(([field, inner]) => {
    const isProse = PROSE.has(field) || (field === 'properties' && depth > 0)
    const one = isProse
      ? inner
      : typeof inner === 'string'
        ? visit(inner, { field, object })
        : walk(inner, visit, depth + 1)
    same &&= one === inner
    return [field, one] as const
  })
  return same ? object : Object.fromEntries(after)
}
