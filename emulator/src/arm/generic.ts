import { randomUUID } from 'node:crypto'
import { unloggedBody } from '../body-bytes.ts'
import type { Call, Plane, Reply } from '../call.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { TENANT } from '../tokens.ts'
import { bearer } from './authenticate.ts'
import { checkConditions, countOf, envelope, one, page, propertiesOf, seqOf, storable } from './envelope.ts'
import { ADDED, type Added, userIdentity, WRITE_ONLY } from './generic-kinds.ts'
import { lastProviders, providerOf } from './provider-of.ts'
import type { Resource } from './resources.ts'

/** Providers with a service of their own, which this must never answer for. */
const OWNED_ELSEWHERE: readonly string[] = ['microsoft.machinelearningservices', 'microsoft.storage', '']

const ANY_RESOURCE = '/subscriptions/:subscription/resourceGroups/:group/providers/:namespace/:type/:name'
/** The body of a secret: its value may have 25,000 characters. */
const LONGEST_SECRET = 256 * 1024
const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']

/** A path of a resource, a collection or an action, whatever the provider. */
interface GenericPath {
  /** Path with its escapes undone and without doubled slashes. */
  readonly id: string
  /** `resource` where types and names alternate to the end, `collection` where a name is missing. */
  readonly is: 'resource' | 'collection'
  /** Type with its namespace and parent types. */
  readonly type: string
}

/**
 * Resources of providers that the emulator does not play: kept as sent and given back.
 *
 * The few properties that other services read from them are computed from a table. They do nothing else.
 */
export function genericResources(region: Region): Plane {
  return {
    name: 'arm',
    offers: METHODS.map((method) => ({ operation: 'resource', method, path: ANY_RESOURCE, served: true })),
    serves: (host, path) => {
      return host === 'management.azure.com' && !OWNED_ELSEWHERE.includes(providerOf(path))
    },
    authenticate: (call) => bearer(call, region.tokens),
    handle: async (call) => answer(call, region),
    refuse: ({ status, code, message, headers }) => ({ status, headers, body: { error: { code, message } } }),
  }
}

async function answer(call: Call, region: Region): Promise<Reply> {
  const path = parse(call.path)
  call.operation = `${path.type} ${call.method}`
  if (path.is === 'collection') {
    if (call.method === 'GET') return list(call, path, region)
    throw notImplemented(`${path.type} ${call.method}`)
  }
  if (call.method === 'PUT') return put(call, path, region)
  if (call.method === 'PATCH') return patch(call, path, region)
  if (call.method === 'DELETE') return remove(call, path, region)
  if (call.method === 'GET') return one(200, region.resources.need(path.id))
  if (call.method === 'HEAD') return { status: region.resources.get(path.id) === undefined ? 404 : 204 }
  throw notImplemented(`${path.type} ${call.method}`)
}

function parse(path: string): GenericPath {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)
  const own = segments.slice(lastProviders(segments) + 1)
  const type = own.filter((_, index) => index === 0 || index % 2 === 1).join('/')
  // Some clients write it in lower case; ARM gives ids back in the one form.
  const id = `/${segments.join('/')}`.replace(/^(\/subscriptions\/[^/]+)\/resourcegroups\//i, '$1/resourceGroups/')
  return { id, is: own.length % 2 === 1 ? 'resource' : 'collection', type }
}

