import {
  checkConditions,
  envelope,
  objectOf,
  one,
  page,
  propertiesOf,
  queryOf,
  seqOf,
  storable,
} from '../arm/envelope.ts'
import { pollingHeaders } from '../arm/operations.ts'
import type { Resource } from '../arm/resources.ts'
import type { Call, Handler, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { computeProperties, locationOf, resized } from './compute-new.ts'
import { checkQuota, nodesOf, priorityOf } from './cores.ts'
import { isLeaving, refuseLeaving } from './leaving.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from './paths.ts'
import { identityOf } from './workspace-new.ts'
import { workspaceOf } from './workspace-of.ts'

type Params = Readonly<Record<string, string>>
type Values = Readonly<Record<string, unknown>>

const PAGE = 100

/** Computes. Every change is a long-running operation: the SDK cannot read a PUT that is not. */
export function computeRoutes(region: Region): readonly Route[] {
  defineEndings(region)
  const path = `${WORKSPACE}/computes`
  return [
    ['GET', path, 'compute_list', list(region)],
    ['GET', `${path}/:name`, 'compute_get', (_call, params) => one(200, needed(region, params))],
    ['PUT', `${path}/:name`, 'compute_create_or_update', put(region)],
    ['PATCH', `${path}/:name`, 'compute_update', patch(region)],
    ['DELETE', `${path}/:name`, 'compute_delete', remove(region)],
    ['POST', `${path}/:name/listNodes`, 'compute_list_nodes', listNodes(region)],
    ['POST', `${path}/:name/listKeys`, 'compute_list_keys', listKeys(region)],
    ['POST', `${path}/:name/start`, 'compute_start', move(region, 'start')],
    ['POST', `${path}/:name/stop`, 'compute_stop', move(region, 'stop')],
    ['POST', `${path}/:name/restart`, 'compute_restart', move(region, 'restart')],
    ['POST', `${path}/:name/updateIdleShutdownSetting`, 'compute_update_idle_shutdown_setting', idle(region)],
  ]
}

/** What a compute instance does while it is started, stopped or restarted, and what it is after. */
const MOVES = {
  start: { passing: 'Starting', after: 'Running', named: 'Start' },
  stop: { passing: 'Stopping', after: 'Stopped', named: 'Stop' },
  restart: { passing: 'Restarting', after: 'Running', named: 'Restart' },
} as const

function defineEndings(region: Region): void {
  for (const kind of ['compute_create_or_update', 'compute_update']) {
    region.operations.define(kind, ({ subject }) => {
      const found = region.resources.get(subject)
      if (found !== undefined && !isLeaving(found)) {
        change(region, found, { provisioningState: 'Succeeded' }, settledState(found))
      }
      return { status: 'Succeeded' }
    })
  }
  region.operations.define('compute_delete', ({ subject }) => {
    region.resources.remove(subject)
    return { status: 'Succeeded' }
  })
  for (const [action, { after, named }] of Object.entries(MOVES)) {
    region.operations.define(`compute_${action}`, ({ subject }) => {
      const found = region.resources.get(subject)
      if (found !== undefined) change(region, found, {}, { state: after, lastOperation: lastOperation(region, named) })
      return { status: 'Succeeded' }
    })
  }
}

function settledState(found: Resource): Values {
  return propertiesOf(found.body)['computeType'] === 'ComputeInstance' ? { state: 'Running' } : {}
}

function list(region: Region): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const found = region.resources.list(id, typeOf('computes'), { ...seqOf(call), limit: PAGE })
    return page(
      call,
      found.items.map((compute) => envelope(compute)),
      found.next,
    )
  }
}

function put(region: Region): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'computes', params['name'])
    const sent = storable(await call.json())
    const wanted = objectOf(sent['properties'], "The field 'properties'")
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      refuseOther(found, wanted)
      const location = locationOf(region, sent)
      const properties = computeProperties(region, { sent: wanted, location, by: call.caller.id }, found)
      checkRoom(region, id, properties)
      const identity = sent['identity'] == null ? {} : { identity: identityOf(sent['identity'], found?.body) }
      const body = { tags: {}, ...sent, ...identity, location, properties }
      const compute = region.resources.put(id, body, call.caller.id)
      const status = found === undefined ? 201 : 200
      return begun(region, call, { kind: 'compute_create_or_update', id, reply: one(status, compute) })
    })
  }
}

function patch(region: Region): Handler {
  return async (call, params) => {
    const id = needed(region, params).id
    const sent = propertiesOf(storable(await call.json()))
    return call.commit(() => {
      const found = region.resources.need(id)
      checkConditions(call, found)
      refuseLeaving(found, 'compute')
      const properties = resized(propertiesOf(found.body), sent)
      checkRoom(region, id, properties)
      const compute = region.resources.put(id, { ...found.body, properties }, call.caller.id)
      return begun(region, call, { kind: 'compute_update', id, reply: one(200, compute) })
    })
  }
}

