import type { Call, Handler, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { asking, type Route, UNFINISHED } from '../router.ts'
import { mirrorJob } from './job-mirror.ts'
import { detailsJson, runJson, runsJson } from './run-json.ts'
import { queryRuns } from './run-query.ts'
import { type Details, type Experiment, knownStatus, type Run, type RunChange } from './run-types.ts'
import { type Scoped, scopeOf, subjectOf } from './scope.ts'
import { countOf, listOf, mapOf, objectOf, type Params, placeOf, textOf, type Values } from './values.ts'

/** Route of a workspace in run history. */
export const HISTORY =
  '/history/v1.0/subscriptions/:s/resourceGroups/:g/providers/Microsoft.MachineLearningServices/workspaces/:w'

const UNDER = [HISTORY, `${HISTORY}/experiments/:experimentName`, `${HISTORY}/experimentids/:experimentId`]

/** Runs, reached by themselves, under their experiment's name and under its id. */
export function runRoutes(region: Region): readonly Route[] {
  return [
    ...UNDER.flatMap((base): Route[] => [
      ['GET', `${base}/runs/:runId`, 'runs_get', one(region, (run) => runJson(region.runs, run))],
      ['PATCH', `${base}/runs/:runId`, 'runs_add_or_modify', addOrModify(region)],
      ['GET', `${base}/runs/:runId/details`, 'runs_get_details', one(region, (run) => detailsJson(region, run))],
      ['GET', `${base}/runs/:runId/children`, 'runs_get_child', children(region)],
      ['DELETE', `${base}/runs/:runId/tags`, 'runs_delete_tags', deleteTags(region)],
      ['PATCH', `${base}/runs/:runId/tags`, 'runs_modify_or_delete_tags', modifyTags(region)],
      ['POST', `${base}/runs/:runId/cancel`, 'runs_cancel_run', UNFINISHED],
      ['DELETE', `${base}/runs/:runId/services`, 'runs_delete_run_services', UNFINISHED],
      ['POST', `${base}/runs/:runId/events`, 'events_post', UNFINISHED],
      ['POST', `${base}/batch/events`, 'events_batch_post', UNFINISHED],
      ['POST', `${base}/runs/runIds`, 'runs_get_by_ids', asking(byIds(region))],
      ['POST', `${base}/runs::query`, 'runs_get_by_query', asking(queryRuns(region))],
      ['PATCH', `${base}/batch/runs`, 'runs_batch_add_or_modify', batchAddOrModify(region)],
    ]),
    ['POST', `${HISTORY}/rundata`, 'runs_get_run_data', asking(runData(region))],
    ['POST', `${HISTORY}/batchrundata`, 'runs_batch_get_run_data', asking(batchRunData(region))],
    ['GET', `${HISTORY}/runs/:runId/serviceinstances/:node`, 'runs_get_run_service_instances', noInstances],
    ['POST', `${HISTORY}/runs/:runId`, 'runs_add', UNFINISHED],
    ['PATCH', `${HISTORY}/runs/:runId/serviceinstances/:node`, 'runs_add_or_modify_run_service_instances', UNFINISHED],
    ['GET', `${HISTORY}/computes/:compute/runs`, 'runs_get_by_compute_name', UNFINISHED],
  ]
}

/** No service of a run has instances here: jobs run without side services. */
const noInstances: Handler = () => ({ status: 200, body: { instances: {} } })

function one(region: Region, print: (run: Run) => object): Handler {
  return (call, params) => ({ status: 200, body: print(needRun(region, scopeOf(region, call), params['runId'] ?? '')) })
}

/** The run, or run history's refusal of one that is not there. */
export function needRun(region: Region, scope: Scoped, id: string): Run {
  const run = region.runs.get(scope.workspace, id)
  if (run === undefined) throw new Refusal(404, 'UserError', `Run ${id} was not found in workspace ${scope.name}.`)
  return run
}

/** The experiment of a route, made where a write names one that is not there. */
function experimentOf(region: Region, scope: Scoped, params: Params): Experiment | undefined {
  const { experimentName, experimentId } = params
  if (experimentName !== undefined) return region.runs.experiment(scope.workspace, experimentName)
  if (experimentId === undefined) return undefined
  const found = region.runs.experiments.get(scope.workspace, experimentId)
  if (found === undefined) throw new Refusal(404, 'UserError', `Experiment ${experimentId} was not found.`)
  return found
}

function addOrModify(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const body = objectOf(await call.json())
    return call.commit(() => {
      const id = params['runId'] ?? ''
      const run = putRun(region, scope, { id, body, params, user: call.caller.id })
      return { status: 200, body: runJson(region.runs, run), note: { subject: subjectOf(scope, run.id) } }
    })
  }
}

