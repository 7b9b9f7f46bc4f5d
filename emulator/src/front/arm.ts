import { bearer } from '../arm/authenticate.ts'
import type { Call, Plane, Reply } from '../call.ts'
import type { Clock } from '../clock.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import { gap, offersOf, type Route, router } from '../router.ts'
import type { Database } from '../state/database.ts'
import { SUBSCRIPTION, type Tokens } from '../tokens.ts'
import { unescaped } from '../unescaped.ts'
import { locationName, providerPath } from './arm/arm-paths.ts'
import { Authorization, authorizationPath } from './arm/authorization.ts'
import type { Directory } from './arm/directory.ts'
import { relayedWhole } from './arm/forwarded.ts'
import { globalRoutes } from './arm/global-routes.ts'
import { GroupRemovals } from './arm/group-removals.ts'
import { groupRoutes } from './arm/group-routes.ts'
import { Groups } from './arm/groups.ts'
import { resourceListRoutes } from './arm/resource-lists.ts'
import { ResourceRouting } from './arm/resource-routing.ts'
import { listType } from './arm/type-lists.ts'
import { deploymentRoutes } from './deployments/routes.ts'
import type { ArmRequest, ArmResponse, FrontArm } from './front-arm.ts'
import { readOutside } from './outside-arm.ts'
import type { InnerClient, Reach } from './reach.ts'

/** Azure Resource Manager's global front door. */
export interface Arm {
  readonly plane: Plane
  /** Goes on with work that a restart interrupted. Call when the regions listen. */
  start(): void
  close(): Promise<void>
}

export interface ArmParts {
  readonly db: Database
  readonly clock: Clock
  readonly tokens: Tokens
  readonly directory: Directory
  readonly reach: Reach
  readonly regions: readonly string[]
  readonly client: InnerClient
  /** Port at which the front itself answers for `management.azure.com`. */
  ownPort(): number
}

const HOST = 'management.azure.com'
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'] as const

export function openArm(parts: ArmParts): Arm {
  const { db, clock, tokens, directory, reach, regions } = parts
  const groups = new Groups(db)
  const frontArm: FrontArm = {
    db,
    clock,
    request: (request) => requestInside(request, parts),
    read: (wanted) => readOutside(wanted, parts),
  }
  const removals = new GroupRemovals({ db, groups, directory, tokens, request: frontArm.request })
  const authorization = new Authorization(db, clock)
  const routing = new ResourceRouting({ db, directory, groups, reach, regions })
  const routes = [
    ...globalRoutes({ regions, directory }),
    ...groupRoutes({ groups, removals, regions }),
    ...resourceListRoutes({ directory, groups, routing }),
    ...deploymentRoutes(frontArm),
    ...providerRoutes({ directory, groups, reach, regions, routing }),
  ]
  const find = router(routes, { unknown: gap })

  async function handle(call: Call): Promise<Reply> {
    needVersion(call)
    needSubscription(call)
    const scoped = authorizationPath(call.path)
    return scoped === undefined ? find(call) : authorization.handle(call, scoped)
  }

  const plane: Plane = {
    name: 'arm',
    offers: [...offersOf(routes), ...authorization.offers],
    serves: (host) => host === HOST,
    authenticate: (call) => bearer(call, tokens),
    handle,
    refuse: ({ status, code, message, headers }) => ({ status, headers, body: { error: { code, message } } }),
  }
  return { plane, start: () => removals.start(), close: () => removals.close() }
}

/** Everything below `providers/{namespace}`: one resource, a list of one type, or a region's own operations. */
function providerRoutes(parts: {
  directory: Directory
  groups: Groups
  reach: Reach
  regions: readonly string[]
  routing: ResourceRouting
}): readonly Route[] {
  const { groups, regions, routing } = parts

  async function inGroup(call: Call): Promise<Reply> {
    const path = providerPath(call.path)
    if (path === undefined) throw new Refusal(404, 'NotFound', `Nothing answers ${call.method} ${call.path} here.`)
    if (path.namespace.toLowerCase() === 'microsoft.resources') throw gap(call)
    if (path.name !== undefined) return routing.handle(call, path)
    groups.need(path.subscription, path.resourceGroup)
    if (call.method !== 'GET') throw noList(call)
    return listType(call, path, parts)
  }

  async function inSubscription(call: Call, params: Readonly<Record<string, string>>): Promise<Reply> {
    const { subscription = '', namespace = '' } = params
    const [type = '', location, ...rest] = (params['*'] ?? '').split('/').filter((segment) => segment !== '')
    if (namespace.toLowerCase() === 'microsoft.resources') throw gap(call)
    if (type.toLowerCase() === 'locations' && location !== undefined && rest.length > 0) {
      const region = locationName(unescaped(location))
      if (regions.includes(region)) return routing.pass(call, region)
      const message = `The location '${location}' is not available.`
      throw new Refusal(400, 'LocationNotAvailableForResourceType', message)
    }
    if (location !== undefined) throw notImplemented(`${namespace}/${params['*']} ${call.method}`)
    if (call.method !== 'GET') throw noList(call)
    return listType(call, { subscription, resourceGroup: undefined, type: `${namespace}/${type}` }, parts)
  }

  return METHODS.flatMap((method): Route[] => [
    [method, '/subscriptions/:subscription/resourceGroups/:group/providers/*', '', inGroup],
    [method, '/subscriptions/:subscription/providers/:namespace/*', '', inSubscription],
  ])
}

/** What else than a list is asked at the address of one: providers have actions there. */
function noList(call: Call): Refusal {
  if (call.method === 'POST') return gap(call)
  return new Refusal(405, 'HttpMethodNotAllowed', `The method ${call.method} is not allowed on a collection.`)
}

function needVersion(call: Call): void {
  const given = [...call.query.keys()].some((name) => name.toLowerCase() === 'api-version')
  if (given) return
  const message = 'The api-version query parameter (?api-version=) is required for all requests.'
  throw new Refusal(400, 'MissingApiVersionParameter', message)
}

function needSubscription(call: Call): void {
  const wanted = /^\/+subscriptions\/+([^/]+)/i.exec(call.path)?.[1]
  if (wanted === undefined || wanted.toLowerCase() === SUBSCRIPTION) return
  throw new Refusal(404, 'SubscriptionNotFound', `The subscription '${wanted}' could not be found.`)
}

async function requestInside(request: ArmRequest, parts: ArmParts): Promise<ArmResponse> {
  const { method, path, authorization, client } = request
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
  const headers = {
    authorization,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
  }
  const answer = await parts.client.send(parts.ownPort(), { method, target: path, host: HOST, headers, client, body })
  const { reply } = await relayedWhole(answer, method)
  const text = Buffer.isBuffer(reply.body) ? reply.body.toString('utf8') : ''
  return { status: reply.status, headers: reply.headers ?? {}, body: text === '' ? undefined : JSON.parse(text) }
}
