import { randomInt, randomUUID } from 'node:crypto'
import type { Reply } from '../call.ts'
import { instant } from '../exact.ts'
import { type Run, type Stage, statusOf } from '../history/run-types.ts'
import { RUN_NAME_TAG } from '../history/runs.ts'
import { subjectOf } from '../history/scope.ts'
import { invalid, listText, objectText, ok, okText, readToken, runToken } from './answers.ts'
import { checkActive, findExperiment, needExperiment, VIEWS } from './experiments.ts'
import { LIMITS, tagsOf } from './names.ts'
import type { Request, Row } from './request.ts'
import { infoJson, runJson, runTexts } from './run-json.ts'
import { searchRuns } from './run-query.ts'

export const RUN_ROWS: readonly Row[] = [
  ['POST', 'runs/create', 'createRun', create],
  ['POST', 'runs/update', 'updateRun', update],
  ['GET', 'runs/get', 'getRun', get],
  ['POST', 'runs/delete', 'deleteRun', (request) => move(request, 'deleted')],
  ['POST', 'runs/restore', 'restoreRun', (request) => move(request, 'active')],
  ['POST', 'runs/search', 'searchRuns', search],
]

/** States as `service.proto` of MLflow numbers them. */
const STATUS_NUMBERS = { 1: 'RUNNING', 2: 'SCHEDULED', 3: 'FINISHED', 4: 'FAILED', 5: 'KILLED' }

/** The run of the request's `run_id` (`run_uuid` in old clients), or MLflow's refusal. */
export function needRun({ region, scope, fields }: Request): Run {
  return region.runs.need(scope.workspace, fields.text('run_id') || fields.text('run_uuid') || fields.need('run_id'))
}

/** The run, if it may be written to. */
export function needActiveRun(request: Request): Run {
  const run = needRun(request)
  if (run.stage === 'active') return run
  throw invalid(`The run ${run.id} must be in the 'active' state. Current state is ${run.stage}.`)
}

function create(request: Request): Promise<Reply> {
  const { fields, region, scope, call } = request
  const tags = tagsOf(fields, { limit: LIMITS.tagValue, cut: true })
  const asked = fields.text('run_name')
  const tagged = tags[RUN_NAME_TAG]
  if (asked && tagged && asked !== tagged) {
    throw invalid(
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${asked}', mlflow.runName='${tagged}').`,
    )
  }
  const experimentId = fields.text('experiment_id') || '0'
  const start = instant(fields.integer('start_time') ?? 0, 'a start of a run')
  const user = fields.text('user_id') ?? ''
  return call.commit(() => {
    const experiment = needExperiment(request, experimentId)
    checkActive(experiment)
    const run = region.runs.create(scope.workspace, {
      id: randomUUID(),
      experimentKey: experiment.key,
      name: asked || tagged || someName(),
      status: 'Running',
      user,
      start,
      tags,
    })
    return ok(
      { run: { ...runJson(request, run), outputs: undefined } },
      {
        subject: subjectOf(scope, run.id),
        facts: { run_id: run.id, experiment_id: experiment.id, run_name: run.name },
      },
    )
  })
}

function update(request: Request): Promise<Reply> {
  const { fields, region, scope } = request
  const state = fields.word('status', STATUS_NUMBERS)
  const status = state === undefined ? undefined : statusOf(state)
  if (state !== undefined && status === undefined) {
    throw invalid(
      `Invalid value ${JSON.stringify(state)} for parameter 'status' supplied: it is one of RUNNING, SCHEDULED, FINISHED, FAILED, KILLED.`,
    )
  }
  const end = fields.integer('end_time')
  if (end !== undefined) instant(end, 'an end of a run')
  const name = fields.text('run_name')
  return request.call.commit(() => {
    const run = needActiveRun(request)
    const changed = region.runs.update(scope.workspace, run.id, {
      ...(status === undefined ? {} : { status }),
      ...(name ? { name } : {}),
      start: run.start,
      end: end ?? run.end,
    })
    return ok({ run_info: infoJson(request, changed) }, { subject: subjectOf(scope, run.id) })
  })
}

function get(request: Request): Reply {
  return ok({ run: runJson(request, needRun(request)) })
}

function move(request: Request, stage: Stage): Promise<Reply> {
  return request.call.commit(() => {
    const run = needRun(request)
    request.region.runs.update(request.scope.workspace, run.id, { stage })
    return ok({}, { subject: subjectOf(request.scope, run.id) })
  })
}

function search(request: Request): Reply {
  const { fields, region } = request
  const limit = fields.pageSize(1000, 50_000)
  const token = readToken(fields.text('page_token'))
  const view = fields.word('run_view_type', VIEWS)
  const experiments = fields.texts('experiment_ids').flatMap((id) => findExperiment(request, id)?.key ?? [])
  const orderBy = fields.texts('order_by')
  // A place means something only in the order in which it was taken; in another one MLflow goes by the number.
  const after = JSON.stringify(token.order) === JSON.stringify(orderBy) ? token.after : undefined
  const { runs, last } = searchRuns(region, {
    experiments,
    stage: view === 'ALL' ? undefined : view === 'DELETED_ONLY' ? 'deleted' : 'active',
    filter: fields.text('filter'),
    orderBy,
    limit,
    offset: after === undefined ? token.offset : 0,
    after,
  })
  const texts = runTexts(request, runs)
  const next = last === undefined ? undefined : runToken({ offset: token.offset + limit, after: last, order: orderBy })
  return okText(objectText({ runs: listText(texts), next_page_token: next && JSON.stringify(next) }))
}

const ADJECTIVES = ['amber', 'brave', 'calm', 'clever', 'dusty', 'gentle', 'keen', 'loyal', 'modest', 'quiet', 'sharp']
const NOUNS = [
  'badger',
  'cedar',
  'comet',
  'falcon',
  'harbor',
  'lagoon',
  'maple',
  'otter',
  'pebble',
  'sparrow',
  'tundra',
]

/** A name for a run that came without one, of the form MLflow uses. */
function someName(): string {
  return `${ADJECTIVES[randomInt(ADJECTIVES.length)]}-${NOUNS[randomInt(NOUNS.length)]}-${randomInt(1000)}`
}