function remove(region: Region): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'computes', params['name'])
    const action = queryOf(call, 'underlyingResourceAction')
    if (action === undefined) {
      throw new Refusal(400, 'MissingParameter', "The query parameter 'underlyingResourceAction' is required.")
    }
    return call.commit(() => {
      const found = region.resources.get(id)
      if (found === undefined) return { status: 204, note: { subject: id } }
      checkConditions(call, found)
      change(region, found, { provisioningState: 'Deleting' }, {})
      return begun(region, call, { kind: 'compute_delete', id, reply: { status: 202 } })
    })
  }
}

/** How long an instance may idle before it is stopped. */
function idle(region: Region): Handler {
  return async (call, params) => {
    const { id } = needed(region, params)
    const { idleTimeBeforeShutdown } = storable(await call.json())
    if (typeof idleTimeBeforeShutdown !== 'string') {
      throw new Refusal(400, 'InvalidRequestContent', "The field 'idleTimeBeforeShutdown' is no duration.")
    }
    return call.commit(() => {
      change(region, instanceAt(region, id), {}, { idleTimeBeforeShutdown })
      return { status: 200, note: { subject: id } }
    })
  }
}

function move(region: Region, action: keyof typeof MOVES): Handler {
  return (call, params) => {
    const { id } = needed(region, params)
    return call.commit(() => {
      const found = instanceAt(region, id)
      change(region, found, {}, { state: MOVES[action].passing })
      return begun(region, call, { kind: `compute_${action}`, id, reply: { status: 202 } })
    })
  }
}

function listNodes(region: Region): Handler {
  return (_call, params) => {
    const compute = needed(region, params)
    const { computeType, properties } = propertiesOf(compute.body)
    if (computeType !== 'AmlCompute') {
      throw new Refusal(400, 'ComputeTypeNotSupported', `The compute '${compute.name}' has no list of nodes.`)
    }
    const count = Number((properties as Values)['currentNodeCount'] ?? 0)
    const nodes = Array.from({ length: count }, (_, index) => ({
      nodeId: `tvmps_${compute.seq}_${index}`,
      nodeState: 'idle',
      privateIpAddress: `10.0.0.${(index % 250) + 4}`,
      publicIpAddress: null,
      port: 50_000 + index,
      runId: null,
    }))
    return { status: 200, body: { nodes } }
  }
}

function listKeys(region: Region): Handler {
  return (_call, params) => {
    const compute = needed(region, params)
    const { computeType } = propertiesOf(compute.body)
    throw new Refusal(
      400,
      'ComputeTypeNotSupported',
      `The compute '${compute.name}' of the type ${computeType} has no keys.`,
    )
  }
}

function begun(region: Region, call: Call, of: { kind: string; id: string; reply: Reply }): Reply {
  const operation = region.operations.start({ kind: of.kind, subject: of.id })
  const headers = { ...of.reply.headers, ...pollingHeaders(call, operation, { location: region.name }) }
  return { ...of.reply, headers, note: { subject: of.id } }
}

function change(region: Region, found: Resource, outer: Values, inner: Values): void {
  const properties = propertiesOf(found.body)
  const within = { ...((properties['properties'] ?? {}) as Values), ...inner }
  const body = { ...found.body, properties: { ...properties, ...outer, properties: within } }
  region.resources.put(found.id, body, found.modifiedBy)
}

function checkRoom(region: Region, id: string, properties: Values): void {
  const inner = (properties['properties'] ?? {}) as Values
  if (typeof inner['vmSize'] !== 'string') return
  checkQuota(region, { id, size: inner['vmSize'], nodes: nodesOf(inner), priority: priorityOf(inner) })
}

function refuseOther(found: Resource | undefined, wanted: Values): void {
  if (found === undefined) return
  refuseLeaving(found, 'compute')
  const { computeType, properties } = propertiesOf(found.body)
  const size = (properties as Values | undefined)?.['vmSize']
  const asked = (wanted['properties'] as Values | undefined)?.['vmSize']
  const same =
    computeType === wanted['computeType'] &&
    (asked == null || String(asked).toLowerCase() === String(size).toLowerCase())
  if (same) return
  throw new Refusal(
    400,
    'ComputeCannotBeUpdated',
    `The compute '${found.name}' exists, and its type and size cannot be changed.`,
  )
}

function lastOperation(region: Region, operationName: string): Values {
  return { operationName, operationTime: region.clock.iso(), operationStatus: 'Succeeded', operationTrigger: 'User' }
}

function instanceAt(region: Region, id: string): Resource {
  const found = region.resources.need(id)
  refuseLeaving(found, 'compute')
  if (propertiesOf(found.body)['computeType'] === 'ComputeInstance') return found
  throw new Refusal(400, 'ComputeTypeNotSupported', `The compute '${found.name}' is not a compute instance.`)
}

function needed(region: Region, params: Params): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, 'computes', params['name']))
}
