import { digestOf } from '../core/canonical.ts'
import type { Json, JsonObject } from '../core/model.ts'
import type { Place } from './service.ts'

/** The version of Azure ML's API that every service here was written against. */
export const ML_API = '2025-12-01'
export const STORAGE_API = '2023-05-01'

/** What ARM itself says of a resource, and what no PUT takes. */
const OWN = new Set(['id', 'name', 'type', 'systemData', 'etag'])

/**
 * Tags by which a replica says what it is a copy of, so that the ledger can be rebuilt from replicas.
 * They are neither compared nor carried on. A user's own `holdfast.…` tags, such as `holdfast.resubmit`, are.
 */
const MARKS = new Set(['holdfast.source', 'holdfast.digest'])

/** What a kind knows of its bodies. Fields that it does not name are carried. */
export interface BodySchema {
  /** Fields of `properties` that only Azure sets. */
  readonly readOnly: ReadonlySet<string>
  /** Entries of the `properties` that an asset has of its own which only Azure sets. */
  readonly computed?: ReadonlySet<string>
  /** Fields beside `properties` that travel, of those which ARM knows: `location`, `tags`, `identity`, `sku`, `kind`. */
  readonly beside?: readonly string[]
}

/** A resource in portable form: without what only Azure sets, and without fields that say nothing. */
export function portableBody(place: Place, resource: JsonObject, schema: BodySchema): JsonObject {
  const beside = Object.entries(resource).filter(
    ([field, value]) => field !== 'properties' && !OWN.has(field) && schema.beside?.includes(field) && says(value),
  )
  const inner = Object.entries(propertiesOf(resource)).filter(([field]) => !schema.readOnly.has(field))
  const own = inner.map(unmarked).map((entry) => withoutComputed(entry, schema))
  const properties = Object.fromEntries(own.filter(([, value]) => says(value)))
  return place.portable({ ...Object.fromEntries(beside.map(unmarked)), properties })
}

/** The body as this place writes it, marked as a replica of what `source` has. */
export function localBody(place: Place, body: JsonObject, source: Place): JsonObject {
  const local = place.local(body)
  const properties = propertiesOf(local)
  const marks = { 'holdfast.source': source.workspaceGuid, 'holdfast.digest': digestOf(body) }
  return { ...local, properties: { ...properties, tags: { ...objectOf(properties['tags']), ...marks } } }
}

/** The `properties` of a resource; empty where there are none. */
export function propertiesOf(resource: JsonObject): JsonObject {
  return objectOf(resource['properties'])
}

export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** The value as a text that is not empty. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The same body with fields of `properties` replaced. */
export function withProperties(body: JsonObject, changes: JsonObject): JsonObject {
  return { ...body, properties: { ...propertiesOf(body), ...changes } }
}

function unmarked([field, value]: readonly [string, Json]): readonly [string, Json] {
  if (field !== 'tags') return [field, value]
  const tags = Object.entries(objectOf(value)).filter(([tag]) => !MARKS.has(tag))
  return [field, Object.fromEntries(tags)]
}

function withoutComputed([field, value]: readonly [string, Json], { computed }: BodySchema): readonly [string, Json] {
  if (field !== 'properties' || computed === undefined) return [field, value]
  return [field, Object.fromEntries(Object.entries(objectOf(value)).filter(([name]) => !computed.has(name)))]
}

/** False for null, an empty text and an empty object, which Azure takes and gives as the same as nothing. */
function says(value: Json): boolean {
  if (value === null || value === '') return false
  return typeof value !== 'object' || Array.isArray(value) || Object.keys(value).length > 0
}
