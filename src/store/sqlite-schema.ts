import { Fault } from '../core/errors.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { sumOfFacts, sumOfLease, sumOfWord } from './sqlite-sums.ts'

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leases (
    protection TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, boot TEXT NOT NULL, until INTEGER NOT NULL,
    term INTEGER, facts TEXT, sum TEXT);
  CREATE TABLE IF NOT EXISTS journal (
    protection TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, run TEXT NOT NULL, type TEXT NOT NULL,
    at TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL, PRIMARY KEY (protection, seq)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS journal_by_run ON journal (protection, run, seq);
  CREATE INDEX IF NOT EXISTS journal_by_area ON journal (protection, substr(type, 1, instr(type, '/')), seq);
  CREATE TABLE IF NOT EXISTS words (
    protection TEXT NOT NULL, id TEXT NOT NULL, word TEXT NOT NULL, sum TEXT, PRIMARY KEY (protection, id));
  CREATE TABLE IF NOT EXISTS facts (
    protection TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (protection, name)) WITHOUT ROWID;`

/** From this form on leases, facts and words carry sums. */
const FORM = 1

/** Columns that a store of the first form lacks. */
const ADDED = [
  ['leases', 'term INTEGER'],
  ['leases', 'facts TEXT'],
  ['leases', 'sum TEXT'],
  ['words', 'sum TEXT'],
] as const

/** Brings a store of an earlier form into the present one. Throws `store/damaged` where it is of none that is known. */
export function upgrade(file: SqliteFile, path: string): void {
  if (formOf(file) === FORM) return
  file.transaction(() => {
    const form = formOf(file)
    if (form === FORM) return
    if (form > FORM) {
      throw new Fault('store/damaged', `${path} has form ${form}, and ${FORM} is the latest that is known here`, {
        hint: 'Run the Holdfast that wrote it, or put back a copy of the store.',
      })
    }
    for (const [table, column] of ADDED) {
      const has = file.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
      if (!has.some(({ name }) => column.startsWith(`${name} `))) file.run(`ALTER TABLE ${table} ADD COLUMN ${column}`)
    }
    sumAll(file)
    file.run(`PRAGMA user_version = ${FORM}`)
  })
}

function formOf(file: SqliteFile): number {
  return file.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
}

function sumAll(file: SqliteFile): void {
  type Lease = Parameters<typeof sumOfLease>[0] & { readonly until: number }
  for (const row of file.all<Lease>('SELECT protection, holder, epoch, boot, until FROM leases')) {
    const facts = sumOfFacts(file, row.protection)
    const sql = 'UPDATE leases SET term = until, facts = ?, sum = ? WHERE protection = ?'
    file.run(sql, facts, sumOfLease({ ...row, facts }), row.protection)
  }
  type Word = Parameters<typeof sumOfWord>[0]
  for (const row of file.all<Word>('SELECT protection, id, word FROM words'))
    file.run('UPDATE words SET sum = ? WHERE protection = ? AND id = ?', sumOfWord(row), row.protection, row.id)
}
