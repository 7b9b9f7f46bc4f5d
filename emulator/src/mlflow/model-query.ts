import type { Resource } from '../arm/resources.ts'
import { invalid } from './answers.ts'
import { type Comparator, type Comparison, parseFilter, parseOrder } from './filter.ts'
import { numberOf, propertiesOf, sourceOf, tagsOf } from './model-json.ts'
import type { ModelStore } from './model-store.ts'
import { isLike } from './pattern.ts'

/** A value of a row by the name that filters and orders use; `undefined` for a name they don't know. */
type Read = (row: Resource, key: string) => string | number | undefined

const TEXTUAL: readonly Comparator[] = ['=', '!=', 'LIKE', 'ILIKE']
const NUMERIC: readonly Comparator[] = ['=', '!=', '>', '>=', '<', '<=']

interface Search {
  readonly filter: string | undefined
  readonly orderBy: readonly string[]
}

/** Registered models that meet the search; by name where no order is asked for. */
export function searchModels(store: ModelStore, search: Search): readonly Resource[] {
  const read: Read = (row, key) => ({ name: row.name })[key]
  const keys = { name: 'name', timestamp: 'time', last_updated_timestamp: 'time' }
  const value: Read = (row, key) => (keys[key as 'name'] === 'time' ? Date.parse(row.modifiedAt) : row.name)
  const tests = testsOf(search, { read, attributes: ['name'], lists: [] })
  const order = orderOf(search.orderBy, ['name', 'timestamp', 'last_updated_timestamp'])
  return sorted(
    store.containers().filter((row) => tests.every((test) => test(row))),
    [...order.map((item) => ({ ...item, value })), { key: 'name', descending: false, value }],
  )
}

/** Versions that meet the search; the last changed first where no order is asked for. */
export function searchVersions(store: ModelStore, search: Search): readonly Resource[] {
  const read: Read = (row, key) =>
    ({
      name: row.parent.split('/').at(-1) ?? '',
      version_number: numberOf(row),
      source_path: sourceOf(store, row),
      run_id: store.facts(row).runId ?? String(propertiesOf(row)['jobName'] ?? ''),
      creation_timestamp: Date.parse(row.createdAt),
      last_updated_timestamp: Date.parse(row.modifiedAt),
    })[key]
  const attributes = ['name', 'version_number', 'run_id', 'source_path']
  const tests = testsOf(search, { read, attributes, lists: ['run_id'] })
  const order = orderOf(search.orderBy, ['name', 'version_number', 'creation_timestamp', 'last_updated_timestamp'])
  const standard = order.length > 0 ? order : [{ key: 'last_updated_timestamp', descending: true }]
  const rows = candidates(store, search).filter((row) => tests.every((test) => test(row)))
  const terms = [...standard, { key: 'name', descending: false }, { key: 'version_number', descending: true }]
  return sorted(
    rows,
    terms.map((item) => ({ ...item, value: read })),
  )
}

/** Versions of the one model that the filter names, or of all. */
function candidates(store: ModelStore, { filter }: Search): readonly Resource[] {
  const named = parseFilter(filter).find(({ key, comparator }) => key === 'name' && comparator === '=')
  if (named?.operand.is !== 'text') return store.containers().flatMap((container) => store.versions(container))
  const container = store.container(named.operand.value)
  return container === undefined ? [] : store.versions(container)
}

interface Known {
  readonly read: Read
  readonly attributes: readonly string[]
  /** Attributes that may be compared with a list. */
  readonly lists: readonly string[]
}

function testsOf({ filter }: Search, known: Known): ((row: Resource) => boolean)[] {
  return parseFilter(filter).map((comparison) => testOf(comparison, known))
}

