import { checkConditions, objectOf, one, propertiesOf, queryOf, storable } from '../arm/envelope.ts'
import { type Operation, pollingHeaders } from '../arm/operations.ts'
import type { Resource } from '../arm/resources.ts'
import type { Call, Handler } from '../call.ts'
import { jobsOf } from '../jobs/jobs.ts'
import { SCHEDULE_TYPE, type ScheduleProperties, Schedules } from '../jobs/schedules.ts'
import { triggerOf } from '../jobs/when/trigger.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { listed, propertyOf } from './asset-lists.ts'
import { isLeaving, refuseLeaving } from './leaving.ts'
import { inWorkspace, WORKSPACE, workspaceIdOf } from './paths.ts'
import { bringReferences } from './registries/references.ts'
import { workspaceOf } from './workspace-of.ts'

const PUT = 'schedules_create_or_update'
const DELETE = 'schedules_delete'
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$/

/** Schedules. Those with a `CreateJob` action fire; other actions are stored and do nothing. */
export function scheduleRoutes(region: Region): readonly Route[] {
  const schedules = new Schedules(region, jobsOf(region))
  schedules.start()
  region.closing.push(() => schedules.close())
  region.operations.define(PUT, (operation) => provisioned(region, operation))
  region.operations.define(DELETE, ({ subject }) => {
    region.resources.remove(subject)
    schedules.forget(subject)
    return { status: 'Succeeded' }
  })
  const path = `${WORKSPACE}/schedules`
  return [
    ['GET', path, 'schedules_list', list(region)],
    ['GET', `${path}/:name`, 'schedules_get', get(region)],
    ['PUT', `${path}/:name`, PUT, put(region)],
    ['DELETE', `${path}/:name`, DELETE, remove(region)],
    ['POST', `${path}/:name/trigger`, 'schedules_trigger', triggerOnce(region, schedules)],
  ]
}

function list(region: Region): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const wanted = { parent: id, type: SCHEDULE_TYPE, keep: byView(call), newestFirst: false }
    return listed(region, call, wanted)
  }
}

/** Keeps what `listViewType` asks for: those enabled, unless it says otherwise. */
function byView(call: Call): (schedule: Resource) => boolean {
  const view = (queryOf(call, 'listViewType') ?? 'EnabledOnly').toLowerCase()
  switch (view) {
    case 'all':
      return () => true
    case 'enabledonly':
      return (schedule) => propertyOf(schedule, 'isEnabled') === true
    case 'disabledonly':
      return (schedule) => propertyOf(schedule, 'isEnabled') !== true
    default:
      throw new Refusal(400, 'InvalidParameter', `The query parameter 'listViewType' has no value '${view}'.`)
  }
}

function get(region: Region): Handler {
  return (_call, params) => one(200, needed(region, params))
}

function put(region: Region): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'schedules', params['name'])
    if (!NAME.test(params['name'] ?? '')) {
      throw new Refusal(400, 'UserError', `The schedule name '${params['name']}' is not valid.`)
    }
    const sent = checked(region, propertiesOf(storable(await call.json())))
    await bringReferences(region, sent)
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      refuseLeaving(found, 'schedule')
      const provisioningState = found === undefined ? 'Creating' : 'Updating'
      const properties = { description: null, tags: {}, properties: {}, isEnabled: true, ...sent, provisioningState }
      const schedule = region.resources.put(found?.id ?? id, { properties }, call.caller.id)
      const operation = region.operations.start({ kind: PUT, subject: schedule.id, by: call.caller.id })
      const headers = pollingHeaders(call, operation, { location: region.name, polling: 'status' })
      const reply = one(found === undefined ? 201 : 200, schedule)
      return { ...reply, headers: { ...reply.headers, ...headers }, note: { subject: schedule.id } }
    })
  }
}

/** The properties as sent, or the refusal of a schedule that could never fire. */
function checked(region: Region, sent: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const action = objectOf(sent['action'], "The field 'properties.action'")
  if (typeof action['actionType'] !== 'string') {
    throw new Refusal(400, 'UserError', "The field 'properties.action.actionType' is required.")
  }
  if (action['actionType'].toLowerCase() === 'createjob') {
    objectOf(action['jobDefinition'], "The field 'properties.action.jobDefinition'")
  }
  triggerOf(sent['trigger'], region.clock.now())
  return sent
}

function provisioned(region: Region, { subject }: Operation): { readonly status: 'Succeeded' } {
  const found = region.resources.get(subject)
  if (found !== undefined && !isLeaving(found)) setState(region, found, 'Succeeded')
  return { status: 'Succeeded' }
}

function setState(region: Region, found: Resource, provisioningState: string): void {
  const properties = { ...propertiesOf(found.body), provisioningState }
  region.resources.put(found.id, { ...found.body, properties }, found.modifiedBy)
}

function remove(region: Region): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'schedules', params['name'])
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) return { status: 204, note: { subject: id } }
      // From here on it fires no more, and takes no change that would go with it.
      setState(region, found, 'Deleting')
      const operation = region.operations.start({ kind: DELETE, subject: found.id, by: call.caller.id })
      return {
        status: 202,
        headers: pollingHeaders(call, operation, { location: region.name }),
        note: { subject: found.id },
      }
    })
  }
}

/** Submits the job of a schedule now, or as of the time that the body names. */
function triggerOnce(region: Region, schedules: Schedules): Handler {
  return async (call, params) => {
    const schedule = needed(region, params)
    const { action } = schedule.body['properties'] as ScheduleProperties
    if (action.actionType.toLowerCase() !== 'createjob') {
      throw notImplemented(`schedules_trigger with actionType ${action.actionType}`)
    }
    const time = objectOf((await call.json()) ?? {}, 'The request body')['scheduleTime']
    const instant = time === undefined ? region.clock.now() : Date.parse(String(time))
    if (Number.isNaN(instant)) throw new Refusal(400, 'UserError', `'${time}' is not a date and time.`)
    const job = await schedules.fire(schedule, instant)
    const body = { scheduleActionType: 'CreateJob', submissionId: job.split('/').at(-1) }
    return { status: 200, body, note: { subject: job, facts: { schedule: schedule.id } } }
  }
}

function needed(region: Region, params: Readonly<Record<string, string>>): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, 'schedules', params['name']))
}
