import { invalid } from './answers.ts'
import type { Comparator, Comparison, Operand } from './filter.ts'
import { globOf, likeOf } from './pattern.ts'

export type Value = string | number | null

/** Text of SQL and the values for its question marks, in order. */
export interface Sql {
  readonly text: string
  readonly values: readonly Value[]
}

/** A condition on `runs r`. */
export interface Condition {
  readonly check: Sql
  /** Query of the `run`s that meet it, where an index leads to them. */
  readonly led?: Sql
  /** It asks for nothing but columns of the run itself. */
  readonly own?: boolean
}

/** The condition that all hold. */
export function allOf(conditions: readonly Sql[]): Sql {
  const text = conditions.map((one) => one.text).join(' AND ')
  return { text, values: conditions.flatMap(({ values }) => values) }
}

/** Tables of what runs log, each with an index by key and value. */
export const TABLES = { metric: 'latestMetrics', parameter: 'params', tag: 'tags' } as const

const ENTITIES: Readonly<Record<string, 'metric' | 'parameter' | 'tag' | 'attribute' | 'dataset'>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'parameter',
  params: 'parameter',
  parameter: 'parameter',
  parameters: 'parameter',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
}

const ARTIFACT_URI = "'mlflow-artifacts:/ExperimentRun/dcid.' || r.id"
const ATTRIBUTES: Readonly<Record<string, { readonly column: string; readonly numeric: boolean }>> = {
  run_id: { column: 'r.id', numeric: false },
  run_name: { column: 'r.name', numeric: false },
  'run name': { column: 'r.name', numeric: false },
  'Run name': { column: 'r.name', numeric: false },
  'Run Name': { column: 'r.name', numeric: false },
  status: { column: 'r.state', numeric: false },
  user_id: { column: 'r.user', numeric: false },
  artifact_uri: { column: `(${ARTIFACT_URI})`, numeric: false },
  start_time: { column: 'r.start', numeric: true },
  created: { column: 'r.start', numeric: true },
  Created: { column: 'r.start', numeric: true },
  end_time: { column: 'r.end', numeric: true },
}

const NUMERIC: readonly Comparator[] = ['>', '>=', '!=', '=', '<', '<=']
const TEXTUAL: readonly Comparator[] = ['=', '!=', 'LIKE', 'ILIKE']

type Table = (typeof TABLES)[keyof typeof TABLES]

/** What comparisons ask of one thing that runs log. Each test is of the column it is given. */
interface Logged {
  readonly table: Table
  readonly key: string
  readonly tests: readonly ((column: string) => Sql)[]
}

/**
 * What the comparisons of a filter ask of a run of the place. Refuses one that MLflow refuses.
 *
 * Those of one metric, parameter or tag are one condition, so that a range between two bounds is looked up as one.
 */
export function conditionsOf(comparisons: readonly Comparison[], place: Sql): readonly Condition[] {
  const logged = new Map<string, Logged>()
  const others: Condition[] = []
  for (const comparison of comparisons) {
    const entity = entityOf(comparison.entity)
    if (entity === 'attribute') others.push({ ...attributeCondition(comparison, place), own: true })
    else if (entity === 'dataset') others.push({ check: datasetCondition(comparison) })
    else if (comparison.comparator === 'IS NULL') others.push(absent(comparison, entity))
    else {
      const { key } = comparison
      const table = TABLES[entity]
      const before = logged.get(`${table} ${key}`)
      logged.set(`${table} ${key}`, { table, key, tests: [...(before?.tests ?? []), testOf(comparison, entity)] })
    }
  }
  return [...others, ...[...logged.values()].map(({ table, key, tests }) => loggedCondition(table, key, tests))]
}

function absent({ key, comparator }: Comparison, entity: keyof typeof TABLES): Condition {
  if (entity === 'metric') throw badComparator(comparator, NUMERIC)
  const text = `NOT EXISTS (SELECT 1 FROM ${TABLES[entity]} t WHERE t.run = r.key AND t.key = ?)`
  return { check: { text, values: [key] } }
}

function testOf(comparison: Comparison, entity: keyof typeof TABLES): (column: string) => Sql {
  const { comparator } = comparison
  if (comparator === 'IS NOT NULL') {
    if (entity === 'metric') throw badComparator(comparator, NUMERIC)
    return () => ({ text: 'TRUE', values: [] })
  }
  return (column) => (entity === 'metric' ? numeric(comparison, column, 'metric') : quoted(comparison, column, entity))
}

/** The condition that a run has logged something under the key which meets all tests. */
export function loggedCondition(
  table: Table,
  key: string,
  tests: readonly ((column: string) => Sql)[],
): Condition & { readonly led: Sql } {
  const all = (column: string) => allOf([{ text: 't.key = ?', values: [key] }, ...tests.map((test) => test(column))])
  // The plus keeps SQLite from looking a run's one value up among those of all runs.
  const [check, led] = [all('+t.value'), all('t.value')]
  return {
    check: { text: `EXISTS (SELECT 1 FROM ${table} t WHERE t.run = r.key AND ${check.text})`, values: check.values },
    led: { text: `SELECT t.run FROM ${table} t WHERE ${led.text}`, values: led.values },
  }
}

