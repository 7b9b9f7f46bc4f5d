import type { HistoryLedger } from './history-ledger.ts'
import { SqliteFile } from './sqlite-file.ts'

const SCHEMA = 'CREATE TABLE IF NOT EXISTS carried (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID'

const RESTORED = 'Move it aside: what is known of an earlier copy is looked up again.'

/** A ledger of carried history in one SQLite file. */
export function openSqliteHistoryLedger(path: string): HistoryLedger {
  const file = new SqliteFile(path, SCHEMA, RESTORED)
  return {
    get: (key) => file.get<{ readonly value: string }>('SELECT value FROM carried WHERE key = ?', key)?.value,
    put: (key, value) => void file.run('INSERT OR REPLACE INTO carried (key, value) VALUES (?, ?)', key, value),
    forget: (key) => void file.run('DELETE FROM carried WHERE key = ?', key),
    keys: (prefix) => {
      const sql = 'SELECT key FROM carried WHERE key >= ? AND key < ?'
      return file.all<{ readonly key: string }>(sql, prefix, `${prefix}\u{10FFFF}`).map(({ key }) => key)
    },
    close: () => file.close(),
  }
}
