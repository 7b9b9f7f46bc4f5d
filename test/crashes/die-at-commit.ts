// Loaded into a process of Holdfast before anything of it: the process kills itself at a commit of its store,
// as a power cut would, or writes down which commits there are. Holdfast itself knows nothing of it.
import { appendFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementResultingChanges, StatementSync } from 'node:sqlite'

const { DIE_AT: at, DIE_WHEN: when, COMMITS: log } = process.env
const exec = DatabaseSync.prototype.exec
const run = StatementSync.prototype.run as (...values: SQLInputValue[]) => StatementResultingChanges

let commits = 0
let inside = false
let changed: string[] = []

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered before the next turn.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}

/** What a statement changes: for the journal the type of its record. */
function nameOf(sql: string, values: readonly unknown[]): string {
  const table = /(?:INTO|UPDATE|FROM)\s+(\w+)/i.exec(sql)?.[1] ?? sql
  const about = table === 'journal' ? values[4] : table === 'facts' ? values[1] : undefined
  return about === undefined ? table : `${table} ${String(about)}`
}

function committing<T>(names: readonly string[], commit: () => T): T {
  commits++
  if (log !== undefined) appendFileSync(log, `${JSON.stringify({ commit: commits, names, at: Date.now() })}\n`)
  const here = String(commits) === at
  if (here && when === 'before') die()
  const value = commit()
  if (here) die()
  return value
}

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  if (sql === 'BEGIN IMMEDIATE') {
    inside = true
    changed = []
  }
  if (sql === 'COMMIT' || sql === 'ROLLBACK') inside = false
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
