import { randomInt, randomUUID } from 'node:crypto'
import { objectOf, propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { TENANT } from '../tokens.ts'

type Values = Readonly<Record<string, unknown>>

/** Properties of a compute after a PUT: what was sent, and what the service adds by type. */
export function computeProperties(
  region: Region,
  { sent, location, by }: { readonly sent: Values; readonly location: string; readonly by: string },
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
    properties: innerOf({ computeType, by }, inner, before['properties'] as Values | undefined),
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

function innerOf(
  { computeType, by }: { readonly computeType: string; readonly by: string },
  sent: Values | null,
  before: Values | undefined,
): Values | null {
  if (computeType === 'AmlCompute') return scaled(withoutPasswords({ ...CLUSTER, ...(sent ?? {}) }))
  if (computeType === 'ComputeInstance') return instanceOf(by, sent ?? {}, before)
  return sent
}

/**
 * An instance with what the service says of it: who made it, where its shell listens, how its schedules are called.
 * How long it may idle is taken when it is made and has a call of its own after that, as the vendor's page on managing
 * instances says; what a later PUT says of it is passed over.
 */
function instanceOf(by: string, sent: Values, before: Values | undefined): Values {
  const shell = { adminUserName: 'azureuser', sshPort: randomInt(4000, 60_000) }
  const known = before?.['sshSettings'] as Values | undefined
  const { idleTimeBeforeShutdown } = before ?? sent
  const { computeStartStop } = (sent['schedules'] ?? {}) as { readonly computeStartStop?: readonly Values[] }
  return {
    ...INSTANCE,
    state: before?.['state'] ?? 'Creating',
    ...sent,
    idleTimeBeforeShutdown: idleTimeBeforeShutdown ?? null,
    schedules: { computeStartStop: (computeStartStop ?? []).map(scheduleOf) },
    sshSettings: {
      sshPublicAccess: 'Disabled',
      ...((sent['sshSettings'] ?? {}) as Values),
      adminUserName: known?.['adminUserName'] ?? shell.adminUserName,
      sshPort: known?.['sshPort'] ?? shell.sshPort,
    },
    createdBy: before?.['createdBy'] ?? { userName: by, userOrgId: TENANT, userId: by },
  }
}

function scheduleOf(sent: Values): Values {
  return { status: 'Enabled', ...sent, id: randomUUID(), provisioningStatus: 'Completed' }
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
