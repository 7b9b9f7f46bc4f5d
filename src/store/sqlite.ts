import { createHash } from 'node:crypto'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { demandHead, HeadFiles } from './head-file.ts'
import { hostClock, type MonotonicClock } from './monotonic.ts'
import { SqliteFile } from './sqlite-file.ts'
import type { HeldBy, JournalHead, JournalRecord, Lease, NewRecord, ReadOptions, Store, Word } from './store.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leases (
    protection TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, boot TEXT NOT NULL, until INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS journal (
    protection TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, run TEXT NOT NULL, type TEXT NOT NULL,
    at TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL, PRIMARY KEY (protection, seq)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS journal_by_run ON journal (protection, run, seq);
  CREATE INDEX IF NOT EXISTS journal_by_area ON journal (protection, substr(type, 1, instr(type, '/')), seq);
  CREATE TABLE IF NOT EXISTS words (
    protection TEXT NOT NULL, id TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (protection, id));
  CREATE TABLE IF NOT EXISTS facts (
    protection TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (protection, name)) WITHOUT ROWID;`

interface LeaseRow {
  readonly holder: string
  readonly epoch: number
  readonly boot: string
  readonly until: number
}

interface JournalRow extends Omit<JournalRecord, 'body'> {
  readonly body: string
  readonly chain: string
}

const PAGE = 500
/** The area is indexed, so that what is rare is found without reading what is not. */
const TYPED = "substr(j.type, 1, instr(j.type, '/')) = ? AND substr(j.type, 1, length(?)) = ?"

/**
 * A store in one SQLite file, for controllers on one host.
 *
 * Leases run on the host's monotonic clock, so no change of the date prolongs or ends one. Each record
 * carries a hash over itself and the record before, so that a change of any of them is found on reading. How far
 * each journal has come is kept in a file beside it, so that one whose end is gone is refused.
 */
export function openSqliteStore(path: string, clock: MonotonicClock = hostClock): Store {
  const heads = path === ':memory:' ? undefined : new HeadFiles(path)
  const file = new SqliteFile(path, SCHEMA)
  demandHeads()

  function demandHeads(): void {
    try {
      for (const [protection, kept] of heads?.heads() ?? []) {
        demandHead(protection, kept, headOf(protection, kept.seq), headOf(protection)?.seq ?? 0)
      }
    } catch (thrown) {
      closeAll()
      throw thrown
    }
  }

  function closeAll(): void {
    heads?.close()
    file.close()
  }

  function headOf(protection: string, at?: number): JournalHead | undefined {
    const here = at === undefined ? '' : 'AND seq = ?'
    const sql = `SELECT seq, chain FROM journal WHERE protection = ? ${here} ORDER BY seq DESC LIMIT 1`
    const row = file.get<JournalHead>(sql, protection, ...(at === undefined ? [] : [at]))
    return row === undefined ? undefined : { seq: row.seq, chain: row.chain }
  }

  /** After the commit, so that no head is kept of what is not there; alone, so that none is kept over a later one. */
  function keepHead(protection: string): void {
    if (heads === undefined) return
    file.transaction(() => {
      const head = headOf(protection)
      if (head !== undefined) heads.keep(protection, head)
    })
  }

  function leaseRow(protection: string): LeaseRow | undefined {
    return file.get<LeaseRow>('SELECT holder, epoch, boot, until FROM leases WHERE protection = ?', protection)
  }

  function remaining(row: LeaseRow): number {
    const now = clock()
    return row.boot === now.boot ? Math.max(0, row.until - now.milliseconds) : 0
  }

  function demand(lease: Lease): void {
    const row = leaseRow(lease.protection)
    if (row?.epoch === lease.epoch && row.holder === lease.holder && remaining(row) > 0) return
    throw fenced(lease, row, row === undefined ? 0 : remaining(row))
  }

  function grant(lease: Lease): void {
    const now = clock()
    file.run(
      'INSERT OR REPLACE INTO leases (protection, holder, epoch, boot, until) VALUES (?, ?, ?, ?, ?)',
      lease.protection,
      lease.holder,
      lease.epoch,
      now.boot,
      now.milliseconds + lease.milliseconds,
    )
  }

  function add(lease: Lease, one: NewRecord, before: { seq: number; chain: string }): JournalRow {
    const plain = {
      seq: before.seq + 1,
      epoch: lease.epoch,
      run: one.run,
      type: one.type,
      at: new Date().toISOString(),
    }
    const body = JSON.stringify(one.body)
    const row = { ...plain, body, chain: chained(before.chain, plain, body) }
    file.run(
      'INSERT INTO journal (protection, seq, epoch, run, type, at, body, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      lease.protection,
      row.seq,
      row.epoch,
      row.run,
      row.type,
      row.at,
      row.body,
      row.chain,
    )
    return row
  }

  function addAll(lease: Lease, records: readonly NewRecord[]): readonly JournalRecord[] {
    demand(lease)
    const sql = 'SELECT * FROM journal WHERE protection = ? ORDER BY seq DESC LIMIT 1'
    let last = file.get<JournalRow>(sql, lease.protection) ?? { seq: 0, chain: '' }
    return records.map((one) => {
      const row = add(lease, one, last)
      last = row
      return asRecord(row)
    })
  }

  async function head(protection: string, at?: number): Promise<JournalHead | undefined> {
    return headOf(protection, at)
  }

  async function append(lease: Lease, records: readonly NewRecord[]): Promise<readonly JournalRecord[]> {
    const added = file.transaction(() => addAll(lease, records))
    keepHead(lease.protection)
    return added
  }

  async function acquire(protection: string, holder: string, milliseconds: number): Promise<Lease | { held: HeldBy }> {
    return file.transaction(() => {
      const row = leaseRow(protection)
      const left = row === undefined ? 0 : remaining(row)
      if (row !== undefined && left > 0) {
        return { held: { holder: row.holder, epoch: row.epoch, remainingMilliseconds: left } }
      }
      const outOf = row === undefined || row.until === 0 ? {} : { outOf: row.holder }
      const lease = { protection, holder, epoch: (row?.epoch ?? 0) + 1, milliseconds, ...outOf }
      grant(lease)
      return lease
    })
  }

  async function renew(lease: Lease): Promise<void> {
    file.transaction(() => {
      demand(lease)
      grant(lease)
    })
  }

  async function release(lease: Lease): Promise<void> {
    const { protection, holder, epoch } = lease
    file.run('UPDATE leases SET until = 0 WHERE protection = ? AND holder = ? AND epoch = ?', protection, holder, epoch)
  }

  async function* read(protection: string, options: ReadOptions = {}): AsyncIterable<JournalRecord> {
    const { run, typed } = options
    const conditions = [...(run === undefined ? [] : ['j.run = ?']), ...(typed === undefined ? [] : [TYPED])]
    const values = [...(run === undefined ? [] : [run]), ...(typed === undefined ? [] : [areaOf(typed), typed, typed])]
    const sql = `SELECT j.*, (SELECT p.chain FROM journal p WHERE p.protection = j.protection AND p.seq = j.seq - 1) AS before
      FROM journal j WHERE j.protection = ? AND j.seq > ? ${conditions.map((one) => `AND ${one}`).join(' ')} ORDER BY j.seq LIMIT ${PAGE}`
    let after = options.after ?? 0
    for (;;) {
      const rows = file.all<JournalRow & { before: string | null }>(sql, protection, after, ...values)
      for (const row of rows) yield checked(protection, row, row.before)
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.seq
    }
    if (run === undefined && typed === undefined && options.after === undefined) file.demandWhole()
  }

  async function fact(protection: string, name: string): Promise<JsonObject | undefined> {
    const row = file.get<{ value: string }>(
      'SELECT value FROM facts WHERE protection = ? AND name = ?',
      protection,
      name,
    )
    return row === undefined ? undefined : JSON.parse(row.value)
  }

  async function setFact(lease: Lease, name: string, value: JsonObject): Promise<void> {
    file.transaction(() => {
      demand(lease)
      file.run(
        'INSERT OR REPLACE INTO facts (protection, name, value) VALUES (?, ?, ?)',
        lease.protection,
        name,
        JSON.stringify(value),
      )
    })
  }

  async function leave(protection: string, { id, ...word }: Word): Promise<void> {
    const sql = 'INSERT OR IGNORE INTO words (protection, id, word) VALUES (?, ?, ?)'
    file.run(sql, protection, id, JSON.stringify(word))
  }

  async function words(protection: string): Promise<readonly Word[]> {
    const sql = 'SELECT id, word FROM words WHERE protection = ? ORDER BY rowid'
    return file
      .all<{ id: string; word: string }>(sql, protection)
      .map(({ id, word }) => ({ id, ...(JSON.parse(word) as Omit<Word, 'id'>) }))
  }

  async function withdraw(protection: string, word: string): Promise<boolean> {
    return file.run('DELETE FROM words WHERE protection = ? AND id = ?', protection, word) > 0
  }

  async function answer(lease: Lease, word: string, records: readonly NewRecord[]): Promise<boolean> {
    const taken = file.transaction(() => {
      demand(lease)
      if (file.run('DELETE FROM words WHERE protection = ? AND id = ?', lease.protection, word) === 0) return false
      addAll(lease, records)
      return true
    })
    if (taken) keepHead(lease.protection)
    return taken
  }

  const ofWords = { leave, words, withdraw, answer }
  return { ...ofWords, head, append, acquire, renew, release, read, fact, setFact, close: async () => closeAll() }
}

function chained(before: string, plain: Omit<JournalRecord, 'body'>, body: string): string {
  const { seq, epoch, run, type, at } = plain
  return createHash('sha256')
    .update(JSON.stringify([before, seq, epoch, run, type, at, body]))
    .digest('hex')
}

function checked(protection: string, row: JournalRow, before: string | null): JournalRecord {
  const whole = row.seq === 1 || before !== null
  if (whole && chained(before ?? '', row, row.body) === row.chain) return asRecord(row)
  throw new Fault(
    'store/damaged',
    `Record ${row.seq} of the journal of ${protection} was changed after it was written, or the one before it is gone`,
    {
      facts: { seq: row.seq },
      hint: 'Put back a copy of the store; Holdfast does not act on a journal it cannot trust.',
    },
  )
}

function asRecord(row: JournalRow): JournalRecord {
  const { seq, epoch, run, type, at } = row
  return { seq, epoch, run, type, at, body: JSON.parse(row.body) }
}

function fenced(lease: Lease, row: LeaseRow | undefined, left: number): Fault {
  const now =
    row === undefined
      ? 'nobody holds it'
      : left > 0
        ? `${row.holder} holds it in epoch ${row.epoch}`
        : `it ran out in epoch ${row.epoch}`
  return new Fault(
    'run/fenced',
    `The lease of ${lease.protection} in epoch ${lease.epoch} is over for ${lease.holder}: ${now}`,
    {
      facts: { epoch: lease.epoch },
      hint: 'Nothing to do: the controller that holds the lease goes on from the journal.',
    },
  )
}

/** The part of a type up to and with its slash: `failover/` of `failover/begun`. */
function areaOf(type: string): string {
  return type.slice(0, type.indexOf('/') + 1)
}