/** The kind of thing that a name before the dot stands for; an attribute where there is none. */
export function entityOf(name: string | undefined): (typeof ENTITIES)[string] {
  const known = name === undefined || Object.hasOwn(ENTITIES, name)
  const entity = known ? ENTITIES[name ?? 'attribute'] : undefined
  if (entity === undefined) {
    throw invalid(
      `Invalid entity type '${name}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']`,
    )
  }
  return entity
}

function attributeCondition(comparison: Comparison, place: Sql): Condition {
  const attribute = attributeOf(comparison.key)
  const { comparator, operand, key } = comparison
  if (attribute.numeric) return { check: numeric(comparison, attribute.column, `numeric attribute: ${key}`) }
  if (operand.is !== 'list') {
    const check = quoted(comparison, attribute.column, 'attribute')
    if (key === 'run_id' && comparator === '=') return { check, led: byId([String(check.values[0])]) }
    return attribute.column === 'r.name' && comparator.endsWith('LIKE')
      ? { check, led: byName(check, place) }
      : { check }
  }
  if (key !== 'run_id') {
    throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.")
  }
  const check = among({ comparator, operand }, attribute.column)
  return comparator === 'IN' ? { check, led: byId(operand.values) } : { check }
}

/** The condition that a column is, or is not, one of a list of texts. */
function among(
  { comparator, operand }: { comparator: Comparator; operand: Operand & { is: 'list' } },
  column: string,
): Sql {
  if (operand.numbers) {
    throw invalid(
      `While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ${operand.text}`,
    )
  }
  return {
    text: `${column} ${comparator} (SELECT value FROM json_each(?))`,
    values: [JSON.stringify(operand.values)],
  }
}

function byId(ids: readonly string[]): Sql {
  return {
    text: 'SELECT key AS run FROM runs WHERE id IN (SELECT value FROM json_each(?))',
    values: [JSON.stringify(ids)],
  }
}

/** A pattern is compared with every name: this index is the smallest that has them. */
function byName(check: Sql, place: Sql): Sql {
  return {
    text: `SELECT r.key AS run FROM runs r INDEXED BY runs_by_name WHERE ${place.text} AND ${check.text}`,
    values: [...place.values, ...check.values],
  }
}

export function attributeOf(key: string): { readonly column: string; readonly numeric: boolean } {
  const attribute = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined
  if (attribute === undefined) {
    const valid = Object.keys(ATTRIBUTES).map((name) => `'${name}'`)
    throw invalid(`Invalid attribute key '${key}' specified. Valid keys are '{${valid.join(', ')}}'`)
  }
  return attribute
}

function datasetCondition(comparison: Comparison): Sql {
  const path = { name: '$.dataset.name', digest: '$.dataset.digest', context: undefined }
  if (!Object.hasOwn(path, comparison.key)) {
    throw invalid(`Invalid dataset key '${comparison.key}' specified. Valid keys are '{'name', 'digest', 'context'}'`)
  }
  const at = path[comparison.key as keyof typeof path]
  const { comparator, operand } = comparison
  const tested = (column: string) =>
    operand.is === 'list' ? among({ comparator, operand }, column) : quoted(comparison, column, 'dataset')
  if (at !== undefined) {
    const test = tested(`json_extract(l.body, '${at}')`)
    return {
      text: `EXISTS (SELECT 1 FROM links l WHERE l.run = r.key AND l.kind = 'dataset' AND ${test.text})`,
      values: test.values,
    }
  }
  const test = tested("json_extract(t.value, '$.value')")
  return {
    text: `EXISTS (SELECT 1 FROM links l, json_each(l.body, '$.tags') t WHERE l.run = r.key AND l.kind = 'dataset'
      AND json_extract(t.value, '$.key') = 'mlflow.data.context' AND ${test.text})`,
    values: test.values,
  }
}

function numeric({ comparator, operand }: Comparison, column: string, what: string): Sql {
  if (operand.is !== 'number') {
    const found = operand.is === 'text' ? `'${operand.value}'` : 'text' in operand ? operand.text : 'nothing'
    throw invalid(`Expected numeric value type for ${what}. Found ${found}`)
  }
  if (!NUMERIC.includes(comparator)) throw badComparator(comparator, NUMERIC)
  return { text: `${column} ${comparator} ?`, values: [operand.value] }
}

function quoted({ comparator, operand }: Comparison, column: string, what: string): Sql {
  if (operand.is === 'word') {
    throw invalid(
      `Parameter value is either not quoted or unidentified quote types used for string value ${operand.text}. Use either single or double quotes.`,
    )
  }
  if (operand.is !== 'text') {
    const found = 'text' in operand ? operand.text : 'nothing'
    throw invalid(`Expected a quoted string value for ${what} (e.g. 'my-value'). Got value ${found}`)
  }
  if (!TEXTUAL.includes(comparator)) {
    // The real server closes this quotation for parameters only.
    throw badComparator(comparator, [...TEXTUAL, 'IS NULL', 'IS NOT NULL'], what === 'parameter' ? "'" : '')
  }
  if (comparator === 'LIKE') return { text: `${column} GLOB ?`, values: [globOf(operand.value)] }
  if (comparator === 'ILIKE') return { text: `${column} LIKE ?`, values: [likeOf(operand.value)] }
  return { text: `${column} ${comparator} ?`, values: [operand.value] }
}

function badComparator(comparator: Comparator, valid: readonly Comparator[], end = ''): Error {
  return invalid(`Invalid comparator '${comparator}' not one of '{${valid.map((one) => `'${one}'`).join(', ')}}${end}`)
}
