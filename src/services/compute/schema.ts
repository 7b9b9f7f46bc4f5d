import type { Body } from '../../azure/arm.ts'
import type { Json, JsonObject, Mode } from '../../core/model.ts'
import { objectOf, portableBody, propertiesOf, textOf, withProperties } from '../arm-body.ts'
import type { Place } from '../service.ts'

const SCHEMA = {
  readOnly: new Set([
    'provisioningState',
    'provisioningErrors',
    'createdOn',
    'modifiedOn',
    'isAttachedCompute',
    'computeLocation',
  ]),
  beside: ['location', 'tags', 'identity', 'sku'],
}

/** What only Azure sets inside the properties of a cluster or an instance. */
const INNER_READ_ONLY = new Set([
  'allocationState',
  'allocationStateTransitionTime',
  'errors',
  'currentNodeCount',
  'targetNodeCount',
  'nodeStateCounts',
  'connectivityEndpoints',
  'applications',
  'createdBy',
  'lastOperation',
  'versions',
  'containers',
  'dataDisks',
  'dataMounts',
  'osImageMetadata',
  'state',
])

/** What only Azure sets deeper inside: ComputeInstanceSshSettings and ComputeStartStopSchedule of the vendor's 2025-12-01. */
const SHELL_READ_ONLY: readonly string[] = ['adminUserName', 'sshPort']
const START_STOP_READ_ONLY: readonly string[] = ['id', 'provisioningStatus', 'schedule']

/** How a body in portable form says where either side stands. */
const SIDES: ReadonlySet<Json> = new Set(
  ['location', 'location-display', 'peer-location', 'peer-location-display'].map((word) => `<<hf:${word}>>`),
)

/** Fields of a cluster or an instance that may change once it is there. */
const INNER_MUTABLE = new Set(['scaleSettings', 'state', 'idleTimeBeforeShutdown', 'schedules'])

const OWNER = 'personalComputeInstanceSettings'

/** Whose an instance is; `undefined` for one that is everybody's, and for all else. */
export function ownerOf(body: JsonObject): JsonObject | undefined {
  const owner = innerOf(body)[OWNER]
  return owner === undefined ? undefined : objectOf(objectOf(owner)['assignedUser'])
}

/** Types that Holdfast makes; all others are attached to something that stands elsewhere. */
const MADE: ReadonlySet<string> = new Set(['AmlCompute', 'ComputeInstance'])

export function isMade(body: JsonObject): boolean {
  return MADE.has(typeOf(body))
}

export function typeOf(body: JsonObject): string {
  return String(propertiesOf(body)['computeType'] ?? '')
}

/** What the definition says beside how many nodes run just now. An instance's state is a part of it: it runs or it does not. */
export function innerOf(body: JsonObject): JsonObject {
  return objectOf(propertiesOf(body)['properties'])
}

/** The portable form. */
export function computeBody(place: Place, resource: Body): JsonObject {
  // A cluster may stand in another region than its workspace: it is made by the location of the resource, and this tells.
  const { computeLocation } = propertiesOf(resource)
  const told = computeLocation == null ? resource : { ...resource, location: computeLocation }
  const body = atHome(portableBody(place, told, SCHEMA))
  const identity = identityOf(objectOf(body['identity']))
  const inner = objectOf(propertiesOf(resource)['properties'])
  const kept = Object.entries(inner).filter(([field, value]) => !INNER_READ_ONLY.has(field) && value !== null)
  const definition = Object.fromEntries(kept)
  const ofType = typeOf(body) === 'ComputeInstance' ? instanceOf(definition, inner) : definition
  const properties = place.portable(ofType)
  const { identity: _, ...rest } = withProperties(body, { properties })
  return identity === undefined ? rest : { ...rest, identity }
}

/** A compute in the region of either side is made in its own by the other: in the first's it would be lost together with it. */
function atHome(body: JsonObject): JsonObject {
  return SIDES.has(body['location'] ?? null) ? { ...body, location: '<<hf:location>>' } : body
}

/** The schedules by which an instance starts and stops itself. */
export function startStopOf(inner: JsonObject): readonly JsonObject[] {
  const { computeStartStop } = objectOf(inner['schedules'])
  return Array.isArray(computeStartStop) ? computeStartStop.map((one) => objectOf(one as Json)) : []
}

