import type { Experiment } from '../history/run-types.ts'
import { lookup } from '../lookup.ts'
import type { Region } from '../region.ts'
import { invalid } from './answers.ts'
import { type Comparison, parseFilter, parseOrder } from './filter.ts'
import { globOf, likeOf } from './pattern.ts'

interface Sql {
  readonly text: string
  readonly values: readonly (string | number)[]
}

const ATTRIBUTES: Readonly<Record<string, { readonly column: string; readonly numeric: boolean }>> = {
  name: { column: 'e.name', numeric: false },
  experiment_id: { column: 'e.id', numeric: false },
  creation_time: { column: 'e.created', numeric: true },
  last_update_time: { column: 'e.updated', numeric: true },
}

const STAGES: Readonly<Record<string, readonly string[]>> = lookup({
  ALL: ['active', 'deleted'],
  DELETED_ONLY: ['deleted'],
})

export interface ExperimentSearch {
  readonly view: string
  readonly filter: string | undefined
  readonly orderBy: readonly string[]
  readonly limit: number
  readonly offset: number
}

/** Experiments that meet the search; newest first where no order is asked for. */
export function searchExperiments(region: Region, workspace: string, search: ExperimentSearch): Experiment[] {
  const conditions = parseFilter(search.filter).map(conditionOf)
  const stages = STAGES[search.view] ?? ['active']
  const where: Sql[] = [
    { text: 'e.workspace = ?', values: [workspace.toLowerCase()] },
    { text: 'e.stage IN (SELECT value FROM json_each(?))', values: [JSON.stringify(stages)] },
    ...conditions,
  ]
  return region.db.all<Experiment>(
    `SELECT e.* FROM experiments e WHERE ${where.map(({ text }) => text).join(' AND ')}
     ORDER BY ${orderOf(search.orderBy)} LIMIT ? OFFSET ?`,
    ...where.flatMap(({ values }) => values),
    search.limit,
    search.offset,
  )
}

const MOST_DATASETS = 1000

/** Datasets that runs of these experiments read, and the context in which. Each once, whatever the number of runs. */
export function datasetsOf(region: Region, experiments: readonly number[]): object[] {
  const rows = region.db.all<{ experiment: string; name: string; digest: string; context: string | null }>(
    `SELECT DISTINCT e.id AS experiment, json_extract(l.body, '$.dataset.name') AS name,
       json_extract(l.body, '$.dataset.digest') AS digest,
       (SELECT json_extract(t.value, '$.value') FROM json_each(l.body, '$.tags') t
        WHERE json_extract(t.value, '$.key') = 'mlflow.data.context') AS context
     FROM json_each(?) j CROSS JOIN experiments e ON e.key = j.value CROSS JOIN runs r ON r.experiment = e.key
       CROSS JOIN links l ON l.run = r.key AND l.kind = 'dataset' LIMIT ${MOST_DATASETS}`,
    JSON.stringify(experiments),
  )
  return rows.map(({ experiment, name, digest, context }) => ({
    experiment_id: experiment,
    name,
    digest,
    ...(context === null ? {} : { context }),
  }))
}

function orderOf(orderBy: readonly string[]): string {
  const terms = parseOrder(orderBy).map(({ entity, key, descending }) => {
    if (entity !== undefined && entity !== 'attribute') throw invalid(`Invalid order_by entity: ${entity}`)
    return `${attributeOf(key).column} ${descending ? 'DESC' : 'ASC'}`
  })
  return [...(terms.length === 0 ? ['e.created DESC'] : terms), 'e.key DESC'].join(', ')
}

function conditionOf(comparison: Comparison): Sql {
  const { entity, key, comparator, written } = comparison
  // Of experiments alone, MLflow knows these comparators in capital letters only.
  if (comparator.endsWith('LIKE') && written !== comparator) throw invalid(`Invalid comparator '${written}'.`)
  if (entity === 'tag' || entity === 'tags') return tagCondition(comparison)
  if (entity !== undefined && entity !== 'attribute') {
    throw invalid(`Invalid entity type '${entity}'. Valid entity types are ('attribute', 'tag', 'tags')`)
  }
  const { column, numeric } = attributeOf(key)
  if (comparator === 'IS NULL' || comparator === 'IS NOT NULL') {
    throw invalid(`IS NULL / IS NOT NULL is only supported for tags, not for attribute '${key}'`)
  }
  return numeric ? numberCondition(comparison, column) : textCondition(comparison, column)
}

function attributeOf(key: string): { readonly column: string; readonly numeric: boolean } {
  const attribute = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined
  if (attribute !== undefined) return attribute
  const valid = Object.keys(ATTRIBUTES).map((name) => `'${name}'`)
  throw invalid(`Invalid attribute key '${key}' specified. Valid keys are '{${valid.join(', ')}}'`)
}

function tagCondition(comparison: Comparison): Sql {
  const { key, comparator } = comparison
  if (comparator === 'IS NULL' || comparator === 'IS NOT NULL') {
    const negation = comparator === 'IS NULL' ? 'NOT ' : ''
    return {
      text: `${negation}EXISTS (SELECT 1 FROM experimentTags t WHERE t.experiment = e.key AND t.key = ?)`,
      values: [key],
    }
  }
  const test = textCondition(comparison, 't.value')
  return {
    text: `EXISTS (SELECT 1 FROM experimentTags t WHERE t.experiment = e.key AND t.key = ? AND ${test.text})`,
    values: [key, ...test.values],
  }
}

function numberCondition({ comparator, operand, key }: Comparison, column: string): Sql {
  if (operand.is !== 'number') throw invalid(`Expected numeric value type for numeric attribute: ${key}.`)
  if (!['=', '!=', '>', '>=', '<', '<='].includes(comparator)) throw invalid(`Invalid comparator '${comparator}'.`)
  return { text: `${column} ${comparator} ?`, values: [operand.value] }
}

function textCondition({ comparator, operand, key }: Comparison, column: string): Sql {
  if (operand.is === 'list') {
    if (key !== 'experiment_id') {
      throw invalid("Only ['experiment_id'] attributes support comparison with a list of quoted string values.")
    }
    return {
      text: `${column} ${comparator} (SELECT value FROM json_each(?))`,
      values: [JSON.stringify(operand.values)],
    }
  }
  if (operand.is !== 'text') throw invalid(`Expected a quoted string value for ${key} (e.g. 'my-value').`)
  if (comparator === 'LIKE') return { text: `${column} GLOB ?`, values: [globOf(operand.value)] }
  if (comparator === 'ILIKE') return { text: `${column} LIKE ?`, values: [likeOf(operand.value)] }
  if (comparator !== '=' && comparator !== '!=') throw invalid(`Invalid comparator '${comparator}'.`)
  return { text: `${column} ${comparator} ?`, values: [operand.value] }
}
