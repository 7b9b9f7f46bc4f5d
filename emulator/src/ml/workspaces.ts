import {
  checkConditions,
  envelope,
  flagOf,
  one,
  page,
  propertiesOf,
  queryOf,
  seqOf,
  storable,
} from '../arm/envelope.ts'
import { type Operation, pollingHeaders } from '../arm/operations.ts'
import type { Resource } from '../arm/resources.ts'
import type { Call, Handler, Reply } from '../call.ts'
import { complaint } from '../complaint.ts'
import { isTerminal } from '../jobs/definition.ts'
import { jobsOf } from '../jobs/jobs.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { isLeaving, refuseLeaving } from './leaving.ts'
import { GROUP, NAMESPACE, WORKSPACE, workspaceIdOf } from './paths.ts'
import { purge, recovered, softDelete } from './soft-delete.ts'
import { workspaceActionRoutes } from './workspace-actions.ts'
import { foundWorkspace, identityOf, typed } from './workspace-new.ts'

const TYPE = `${NAMESPACE}/workspaces`
const PAGE = 100

/** Workspaces themselves: made, changed and removed as long-running operations. */
export function workspaceRoutes(region: Region): readonly Route[] {
  defineEndings(region)
  return [
    ['GET', WORKSPACE, 'workspaces_get', (_call, params) => one(200, region.resources.need(workspaceIdOf(params)))],
    ['PUT', WORKSPACE, 'workspaces_create_or_update', put(region)],
    ['PATCH', WORKSPACE, 'workspaces_update', patch(region)],
    ['DELETE', WORKSPACE, 'workspaces_delete', remove(region)],
    ['GET', `${GROUP}/workspaces`, 'workspaces_list_by_resource_group', listByGroup(region)],
    [
      'GET',
      `/subscriptions/:s/providers/${NAMESPACE}/workspaces`,
      'workspaces_list_by_subscription',
      (call) => listed(call, region.resources.ofType(TYPE, { ...seqOf(call), limit: PAGE })),
    ],
    ...workspaceActionRoutes(region),
  ]
}

function defineEndings(region: Region): void {
  const settled = ({ subject, input }: Operation) => {
    const found = region.resources.get(subject)
    const { by } = input as { readonly by: string }
    if (found !== undefined && !isLeaving(found)) setState(region, found, 'Succeeded', by)
    return { status: 'Succeeded' } as const
  }
  region.operations.define('workspaces_create_or_update', settled)
  region.operations.define('workspaces_update', settled)
  region.operations.define('workspaces_delete', ({ subject, input }) => {
    const found = region.resources.get(subject)
    const { purge: forGood, open } = input as { readonly purge: boolean; readonly open: readonly string[] }
    if (open.some((id) => isOpen(region, id))) return undefined
    if (found === undefined || forGood) purge(region, subject)
    else softDelete(region, found, open)
    return { status: 'Succeeded' }
  })
}

function put(region: Region): Handler {
  return async (call, params) => {
    const id = workspaceIdOf(params)
    const sent = storable(await call.json())
    return call.commit(() => {
      const found = region.resources.get(id) ?? recovered(region, id, propertiesOf(sent))
      checkConditions(call, found)
      refuseLeaving(found, 'workspace')
      const body =
        found === undefined ? foundWorkspace(region, id, { sent, by: call.caller.id }) : replaced(region, found, sent)
      return begun(region, call, { id, body, status: found === undefined ? 201 : 200 })
    })
  }
}

function patch(region: Region): Handler {
  return async (call, params) => {
    const id = workspaceIdOf(params)
    const sent = storable(await call.json())
    return call.commit(() => {
      const found = region.resources.need(id)
      checkConditions(call, found)
      refuseLeaving(found, 'workspace')
      const properties = { ...propertiesOf(found.body), ...open(propertiesOf(sent)) }
      const identity =
        sent['identity'] === undefined ? found.body['identity'] : identityOf(sent['identity'], found.body)
      const { location: _, ...rest } = sent
      const reply = begun(region, call, { id, body: { ...found.body, ...rest, identity, properties }, status: 202 })
      return { ...reply, body: undefined }
    })
  }
}

