import type { Reply } from '../call.ts'
import type { Experiment } from '../history/run-types.ts'
import { Refusal } from '../refusal.ts'
import { absent, invalid, offsetOf, ok, pageToken, unlessEmpty } from './answers.ts'
import { datasetsOf, searchExperiments } from './experiment-query.ts'
import { checkKey, checkLength, LIMITS, tagsOf } from './names.ts'
import type { Request, Row } from './request.ts'
import { experimentJson } from './run-json.ts'

export const EXPERIMENT_ROWS: readonly Row[] = [
  ['POST', 'experiments/create', 'createExperiment', create],
  ['GET', 'experiments/get', 'getExperiment', get],
  ['GET', 'experiments/get-by-name', 'getExperimentByName', getByName],
  ['GET', 'experiments/search', 'searchExperiments', search],
  ['POST', 'experiments/search', 'searchExperiments', search],
  ['GET', 'experiments/list', 'listExperiments', search],
  ['POST', 'experiments/update', 'updateExperiment', update],
  ['POST', 'experiments/delete', 'deleteExperiment', remove],
  ['POST', 'experiments/restore', 'restoreExperiment', restore],
  ['POST', 'experiments/set-experiment-tag', 'setExperimentTag', setTag],
  ['POST', 'experiments/delete-experiment-tag', 'deleteExperimentTag', deleteTag],
  ['POST', 'experiments/search-datasets', 'searchDatasets', searchDatasets],
]

/** Views as `service.proto` of MLflow numbers them. */
export const VIEWS = { 1: 'ACTIVE_ONLY', 2: 'DELETED_ONLY', 3: 'ALL' }

/** The experiment of that id, if there is one. `0` is the experiment `Default`, as clients expect. */
export function findExperiment({ region, scope }: Request, id: string): Experiment | undefined {
  const { experiments } = region.runs
  return id === '0' ? experiments.named(scope.workspace, 'Default') : experiments.get(scope.workspace, id)
}

/** The experiment of that id, or MLflow's refusal. */
export function needExperiment(request: Request, id: string): Experiment {
  const found = findExperiment(request, id)
  if (found === undefined) throw absent(`No Experiment with id=${id} exists`)
  return found
}

/** Refuses a deleted experiment the way MLflow does. */
export function checkActive(experiment: Experiment): void {
  if (experiment.stage === 'active') return
  throw invalid(`The experiment ${experiment.id} must be in the 'active' state. Current state is ${experiment.stage}.`)
}

function create(request: Request): Promise<Reply> {
  const { fields, call, region, scope } = request
  const name = checkedName(fields.need('name'))
  const artifactLocation = fields.text('artifact_location')
  const tags = tagsOf(fields, { limit: LIMITS.experimentTagValue, cut: false })
  return call.commit(() => {
    const { id } = region.runs.experiments.create(scope.workspace, name, {
      tags,
      ...(artifactLocation ? { artifactLocation } : {}),
    })
    return ok({ experiment_id: id }, { subject: subject(request, id), facts: { experiment_id: id } })
  })
}

function checkedName(name: string): string {
  checkLength(name, 'name', LIMITS.experimentName)
  return name
}

function get(request: Request): Reply {
  const experiment = needExperiment(request, request.fields.need('experiment_id'))
  return ok({ experiment: experimentJson(request, experiment) })
}

function getByName(request: Request): Reply {
  const name = request.fields.need('experiment_name')
  const experiment = request.region.runs.experiments.named(request.scope.workspace, name)
  if (experiment === undefined) throw absent(`Could not find experiment with name '${name}'`)
  return ok({ experiment: experimentJson(request, experiment) })
}

const MOST_ON_A_PAGE = 50_000

function search(request: Request): Reply {
  const { fields, region, scope } = request
  const limit = fields.pageSize(1000, Number.MAX_SAFE_INTEGER - 1)
  if (limit > MOST_ON_A_PAGE) {
    throw invalid(`Invalid value ${limit} for parameter 'max_results' supplied. It must be at most ${MOST_ON_A_PAGE}`)
  }
  const offset = offsetOf(fields.text('page_token'))
  const found = searchExperiments(region, scope.workspace, {
    view: fields.word('view_type', VIEWS) ?? 'ACTIVE_ONLY',
    filter: fields.text('filter'),
    orderBy: fields.texts('order_by'),
    limit: limit + 1,
    offset,
  })
  return ok({
    experiments: unlessEmpty(found.slice(0, limit).map((experiment) => experimentJson(request, experiment))),
    next_page_token: found.length > limit ? pageToken(offset + limit) : undefined,
  })
}

const MOST_EXPERIMENTS = 20

/** What datasets the runs of some experiments read, each once. */
function searchDatasets(request: Request): Reply {
  const ids = request.fields.texts('experiment_ids')
  if (ids.length === 0) throw invalid('SearchDatasets request must specify at least one experiment_id.')
  if (ids.length > MOST_EXPERIMENTS) {
    throw invalid(
      `SearchDatasets request cannot specify more than ${MOST_EXPERIMENTS} experiment_ids. Received ${ids.length} experiment_ids.`,
    )
  }
  const experiments = ids.flatMap((id) => findExperiment(request, id)?.key ?? [])
  return { ...ok({ dataset_summaries: unlessEmpty(datasetsOf(request.region, experiments)) }), unlogged: true }
}

function update(request: Request): Promise<Reply> {
  const id = request.fields.need('experiment_id')
  const name = request.fields.need('new_name')
  return request.call.commit(() => {
    const experiment = needExperiment(request, id)
    if (experiment.stage !== 'active') throw new Refusal(500, 'INVALID_STATE', 'Cannot rename a non-active experiment.')
    request.region.runs.experiments.rename(experiment, checkedName(name))
    return ok({}, { subject: subject(request, experiment.id) })
  })
}

function remove(request: Request): Promise<Reply> {
  return move(request, 'active', 'deleted')
}

function restore(request: Request): Promise<Reply> {
  return move(request, 'deleted', 'active')
}

function move(request: Request, from: Experiment['stage'], to: Experiment['stage']): Promise<Reply> {
  const id = request.fields.need('experiment_id')
  return request.call.commit(() => {
    const experiment = needExperiment(request, id)
    if (experiment.stage !== from) throw absent(`No Experiment with id=${id} exists`)
    request.region.runs.experiments.move(experiment, to)
    return ok({}, { subject: subject(request, experiment.id) })
  })
}

function setTag(request: Request): Promise<Reply> {
  const { fields, region } = request
  const id = fields.need('experiment_id')
  const key = fields.need('key')
  const value = fields.text('value') ?? ''
  checkKey(key, { path: 'key', label: 'key' })
  checkLength(value, 'value', LIMITS.experimentTagValue)
  return request.call.commit(() => {
    const experiment = needExperiment(request, id)
    checkActive(experiment)
    region.runs.experiments.setTag(experiment.key, key, value)
    return ok({}, { subject: subject(request, experiment.id) })
  })
}

function deleteTag(request: Request): Promise<Reply> {
  const id = request.fields.need('experiment_id')
  const key = request.fields.need('key')
  return request.call.commit(() => {
    const experiment = needExperiment(request, id)
    checkActive(experiment)
    if (!request.region.runs.experiments.removeTag(experiment.key, key)) {
      throw absent(`No tag with name: ${key} in experiment with id ${id}`)
    }
    return ok({}, { subject: subject(request, experiment.id) })
  })
}

function subject({ scope }: Request, id: string): string {
  return `experiment/${scope.name}/${id}`
}
