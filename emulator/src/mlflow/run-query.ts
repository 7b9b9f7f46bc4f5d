import type { Run } from '../history/run-types.ts'
import { RUN_COLUMNS } from '../history/runs.ts'
import type { Region } from '../region.ts'
import { parseFilter, parseOrder } from './filter.ts'
import { conditionsOf, type Sql, type Value } from './run-conditions.ts'
import { heldFor, isIndexed, type Position, type Term, termsOf } from './run-order.ts'
import { fill, type Order } from './run-walk.ts'
import { settled, undriven, type Walk, type Where, whereOf } from './run-where.ts'

export interface RunSearch {
  /** Row numbers of the experiments. */
  readonly experiments: readonly number[]
  readonly stage: 'active' | 'deleted' | undefined
  readonly filter: string | undefined
  readonly orderBy: readonly string[]
  readonly limit: number
  /** Runs to leave out: for a page token that holds nothing better. */
  readonly offset: number
  /** The place of the last run of the page before. */
  readonly after: Position | undefined
}

export interface RunPage {
  readonly runs: readonly Run[]
  /** Place of the last run, where there are more. */
  readonly last: Position | undefined
}

/**
 * A page of the runs that meet the search, in MLflow's order: as asked, then newest start first, then by id.
 *
 * It is read along an index from where the page before ended, so that the last page costs what the first does.
 */
export function searchRuns(region: Region, search: RunSearch): RunPage {
  const { stage, limit, offset, after } = search
  const place = placeOf(search.experiments)
  const conditions = conditionsOf(parseFilter(search.filter), place)
  const terms = termsOf(parseOrder(search.orderBy))
  if (search.experiments.length === 0) return { runs: [], last: undefined }
  const walk = walkOf(region, offset + limit + 1, conditions.length)
  const found = foundBy(walk, whereOf(walk, { place, stage, conditions, terms }), { terms, after })
  const keys = found.slice(offset, offset + limit)
  const more = found.length === walk.wanted
  return { runs: runsOf(region, keys), last: more ? positionOf(region, terms, keys.at(-1)) : undefined }
}

function walkOf(region: Region, wanted: number, conditions: number): Walk {
  const runs = region.db.get<{ most: number | null }>('SELECT max(key) AS most FROM runs')?.most ?? 0
  // If each condition is met by so many, walking to a full page costs what sorting these does.
  const share = (wanted / Math.max(wanted, runs)) ** (1 / (Math.max(1, conditions) + 1))
  return { region, wanted, runs, few: Math.max(500, Math.ceil(share * runs)), found: [] }
}

/**
 * Row numbers of the page's runs.
 *
 * Where a condition leads to many runs, as many rows of the order's index are walked first, since that costs less than
 * sorting them: a full page often stands there.
 */
function foundBy(walk: Walk, where: Where, order: Order): readonly number[] {
  const { driver } = where
  const [first] = order.terms
  if (driver !== undefined && first !== undefined && isIndexed(first) && driver.count ** 2 > walk.wanted * walk.runs) {
    const skim: Walk = { ...walk, most: driver.count }
    fill(skim, undriven(where), order)
    if (!skim.cut) return skim.found
    walk.found.length = 0
  }
  fill(walk, settled(walk, where), order)
  return walk.found
}

function runsOf(region: Region, keys: readonly number[]): readonly Run[] {
  return region.runs.select(
    `SELECT ${RUN_COLUMNS} FROM json_each(?) j CROSS JOIN runs r ON r.key = j.value
     JOIN experiments e ON e.key = r.experiment ORDER BY j.key`,
    [JSON.stringify(keys)],
  )
}

function positionOf(region: Region, terms: readonly Term[], run: number | undefined): Position | undefined {
  if (run === undefined) return undefined
  const values = terms.map(heldFor)
  const sql = `SELECT ${values.map(({ text }, index) => `${text} AS v${index}`).join(', ')} FROM runs r WHERE r.key = ?`
  const row = region.db.get<Record<string, Value>>(sql, ...values.flatMap((value) => value.values), run)
  return terms.map((term, index) => {
    const value = row?.[`v${index}`] ?? null
    return term.by === 'logged' && value !== null ? String(value) : value
  })
}

function placeOf(experiments: readonly number[]): Sql {
  return experiments.length === 1
    ? { text: 'r.experiment = ?', values: [experiments[0] ?? 0] }
    : { text: 'r.experiment IN (SELECT value FROM json_each(?))', values: [JSON.stringify(experiments)] }
}
