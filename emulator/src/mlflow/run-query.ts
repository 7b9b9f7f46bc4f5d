import type { Run } from '../history/run-types.ts'
import { RUN_COLUMNS } from '../history/runs.ts'
import type { Region } from '../region.ts'
import { parseFilter, parseOrdering } from './filter.ts'
import { type Condition, conditionsOf, type Sql, type Value } from './run-conditions.ts'
import { beyond, canLack, having, heldFor, lacking, type Position, sortOf, type Term, termsOf } from './run-order.ts'

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

const STATE = 'r.state'

/** What a page is looked for with. */
interface Walk {
  readonly region: Region
  readonly search: RunSearch
  readonly wanted: number
  /** Rows that are sorted rather than walked in order. */
  readonly few: number
  /** Row numbers of runs found so far, in order. */
  readonly found: number[]
}

/** Conditions that all hold, and where one is met by few runs, a query of these. */
interface Where {
  readonly checks: readonly Sql[]
  readonly driver: Sql | undefined
}

/** A part of an order: runs whose first term is within bounds. */
interface Part {
  readonly terms: readonly Term[]
  /** Where the first term is beyond this. */
  readonly after: Value | undefined
}

/**
 * A page of the runs that meet the search, in MLflow's order: as asked, then newest start first, then by id.
 *
 * It is read along an index from where the page before ended, so that the last page costs what the first does.
 */