function batchAddOrModify(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const wanted = listOf(objectOf(await call.json())['runs']).map(objectOf)
    return call.commit(() => {
      const runs = wanted.map((body) => {
        const id = textOf(body, 'runId')
        if (id === undefined) throw new Refusal(400, 'UserError', "The field 'runId' is required.")
        return putRun(region, scope, { id, body, params, user: call.caller.id })
      })
      const printed = Object.fromEntries(runs.map((run) => [run.id, runJson(region.runs, run)]))
      const subject = `runs/${scope.name}`
      return {
        status: 200,
        body: { runs: printed, errors: {} },
        note: { subject, facts: { runs: Object.keys(printed) } },
      }
    })
  }
}

interface Put {
  readonly id: string
  readonly body: Values
  readonly params: Params
  readonly user: string
}

/** A run's id is a folder of its artifacts. */
const RUN_ID = /^(?!\.+$)[^/\\\p{Cc}]{1,256}$/u

/** Makes the run with the client's id, or changes the one that is there. */
function putRun(region: Region, scope: Scoped, { id, body, params, user }: Put): Run {
  const { runs } = region
  const found = runs.get(scope.workspace, id)
  if (found === undefined && !RUN_ID.test(id)) {
    throw new Refusal(
      400,
      'UserError',
      `The run id ${JSON.stringify(id)} is not valid: 1 to 256 characters without a slash.`,
    )
  }
  const given = { experimentId: textOf(body, 'experimentId'), ...params } as Params
  const change = changeOf(body)
  const parent = textOf(body, 'parentRunId')
  const tags = { ...change.tags, ...(parent === undefined ? {} : { 'mlflow.parentRunId': parent }) }
  const run =
    found ??
    runs.create(scope.workspace, {
      id,
      experimentKey: (experimentOf(region, scope, given) ?? runs.experiment(scope.workspace, 'Default')).key,
      name: change.name ?? id,
      status: change.status ?? 'NotStarted',
      user,
    })
  runs.log(run, { params: mapOf(body['parameters']) })
  const changed = runs.update(scope.workspace, id, { ...change, tags })
  mirrorJob(region, changed, user)
  return changed
}

const OWN_FIELDS = new Set([
  'runId',
  'experimentId',
  'status',
  'startTimeUtc',
  'endTimeUtc',
  'displayName',
  'name',
  'parentRunId',
  'tags',
  'properties',
  'parameters',
  'hidden',
])

function changeOf(body: Values): RunChange {
  const name = textOf(body, 'displayName') ?? textOf(body, 'name')
  const status = textOf(body, 'status')
  const known = status === undefined ? undefined : knownStatus(status)
  if (status !== undefined && known === undefined) {
    throw new Refusal(400, 'UserError', `The status '${status}' is not known.`)
  }
  const details = Object.fromEntries(
    Object.entries(body).filter(([field, value]) => !OWN_FIELDS.has(field) && value !== null),
  ) as Details
  return {
    ...(name === undefined ? {} : { name }),
    ...(known === undefined ? {} : { status: known }),
    ...instant(body, 'startTimeUtc', 'start'),
    ...instant(body, 'endTimeUtc', 'end'),
    ...(body['hidden'] === undefined || body['hidden'] === null
      ? {}
      : { stage: body['hidden'] === true ? 'deleted' : 'active' }),
    tags: mapOf(body['tags']),
    properties: mapOf(body['properties']),
    details,
  }
}

function instant(body: Values, field: string, as: 'start' | 'end'): Record<string, number> {
  const text = textOf(body, field)
  if (text === undefined) return {}
  const milliseconds = Date.parse(text)
  if (Number.isNaN(milliseconds)) throw new Refusal(400, 'UserError', `The field '${field}' is no instant.`)
  return { [as]: milliseconds }
}

