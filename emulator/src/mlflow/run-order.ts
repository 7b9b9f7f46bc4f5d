import { invalid } from './answers.ts'
import type { Ordering } from './filter.ts'
import {
  attributeOf,
  type Condition,
  entityOf,
  loggedCondition,
  type Sql,
  TABLES,
  type Value,
} from './run-conditions.ts'

/** One key of an order. */
export type Term =
  | { readonly by: 'column'; readonly column: string; readonly descending: boolean }
  | {
      readonly by: 'logged'
      readonly table: (typeof TABLES)[keyof typeof TABLES]
      readonly key: string
      readonly descending: boolean
    }

/**
 * Where a run stands in an order: its value for each term. `null` is for a value that is absent.
 * Metrics are texts, since JSON has no NaN.
 */
export type Position = readonly Value[]

const NEWEST_FIRST: readonly Term[] = [
  { by: 'column', column: 'r.start', descending: true },
  { by: 'column', column: 'r.id', descending: false },
]

/** Columns that no run is without. */
const ALWAYS_THERE = ['r.id', 'r.name', 'r.state', 'r.user']

/** Columns by which an index has the runs of an experiment. */
const INDEXED = ['r.start', 'r.end', 'r.name']

/** True where an index has the runs of an experiment in this order. */
export function isIndexed(term: Term): boolean {
  return term.by === 'column' && INDEXED.includes(term.column)
}

/** The whole order: what is asked for, then the newest start, then the id. A key that stands twice counts once. */
export function termsOf(orderings: readonly Ordering[]): readonly Term[] {
  const seen = new Set<string>()
  return [...orderings.map(termOf), ...NEWEST_FIRST].filter((term) => {
    const name = term.by === 'column' ? term.column : `${term.table} ${term.key}`
    return !seen.has(name) && seen.add(name)
  })
}

function termOf({ entity: name, key, descending }: Ordering): Term {
  const entity = entityOf(name)
  if (entity === 'dataset') throw invalid("Invalid identifier type 'dataset'")
  if (entity === 'attribute') return { by: 'column', column: attributeOf(key).column, descending }
  return { by: 'logged', table: TABLES[entity], key, descending }
}

/** What a run's value for the term is, in SQL, as {@link Position} has it. */
export function heldFor(term: Term): Sql {
  if (term.by === 'column') return { text: term.column, values: [] }
  const value = term.table === 'latestMetrics' ? "coalesce(value, 'NaN')" : 'value'
  return { text: `(SELECT ${value} FROM ${term.table} WHERE run = r.key AND key = ?)`, values: [term.key] }
}

/** True where absent values of the term stand behind the others. */
export function canLack(term: Term): boolean {
  return term.by === 'logged' || !ALWAYS_THERE.includes(term.column)
}

/** The runs without a value for the term. */
export function lacking(term: Term): Condition {
  if (term.by === 'column') return { check: { text: `${term.column} IS NULL`, values: [] }, own: true }
  const text = `NOT EXISTS (SELECT 1 FROM ${term.table} t WHERE t.run = r.key AND t.key = ?)`
  return { check: { text, values: [term.key] } }
}

/** The runs with exactly this value for the term; `null` is NaN. */
export function having(term: Term, value: Value): Condition {
  const test = value === null ? { text: 'IS NULL', values: [] } : { text: '= ?', values: [value] }
  if (term.by === 'column') return { check: { text: `${term.column} ${test.text}`, values: test.values }, own: true }
  return loggedCondition(term.table, term.key, [(column) => ({ text: `${column} ${test.text}`, values: test.values })])
}

/** `column` beyond the value in the term's direction; from the beginning where there is none. */
export function beyond(term: Term, column: string, value: Value | undefined): Sql {
  if (value === undefined || value === null) return { text: `${column} IS NOT NULL`, values: [] }
  return { text: `${column} ${term.descending ? '<' : '>'} ?`, values: [value] }
}

/** ORDER BY and the joins that it needs. A value that is absent stands last whichever the direction, NaN before it. */
export function sortOf(terms: readonly Term[]): { readonly joins: readonly Sql[]; readonly text: string } {
  const joins: Sql[] = []
  const texts = terms.map((term, index) => {
    const way = term.descending ? 'DESC' : 'ASC'
    if (term.by === 'column') {
      // SQLite puts NULL last by itself where the order descends.
      return canLack(term) && !term.descending ? `${term.column} IS NULL, ${term.column}` : `${term.column} ${way}`
    }
    const alias = `o${index}`
    const text = `LEFT JOIN ${term.table} ${alias} ON ${alias}.run = r.key AND ${alias}.key = ?`
    joins.push({ text, values: [term.key] })
    return `${alias}.run IS NULL, ${alias}.value IS NULL, ${alias}.value ${way}`
  })
  return { joins, text: texts.join(', ') }
}