export function searchRuns(region: Region, search: RunSearch): RunPage {
  const place = placeOf(search.experiments)
  const conditions = conditionsOf(parseFilter(search.filter), place)
  const terms = termsOf(search.orderBy.map(parseOrdering))
  if (search.experiments.length === 0) return { runs: [], last: undefined }
  const wanted = search.offset + search.limit + 1
  const runs = region.db.get<{ most: number | null }>('SELECT max(key) AS most FROM runs')?.most ?? 0
  // If each condition is met by so many, walking to a full page costs what sorting these does.
  const share = (wanted / Math.max(wanted, runs)) ** (1 / (Math.max(1, conditions.length) + 1))
  const few = Math.max(500, Math.ceil(share * runs))
  const walk: Walk = { region, search, wanted, few, found: [] }
  fill(walk, whereOf(walk, { place, conditions, terms }), { terms, after: search.after })
  const keys = walk.found.slice(search.offset, search.offset + search.limit)
  const more = walk.found.length === wanted
  return { runs: runsOf(region, keys), last: more ? positionOf(region, terms, keys.at(-1)) : undefined }
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

function whereOf(
  walk: Walk,
  asked: { readonly place: Sql; readonly conditions: readonly Condition[]; readonly terms: readonly Term[] },
): Where {
  const { place, conditions, terms } = asked
  const { stage } = walk.search
  const checks = [place, ...(stage === undefined ? [] : [{ text: 'r.stage = ?', values: [stage] }])]
  // The index of what runs log is of all experiments: a small one is sorted.
  const led = { text: `SELECT r.key AS run FROM runs r WHERE ${place.text}`, values: place.values }
  const small: readonly Condition[] = terms[0]?.by === 'logged' ? [{ check: place, led }] : []
  const start: Where = { checks, driver: undefined }
  const where = [...conditions, ...small].reduce((before, condition) => narrowed(walk, before, condition), start)
  return conditions.length > 1 ? settled(walk, where) : where
}

/** Checks the few runs once, where else each part of the order would. */
function settled({ region }: Walk, where: Where): Where {
  const { driver, checks } = where
  if (driver === undefined) return where
  const sql = `SELECT json_group_array(r.key) AS keys FROM (${driver.text}) f CROSS JOIN runs r ON r.key = f.run
    WHERE ${checks.map(({ text }) => text).join(' AND ')}`
  const found = region.db.get<{ keys: string }>(sql, ...[driver, ...checks].flatMap(({ values }) => values))
  return { checks: [], driver: listed(found?.keys ?? '[]') }
}

/** A query of runs whose row numbers stand in a JSON list. */
function listed(keys: string): Sql {
  return { text: 'SELECT value AS run FROM json_each(?)', values: [keys] }
}

/** With one more condition, which leads to the runs where few meet it. */
function narrowed(walk: Walk, where: Where, { check, led }: Condition): Where {
  const checked = { ...where, checks: [...where.checks, check] }
  if (led === undefined || where.driver !== undefined) return checked
  const sql = `SELECT count(*) AS count, json_group_array(run) AS keys FROM (${led.text} LIMIT ?)`
  const found = walk.region.db.get<{ count: number; keys: string }>(sql, ...led.values, walk.few)
  if (found === undefined || found.count === walk.few) return checked
  return { ...where, driver: listed(found.keys) }
}

/** Adds runs in the order of the terms, after the position, until there are enough. */
function fill(
  walk: Walk,
  where: Where,
  order: { readonly terms: readonly Term[]; readonly after?: Position | undefined },
): void {
  const { terms, after } = order
  const [first, ...rest] = terms
  if (first === undefined || isFull(walk)) return
  const last = after === undefined ? undefined : readValue(first, after[0] ?? null)
  if (last !== undefined) {
    const same = last === 'absent' ? lacking(first) : having(first, last)
    fill(walk, narrowed(walk, where, same), { terms: rest, after: after?.slice(1) })
  }
  if (last === 'absent') return
  if (last !== null) fillPresent(walk, where, { terms, after: last })
  if (isMetric(first) && last !== null && !isFull(walk) && hasNotNumber(walk, first)) {
    fill(walk, narrowed(walk, where, having(first, null)), { terms: rest })
  }
  if (canLack(first)) fill(walk, narrowed(walk, where, lacking(first)), { terms: rest })
}

/** A value of a position as the store has it: NaN as `null`. */
function readValue(term: Term, value: Value): Value | 'absent' {
  if (value === null) return 'absent'
  if (!isMetric(term)) return value
  const number = Number(value)
  return Number.isNaN(number) ? null : number
}

function isMetric(term: Term): term is Term & { readonly by: 'logged' } {
  return term.by === 'logged' && term.table === 'latestMetrics'
}

function isFull({ found, wanted }: Walk): boolean {
  return found.length >= wanted
}

function hasNotNumber({ region }: Walk, { key }: { readonly key: string }): boolean {
  const sql = 'SELECT 1 FROM latestMetrics WHERE key = ? AND value IS NULL LIMIT 1'
  return region.db.get(sql, key) !== undefined
}

/** Runs that have a value for the first term, from beyond `after`. */
function fillPresent(walk: Walk, where: Where, part: Part): void {
  const [first, ...rest] = part.terms
  if (first === undefined) return
  if (first.by === 'column' && (first.column !== STATE || where.driver !== undefined)) {
    read(walk, where, part.terms, beyond(first, first.column, part.after))
    return
  }
  if (first.by === 'column') {
    fillByState(walk, where, part)
    return
  }
  if (where.driver !== undefined) {
    read(walk, where, part.terms, beyond(first, 'm.value', part.after))
    return
  }
  // Window by window along the index. A value that many runs share is walked in the order of the other terms.
  let next = valueAt(walk, first, { bound: beyond(first, 'm.value', part.after), skip: 0 })
  while (next !== undefined && !isFull(walk)) {
    const from = { text: `m.value ${first.descending ? '<=' : '>='} ?`, values: [next] }
    const end = valueAt(walk, first, { bound: from, skip: walk.few })
    if (end === next) {
      fill(walk, narrowed(walk, where, having(first, next)), { terms: rest })
      next = valueAt(walk, first, { bound: beyond(first, 'm.value', next), skip: 0 })
    } else {
      const until = `m.value ${first.descending ? '>' : '<'} ?`
      const bound = end === undefined ? from : { text: `${from.text} AND ${until}`, values: [next, end] }
      read(walk, where, part.terms, bound)
      next = end
    }
  }
}

/** State by state: there are few, and the runs of each stand in order whichever way the states go. */
function fillByState(walk: Walk, where: Where, { terms, after }: Part): void {
  const [first, ...rest] = terms
  if (first === undefined) return
  const [place] = where.checks
  for (let last = after; !isFull(walk); ) {
    const checks = [...(place === undefined ? [] : [place]), beyond(first, STATE, last)]
    const sql = `SELECT r.state FROM runs r WHERE ${checks.map(({ text }) => text).join(' AND ')}
      ORDER BY r.state ${first.descending ? 'DESC' : 'ASC'} LIMIT 1`
    const next = walk.region.db.get<{ state: string }>(sql, ...checks.flatMap(({ values }) => values))
    if (next === undefined) return
    last = next.state
    fill(walk, narrowed(walk, where, having(first, last)), { terms: rest })
  }
}

/** The value that comes after so many rows of the index. */
function valueAt(
  { region }: Walk,
  term: Term & { readonly by: 'logged' },
  { bound, skip }: { readonly bound: Sql; readonly skip: number },
): Value | undefined {
  const sql = `SELECT m.value FROM ${term.table} m WHERE m.key = ? AND ${bound.text}
    ORDER BY m.value ${term.descending ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`
  return region.db.get<{ value: Value }>(sql, term.key, ...bound.values, skip)?.value
}

/** Adds the runs whose first term, which they have, is within the bound. */
function read(walk: Walk, where: Where, terms: readonly Term[], bound: Sql): void {
  const [first, ...rest] = terms
  if (first === undefined) return
  const { joins, text } = sortOf(rest)
  const from = [...fromOf(first, where.driver), ...joins]
  const checks = [...where.checks, bound]
  const led = first.by === 'column' ? first.column : 'm.value'
  const order = [`${led} ${first.descending ? 'DESC' : 'ASC'}`, ...(text === '' ? [] : [text])].join(', ')
  const sql = `SELECT r.key AS found FROM ${from.map((part) => part.text).join(' ')}
    WHERE ${checks.map((check) => check.text).join(' AND ')} ORDER BY ${order} LIMIT ?`
  const values = [...from, ...checks].flatMap((part) => part.values)
  const rows = walk.region.db.all<{ found: number }>(sql, ...values, walk.wanted - walk.found.length)
  walk.found.push(...rows.map(({ found }) => found))
}

/** The runs, and as `m` the value of the first term where it is logged. What leads stands first. */
function fromOf(first: Term, driver: Sql | undefined): readonly Sql[] {
  const driven =
    driver === undefined
      ? []
      : [{ text: `(${driver.text}) f CROSS JOIN runs r ON r.key = f.run`, values: driver.values }]
  if (first.by === 'column') return driver === undefined ? [{ text: 'runs r', values: [] }] : driven
  const { table, key } = first
  return driver === undefined
    ? [{ text: `(SELECT run, value FROM ${table} WHERE key = ?) m CROSS JOIN runs r ON r.key = m.run`, values: [key] }]
    : [...driven, { text: `CROSS JOIN ${table} m ON m.run = r.key AND m.key = ?`, values: [key] }]
}