function children(region: Region): Handler {
  return (call, params) => {
    const scope = scopeOf(region, call)
    const run = needRun(region, scope, params['runId'] ?? '')
    const top = countOf(lower(call.query, '$top'), { field: '$top', otherwise: 500, most: 5000 })
    const after = placeOf(lower(call.query, '$continuationtoken'))
    const found = region.runs.children(run, { after, limit: top + 1 })
    const last = found.length > top ? found[top - 1]?.key : undefined
    const page = new URLSearchParams(call.query)
    for (const name of [...page.keys()]) if (name.toLowerCase() === '$continuationtoken') page.delete(name)
    if (last !== undefined) page.set('$continuationtoken', String(last))
    return {
      status: 200,
      body: {
        value: runsJson(region.runs, found.slice(0, top)),
        continuationToken: last === undefined ? null : String(last),
        nextLink: last === undefined ? null : `https://${call.host}${call.path}?${page}`,
      },
    }
  }
}

function lower(query: URLSearchParams, name: string): string | undefined {
  return [...query].find(([key]) => key.toLowerCase() === name)?.[1]
}

function byIds(region: Region): Handler {
  return async (call) => {
    const scope = scopeOf(region, call)
    const ids = listOf(objectOf(await call.json())['runIds']).map(String)
    const found = ids.flatMap((id) => region.runs.get(scope.workspace, id) ?? [])
    const missing = ids.filter((id) => !found.some((run) => run.id === id))
    return {
      status: 200,
      body: {
        runs: Object.fromEntries(found.map((run) => [run.id, runJson(region.runs, run)])),
        errors: Object.fromEntries(missing.map((id) => [id, notFound(id)])),
      },
    }
  }
}

function runData(region: Region): Handler {
  return async (call) => {
    const scope = scopeOf(region, call)
    const id = textOf(objectOf(await call.json()), 'runId') ?? ''
    return { status: 200, body: dataOf(region, needRun(region, scope, id)) }
  }
}

/** Requests and results by keys of the client's choosing (run-history.json v1.0, `BatchRunDataRequest`). */
function batchRunData(region: Region): Handler {
  return async (call) => {
    const scope = scopeOf(region, call)
    const asked = Object.entries(objectOf(objectOf(await call.json())['requests'] ?? {})).map(([key, one]) => {
      const id = textOf(objectOf(one), 'runId') ?? ''
      return { key, id, run: region.runs.get(scope.workspace, id) }
    })
    const found = asked.flatMap(({ key, run }) => (run === undefined ? [] : [[key, dataOf(region, run)] as const]))
    const missing = asked.flatMap(({ key, id, run }) => (run === undefined ? [[key, notFound(id)] as const] : []))
    return {
      status: 200,
      body: { successfulResults: Object.fromEntries(found), failedResults: Object.fromEntries(missing) },
    }
  }
}

function notFound(id: string): object {
  return { error: { code: 'UserError', message: `Run ${id} was not found.` } }
}

function dataOf(region: Region, run: Run): object {
  return {
    runMetadata: runJson(region.runs, run),
    runDefinition: run.details.runDefinition ?? null,
    jobSpecification: run.details['jobSpecification'] ?? null,
  }
}

function deleteTags(region: Region): Handler {
  return async (call, params) => {
    const body = await call.json()
    const names = listOf(Array.isArray(body) ? body : objectOf(body)['tags']).map(String)
    return changeTags(region, call, { run: params['runId'] ?? '', set: {}, remove: names })
  }
}

function modifyTags(region: Region): Handler {
  return async (call, params) => {
    const body = objectOf(await call.json())
    const remove = listOf(body['tagsToDelete']).map(String)
    return changeTags(region, call, { run: params['runId'] ?? '', set: mapOf(body['tagsToModify']), remove })
  }
}

function changeTags(
  region: Region,
  call: Call,
  change: { readonly run: string; readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] },
): Promise<Reply> {
  const scope = scopeOf(region, call)
  return call.commit(() => {
    const run = needRun(region, scope, change.run)
    region.runs.setTags(run, change.set)
    for (const name of change.remove) region.runs.removeTag(run, name)
    return { status: 200, body: { errors: {} }, note: { subject: subjectOf(scope, run.id) } }
  })
}
