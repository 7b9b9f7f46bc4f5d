// Loaded into a process of Holdfast before anything of it: the process kills itself at a commit of its store,
// as a power cut would, or writes down which commits there are. Holdfast itself knows nothing of it.
import { appendFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementResultingChanges, StatementSync } from 'node:sqlite'

const { DIE_AT: at, DIE_NTH: turn, DIE_WHEN: when, COMMITS: log } = process.env
const exec = DatabaseSync.prototype.exec
const run = StatementSync.prototype.run as (...values: SQLInputValue[]) => StatementResultingChanges

const ABOUT: Readonly<Record<string, (sql: string, values: readonly unknown[]) => string | undefined>> = {
  journal: (_, values) => String(values[4]),
  facts: (_, values) => String(values[1]),
  leases: ofLease,
}

/** How many commits of each sort there were. */
const counts = new Map<string, number>()
let epoch: unknown
let inside = false
let changed: string[] = []

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered before the next turn.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}

/** What a statement changes: for the journal the type of its record, for a lease what becomes of it. */
function nameOf(sql: string, values: readonly unknown[]): string {
  const table = /(?:INTO|UPDATE|FROM)\s+(\w+)/i.exec(sql)?.[1] ?? sql
  const about = ABOUT[table]?.(sql, values)
  return about === undefined ? table : `${table} ${about}`
}

/** The epoch of a lease tells a new one from one that is renewed. */
function ofLease(sql: string, values: readonly unknown[]): string | undefined {
  if (/SET until = 0/.test(sql)) return 'given back'
  if (!sql.startsWith('INSERT')) return undefined
  const isRenewed = values[2] === epoch
  epoch = values[2]
  return isRenewed ? 'renewed' : 'taken'
}

function committing<T>(names: readonly string[], commit: () => T): T {
  const sort = [...new Set(names)].join(', ')
  const nth = (counts.get(sort) ?? 0) + 1
  counts.set(sort, nth)
  if (log !== undefined) appendFileSync(log, `${JSON.stringify({ sort, nth, at: Date.now() })}\n`)
  const here = sort === at && String(nth) === turn
  if (here && when === 'before') die()
  const value = commit()
  if (here) die()
  return value
}

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  if (sql.startsWith('BEGIN')) {
    inside = true
    changed = []
  }
  if (sql === 'COMMIT' || sql === 'ROLLBACK') inside = false
  // A transaction that only read commits nothing: how often a process reads is a matter of its timing.
  if (sql !== 'COMMIT' || changed.length === 0) exec.call(this, sql)
  else committing(changed, () => exec.call(this, sql))
}

function counted(this: StatementSync, ...values: SQLInputValue[]): StatementResultingChanges {
  const name = nameOf(this.sourceSQL, values)
  if (!inside) return committing([name], () => run.call(this, ...values))
  changed.push(name)
  return run.call(this, ...values)
}

StatementSync.prototype.run = counted as StatementSync['run']
