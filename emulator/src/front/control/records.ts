import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { lookup } from '../../lookup.ts'
import { Misuse } from './control-call.ts'

/** Where the records of a place are kept. */
export interface RecordParts {
  readonly dir: string
  readonly regions: readonly string[]
}

const MOST_LINES = 10_000
/** A page of lines ends where so many characters are full: a line holds up to a megabyte of a body. */
const MOST_CHARACTERS = 16 * 1024 * 1024
/** What may be looked up, and the table that has it. */
const TABLES = { writes: 'activity', calls: 'calls' } as const
/** Filters whose value is compared whole; `*` stands for any part. Case does not count. */
const MATCHED = ['plane', 'operation', 'client', 'caller', 'method', 'target', 'subject'] as const
/** By what lines are counted, each with the expression that gives it. */
const COUNTED: Readonly<Record<string, string>> = lookup({
  plane: 'plane',
  operation: 'operation',
  client: 'client',
  caller: 'caller',
  method: 'method',
  status: 'status',
  second: 'substr(at, 1, 19)',
  minute: 'substr(at, 1, 16)',
})

type Line = Readonly<Record<string, string | number | null>>
type Condition = readonly [sql: string, value: SQLInputValue]

/** Lines of a place's record in their order, with the number to go on after. The last page is the one without lines. */
export function linesOf(parts: RecordParts, place: string | undefined, query: URLSearchParams): unknown {
  const table = tableOf(query)
  const after = wholeNumber(query, 'after', 0)
  const limit = Math.min(wholeNumber(query, 'limit', 1000), MOST_LINES)
  const conditions: readonly Condition[] = [['seq > ?', after], ...conditionsOf(query, table)]
  const last = query.has('last')
  const most = last ? Math.min(wholeNumber(query, 'last', 1), MOST_LINES) : limit
  const found = read(parts, place, {
    sql: `SELECT * FROM ${table} WHERE ${joined(conditions)} ORDER BY seq ${last ? 'DESC' : 'ASC'} LIMIT ?`,
    values: [...conditions.map(([, value]) => value), most],
  })
  const lines = last ? found.toReversed() : found
  return { lines, after: lines.at(-1)?.['seq'] ?? after }
}

/** How many lines there are, by `by`: a list of fields with commas. */
export function countsOf(parts: RecordParts, place: string | undefined, query: URLSearchParams): unknown {
  const table = tableOf(query)
  const by = (query.get('by') ?? 'plane').split(',')
  const columns = by.map((name) => {
    const column = COUNTED[name]
    if (column === undefined) throw new Misuse(400, `\`by\` has ${name} and knows ${Object.keys(COUNTED).join(', ')}.`)
    return `${column} AS ${name}`
  })
  const conditions: readonly Condition[] = [['seq > ?', 0], ...conditionsOf(query, table)]
  const counts = read(parts, place, {
    sql: `SELECT ${columns.join(', ')}, count(*) AS count FROM ${table} WHERE ${joined(conditions)}
      GROUP BY ${by.join(', ')} ORDER BY ${by.join(', ')} LIMIT ${MOST_LINES}`,
    values: conditions.map(([, value]) => value),
  })
  return { counts }
}

/** Reads the store's file, not its process: a dead region's record is the one that a proof needs most. */
function read(
  { dir, regions }: RecordParts,
  place: string | undefined,
  { sql, values }: { readonly sql: string; readonly values: readonly SQLInputValue[] },
): readonly Line[] {
  const isRegion = place !== undefined && regions.includes(place)
  if (!isRegion && place !== 'front') throw new Misuse(404, `There is no region ${place}, and it is not the front.`)
  const path = isRegion ? join(dir, 'regions', place, 'state.db') : join(dir, 'front.db')
  if (!existsSync(path)) return []
  const store = new DatabaseSync(path, { readOnly: true })
  try {
    return pageOf(store.prepare(sql).iterate(...values) as IterableIterator<Line>)
  } finally {
    store.close()
  }
}

/** The first of the lines that fit into a page, and one at least. */
function pageOf(found: IterableIterator<Line>): readonly Line[] {
  const lines: Line[] = []
  let room = MOST_CHARACTERS
  for (const line of found) {
    for (const value of Object.values(line)) room -= typeof value === 'string' ? value.length : 0
    if (room < 0 && lines.length > 0) break
    lines.push(line)
  }
  return lines
}

function tableOf(query: URLSearchParams): 'activity' | 'calls' {
  const of = query.get('of') ?? 'writes'
  if (of === 'writes' || of === 'calls') return TABLES[of]
  throw new Misuse(400, `\`of\` is ${of} and must be writes or calls.`)
}

function conditionsOf(query: URLSearchParams, table: string): readonly Condition[] {
  const matched = MATCHED.flatMap((name): Condition[] => {
    const value = query.get(name)
    if (value === null) return []
    if (name === 'subject' && table === 'calls') throw new Misuse(400, 'Calls have no `subject`; ask by `target`.')
    return [[`${name} LIKE ? ESCAPE '\\'`, patternOf(value)]]
  })
  const path = query.get('path')
  const below: readonly Condition[] = path === null ? [] : [["target LIKE ? ESCAPE '\\'", `${patternOf(path)}%`]]
  const since = instant(query, 'since').map((at): Condition => ['at >= ?', at])
  const until = instant(query, 'until').map((at): Condition => ['at < ?', at])
  const status = query.has('status') ? [['status = ?', wholeNumber(query, 'status', 0)] as const] : []
  return [...matched, ...below, ...since, ...until, ...status]
}

function joined(conditions: readonly Condition[]): string {
  return conditions.map(([sql]) => sql).join(' AND ')
}

function patternOf(text: string): string {
  return text.replace(/[\\%_]/g, (letter) => `\\${letter}`).replaceAll('*', '%')
}

function instant(query: URLSearchParams, name: string): readonly string[] {
  const given = query.get(name)
  if (given === null) return []
  const at = new Date(given)
  if (Number.isNaN(at.getTime())) throw new Misuse(400, `\`${name}\` is ${given} and must be a date and time.`)
  return [at.toISOString()]
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise)
  if (Number.isInteger(value) && value >= 0) return value
  throw new Misuse(400, `\`${name}\` is ${query.get(name)} and must be a whole number.`)
}
