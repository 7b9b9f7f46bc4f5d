import type { Call, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Resource } from './resources.ts'

/** Body of a resource as ARM prints it: the stored fields, and around them what ARM itself knows. */
export interface Envelope {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly systemData: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** What every ARM resource says about itself, and what no client may set. */
const OWN = new Set(['id', 'name', 'type', 'systemData'])

/**
 * The resource as a client sees it.
 *
 * `properties` replaces the stored properties where given: for values computed at reading.
 */
export function envelope(resource: Resource, properties?: Readonly<Record<string, unknown>>): Envelope {
  const { id, name, type, body } = resource
  return {
    ...body,
    ...(properties === undefined ? {} : { properties }),
    id,
    name,
    type,
    systemData: {
      createdAt: resource.createdAt,
      createdBy: resource.createdBy,
      createdByType: 'Application',
      lastModifiedAt: resource.modifiedAt,
      lastModifiedBy: resource.modifiedBy,
      lastModifiedByType: 'Application',
    },
  }
}

/** The body of a PUT or PATCH without what only ARM sets. Refuses everything that is not an object. */
export function storable(body: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(objectOf(body, 'The request body')).filter(([field]) => !OWN.has(field)))
}

/** The value as an object, or a 400 that names what is not one. */
export function objectOf(value: unknown, subject: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Refusal(400, 'InvalidRequestContent', `${subject} is not a JSON object.`)
}

/** The `properties` of a body; an empty object where there are none. */
export function propertiesOf(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return body['properties'] === undefined || body['properties'] === null
    ? {}
    : objectOf(body['properties'], "The field 'properties'")
}

/** An answer that holds one resource, with its ETag. */
export function one(status: number, resource: Resource, body: unknown = envelope(resource)): Reply {
  return { status, headers: { etag: resource.etag }, body }
}

/** Refuses with 412 where `If-Match` or `If-None-Match` of the call contradicts what is there. */
export function checkConditions(call: Call, found: Resource | undefined): void {
  const wanted = call.headers['if-match']
  const unwanted = call.headers['if-none-match']
  if (wanted !== undefined && !names(wanted, found)) throw unmet('If-Match', found)
  if (unwanted !== undefined && names(unwanted, found)) throw unmet('If-None-Match', found)
}

function names(condition: string, found: Resource | undefined): boolean {
  if (found === undefined) return false
  return condition.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === found.etag)
}

function unmet(header: string, found: Resource | undefined): Refusal {
  const state = found === undefined ? 'there is no such resource' : `the resource has the ETag ${found.etag}`
  return new Refusal(412, 'PreconditionFailed', `The condition of the header ${header} is not met: ${state}.`)
}

/** A query parameter whatever the case of its name; `undefined` where it is absent or empty. */
export function queryOf(call: Call, name: string): string | undefined {
  for (const [key, value] of call.query) {
    if (key.toLowerCase() === name.toLowerCase() && value !== '') return value
  }
  return undefined
}

/** A boolean query parameter; `undefined` where it is absent. */
export function flagOf(call: Call, name: string): boolean | undefined {
  const value = queryOf(call, name)?.toLowerCase()
  if (value === undefined || value === 'true' || value === 'false')
    return value === undefined ? undefined : value === 'true'
  throw new Refusal(400, 'InvalidParameter', `The query parameter '${name}' is '${value}', which is not true or false.`)
}

/** A whole positive query parameter, at most `most`; `otherwise` where it is absent. */
export function countOf(call: Call, name: string, limits: { otherwise: number; most: number }): number {
  const value = queryOf(call, name)
  if (value === undefined) return limits.otherwise
  const count = Number(value)
  if (!Number.isInteger(count) || count < 1)
    throw new Refusal(
      400,
      'InvalidParameter',
      `The query parameter '${name}' is '${value}', which is not a whole number above 0.`,
    )
  return Math.min(count, limits.most)
}

/**
 * One page of a list: `value`, and `nextLink` while there is more.
 *
 * The token in the link holds a place in the order and no state of the server, so it stays
 * valid whatever is created or removed meanwhile, and after a restart.
 */
export function page(call: Call, value: readonly unknown[], next: unknown): Reply {
  if (next === undefined) return { status: 200, body: { value } }
  const query = new URLSearchParams(call.query)
  query.set('$skip', Buffer.from(JSON.stringify(next)).toString('base64url'))
  return { status: 200, body: { value, nextLink: `${call.origin}${call.path}?${query}` } }
}

/** What {@link page} was given as `next`; `undefined` on the first page. Refuses a token it did not make. */
export function placeOf(call: Call): unknown {
  const token = queryOf(call, '$skip') ?? queryOf(call, '$skipToken')
  if (token === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
  } catch {
    throw new Refusal(400, 'InvalidSkipToken', `The continuation token '${token}' is not valid.`)
  }
}

/** {@link placeOf} for lists in order of creation: the `seq` after which to go on. */
export function seqOf(call: Call): { readonly after?: number } {
  const place = placeOf(call)
  if (place === undefined) return {}
  if (typeof place === 'number') return { after: place }
  throw new Refusal(400, 'InvalidSkipToken', 'The continuation token is of another list.')
}
