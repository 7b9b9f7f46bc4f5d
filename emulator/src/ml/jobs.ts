import { checkConditions, one, propertiesOf, queryOf, storable } from '../arm/envelope.ts'
import { type Operation, pollingHeaders } from '../arm/operations.ts'
import type { Resource } from '../arm/resources.ts'
import type { Handler } from '../call.ts'
import { complaint } from '../complaint.ts'
import { type AnyJob, isTerminal } from '../jobs/definition.ts'
import { jobsOf } from '../jobs/jobs.ts'
import { childrenOf } from '../jobs/parents.ts'
import { JOB_TYPE } from '../jobs/records.ts'
import { change, store } from '../jobs/submission.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { byArchive, byContent, listed, pairTest, propertyOf } from './asset-lists.ts'
import { inWorkspace, WORKSPACE, workspaceIdOf } from './paths.ts'
import { bringReferences } from './registries/references.ts'
import { workspaceOf } from './workspace-of.ts'

const CANCEL = 'jobs_cancel'
const DELETE = 'jobs_delete'

/** Jobs: a PUT submits, and a job that is there never starts again. Those of types that nothing here runs are kept, and fail. */
export function jobRoutes(region: Region): readonly Route[] {
  const jobs = jobsOf(region)
  region.operations.define(CANCEL, ({ subject }) => {
    const job = jobs.records.get(subject)
    return job === undefined || isTerminal(job.definition.status) ? { status: 'Succeeded' } : undefined
  })
  region.operations.define(DELETE, (operation) => removed(region, operation))
  const path = `${WORKSPACE}/jobs`
  return [
    ['GET', path, 'jobs_list', list(region)],
    ['GET', `${path}/:id`, 'jobs_get', get(region)],
    ['PUT', `${path}/:id`, 'jobs_create_or_update', put(region)],
    ['DELETE', `${path}/:id`, DELETE, remove(region)],
    ['POST', `${path}/:id/cancel`, CANCEL, cancel(region)],
  ]
}

function list(region: Region): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const { keep: matches, narrowed: content } = byContent(call)
    const [jobType, tag] = [queryOf(call, 'jobType'), queryOf(call, 'tag')]
    const narrowed = {
      ...byArchive(call),
      ...content,
      ...(jobType === undefined ? {} : { jobType }),
      ...(tag === undefined ? {} : { tag: { key: tag } }),
    }
    const keep = (job: Resource) => matches(job) && (tag === undefined || pairTest('tags', { key: tag })(job))
    const wanted = { parent: id, type: JOB_TYPE, keep, narrowed, newestFirst: true }
    return listed(region, call, wanted)
  }
}

function get(region: Region): Handler {
  return (_call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    return one(200, region.resources.need(inWorkspace(params, 'jobs', params['id'])))
  }
}

function put(region: Region): Handler {
  return async (call, params) => {
    const id = inWorkspace(params, 'jobs', params['id'])
    workspaceOf(region, workspaceIdOf(params))
    const sent = propertiesOf(storable(await call.json()))
    await bringReferences(region, sent)
    let created = false
    const reply = await call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      created = found === undefined
      const wanted = { id: found?.id ?? id, sent, by: call.caller.id }
      if (created) store(region, wanted)
      else change(region, wanted)
      const job = region.resources.need(id)
      return { ...one(created ? 201 : 200, job), note: { subject: job.id } }
    })
    if (created) jobsOf(region).submitted(id)
    return reply
  }
}

function cancel(region: Region): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'jobs', params['id'])
    let marked = false
    const reply = await call.commit(() => {
      const subject = region.resources.need(id).id
      marked = jobsOf(region).requestCancel(id)
      if (!marked) return { status: 200, note: { subject } }
      const operation = region.operations.start({ kind: CANCEL, subject, by: call.caller.id })
      const headers = pollingHeaders(call, operation, { location: region.name, polling: 'location' })
      return { status: 202, headers, note: { subject } }
    })
    if (marked)
      jobsOf(region)
        .stop(id)
        .catch(complaint(`job ${id}`))
    return reply
  }
}

function remove(region: Region): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'jobs', params['id'])
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) return { status: 204, note: { subject: id } }
      const { status } = found.body['properties'] as AnyJob
      needEndedParent(region, found)
      if (!isTerminal(status)) {
        throw new Refusal(
          400,
          'UserError',
          `The job '${found.name}' is ${status}; only a job that has ended can be deleted.`,
        )
      }
      const operation = region.operations.start({ kind: DELETE, subject: found.id, by: call.caller.id })
      const headers = pollingHeaders(call, operation, { location: region.name })
      return { status: 202, headers, note: { subject: found.id } }
    })
  }
}

/** A step that went while its pipeline runs would be made again. */
function needEndedParent(region: Region, job: Resource): void {
  const name = propertyOf(job, 'parentJobName')
  const parent = typeof name === 'string' ? jobsOf(region).records.get(`${job.parent}/jobs/${name}`) : undefined
  if (parent !== undefined && !isTerminal(parent.definition.status)) {
    const message = `The job '${job.name}' belongs to the job '${parent.name}', which has not ended.`
    throw new Refusal(400, 'UserError', message)
  }
}

function removed(region: Region, { subject }: Operation): { readonly status: 'Succeeded' } {
  removeTree(region, subject)
  return { status: 'Succeeded' }
}

/** A job goes with the jobs it has made. */
function removeTree(region: Region, id: string): void {
  const job = jobsOf(region).records.get(id)
  for (const child of job === undefined ? [] : childrenOf(region, job)) removeTree(region, child)
  removeOne(region, id)
}

function removeOne(region: Region, id: string): void {
  const found = region.resources.get(id)
  if (found === undefined) return
  region.resources.remove(id)
  const run = region.runs.get(found.parent, found.name)
  if (run !== undefined) region.runs.update(found.parent, found.name, { stage: 'deleted' })
}
