import type { Region } from '../region.ts'
import { allOf, type Condition, type Sql } from './run-conditions.ts'
import type { Term } from './run-order.ts'

/** What a page is looked for with. */
export interface Walk {
  readonly region: Region
  /** Runs of a full page and one more. */
  readonly wanted: number
  /** Runs of the region. */
  readonly runs: number
  /** Rows that are sorted rather than walked in order. */
  readonly few: number
  /** Row numbers of runs found so far, in order. */
  readonly found: number[]
  /** Rows of an index that may be walked; all where there is no number. */
  readonly most?: number
  /** An index was left at {@link most}: what follows in order is not known. */
  cut?: boolean
}

/** Conditions that all hold. */
export interface Where {
  /** Those on columns of `runs r`. The first is the place. */
  readonly own: readonly Sql[]
  readonly checks: readonly Sql[]
  /** Leads to the runs, where few meet a condition. */
  readonly driver: Driver | undefined
}

/** The runs that meet a condition. */
interface Driver {
  /** Their row numbers as a JSON list. */
  readonly keys: string
  readonly count: number
  /** The condition. */
  readonly check: Sql
}

/** What a search asks of a run. */
export interface Asked {
  readonly place: Sql
  readonly stage: 'active' | 'deleted' | undefined
  readonly conditions: readonly Condition[]
  readonly terms: readonly Term[]
}

/** All conditions of a search, with the one as driver that fewest runs meet. */
export function whereOf(walk: Walk, { place, stage, conditions, terms }: Asked): Where {
  const own = [place, ...(stage === undefined ? [] : [{ text: 'r.stage = ?', values: [stage] }])]
  // The index of what runs log is of all experiments: a small one is sorted.
  const led = { text: `SELECT r.key AS run FROM runs r WHERE ${place.text}`, values: place.values }
  const small: readonly Condition[] = terms[0]?.by === 'logged' ? [{ check: place, led, own: true }] : []
  const start: Where = { own, checks: [], driver: undefined }
  return [...conditions, ...small].reduce((before, condition) => narrowed(walk, before, condition), start)
}

/** With one more condition, which leads to the runs where fewer meet it than what led before. */
export function narrowed(walk: Walk, where: Where, { check, led, own }: Condition): Where {
  const { driver } = where
  const list = own === true ? 'own' : 'checks'
  const checked = { ...where, [list]: [...where[list], check] }
  if (led === undefined) return checked
  const most = Math.min(walk.few, driver?.count ?? walk.few)
  const sql = `SELECT count(*) AS count, json_group_array(run) AS keys FROM (${led.text} LIMIT ?)`
  const found = walk.region.db.get<{ count: number; keys: string }>(sql, ...led.values, most)
  if (found === undefined || found.count === most) return checked
  return { ...undriven(where), driver: { ...found, check } }
}

/** The same conditions without a driver. */
export function undriven({ own, checks, driver }: Where): Where {
  return { own, checks: driver === undefined ? checks : [...checks, driver.check], driver: undefined }
}

/** Checks the few runs once, where else each part of the order would. */
export function settled({ region }: Walk, where: Where): Where {
  const { driver, own, checks } = where
  if (driver === undefined || checks.length === 0) return where
  const led = leading(driver)
  const met = allOf([...own, ...checks])
  const sql = `SELECT count(*) AS count, json_group_array(r.key) AS keys
    FROM (${led.text}) f CROSS JOIN runs r ON r.key = f.run WHERE ${met.text}`
  const found = region.db.get<{ count: number; keys: string }>(sql, ...led.values, ...met.values)
  const check = allOf([met, driver.check])
  return { own: [], checks: [], driver: { count: 0, keys: '[]', ...found, check } }
}

/** A query of the driver's runs. */
export function leading({ keys }: Driver): Sql {
  return { text: 'SELECT value AS run FROM json_each(?)', values: [keys] }
}
