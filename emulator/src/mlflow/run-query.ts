import type { Run } from '../history/run-types.ts'
import { RUN_COLUMNS } from '../history/runs.ts'
import type { Region } from '../region.ts'
import { invalid } from './answers.ts'
import { type Comparator, type Comparison, globOf, type Ordering, parseFilter, parseOrdering } from './filter.ts'

type Value = string | number | null

interface Sql {
  readonly text: string
  readonly values: readonly Value[]
}

/** A condition on `runs r`. */
interface Condition {
  readonly check: Sql
  /** Query of the few `run`s that meet it, where they are few: reading them beats checking every run. */
  readonly few?: Sql
}

interface Order {
  readonly from: string
  readonly joins: readonly Sql[]
  readonly terms: string
}

/** A filter that fewer rows than this meet is read from its own index; others are checked run by run. */
const FEW = 10_000

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

export interface RunSearch {
  /** Row numbers of the experiments. */
  readonly experiments: readonly number[]
  readonly stage: 'active' | 'deleted' | undefined
  readonly filter: string | undefined
  readonly orderBy: readonly string[]
  readonly limit: number
  readonly offset: number
}

/** Runs that meet the search, in MLflow's order: as asked, then newest start first, then by id. */
export function searchRuns(region: Region, search: RunSearch): Run[] {
  if (search.experiments.length === 0) return []
  const conditions = parseFilter(search.filter).map((comparison) => conditionOf(region, comparison))
  const orderings = search.orderBy.map(parseOrdering)
  const keys = keysOf(region, search, { conditions, orderings })
  return region.runs.select(
    `SELECT ${RUN_COLUMNS} FROM json_each(?) j CROSS JOIN runs r ON r.key = j.value
     JOIN experiments e ON e.key = r.experiment ORDER BY j.key`,
    [JSON.stringify(keys)],
  )
}

/** Row numbers of the page. They are found from indexes; only the runs of the page are then read whole. */
function keysOf(
  region: Region,
  search: RunSearch,
  asked: { readonly conditions: readonly Condition[]; readonly orderings: readonly Ordering[] },
): number[] {
  const driver = asked.conditions.find(({ few }) => few !== undefined)?.few
  const where: Sql[] = [
    placeOf(search.experiments),
    ...(search.stage === undefined ? [] : [{ text: 'r.stage = ?', values: [search.stage] }]),
    ...asked.conditions.filter(({ few }) => few === undefined || few !== driver).map(({ check }) => check),
  ]
  const page = (order: Order): number[] => {
    const from = driver === undefined ? order.from : `(${driver.text}) f CROSS JOIN runs r ON r.key = f.run`
    const parts = [...(driver === undefined ? [] : [driver]), ...order.joins, ...where]
    const sql = `SELECT r.key AS found FROM ${from} ${order.joins.map(({ text }) => text).join(' ')}
      WHERE ${where.map(({ text }) => text).join(' AND ')} ORDER BY ${order.terms} LIMIT ? OFFSET ?`
    const values = parts.flatMap((part) => part.values)
    return region.db.all<{ found: number }>(sql, ...values, search.limit, search.offset).map(({ found }) => found)
  }
  const [first] = asked.orderings
  if (driver === undefined && first !== undefined && entityOf(first.entity) === 'metric') {
    // Those that have the metric come first, and its index has them in order: a full page needs no others.
    const best = page(bestOf(asked.orderings))
    if (best.length === search.limit) return best
  }
  return page(orderOf(asked.orderings))
}

function placeOf(experiments: readonly number[]): Sql {
  return experiments.length === 1
    ? { text: 'r.experiment = ?', values: [experiments[0] ?? 0] }
    : { text: 'r.experiment IN (SELECT value FROM json_each(?))', values: [JSON.stringify(experiments)] }
}

function conditionOf(region: Region, comparison: Comparison): Condition {
  const entity = entityOf(comparison.entity)
  if (entity === 'attribute') return attributeCondition(comparison)
  if (entity === 'dataset') return { check: datasetCondition(comparison) }
  const table = { metric: 'latestMetrics', parameter: 'params', tag: 'tags' }[entity]
  const { comparator, key } = comparison
  if (comparator === 'IS NULL' || comparator === 'IS NOT NULL') {
    if (entity === 'metric') throw badComparator(comparator, NUMERIC)
    const negation = comparator === 'IS NULL' ? 'NOT ' : ''
    const text = `${negation}EXISTS (SELECT 1 FROM ${table} t WHERE t.run = r.key AND t.key = ?)`
    return { check: { text, values: [key] } }
  }
  const test = entity === 'metric' ? numeric(comparison, 't.value', 'metric') : quoted(comparison, 't.value', entity)
  const values = [key, ...test.values]
  const few = `SELECT count(*) AS n FROM (SELECT 1 FROM ${table} t WHERE t.key = ? AND ${test.text} LIMIT ${FEW})`
  const selective = (region.db.get<{ n: number }>(few, ...values)?.n ?? 0) < FEW
  return {
    check: { text: `EXISTS (SELECT 1 FROM ${table} t WHERE t.run = r.key AND t.key = ? AND ${test.text})`, values },
    ...(selective ? { few: { text: `SELECT t.run FROM ${table} t WHERE t.key = ? AND ${test.text}`, values } } : {}),
  }
}