/** The body as a PUT takes it. */
export function withoutState(body: JsonObject): JsonObject {
  const { state: _, ...inner } = innerOf(body)
  return withProperties(body, { properties: inner })
}

/**
 * A cluster that keeps no node, an instance that is stopped and starts by nobody's clock. Schedules that stop one stay:
 * they cost nothing, and hold if Azure does not take back what a failover changes. Starting by itself is parked under every mode.
 */
export function parkedBody(body: JsonObject, mode: Mode): JsonObject {
  const inner = innerOf(body)
  const type = typeOf(body)
  const changes =
    type === 'ComputeInstance' ? quietInstance(inner, mode) : type === 'AmlCompute' ? idle(inner, mode) : {}
  return Object.keys(changes).length === 0 ? body : withProperties(body, { properties: { ...inner, ...changes } })
}

function idle({ scaleSettings }: JsonObject, mode: Mode): JsonObject {
  const scale = objectOf(scaleSettings)
  return mode === 'hot/hot' || scale['minNodeCount'] === 0 ? {} : { scaleSettings: { ...scale, minNodeCount: 0 } }
}

function quietInstance(inner: JsonObject, mode: Mode): JsonObject {
  const state = mode === 'hot/hot' ? {} : { state: 'Stopped' }
  const starts = ({ action, status }: JsonObject) => /^start$/i.test(String(action)) && status !== 'Disabled'
  const all = startStopOf(inner)
  if (!all.some(starts)) return state
  return {
    ...state,
    schedules: { computeStartStop: all.map((one) => (starts(one) ? { ...one, status: 'Disabled' } : one)) },
  }
}

/** Type, size and network are fixed when a compute is made. An instance of somebody else is no other compute: jobs run on it. */
export function frozenOf(body: JsonObject): JsonObject {
  const inner = Object.entries(innerOf(body)).filter(([field]) => !INNER_MUTABLE.has(field) && field !== OWNER)
  return { computeType: typeOf(body), ...Object.fromEntries(inner) }
}

/**
 * An instance without what is each side's own in it. One that has no schedules says nothing of them. The only type of
 * authorization is left to Azure, which may or may not tell it.
 */
function instanceOf(definition: JsonObject, told: JsonObject): JsonObject {
  const { sshSettings, schedules: _, computeInstanceAuthorizationType: _type, ...rest } = definition
  const computeStartStop = startStopOf(definition).map((one) => without(one, START_STOP_READ_ONLY))
  const assigned = assignedIn(told)
  // Azure takes no key where it makes an instance for somebody else: its owner sets one up on each side.
  const ofShell = assigned === undefined ? SHELL_READ_ONLY : [...SHELL_READ_ONLY, 'adminPublicKey']
  return {
    ...rest,
    ...(assigned === undefined ? {} : { personalComputeInstanceSettings: { assignedUser: assigned } }),
    ...(sshSettings === undefined ? {} : { sshSettings: without(objectOf(sshSettings), ofShell) }),
    ...(computeStartStop.length === 0 ? {} : { schedules: { computeStartStop } }),
    state: restingState(String(told['state'])),
  }
}

/** Whose an instance is: it is assigned to somebody, or, where it is for one person alone, to whoever made it. */
function assignedIn(told: JsonObject): JsonObject | undefined {
  const { assignedUser } = objectOf(told['personalComputeInstanceSettings'])
  if (textOf(objectOf(assignedUser)['objectId']) !== undefined) return objectOf(assignedUser)
  const { userId, userOrgId } = objectOf(told['createdBy'])
  const isShared = /^shared$/i.test(String(told['applicationSharingPolicy']))
  const [objectId, tenantId] = [textOf(userId), textOf(userOrgId)]
  return isShared || objectId === undefined || tenantId === undefined ? undefined : { objectId, tenantId }
}

function without(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)))
}

function restingState(state: string): 'Running' | 'Stopped' {
  return /^(?:stop|usersetupfailed|setupfailed|unusable|unknown)/i.test(state) ? 'Stopped' : 'Running'
}

/** Which identities there are, without what each side's directory calls them. */
function identityOf(identity: JsonObject): JsonObject | undefined {
  const { type, userAssignedIdentities } = identity
  if (type === undefined || type === 'None') return undefined
  const users = Object.keys(objectOf(userAssignedIdentities)).sort()
  return users.length === 0
    ? { type }
    : { type, userAssignedIdentities: Object.fromEntries(users.map((id) => [id, {}])) }
}
