import type { Handler } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { behind, conditionOf, type OrderTerm, orderOf, type Sql } from './odata.ts'
import { runsJson } from './run-json.ts'
import type { Experiment } from './run-types.ts'
import { type Scoped, scopeOf } from './scope.ts'
import { countOf, objectOf, type Params, textOf } from './values.ts'

type Place = readonly (string | number)[]

/** Runs of a workspace or experiment, a page at a time. A page goes on behind the last run of the one before. */
export function queryRuns(region: Region): Handler {
  return async (call, params) => {
    const scope = scopeOf(region, call)
    const body = objectOf((await call.json()) ?? {})
    const experiment = listedExperiment(region, scope, params)
    const order = orderOf(textOf(body, 'orderBy'))
    const place = placeIn(textOf(body, 'continuationToken'), order)
    const top = countOf(body['top'], { field: 'top', otherwise: 100, most: 5000 })
    const conditions: readonly Sql[] = [
      { text: 'r.workspace = ?', values: [scope.workspace.toLowerCase()] },
      ...(experiment === undefined ? [] : [{ text: '+r.experiment = ?', values: [experiment.key] }]),
      conditionOf(textOf(body, 'filter')),
      ...(place === undefined ? [] : [behind(order, place)]),
    ]
    const { sql, values } = pageOf(conditions, order)
    const found = region.db.all<{ found: number }>(sql, ...values, top + 1).map((run) => run.found)
    const keys = found.slice(0, top)
    return {
      status: 200,
      body: {
        value: runsJson(region.runs, region.runs.of(keys)),
        continuationToken: found.length > top ? tokenOf(region, order, keys.at(-1)) : null,
        nextLink: null,
      },
    }
  }
}

/** Finds a page by an index in the order asked for, where there is one; only the runs of the page are then read whole. */
export function pageOf(
  conditions: readonly Sql[],
  order: readonly OrderTerm[],
): { sql: string; values: Sql['values'] } {
  const sql = `SELECT r.key AS found FROM runs r WHERE ${conditions.map(({ text }) => text).join(' AND ')}
    ORDER BY ${order.map(({ column, way }) => `${column} ${way}`).join(', ')} LIMIT ?`
  return { sql, values: conditions.flatMap(({ values }) => values) }
}

/** The experiment of a route that reads; unlike a write, it makes none. */
function listedExperiment(region: Region, scope: Scoped, params: Params): Experiment | undefined {
  const { experimentName, experimentId } = params
  const { experiments } = region.runs
  if (experimentName === undefined && experimentId === undefined) return undefined
  const found =
    experimentName === undefined
      ? experiments.get(scope.workspace, experimentId ?? '')
      : experiments.named(scope.workspace, experimentName)
  if (found !== undefined) return found
  throw new Refusal(404, 'UserError', `Experiment ${experimentName ?? experimentId} was not found.`)
}

/** The place of a run in the order, which leads to the page behind it. */
function tokenOf(region: Region, order: readonly OrderTerm[], run = 0): string | null {
  const sql = `SELECT json_array(${order.map(({ column }) => column).join(', ')}) AS place FROM runs r WHERE r.key = ?`
  const last = region.db.get<{ place: string }>(sql, run)
  return last === undefined ? null : Buffer.from(last.place).toString('base64url')
}

function placeIn(token: string | undefined, order: readonly OrderTerm[]): Place | undefined {
  if (token === undefined) return undefined
  const place = parsed(Buffer.from(token, 'base64url').toString('utf8'))
  if (Array.isArray(place) && place.length === order.length && place.every(isValue)) return place
  throw new Refusal(400, 'UserError', `The continuation token '${token}' is not one of this query.`)
}

function isValue(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
