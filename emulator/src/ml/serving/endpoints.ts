import { checkConditions, one, propertiesOf, queryOf, storable } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Call, Handler } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { byContent, listed } from '../asset-lists.ts'
import { refuseLeaving } from '../leaving.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from '../paths.ts'
import { identityOf } from '../workspace-new.ts'
import { workspaceOf } from '../workspace-of.ts'
import { deploymentRoutes } from './deployments.ts'
import { EndpointKeys, keyRoutes } from './keys.ts'
import { BATCH, invalid, type Kind, ONLINE, propertiesIn } from './kinds.ts'
import { begun, defineChanges, settle } from './operations.ts'

type Params = Readonly<Record<string, string>>

const NAME = /^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$/

/** Online and batch endpoints, their deployments and keys. Nothing is served by them yet. */
export function endpointRoutes(region: Region): readonly Route[] {
  const keys = new EndpointKeys(region)
  return [ONLINE, BATCH].flatMap((kind) => [
    ...routesOf(region, kind, keys),
    ...keyRoutes(region, kind, keys),
    ...deploymentRoutes(region, kind),
  ])
}

function routesOf(region: Region, kind: Kind, keys: EndpointKeys): readonly Route[] {
  const { endpoint: operation } = kind.operation
  defineChanges(region, operation)
  region.operations.define(`${operation}_delete`, ({ subject }) => {
    region.resources.removeTree(subject)
    keys.remove(subject)
    return { status: 'Succeeded' }
  })
  const path = `${WORKSPACE}/${kind.segment}`
  return [
    ['GET', path, `${operation}_list`, list(region, kind)],
    ['GET', `${path}/:e`, `${operation}_get`, (_call, params) => one(200, needed(region, kind, params))],
    ['PUT', `${path}/:e`, `${operation}_create_or_update`, put(region, kind, keys)],
    ['PATCH', `${path}/:e`, `${operation}_update`, patch(region, kind)],
    ['DELETE', `${path}/:e`, `${operation}_delete`, remove(region, kind)],
  ]
}

/** The endpoint of a call, or Azure's 404. */
export function needed(region: Region, kind: Kind, params: Params): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, kind.segment, params['e']))
}

function list(region: Region, kind: Kind): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const [name, { keep: content }, compute] = [queryOf(call, 'name'), byContent(call), byCompute(call)]
    const keep = (one: Resource) => (name === undefined || one.name === name) && content(tagged(one)) && compute(one)
    const wanted = { parent: id, type: typeOf(kind.segment), keep, newestFirst: newestFirst(call) }
    return listed(region, call, wanted)
  }
}

/** An endpoint as filters look at assets, whose tags are among their properties. */
function tagged(endpoint: Resource): Resource {
  return { ...endpoint, body: { properties: { ...propertiesIn(endpoint), tags: endpoint.body['tags'] } } }
}

function byCompute(call: Call): (endpoint: Resource) => boolean {
  const type = queryOf(call, 'computeType')?.toLowerCase()
  return (endpoint) => type === undefined || (propertiesIn(endpoint)['compute'] == null) === (type === 'managed')
}

/** `orderBy` of endpoints has words of its own. */
function newestFirst(call: Call): boolean {
  const order = queryOf(call, 'orderBy')?.toLowerCase() ?? 'createdatdesc'
  if (order === 'createdatdesc' || order === 'createdatasc') return order === 'createdatdesc'
  throw notImplemented(`online_endpoints_list with orderBy ${order}`)
}

function put(region: Region, kind: Kind, keys: EndpointKeys): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, kind.segment, params['e'])
    const body = storable(await call.json())
    const sent = propertiesOf(body)
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) needName(region, params['e'] ?? '')
      refuseLeaving(found)
      const properties = {
        ...kind.endpoint(region, { id: found?.id ?? id, sent, found }),
        provisioningState: found === undefined ? 'Creating' : 'Updating',
      }
      const identity = identityOf(body['identity'], found?.body)
      const whole = { tags: {}, kind: 'Managed', ...body, location: region.name, identity, properties }
      const endpoint = region.resources.put(found?.id ?? id, whole, call.caller.id)
      if (found === undefined) keys.create(endpoint.id, sent['keys'])
      const reply = one(found === undefined ? 201 : 200, endpoint)
      return begun(region, call, { kind: `${kind.operation.endpoint}_create_or_update`, id: endpoint.id, reply })
    })
  }
}

/** Tags and identity; a client that wants to change more PUTs the whole. */
function patch(region: Region, kind: Kind): Handler {
  return async (call, params) => {
    const { id } = needed(region, kind, params)
    const sent = storable(await call.json())
    return call.commit(() => {
      const found = region.resources.need(id)
      checkConditions(call, found)
      refuseLeaving(found)
      const tags = sent['tags'] ?? found.body['tags']
      const identity = sent['identity'] == null ? found.body['identity'] : identityOf(sent['identity'], found.body)
      const properties = { ...propertiesIn(found), provisioningState: 'Updating' }
      const endpoint = region.resources.put(id, { ...found.body, tags, identity, properties }, call.caller.id)
      return begun(region, call, { kind: `${kind.operation.endpoint}_update`, id, reply: one(200, endpoint) })
    })
  }
}

/** An endpoint goes with its deployments. */
function remove(region: Region, kind: Kind): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, kind.segment, params['e'])
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) return { status: 204, note: { subject: id } }
      settle(region, found.id, { provisioningState: 'Deleting' })
      return begun(region, call, { kind: `${kind.operation.endpoint}_delete`, id: found.id, reply: { status: 202 } })
    })
  }
}

/** A name is part of a host: no two endpoints of a region have the same, whatever their workspaces and kinds. */
function needName(region: Region, name: string): void {
  if (!NAME.test(name)) {
    throw invalid(`The endpoint name '${name}' is not valid: 3 to 32 letters, digits and hyphens, a letter first.`)
  }
  const taken = endpointNamed(region, name)
  if (taken === undefined) return
  throw new Refusal(409, 'Conflict', `The endpoint name '${name}' is taken in ${region.name}, by ${taken.id}.`)
}

/** The endpoint of a region that has this name, whatever its case. */
export function endpointNamed(region: Region, name: string): Resource | undefined {
  for (const { segment } of [ONLINE, BATCH]) {
    let after: number | undefined = 0
    while (after !== undefined) {
      const page = region.resources.ofType(typeOf(segment), { after, limit: 500 })
      const found = page.items.find((one) => one.name.toLowerCase() === name.toLowerCase())
      if (found !== undefined) return found
      after = page.next
    }
  }
  return undefined
}
