import { createHash } from 'node:crypto'
import { demandHead, type HeadFiles } from './head-file.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { changedLater } from './sqlite-sums.ts'
import type { JournalHead, JournalRecord, Lease, NewRecord, ReadOptions } from './store.ts'

interface JournalRow extends Omit<JournalRecord, 'body'> {
  readonly body: string
  readonly chain: string
}

const PAGE = 500
/** The area is indexed, so that what is rare is found without reading what is not. */
const TYPED = "substr(j.type, 1, instr(j.type, '/')) = ? AND substr(j.type, 1, length(?)) = ?"

/** The journals of a store. */
export interface Journals {
  /** Adds records after the last. For use within a transaction that has asked for the lease. */
  add(lease: Lease, records: readonly NewRecord[]): readonly JournalRecord[]
  head(protection: string, at?: number): JournalHead | undefined
  /** Keeps beside the store how far a journal has come. Call it after each commit that added to it. */
  keepHead(protection: string): void
  /** Throws `store/damaged` unless every journal is as long as was kept. */
  demandHeads(): void
  read(protection: string, options?: ReadOptions): AsyncIterable<JournalRecord>
}

export function journalsIn(file: SqliteFile, heads: HeadFiles | undefined): Journals {
  function head(protection: string, at?: number): JournalHead | undefined {
    const here = at === undefined ? '' : 'AND seq = ?'
    const sql = `SELECT seq, chain FROM journal WHERE protection = ? ${here} ORDER BY seq DESC LIMIT 1`
    const row = file.get<JournalHead>(sql, protection, ...(at === undefined ? [] : [at]))
    return row === undefined ? undefined : { seq: row.seq, chain: row.chain }
  }

  /** After the commit, so that no head is kept of what is not there; alone, so that none is kept over a later one. */
  function keepHead(protection: string): void {
    if (heads === undefined) return
    file.transaction(() => {
      const latest = head(protection)
      if (latest !== undefined) heads.keep(protection, latest)
    })
  }

  function demandHeads(): void {
    for (const [protection, kept] of heads?.heads() ?? [])
      demandHead(protection, kept, head(protection, kept.seq), head(protection)?.seq ?? 0)
  }

  function add(lease: Lease, records: readonly NewRecord[]): readonly JournalRecord[] {
    const sql = 'SELECT * FROM journal WHERE protection = ? ORDER BY seq DESC LIMIT 1'
    let last = file.get<JournalRow>(sql, lease.protection) ?? { seq: 0, chain: '' }
    return records.map((one) => {
      const row = rowAfter(last, lease, one)
      last = row
      file.run(
        'INSERT INTO journal (protection, seq, epoch, run, type, at, body, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        ...[lease.protection, row.seq, row.epoch, row.run, row.type, row.at, row.body, row.chain],
      )
      return asRecord(row)
    })
  }

  return { add, head, keepHead, demandHeads, read: (protection, options) => recordsIn(file, protection, options) }
}

async function* recordsIn(
  file: SqliteFile,
  protection: string,
  options: ReadOptions = {},
): AsyncIterable<JournalRecord> {
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

function rowAfter(
  before: Pick<JournalRow, 'seq' | 'chain'>,
  { epoch }: Lease,
  { run, type, body: plain }: NewRecord,
): JournalRow {
  const known = { seq: before.seq + 1, epoch, run, type, at: new Date().toISOString() }
  const body = JSON.stringify(plain)
  return { ...known, body, chain: chained(before.chain, known, body) }
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
  throw changedLater(`Record ${row.seq} of the journal of ${protection}, or the one before it,`, { seq: row.seq })
}

function asRecord(row: JournalRow): JournalRecord {
  const { seq, epoch, run, type, at } = row
  return { seq, epoch, run, type, at, body: JSON.parse(row.body) }
}

/** The part of a type up to and with its slash: `failover/` of `failover/begun`. */
function areaOf(type: string): string {
  return type.slice(0, type.indexOf('/') + 1)
}
