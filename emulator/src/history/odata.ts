import { lookup } from '../lookup.ts'
import { type Clause, clausesOf, unreadable } from './odata-clauses.ts'

export interface Sql {
  readonly text: string
  readonly values: readonly (string | number | null)[]
}

/** The type that run history gives to a run whose maker gave none, as MLflow's. */
export const PLAIN_RUN = 'azureml.mlflow'
/** What a run is shown with as its type and its target, as an index has them. */
export const RUN_TYPE = `coalesce(json_extract(r.details, '$.runType'), '${PLAIN_RUN}')`
export const TARGET = "json_extract(r.details, '$.target')"

/** Columns of a run by the names that run history's filters use. */
const FIELDS: Readonly<
  Record<string, { readonly column: string; readonly is: 'text' | 'instant' | 'flag' | 'number' }>
> = lookup({
  runid: { column: 'r.id', is: 'text' },
  name: { column: 'r.name', is: 'text' },
  displayname: { column: 'r.name', is: 'text' },
  status: { column: 'r.status', is: 'text' },
  parentrunid: { column: 'r.parent', is: 'text' },
  experimentid: { column: '(SELECT id FROM experiments WHERE key = r.experiment)', is: 'text' },
  userid: { column: 'r.user', is: 'text' },
  runnumber: { column: 'r.key', is: 'number' },
  createdutc: { column: 'r.created', is: 'instant' },
  lastmodifiedutc: { column: 'r.modified', is: 'instant' },
  starttimeutc: { column: 'r.start', is: 'instant' },
  endtimeutc: { column: 'r.end', is: 'instant' },
  runtype: { column: RUN_TYPE, is: 'text' },
  target: { column: TARGET, is: 'text' },
  hidden: { column: "(r.stage = 'deleted')", is: 'flag' },
})

/** Earlier than every instant. */
const NEVER = -8_640_000_000_000_001
/** When a run started, as an index has it. */
export const STARTED = `coalesce(r.start, ${NEVER})`
/** Columns that are never NULL. */
const SET: ReadonlySet<string> = new Set([
  'r.id',
  'r.name',
  'r.status',
  'r.user',
  'r.key',
  'r.created',
  'r.modified',
  RUN_TYPE,
])

const OPERATORS: Readonly<Record<string, string>> = { eq: 'IS', ne: 'IS NOT', gt: '>', ge: '>=', lt: '<', le: '<=' }
/** SQLite bounds an order. */
const MOST_TERMS = 50

/** An OData filter of comparisons joined by `and`, as a condition on `runs r`. */
export function conditionOf(filter: string | undefined): Sql {
  const clauses = clausesOf(filter ?? '').map(conditionOfOne)
  if (clauses.length === 0) return { text: 'TRUE', values: [] }
  return {
    text: clauses.map(({ text }) => text).join(' AND '),
    values: clauses.flatMap(({ values }) => values),
  }
}

function conditionOfOne(clause: Clause): Sql {
  const { name, key, operator, literal } = clause
  const comparator = OPERATORS[operator] ?? ''
  const family = name.toLowerCase()
  const raw = literal.startsWith("'") ? literal.slice(1, -1).replaceAll("''", "'") : literal
  if (key !== undefined) return keyed(family, key, { comparator, raw })
  const field = FIELDS[family]
  if (field === undefined) throw unreadable(`with the name '${name}'`)
  return { text: `${field.column} ${comparator} ?`, values: [literalOf(field.is, raw)] }
}

function keyed(family: string, key: string, test: { readonly comparator: string; readonly raw: string }): Sql {
  const value = test.raw === 'null' ? null : test.raw
  if (family === 'tags') {
    if (test.comparator === 'IS' && value !== null) {
      return { text: 'r.key IN (SELECT run FROM tags WHERE key = ? AND value = ?)', values: [key, value] }
    }
    return { text: `(SELECT value FROM tags WHERE run = r.key AND key = ?) ${test.comparator} ?`, values: [key, value] }
  }
  if (family !== 'properties') throw unreadable(`with the name '${family}/${key}'`)
  return {
    text: `(SELECT value FROM json_each(r.properties) WHERE key = ?) ${test.comparator} ?`,
    values: [key, value],
  }
}

function literalOf(is: string, raw: string): string | number | null {
  if (raw.toLowerCase() === 'null') return null
  if (is === 'text') return raw
  if (is === 'flag') return raw.toLowerCase() === 'true' ? 1 : 0
  const number = is === 'instant' ? Date.parse(raw) : Number(raw)
  if (Number.isNaN(number)) throw unreadable(`with the value '${raw}'`)
  return number
}

export interface OrderTerm {
  /** SQL of a value that is never NULL. */
  readonly column: string
  readonly way: 'ASC' | 'DESC'
}

/** Terms of `createdUtc desc, …`; newest first where nothing is asked for. The last tells runs apart that are else equal. */
export function orderOf(orderBy: string | undefined): readonly OrderTerm[] {
  const terms = (orderBy ?? '')
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map(termOf)
  if (terms.length > MOST_TERMS) throw unreadable(`of ${terms.length} terms`, `The limit is ${MOST_TERMS}.`)
  const wanted = terms.length === 0 ? [{ column: 'r.created', way: 'DESC' } as const] : terms
  return [...wanted, { column: 'r.key', way: wanted.at(-1)?.way ?? 'DESC' }]
}

function termOf(term: string): OrderTerm {
  const [name = '', way = 'asc'] = term.split(/\s+/)
  const field = FIELDS[name.toLowerCase()]
  if (field === undefined || !/^(asc|desc)$/i.test(way)) throw unreadable(`'${term}'`)
  return { column: nullsFirst(field), way: /^asc$/i.test(way) ? 'ASC' : 'DESC' }
}

/** The column with a value that is less than all others in place of NULL, so that places in the order can be compared. */
function nullsFirst({ column, is }: (typeof FIELDS)[string]): string {
  if (column === 'r.start') return STARTED
  return SET.has(column) ? column : `coalesce(${column}, ${is === 'text' ? "''" : NEVER})`
}

/** Holds for what comes behind a place. All in one direction are compared as one, which an index can look up. */
export function behind(order: readonly OrderTerm[], place: readonly (string | number)[]): Sql {
  const compare = ({ way }: OrderTerm) => (way === 'ASC' ? '>' : '<')
  const [first, ...rest] = order
  const [value = '', ...values] = place
  if (first === undefined) return { text: 'FALSE', values: [] }
  if (rest.every(({ way }) => way === first.way)) {
    const columns = order.map(({ column }) => column).join(', ')
    // Said of the first alone as well: an index on an expression is not looked up by several.
    const range = `${first.column} ${compare(first)}= ?`
    const text = `${range} AND (${columns}) ${compare(first)} (${place.map(() => '?').join(', ')})`
    return { text, values: [value, ...place] }
  }
  const next = behind(rest, values)
  return {
    text: `(${first.column} ${compare(first)} ? OR (${first.column} = ? AND ${next.text}))`,
    values: [value, value, ...next.values],
  }
}
