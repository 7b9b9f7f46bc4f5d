import { kindOf } from '../core/model.ts'
import type { Entry, Ledger } from './ledger.ts'
import { SqliteFile } from './sqlite-file.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entries (
    protection TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, sourceDigest TEXT NOT NULL,
    replicaDigest TEXT NOT NULL, recoveryPoint INTEGER NOT NULL, verifiedAt INTEGER NOT NULL, kept TEXT,
    PRIMARY KEY (protection, address)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (protection, kind, address);`

const RESTORED = 'Move it aside and run `holdfast sync`, which writes it anew from both sides.'

interface Row extends Omit<Entry, 'kept'> {
  readonly kept: string | null
}

/** A ledger in one SQLite file. */
export function openSqliteLedger(path: string): Ledger {
  const file = new SqliteFile(path, SCHEMA, RESTORED)

  function* entries(protection: string, kind?: string): Iterable<Entry> {
    let after = ''
    for (;;) {
      const rows =
        kind === undefined
          ? file.all<Row>(
              'SELECT * FROM entries WHERE protection = ? AND address > ? ORDER BY address LIMIT 1000',
              protection,
              after,
            )
          : file.all<Row>(
              'SELECT * FROM entries WHERE protection = ? AND kind = ? AND address > ? ORDER BY address LIMIT 1000',
              protection,
              kind,
              after,
            )
      yield* rows.map(asEntry)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.address
    }
  }

  function set(protection: string, one: Entry): void {
    file.run(
      `INSERT OR REPLACE INTO entries (protection, address, kind, source, sourceDigest, replicaDigest, recoveryPoint, verifiedAt, kept)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      protection,
      one.address,
      kindOf(one.address),
      one.source,
      one.sourceDigest,
      one.replicaDigest,
      one.recoveryPoint,
      one.verifiedAt,
      one.kept === undefined ? null : JSON.stringify(one.kept),
    )
  }

  return {
    get: (protection, address) => {
      const row = file.get<Row>('SELECT * FROM entries WHERE protection = ? AND address = ?', protection, address)
      return row === undefined ? undefined : asEntry(row)
    },
    entries,
    put: async (protection, changed) =>
      file.transaction(() => {
        for (const one of changed) set(protection, one)
      }),
    touch: async (protection, recoveryPoint, except) =>
      file.transaction(() => {
        const kept = [...except].map((of) =>
          file.get<Row>('SELECT * FROM entries WHERE protection = ? AND address = ?', protection, of),
        )
        file.run(
          'UPDATE entries SET recoveryPoint = ? WHERE protection = ? AND recoveryPoint < ?',
          recoveryPoint,
          protection,
          recoveryPoint,
        )
        for (const row of kept) if (row !== undefined) set(protection, asEntry(row))
      }),
    forget: async (protection, addresses) =>
      file.transaction(() => {
        for (const one of addresses)
          file.run('DELETE FROM entries WHERE protection = ? AND address = ?', protection, one)
      }),
    close: () => file.close(),
  }
}

function asEntry(row: Row): Entry {
  const { address, source, sourceDigest, replicaDigest, recoveryPoint, verifiedAt, kept } = row
  const entry = { address, source, sourceDigest, replicaDigest, recoveryPoint, verifiedAt }
  return kept === null ? entry : { ...entry, kept: JSON.parse(kept) }
}