function remove(region: Region): Handler {
  return async (call, params) => {
    const id = workspaceIdOf(params)
    const forGood = flagOf(call, 'forceToPurge') ?? false
    let open: readonly string[] = []
    const reply = await call.commit(() => {
      const found = region.resources.get(id)
      if (found === undefined) {
        if (forGood) purge(region, id)
        return { status: 204, note: { subject: id } }
      }
      checkConditions(call, found)
      setState(region, found, 'Deleting', call.caller.id)
      open = openJobs(region, id)
      const operation = region.operations.start({
        kind: 'workspaces_delete',
        subject: id,
        input: { purge: forGood, open },
      })
      const headers = pollingHeaders(call, operation, { location: region.name })
      for (const job of open) jobsOf(region).requestCancel(job)
      return { status: 202, headers, note: { subject: id, facts: { purge: forGood } } }
    })
    if (reply.status === 202)
      for (const job of open)
        jobsOf(region)
          .stop(job)
          .catch(complaint(`job ${job}`))
    return reply
  }
}

/** ARM ids of the jobs of a workspace that have not ended. */
function openJobs(region: Region, workspace: string): string[] {
  const under = `${workspace}/jobs/`.toLowerCase()
  return jobsOf(region)
    .records.open()
    .flatMap(({ id }) => (id.toLowerCase().startsWith(under) ? [id] : []))
}

function isOpen(region: Region, job: string): boolean {
  const found = jobsOf(region).records.get(job)
  return found !== undefined && !isTerminal(found.definition.status)
}

function listByGroup(region: Region): Handler {
  return (call, { s = '', g = '' }) =>
    listed(
      call,
      region.resources.list(`/subscriptions/${s}/resourceGroups/${g}`, TYPE, { ...seqOf(call), limit: PAGE }),
    )
}

/** `kind` takes several kinds, separated by commas. */
function listed(call: Call, found: { items: readonly Resource[]; next: number | undefined }): Reply {
  const kinds = queryOf(call, 'kind')?.toLowerCase().split(',')
  const shown = found.items.filter(
    (one) => kinds === undefined || kinds.includes(String(one.body['kind']).toLowerCase()),
  )
  return page(
    call,
    shown.map((one) => envelope(one)),
    found.next,
  )
}

/** Stores the workspace in a passing state and starts what will end it. */
function begun(
  region: Region,
  call: Call,
  wanted: { id: string; body: Readonly<Record<string, unknown>>; status: number },
): Reply {
  const passing = wanted.status === 201 ? 'Creating' : 'Updating'
  const properties = { ...propertiesOf(wanted.body), provisioningState: passing }
  const workspace = region.resources.put(wanted.id, { ...wanted.body, properties }, call.caller.id)
  const kind = wanted.status === 202 ? 'workspaces_update' : 'workspaces_create_or_update'
  const operation = region.operations.start({ kind, subject: wanted.id, input: { by: call.caller.id } })
  const reply = one(wanted.status, workspace)
  const facts = { workspaceId: propertiesOf(wanted.body)['workspaceId'] }
  return {
    ...reply,
    headers: { ...reply.headers, ...pollingHeaders(call, operation, { location: region.name }) },
    note: { subject: wanted.id, facts },
  }
}

/** What a PUT may not change on a workspace that is there. */
const FIXED = new Set([
  'workspaceId',
  'discoveryUrl',
  'mlFlowTrackingUri',
  'notebookInfo',
  'tenantId',
  'creationTime',
  'privateLinkCount',
  'storageHnsEnabled',
  'provisioningState',
  'hbiWorkspace',
])

/** What a PUT says of the writing and not of the workspace. */
const PASSING = new Set(['allowRecoverSoftDeletedWorkspace'])

function open(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = Object.entries(typed(properties))
  return Object.fromEntries(fields.filter(([field]) => !FIXED.has(field) && !PASSING.has(field)))
}

function replaced(region: Region, found: Resource, sent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const held = propertiesOf(found.body)
  const wanted = open(propertiesOf(sent))
  const [before, after] = [String(held['storageAccount']), wanted['storageAccount']]
  if (typeof after === 'string' && after.toLowerCase() !== before.toLowerCase()) {
    const message = `The storage account of the workspace '${found.name}' is '${before}' and cannot be changed.`
    throw new Refusal(400, 'ValidationError', message)
  }
  const kept = Object.fromEntries(Object.entries(held).filter(([field]) => FIXED.has(field)))
  return {
    ...found.body,
    ...sent,
    location: region.name,
    tags: sent['tags'] ?? {},
    identity: identityOf(sent['identity'], found.body),
    properties: { ...wanted, ...kept, storageAccount: before },
  }
}

function setState(region: Region, found: Resource, provisioningState: string, by: string): void {
  const properties = { ...propertiesOf(found.body), provisioningState }
  region.resources.put(found.id, { ...found.body, properties }, by)
}
