import type { Handler, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { asking, type Route } from '../router.ts'
import { experimentJson } from './run-json.ts'
import { HISTORY } from './run-routes.ts'
import type { Experiment } from './run-types.ts'
import { type Scoped, scopeOf } from './scope.ts'
import { countOf, listOf, objectOf, type Params, placeOf, textOf } from './values.ts'

/** Experiments of run history: made by name, changed by id. */
export function experimentRoutes(region: Region): readonly Route[] {
  const byName = `${HISTORY}/experiments/:experimentName`
  const byId = `${HISTORY}/experimentids/:experimentId`
  return [
    ['GET', byName, 'experiments_get', get(region)],
    ['POST', byName, 'experiments_create', create(region)],
    ['GET', byId, 'experiments_get_by_id', get(region)],
    ['PATCH', byId, 'experiments_update', update(region)],
    ['DELETE', byId, 'experiments_delete', remove(region)],
    ['POST', `${byId}/tags::delete`, 'experiments_delete_tags', deleteTags(region)],
    ['POST', `${HISTORY}/experiments::query`, 'experiments_get_by_query', asking(query(region))],
  ]
}

function needExperiment(region: Region, scope: Scoped, params: Params): Experiment {
  const { experiments } = region.runs
  const { experimentName, experimentId = '' } = params
  const found =
    experimentName === undefined
      ? experiments.get(scope.workspace, experimentId)
      : experiments.named(scope.workspace, experimentName)
  if (found === undefined) {
    throw new Refusal(404, 'UserError', `Experiment ${experimentName ?? experimentId} was not found.`)
  }
  return found
}

function get(region: Region): Handler {
  return (call, params) => {
    const experiment = needExperiment(region, scopeOf(region, call), params)
    return { status: 200, body: experimentJson(region.runs, experiment) }
  }
}

function create(region: Region): Handler {
  return (call, params) => {
    const scope = scopeOf(region, call)
    return call.commit(() =>
      answer(region, scope, region.runs.experiment(scope.workspace, params['experimentName'] ?? '')),
    )
  }
}

function answer(region: Region, scope: Scoped, experiment: Experiment): Reply {
  return {
    status: 200,
    body: experimentJson(region.runs, experiment),
    note: { subject: `experiment/${scope.name}/${experiment.id}`, facts: { experiment_id: experiment.id } },
  }
}

function update(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const body = objectOf(await call.json())
    return call.commit(() => {
      const { experiments } = region.runs
      const experiment = needExperiment(region, scope, params)
      const name = textOf(body, 'name')
      const description = textOf(body, 'description')
      if (name !== undefined) experiments.rename(experiment, name)
      if (description !== undefined) experiments.setTag(experiment.key, 'description', description)
      for (const [key, value] of Object.entries(body['tags'] ?? {})) {
        experiments.setTag(experiment.key, key, String(value))
      }
      if (typeof body['archive'] === 'boolean') experiments.move(experiment, body['archive'] ? 'deleted' : 'active')
      return answer(region, scope, needExperiment(region, scope, params))
    })
  }
}

/** Only an experiment without runs can go, as in Azure. */
function remove(region: Region): Handler {
  return (call, params) => {
    const scope = scopeOf(region, call)
    return call.commit(() => {
      const experiment = needExperiment(region, scope, params)
      if (region.db.get('SELECT 1 FROM runs WHERE experiment = ? LIMIT 1', experiment.key) !== undefined) {
        throw new Refusal(400, 'UserError', `Experiment ${experiment.name} has runs and cannot be deleted.`)
      }
      region.db.run('DELETE FROM experiments WHERE key = ?', experiment.key)
      return { status: 200, body: {}, note: { subject: `experiment/${scope.name}/${experiment.id}` } }
    })
  }
}

function deleteTags(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const names = listOf(objectOf(await call.json())['tags']).map(String)
    return call.commit(() => {
      const experiment = needExperiment(region, scope, params)
      for (const name of names) region.runs.experiments.removeTag(experiment.key, name)
      return { ...answer(region, scope, experiment), body: { errors: {} } }
    })
  }
}

/** Every active experiment, newest first. A filter is answered with 501: no client of ours sends one. */
function query(region: Region): Handler {
  return async (call) => {
    const scope = scopeOf(region, call)
    const body = objectOf((await call.json()) ?? {})
    if (textOf(body, 'filter')) throw new Refusal(501, 'NotImplemented', 'Filters on experiments are not implemented.')
    const all = body['viewType'] === 'All'
    const found = region.runs.experiments.all(scope.workspace).filter(({ stage }) => all || stage === 'active')
    const offset = placeOf(textOf(body, 'continuationToken'))
    const top = countOf(body['top'], { field: 'top', otherwise: 500, most: 5000 })
    const page = found.toReversed().slice(offset, offset + top)
    const more = found.length > offset + top
    return {
      status: 200,
      body: {
        value: page.map((experiment) => experimentJson(region.runs, experiment)),
        continuationToken: more ? String(offset + top) : null,
        nextLink: null,
      },
    }
  }
}
