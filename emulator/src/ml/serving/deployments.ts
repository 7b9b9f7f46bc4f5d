import { checkConditions, objectOf, one, propertiesOf, storable } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Handler } from '../../call.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { listed } from '../asset-lists.ts'
import { checkQuota } from '../cores.ts'
import { refuseLeaving } from '../leaving.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from '../paths.ts'
import { workspaceOf } from '../workspace-of.ts'
import { invalid, type Kind, propertiesIn, type Values } from './kinds.ts'
import { begun, defineChanges, settle } from './operations.ts'
import { shareOf } from './traffic.ts'

type Params = Readonly<Record<string, string>>

const NAME = /^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$/
const MOST_INSTANCES = 50

/** Deployments of one kind of endpoints. */
export function deploymentRoutes(region: Region, kind: Kind): readonly Route[] {
  const { deployment: operation } = kind.operation
  defineChanges(region, operation)
  region.operations.define(`${operation}_delete`, ({ subject }) => {
    region.resources.remove(subject)
    return { status: 'Succeeded' }
  })
  const path = `${WORKSPACE}/${kind.segment}/:e/deployments`
  const common: Route[] = [
    ['GET', path, `${operation}_list`, list(region, kind)],
    ['GET', `${path}/:d`, `${operation}_get`, (_call, params) => one(200, needed(region, kind, params))],
    ['PUT', `${path}/:d`, `${operation}_create_or_update`, put(region, kind)],
    ['PATCH', `${path}/:d`, `${operation}_update`, patch(region, kind)],
    ['DELETE', `${path}/:d`, `${operation}_delete`, remove(region, kind)],
  ]
  if (kind.segment === 'batchEndpoints') return common
  return [
    ...common,
    ['GET', `${path}/:d/skus`, `${operation}_list_skus`, skus(region, kind)],
    ['POST', `${path}/:d/getLogs`, `${operation}_get_logs`, getLogs(region, kind)],
  ]
}

function endpointOf(region: Region, kind: Kind, params: Params): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, kind.segment, params['e']))
}

function needed(region: Region, kind: Kind, params: Params): Resource {
  const { id } = endpointOf(region, kind, params)
  return region.resources.need(idIn(id, params))
}

function idIn(endpoint: string, params: Params): string {
  const name = params['d'] ?? ''
  if (NAME.test(name)) return `${endpoint}/deployments/${name}`
  throw invalid(`The deployment name '${name}' is not valid: 3 to 32 letters, digits and hyphens, a letter first.`)
}

function list(region: Region, kind: Kind): Handler {
  return (call, params) => {
    const { id: parent } = endpointOf(region, kind, params)
    const wanted = { parent, type: typeOf(kind.segment, 'deployments'), newestFirst: false }
    return listed(region, call, wanted)
  }
}

function put(region: Region, kind: Kind): Handler {
  return async (call, params) => {
    const endpoint = endpointOf(region, kind, params)
    const id = idIn(endpoint.id, params)
    const body = storable(await call.json())
    const sent = propertiesOf(body)
    return call.commit(() => {
      refuseLeaving(region.resources.need(endpoint.id))
      const found = region.resources.get(id)
      checkConditions(call, found)
      refuseLeaving(found)
      const properties = {
        ...kind.deployment(region, { id: found?.id ?? id, sent, found }),
        provisioningState: found === undefined ? 'Creating' : 'Updating',
      }
      const sku = skuOf(kind, body['sku'] ?? found?.body['sku'])
      checkRoom(region, { id, properties, sku })
      const whole = { tags: {}, ...body, ...(sku === undefined ? {} : { sku }), location: region.name, properties }
      const deployment = region.resources.put(found?.id ?? id, whole, call.caller.id)
      const reply = one(found === undefined ? 201 : 200, deployment)
      return begun(region, call, { kind: `${kind.operation.deployment}_create_or_update`, id: deployment.id, reply })
    })
  }
}