/** What ARM allows in no name of a resource: it could be read as another path. */
const FORBIDDEN = /[/\\?#%<>&\p{Cc}]|^\.+$/u

async function put(call: Call, path: GenericPath, region: Region): Promise<Reply> {
  checkNames(call.path)
  const sent = await sentTo(path, call)
  return call.commit(() => {
    const found = region.resources.get(path.id)
    checkConditions(call, found)
    needParent(path, region)
    const { own, otherwise } = added(path, region, found)
    const properties = { ...otherwise, ...shown(path, propertiesOf(sent)), ...own, ...newVersion(path, sent, region) }
    const identity = identityOf(sent['identity'], found)
    const body = {
      ...sent,
      ...(identity === undefined ? {} : { identity }),
      properties: { ...properties, provisioningState: 'Succeeded' },
    }
    const stored = region.resources.put(path.id, body, call.caller.id)
    return { ...one(found === undefined ? 201 : 200, stored), note: { subject: stored.id } }
  })
}

async function patch(call: Call, path: GenericPath, region: Region): Promise<Reply> {
  const sent = await sentTo(path, call)
  return call.commit(() => {
    const found = region.resources.need(path.id)
    checkConditions(call, found)
    const { properties: _, identity: wanted, ...others } = sent
    const identity = identityOf(wanted ?? found.body['identity'], found)
    const { own } = added(path, region, found)
    const changed = { ...shown(path, propertiesOf(sent)), ...own, ...newVersion(path, sent, region) }
    const properties = { ...propertiesOf(found.body), ...changed }
    const body = { ...found.body, ...others, ...(identity === undefined ? {} : { identity }), properties }
    const stored = region.resources.put(found.id, body, call.caller.id)
    return { ...one(200, stored), note: { subject: stored.id } }
  })
}

function remove(call: Call, path: GenericPath, region: Region): Promise<Reply> {
  return call.commit(() => {
    const found = region.resources.get(path.id)
    checkConditions(call, found)
    if (found === undefined) return { status: 204 }
    region.resources.removeTree(found.id)
    region.vaultSecrets.forget(found.id)
    return { status: 200, note: { subject: found.id } }
  })
}

function list(call: Call, path: GenericPath, region: Region): Reply {
  const limits = { ...seqOf(call), limit: countOf(call, '$top', { otherwise: 100, most: 1000 }) }
  const segments = path.id.slice(1).split('/')
  const inSubscription = /^\/subscriptions\/[^/]+\/providers\/[^/]+\/[^/]+$/i.test(path.id)
  // The parent of a child is the resource before the type; that of a top-level resource is its group.
  const provider = lastProviders(segments)
  const parent = `/${segments.slice(0, segments.length - provider > 3 ? -1 : provider).join('/')}`
  const { items, next } = inSubscription
    ? region.resources.ofType(path.type, limits)
    : region.resources.list(parent, path.type, limits)
  return page(
    call,
    items.map((item) => envelope(item)),
    next,
  )
}

/** Refuses a path of which a segment holds what only a path may. */
function checkNames(path: string): void {
  const bad = path
    .split('/')
    .map(decodeURIComponent)
    .find((segment) => FORBIDDEN.test(segment))
  if (bad !== undefined) throw new Refusal(400, 'InvalidResourceName', `The resource name '${bad}' is not valid.`)
}

/**
 * A child needs its parent, and an extension the resource that it hangs on, of which services' children are no
 * resources here; a top-level resource's group is known to the front alone.
 */
function needParent(path: GenericPath, region: Region): void {
  const child = path.type.split('/').length > 2
  const parent = child ? path.id.split('/').slice(0, -2).join('/') : extendedBy(path.id)
  if (parent === undefined || region.resources.get(parent) !== undefined) return
  const message = `Can not perform requested operation on nested resource. Parent resource '${parent}' not found.`
  throw new Refusal(404, 'ParentResourceNotFound', message)
}

/** The top-level resource on which an extension hangs, at whatever depth. */
function extendedBy(id: string): string | undefined {
  const segments = id.slice(1).split('/')
  const first = segments.findIndex((segment, index) => index % 2 === 0 && segment.toLowerCase() === 'providers')
  return first === lastProviders(segments) ? undefined : `/${segments.slice(0, first + 4).join('/')}`
}

/** What the table adds; values made at an earlier creation stay. */
function added(path: GenericPath, region: Region, found: Resource | undefined): Added {
  const name = path.id.split('/').at(-1) ?? ''
  const now = region.clock.iso()
  const fresh = ADDED[path.type.toLowerCase()]?.({ id: path.id, name, region: region.name, now }) ?? {}
  if (found === undefined) return fresh
  const before = propertiesOf(found.body)
  const own = Object.fromEntries(
    Object.entries(fresh.own ?? {}).map(([field, value]) => [field, before[field] ?? value]),
  )
  return { ...fresh, own }
}

function isSecret(path: GenericPath): boolean {
  return path.type.toLowerCase() === 'microsoft.keyvault/vaults/secrets'
}

/** What a request brings for a resource. That of a secret is in no record. */
async function sentTo(path: GenericPath, call: Call): Promise<Record<string, unknown>> {
  return storable((isSecret(path) ? await unlogged(call) : await call.json()) ?? {})
}

async function unlogged(call: Call): Promise<unknown> {
  const text = (await unloggedBody(call, LONGEST_SECRET)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (failure) {
    throw new Refusal(400, 'InvalidRequestContent', `The body is not JSON: ${(failure as Error).message}.`)
  }
}

/** A secret that is set through ARM is one version more in its vault, whose value only the vault gives. */
function newVersion(path: GenericPath, sent: Record<string, unknown>, region: Region): Record<string, unknown> {
  const { value, contentType } = propertiesOf(sent)
  if (!isSecret(path) || typeof value !== 'string') return {}
  const [, vault = '', name = ''] = /^(.*)\/secrets\/([^/]+)$/i.exec(path.id) ?? []
  const given = { value, enabled: true, ...(typeof contentType === 'string' ? { contentType } : {}) }
  const { version } = region.vaultSecrets.set(vault, name, given)
  const host = `${vault.split('/').at(-1)?.toLowerCase()}.vault.azure.net`
  return { secretUriWithVersion: `https://${host}/secrets/${name}/${version}` }
}

function shown(path: GenericPath, properties: Record<string, unknown>): Record<string, unknown> {
  const hidden = WRITE_ONLY[path.type.toLowerCase()] ?? []
  return Object.fromEntries(Object.entries(properties).filter(([field]) => !hidden.includes(field)))
}

/** An `identity` with the principals that Azure fills in; those that were there stay the same. */
function identityOf(wanted: unknown, found: Resource | undefined): Record<string, unknown> | undefined {
  if (typeof wanted !== 'object' || wanted === null) return undefined
  const identity: Record<string, unknown> = { ...wanted }
  const before = found?.body['identity'] as { principalId?: string } | undefined
  const type = String(identity['type'] ?? '')
  if (/systemassigned/i.test(type)) {
    identity['principalId'] = before?.principalId ?? randomUUID()
    identity['tenantId'] = TENANT
  }
  const users = identity['userAssignedIdentities']
  if (typeof users === 'object' && users !== null) {
    identity['userAssignedIdentities'] = Object.fromEntries(Object.keys(users).map((id) => [id, userIdentity(id)]))
  }
  return identity
}
