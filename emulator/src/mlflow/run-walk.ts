import { allOf, type Sql, type Value } from './run-conditions.ts'
import { beyond, canLack, having, lacking, type Position, sortOf, type Term } from './run-order.ts'
import { leading, narrowed, type Walk, type Where } from './run-where.ts'

const STATE = 'r.state'

/** An order, and the place in it behind which runs are looked for. */
export interface Order {
  readonly terms: readonly Term[]
  readonly after?: Position | undefined
}

/** A part of an order: runs whose first term is within bounds. */
interface Part {
  readonly terms: readonly Term[]
  /** Where the first term is beyond this. */
  readonly after: Value | undefined
}

/** Adds runs in the order of the terms, after the position, until there are enough. */
export function fill(walk: Walk, where: Where, { terms, after }: Order): void {
  const [first, ...rest] = terms
  if (first === undefined || isDone(walk)) return
  const last = after === undefined ? undefined : readValue(first, after[0] ?? null)
  if (last !== undefined) {
    const same = last === 'absent' ? lacking(first) : having(first, last)
    fill(walk, narrowed(walk, where, same), { terms: rest, after: after?.slice(1) })
  }
  if (last === 'absent') return
  if (last !== null) fillPresent(walk, where, { terms, after: last })
  if (isMetric(first) && last !== null && !isDone(walk) && hasNotNumber(walk, first)) {
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

function isDone({ found, wanted, cut }: Walk): boolean {
  return found.length >= wanted || cut === true
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
    readColumn(walk, where, part)
    return
  }
  if (first.by === 'column') {
    fillByState(walk, where, part)
    return
  }
  if (where.driver !== undefined) {
    read(walk, where, part.terms, [beyond(first, 'm.value', part.after)])
    return
  }
  // Window by window along the index. A value that many runs share is walked in the order of the other terms.
  let next = valueAt(walk, first, { bound: beyond(first, 'm.value', part.after), skip: 0 })
  while (next !== undefined && !isDone(walk)) {
    const from = { text: `m.value ${first.descending ? '<=' : '>='} ?`, values: [next] }
    const end = valueAt(walk, first, { bound: from, skip: walk.few })
    if (end === next) {
      fill(walk, narrowed(walk, where, having(first, next)), { terms: rest })
      next = valueAt(walk, first, { bound: beyond(first, 'm.value', next), skip: 0 })
    } else {
      const until = `m.value ${first.descending ? '>' : '<'} ?`
      read(walk, where, part.terms, end === undefined ? [from] : [from, { text: until, values: [end] }])
      next = end
    }
  }
}

/** Along the index, and no further than the walk may go. */
function readColumn(walk: Walk, where: Where, { terms, after }: Part): void {
  const [first] = terms
  if (first?.by !== 'column') return
  const bound = beyond(first, first.column, after)
  const end = walk.most === undefined || where.driver !== undefined ? undefined : columnAt(walk, where, first, bound)
  if (end === undefined) {
    read(walk, where, terms, [bound])
    return
  }
  // Runs that share the value at the end may be many: they are left out.
  read(walk, where, terms, [bound, { text: `${first.column} ${first.descending ? '>' : '<'} ?`, values: [end] }])
  walk.cut = !isDone(walk)
}

/** The value of the column after as many rows of the index as the walk may go. */
function columnAt(
  { region, most = 0 }: Walk,
  { own }: Where,
  first: Term & { readonly by: 'column' },
  bound: Sql,
): Value | undefined {
  const met = allOf([...own, bound])
  const sql = `SELECT ${first.column} AS value FROM runs r WHERE ${met.text}
    ORDER BY ${first.column} ${first.descending ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`
  return region.db.get<{ value: Value }>(sql, ...met.values, most)?.value
}

/** State by state: there are few, and the runs of each stand in order whichever way the states go. */
function fillByState(walk: Walk, where: Where, { terms, after }: Part): void {
  const [first, ...rest] = terms
  if (first === undefined) return
  for (let last = after; !isDone(walk); ) {
    const met = allOf([...where.own.slice(0, 1), beyond(first, STATE, last)])
    const sql = `SELECT r.state FROM runs r WHERE ${met.text}
      ORDER BY r.state ${first.descending ? 'DESC' : 'ASC'} LIMIT 1`
    const next = walk.region.db.get<{ state: string }>(sql, ...met.values)
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

/** Adds the runs whose first term, which they have, is within the bounds. */
function read(walk: Walk, where: Where, terms: readonly Term[], bounds: readonly Sql[]): void {
  const [first, ...rest] = terms
  if (first === undefined) return
  const { joins, text } = sortOf(rest)
  const from = [...fromOf(first, where.driver), ...joins]
  const met = allOf([...where.own, ...where.checks, ...bounds])
  const led = first.by === 'column' ? first.column : 'm.value'
  const order = [`${led} ${first.descending ? 'DESC' : 'ASC'}`, ...(text === '' ? [] : [text])].join(', ')
  const sql = `SELECT r.key AS found FROM ${from.map((part) => part.text).join(' ')}
    WHERE ${met.text} ORDER BY ${order} LIMIT ?`
  const values = [...from.flatMap((part) => part.values), ...met.values]
  const rows = walk.region.db.all<{ found: number }>(sql, ...values, walk.wanted - walk.found.length)
  walk.found.push(...rows.map(({ found }) => found))
}

/** The runs, and as `m` the value of the first term where it is logged. What leads stands first, the run last. */
function fromOf(first: Term, driver: Where['driver']): readonly Sql[] {
  const led = driver === undefined ? undefined : leading(driver)
  const runs = { text: `CROSS JOIN runs r ON r.key = ${first.by === 'column' ? 'f' : 'm'}.run`, values: [] }
  if (first.by === 'column') {
    return led === undefined
      ? [{ text: 'runs r', values: [] }]
      : [{ text: `(${led.text}) f`, values: led.values }, runs]
  }
  const { table, key } = first
  return led === undefined
    ? [{ text: `(SELECT run, value FROM ${table} WHERE key = ?) m`, values: [key] }, runs]
    : [
        { text: `(${led.text}) f`, values: led.values },
        { text: `CROSS JOIN ${table} m ON m.run = f.run AND m.key = ?`, values: [key] },
        runs,
      ]
}