function testOf(comparison: Comparison, { read, attributes, lists }: Known): (row: Resource) => boolean {
  const { entity, key, operand, comparator } = comparison
  if (entity === 'tag' || entity === 'tags') {
    checkComparator(comparison, TEXTUAL)
    if (operand.is !== 'text' && operand.is !== 'nothing') {
      throw invalid(`Expected a quoted string value for tag (e.g. 'my-value'). Got value ${operand.text}`)
    }
    // Clients ask for what is no prompt in this way, and a model without the tag is none.
    const absent = key === 'mlflow.prompt.is_prompt' && comparator === '!=' ? '' : undefined
    return (row) => compare(tagsOf(row)[key] ?? absent, comparison)
  }
  if (entity !== undefined && entity !== 'attribute') {
    throw invalid(`Invalid entity type '${entity}'. Valid entity types are ('attribute', 'tag', 'tags')`)
  }
  if (!attributes.includes(key)) {
    const valid = attributes.map((name) => `'${name}'`).join(', ')
    throw invalid(`Invalid attribute key '${key}' specified. Valid keys are '{${valid}}'`)
  }
  if (operand.is === 'list' && (!lists.includes(key) || comparator !== 'IN')) {
    throw invalid(`Invalid comparator for attribute: '${comparator}' with a list of values.`)
  }
  const numeric = key === 'version_number'
  checkComparator(comparison, numeric ? NUMERIC : [...TEXTUAL, 'IN'])
  if (!['list', 'nothing', numeric ? 'number' : 'text'].includes(operand.is)) {
    throw invalid(
      numeric
        ? `Expected numeric value type for numeric attribute: ${key}.`
        : `Parameter value is either not quoted or unidentified quote types used for string value. Use either single or double quotes.`,
    )
  }
  return (row) => compare(read(row, key), comparison)
}

/** Refuses what the value on the left cannot be compared by, whether or not there is one. */
function checkComparator({ comparator, operand }: Comparison, known: readonly Comparator[]): void {
  if (operand.is === 'nothing' || known.includes(comparator)) return
  throw invalid(`Invalid comparator '${comparator}'.`)
}

function compare(value: string | number | undefined, { comparator, operand }: Comparison): boolean {
  if (comparator === 'IS NULL') return value === undefined
  if (comparator === 'IS NOT NULL') return value !== undefined
  if (value === undefined) return false
  if (operand.is === 'list') return operand.values.includes(String(value)) === (comparator === 'IN')
  if (operand.is === 'text' && (comparator === 'LIKE' || comparator === 'ILIKE')) {
    const [text, pattern] = [String(value), operand.value]
    return comparator === 'LIKE' ? isLike(text, pattern) : isLike(text.toLowerCase(), pattern.toLowerCase())
  }
  if (operand.is !== 'text' && operand.is !== 'number') throw invalid(`Invalid comparator '${comparator}'.`)
  const other = operand.value
  if (comparator === '=') return value === other
  if (comparator === '!=') return value !== other
  if (typeof value !== 'number' || typeof other !== 'number') throw invalid(`Invalid comparator '${comparator}'.`)
  return { '>': value > other, '>=': value >= other, '<': value < other, '<=': value <= other }[comparator as '>']
}

interface Term {
  readonly key: string
  readonly descending: boolean
}

function orderOf(orderBy: readonly string[], known: readonly string[]): Term[] {
  return parseOrder(orderBy).map(({ key, descending }) => {
    if (known.includes(key)) return { key, descending }
    throw invalid(
      `Invalid order by key '${key}' specified. Valid keys are '{${known.map((name) => `'${name}'`).join(', ')}}'`,
    )
  })
}

function sorted(rows: readonly Resource[], terms: readonly (Term & { readonly value: Read })[]): readonly Resource[] {
  return rows.toSorted((a, b) => {
    for (const { key, descending, value } of terms) {
      const [left, right] = [value(a, key) ?? '', value(b, key) ?? '']
      if (left !== right) return (left < right ? -1 : 1) * (descending ? -1 : 1)
    }
    return 0
  })
}