function entityOf(name: string | undefined): (typeof ENTITIES)[string] {
  const entity = name === undefined ? 'attribute' : ENTITIES[name]
  if (entity === undefined) {
    throw invalid(
      `Invalid entity type '${name}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']`,
    )
  }
  return entity
}

function attributeCondition(comparison: Comparison): Condition {
  const attribute = attributeOf(comparison.key)
  const { comparator, operand, key } = comparison
  if (attribute.numeric) return { check: numeric(comparison, attribute.column, `numeric attribute: ${key}`) }
  if (operand.is !== 'list') {
    const check = quoted(comparison, attribute.column, 'attribute')
    return key === 'run_id' && comparator === '=' ? { check, few: byId([String(check.values[0])]) } : { check }
  }
  if (key !== 'run_id') {
    throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.")
  }
  if (operand.numbers) {
    throw invalid(
      `While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ${operand.text}`,
    )
  }
  const values = [JSON.stringify(operand.values)]
  const check = { text: `${attribute.column} ${comparator} (SELECT value FROM json_each(?))`, values }
  return comparator === 'IN' ? { check, few: byId(operand.values) } : { check }
}

function byId(ids: readonly string[]): Sql {
  return {
    text: 'SELECT key AS run FROM runs WHERE id IN (SELECT value FROM json_each(?))',
    values: [JSON.stringify(ids)],
  }
}

function attributeOf(key: string): { readonly column: string; readonly numeric: boolean } {
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
  if (at !== undefined) {
    const test = quoted(comparison, `json_extract(l.body, '${at}')`, 'dataset')
    return {
      text: `EXISTS (SELECT 1 FROM links l WHERE l.run = r.key AND l.kind = 'dataset' AND ${test.text})`,
      values: test.values,
    }
  }
  const test = quoted(comparison, "json_extract(t.value, '$.value')", 'dataset')
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
  return { text: `${column} ${comparator === 'ILIKE' ? 'LIKE' : comparator} ?`, values: [operand.value] }
}

function badComparator(comparator: Comparator, valid: readonly Comparator[], end = ''): Error {
  return invalid(`Invalid comparator '${comparator}' not one of '{${valid.map((one) => `'${one}'`).join(', ')}}${end}`)
}

/** ORDER BY with its joins. A value that is absent stands last whichever the direction; a NaN just before it. */
function orderOf(orderings: readonly Ordering[]): Order {
  const joins: Sql[] = []
  const terms = orderings.flatMap(({ entity: name, key, descending }, index) => {
    const way = descending ? 'DESC' : 'ASC'
    const entity = entityOf(name)
    if (entity === 'dataset') throw invalid("Invalid identifier type 'dataset'")
    if (entity === 'attribute') {
      const { column } = attributeOf(key)
      return column === 'r.start' ? [`r.start IS NULL, r.start ${way}`] : [`${column} IS NULL, ${column} ${way}`]
    }
    const table = { metric: 'latestMetrics', parameter: 'params', tag: 'tags' }[entity]
    const alias = `o${index}`
    joins.push({ text: `LEFT JOIN ${table} ${alias} ON ${alias}.run = r.key AND ${alias}.key = ?`, values: [key] })
    return [`${alias}.run IS NULL, ${alias}.value IS NULL, ${alias}.value ${way}`]
  })
  return { from: 'runs r', joins, terms: [...terms, 'r.start DESC', 'r.id'].join(', ') }
}

/** The order for runs that have the metric of the first ordering as a number, read along its index. */
function bestOf([first, ...rest]: readonly Ordering[]): Order {
  const others = orderOf(rest)
  const way = first?.descending === true ? 'DESC' : 'ASC'
  const metric = `(SELECT run, value FROM latestMetrics WHERE key = ? AND value IS NOT NULL)`
  return {
    from: '',
    joins: [{ text: `${metric} m CROSS JOIN runs r ON r.key = m.run`, values: [first?.key ?? ''] }, ...others.joins],
    terms: `m.value ${way}, ${others.terms}`,
  }
}