/** Tags; of an online deployment the number of instances, of a batch deployment the description. */
function patch(region: Region, kind: Kind): Handler {
  return async (call, params) => {
    const { id } = needed(region, kind, params)
    const sent = storable(await call.json())
    const { description } = propertiesOf(sent)
    return call.commit(() => {
      const found = region.resources.need(id)
      checkConditions(call, found)
      refuseLeaving(found)
      const held = found.body['sku'] as Values | undefined
      const sku = sent['sku'] == null ? held : skuOf(kind, { ...held, ...objectOf(sent['sku'], "The field 'sku'") })
      const properties = {
        ...propertiesIn(found),
        ...(typeof description === 'string' ? { description } : {}),
        provisioningState: 'Updating',
      }
      checkRoom(region, { id, properties, sku })
      const tags = sent['tags'] ?? found.body['tags']
      const whole = { ...found.body, tags, ...(sku === undefined ? {} : { sku }), properties }
      const deployment = region.resources.put(id, whole, call.caller.id)
      return begun(region, call, { kind: `${kind.operation.deployment}_update`, id, reply: one(200, deployment) })
    })
  }
}

/** A deployment that traffic goes to cannot be removed. */
function remove(region: Region, kind: Kind): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const parent = inWorkspace(params, kind.segment, params['e'])
    const id = idIn(parent, params)
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) return { status: 204, note: { subject: id } }
      const share = shareOf(propertiesIn(region.resources.get(parent)), found.name)
      if (share > 0) {
        throw invalid(`The deployment '${found.name}' gets ${share} percent of the traffic; take it away first.`)
      }
      forgetDefault(region, parent, found.name)
      settle(region, found.id, { provisioningState: 'Deleting' })
      return begun(region, call, { kind: `${kind.operation.deployment}_delete`, id: found.id, reply: { status: 202 } })
    })
  }
}

function forgetDefault(region: Region, endpoint: string, deployment: string): void {
  const defaults = propertiesIn(region.resources.get(endpoint))['defaults'] as Values | undefined
  if (defaults?.['deploymentName'] === deployment) settle(region, endpoint, { defaults: {} })
}

function skus(region: Region, kind: Kind): Handler {
  return (_call, params) => {
    needed(region, kind, params)
    const sku = {
      resourceType: `${typeOf(kind.segment, 'deployments')}`,
      sku: { name: 'Default', tier: 'Standard' },
      capacity: { minimum: 1, maximum: MOST_INSTANCES, default: 1, scaleType: 'Manual' },
    }
    return { status: 200, body: { value: [sku] } }
  }
}

/** Nothing runs, so there is little to say. */
function getLogs(region: Region, kind: Kind): Handler {
  return async (call, params) => {
    const deployment = needed(region, kind, params)
    const { containerType } = objectOf((await call.json()) ?? {}, 'The request body')
    const line = `${deployment.modifiedAt} ${containerType ?? 'InferenceServer'}: the emulator serves nothing for the deployment ${deployment.name}.`
    return { status: 200, body: { content: `${line}\n` }, unlogged: true }
  }
}

function skuOf(kind: Kind, sent: unknown): Values | undefined {
  if (kind.sku === undefined) return sent == null ? undefined : objectOf(sent, "The field 'sku'")
  const sku: Values = { ...kind.sku, ...(sent == null ? {} : objectOf(sent, "The field 'sku'")) }
  const { capacity } = sku
  if (!Number.isInteger(capacity) || Number(capacity) < 1 || Number(capacity) > MOST_INSTANCES) {
    throw invalid(`The field 'sku.capacity' is ${JSON.stringify(capacity)}; it is from 1 to ${MOST_INSTANCES}.`)
  }
  return sku
}

/** Instances of managed deployments take cores of the region. */
function checkRoom(
  region: Region,
  { id, properties, sku }: { readonly id: string; readonly properties: Values; readonly sku: Values | undefined },
): void {
  const { instanceType } = properties
  if (typeof instanceType !== 'string' || properties['endpointComputeType'] !== 'Managed') return
  checkQuota(region, { id, size: instanceType, nodes: Number(sku?.['capacity'] ?? 1) })
}
