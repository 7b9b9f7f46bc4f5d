import { Fault } from '../core/errors.ts'
import { kindOf } from '../core/model.ts'
import type { Entry, Ledger } from './ledger.ts'
import { SqliteFile } from './sqlite-file.ts'
import type { Lease } from './store.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entries (
    protection TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, sourceDigest TEXT NOT NULL,
    replicaDigest TEXT NOT NULL, recoveryPoint INTEGER NOT NULL, verifiedAt INTEGER NOT NULL, kept TEXT, refused TEXT,
    PRIMARY KEY (protection, address)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (protection, kind, address);
  CREATE TABLE IF NOT EXISTS writers (protection TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;`

const RESTORED = 'Move it aside and run `holdfast sync`, which writes it anew from both sides.'

interface Row extends Omit<Entry, 'kept' | 'refused'> {
  readonly kept: string | null
  readonly refused: string | null
}

/** A ledger in one SQLite file. */
export function openSqliteLedger(path: string): Ledger {
  const file = new SqliteFile(path, SCHEMA, RESTORED)
  upgrade(file)

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
      `INSERT OR REPLACE INTO entries (protection, address, kind, source, sourceDigest, replicaDigest, recoveryPoint, verifiedAt, kept, refused)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      protection,
      one.address,
      kindOf(one.address),
      one.source,
      one.sourceDigest,
      one.replicaDigest,
      one.recoveryPoint,
      one.verifiedAt,
      one.kept === undefined ? null : JSON.stringify(one.kept),
      one.refused ?? null,
    )
  }

  function epochOf({ protection }: Lease): number {
    return file.get<{ epoch: number }>('SELECT epoch FROM writers WHERE protection = ?', protection)?.epoch ?? 0
  }

  /** Writes as the one whose lease has begun here last, or not at all. */
  function under(lease: Lease, work: () => void): void {
    file.transaction(() => {
      const epoch = epochOf(lease)
      if (epoch !== lease.epoch) throw fenced(lease, epoch)
      work()
    })
  }

  return {
    begin: async (lease, isLatest = false) =>
      file.transaction(() => {
        if (!isLatest && epochOf(lease) > lease.epoch) return false
        file.run('INSERT OR REPLACE INTO writers (protection, epoch) VALUES (?, ?)', lease.protection, lease.epoch)
        return true
      }),
    get: (protection, address) => {
      const row = file.get<Row>('SELECT * FROM entries WHERE protection = ? AND address = ?', protection, address)
      return row === undefined ? undefined : asEntry(row)
    },
    entries,
    put: async (protection, changed, lease) =>
      under(lease, () => {
        for (const one of changed) set(protection, one)
      }),
    touch: async (protection, recoveryPoint, except, lease) =>
      under(lease, () => {
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
    forget: async (protection, addresses, lease) =>
      under(lease, () => {
        for (const one of addresses)
          file.run('DELETE FROM entries WHERE protection = ? AND address = ?', protection, one)
      }),
    close: () => file.close(),
  }
}

/** A ledger of an earlier release lacks the last column. */
function upgrade(file: SqliteFile): void {
  const has = () => file.all<{ name: string }>("SELECT name FROM pragma_table_info('entries')")
  if (has().some(({ name }) => name === 'refused')) return
  file.transaction(() => {
    if (!has().some(({ name }) => name === 'refused')) file.run('ALTER TABLE entries ADD COLUMN refused TEXT')
  })
}

function asEntry(row: Row): Entry {
  const { address, source, sourceDigest, replicaDigest, recoveryPoint, verifiedAt, kept, refused } = row
  return {
    address,
    source,
    sourceDigest,
    replicaDigest,
    recoveryPoint,
    verifiedAt,
    ...(kept === null ? {} : { kept: JSON.parse(kept) }),
    ...(refused === null ? {} : { refused }),
  }
}

function fenced({ protection, holder, epoch }: Lease, latest: number): Fault {
  const message = `The ledger of ${protection} is written in epoch ${latest}, and no more by ${holder} in epoch ${epoch}`
  return new Fault('run/fenced', message, {
    facts: { epoch },
    hint: 'Nothing to do: the controller that holds the lease goes on from the journal.',
  })
}
