import { objectOf, propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'

type Values = Readonly<Record<string, unknown>>

/** Properties of a compute after a PUT: what was sent, and what the service adds by type. */
export function computeProperties(
  region: Region,
  { sent, location }: { readonly sent: Values; readonly location: string },
  found: Resource | undefined,
): Values {
  const computeType = sent['computeType']
  if (typeof computeType !== 'string') {
    throw new Refusal(400, 'InvalidRequestContent', "The field 'properties.computeType' is required.")
  }
  const before = found === undefined ? {} : propertiesOf(found.body)
  const inner = sent['properties'] == null ? null : objectOf(sent['properties'], "The field 'properties.properties'")
  const now = region.clock.iso()
  return {
    description: null,
    resourceId: null,
    disableLocalAuth: false,
    ...sent,
    computeType,
    properties: innerOf(computeType, inner, (before['properties'] ?? {}) as Values),
    computeLocation: sent['computeLocation'] ?? location,
    provisioningState: found === undefined ? 'Creating' : 'Updating',
    provisioningErrors: null,
    isAttachedCompute: computeType !== 'AmlCompute' && computeType !== 'ComputeInstance',
    createdOn: before['createdOn'] ?? now,
    modifiedOn: now,
  }
}

/** Where a compute stands: a cluster where it was asked for, which need not be its workspace's region; all others there. */
export function locationOf(region: Region, { location, properties }: Values): string {
  const isCluster = (properties as Values | undefined)?.['computeType'] === 'AmlCompute'
  return isCluster && typeof location === 'string' && location !== ''
    ? location.toLowerCase().replaceAll(' ', '')
    : region.name
}

/** Properties after a PATCH, which may only change how far a cluster scales. */
export function resized(before: Values, sent: Values): Values {
  const inner = (before['properties'] ?? {}) as Values
  const wanted = propertiesOf(sent)['scaleSettings'] ?? sent['scaleSettings']
  if (wanted === undefined || before['computeType'] !== 'AmlCompute') {
    throw new Refusal(
      400,
      'InvalidRequestContent',
      "Only 'properties.properties.scaleSettings' of a cluster can be changed.",
    )
  }
  const merged = { ...inner, scaleSettings: { ...((inner['scaleSettings'] ?? {}) as Values), ...(wanted as Values) } }
  return { ...before, properties: scaled(merged), provisioningState: 'Updating' }
}

function innerOf(computeType: string, sent: Values | null, before: Values): Values | null {
  if (computeType === 'AmlCompute') return scaled(withoutPasswords({ ...CLUSTER, ...(sent ?? {}) }))
  if (computeType === 'ComputeInstance') return { ...INSTANCE, state: before['state'] ?? 'Creating', ...(sent ?? {}) }
  return sent
}

const CLUSTER = {
  osType: 'Linux',
  vmPriority: 'Dedicated',
  isolatedNetwork: false,
  remoteLoginPortPublicAccess: 'Disabled',
  enableNodePublicIp: true,
  errors: null,
  subnet: null,
}

const INSTANCE = {
  applicationSharingPolicy: 'Personal',
  sshSettings: { sshPublicAccess: 'Disabled' },
  connectivityEndpoints: null,
  applications: [],
  errors: [],
  enableNodePublicIp: true,
  lastOperation: { operationName: 'Create', operationStatus: 'Succeeded' },
}

/** Scale settings in full, and the counts of nodes that follow from them. */
function scaled(inner: Values): Values {
  const sent = (inner['scaleSettings'] ?? {}) as Values
  const scaleSettings = { minNodeCount: 0, maxNodeCount: 1, nodeIdleTimeBeforeScaleDown: 'PT120S', ...sent }
  const { minNodeCount, maxNodeCount } = scaleSettings as { minNodeCount: number; maxNodeCount: number }
  if (!(minNodeCount >= 0 && maxNodeCount >= minNodeCount)) {
    const message = `The scale settings ask for at least ${minNodeCount} and at most ${maxNodeCount} nodes.`
    throw new Refusal(400, 'InvalidScaleSettings', message)
  }
  const none = {
    preparingNodeCount: 0,
    runningNodeCount: 0,
    leavingNodeCount: 0,
    unusableNodeCount: 0,
    preemptedNodeCount: 0,
  }
  return {
    ...inner,
    scaleSettings,
    allocationState: 'Steady',
    currentNodeCount: minNodeCount,
    targetNodeCount: minNodeCount,
    nodeStateCounts: { ...none, idleNodeCount: minNodeCount },
  }
}

/** An administrator's password is taken and never given back. */
function withoutPasswords(inner: Values): Values {
  const account = inner['userAccountCredentials'] as Values | null | undefined
  if (account == null) return inner
  const { adminUserPassword: _, ...rest } = account
  return { ...inner, userAccountCredentials: rest }
}
