import { DatabaseSync } from 'node:sqlite'
import type { Resident, Residents } from './history-ledger.ts'

/** Pages that stay in memory, in KiB; the rest is in a file that nobody else sees. */
const CACHE_KIB = 16 * 1024

interface Row {
  readonly id: string
  readonly shared: string
  readonly experiment: string
  readonly root: string
  readonly deleted: number
}

/** Runs of a place in a file of their own, which goes with the process. */
export function openSqliteResidents(): Residents {
  // Without a name the file is a temporary one of SQLite's. https://sqlite.org/inmemorydb.html#temp_db
  const database = new DatabaseSync('')
  database.exec(`PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-${CACHE_KIB};
    CREATE TABLE runs (id TEXT PRIMARY KEY, shared TEXT, experiment TEXT, root TEXT, deleted INTEGER) WITHOUT ROWID;
    CREATE TABLE shared (shared TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID; BEGIN`)
  const putRun = database.prepare('INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)')
  const putShared = database.prepare('INSERT OR REPLACE INTO shared VALUES (?, ?)')
  const byId = database.prepare('SELECT * FROM runs WHERE id = ?')
  const byShared = database.prepare('SELECT runs.* FROM shared JOIN runs USING (id) WHERE shared.shared = ?')
  return {
    put: ({ id, sharedId, experimentId, root, deleted }) => {
      putRun.run(id, sharedId, experimentId, root, deleted ? 1 : 0)
      putShared.run(sharedId, id)
    },
    byId: (id) => residentOf(byId.get(id)),
    byShared: (id) => residentOf(byShared.get(id)),
    all: function* () {
      for (const row of database.prepare('SELECT * FROM runs').iterate()) yield residentOf(row) as Resident
    },
    close: () => database.close(),
  }
}

function residentOf(row: unknown): Resident | undefined {
  if (row === undefined) return undefined
  const { id, shared, experiment, root, deleted } = row as Row
  return { id, sharedId: shared, experimentId: experiment, root, deleted: deleted === 1 }
}
