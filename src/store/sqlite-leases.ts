import { Fault } from '../core/errors.ts'
import type { MonotonicClock } from './monotonic.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { changedLater, NO_FACTS, sumOfFacts, sumOfLease } from './sqlite-sums.ts'
import type { HeldBy, Lease } from './store.ts'

interface LeaseRow {
  readonly holder: string
  readonly epoch: number
  readonly boot: string
  readonly until: number
  readonly term: number
  readonly facts: string
  readonly sum: string
}

/** The leases of a store, each of which answers for the facts of its protection too. */
export interface Leases {
  acquire(protection: string, holder: string, milliseconds: number): Lease | { readonly held: HeldBy }
  renew(lease: Lease): void
  release(lease: Lease): void
  /** Throws `run/fenced` unless the lease is held at this instant. For use within a transaction. */
  demand(lease: Lease): void
  /** Throws `store/damaged` unless the facts are those that were set. */
  demandFacts(protection: string): void
  /** Notes that facts were set, in the same transaction. */
  factsSet(protection: string): void
}

export function leasesIn(file: SqliteFile, clock: MonotonicClock): Leases {
  const rowOf = (protection: string) => rowIn(file, protection)

  function remaining(row: LeaseRow): number {
    const now = clock()
    return row.boot === now.boot ? Math.max(0, row.until - now.milliseconds) : 0
  }

  function demand(lease: Lease): void {
    const row = rowOf(lease.protection)
    if (row?.epoch === lease.epoch && row.holder === lease.holder && remaining(row) > 0) return
    throw fenced(lease, row, row === undefined ? 0 : remaining(row))
  }

  function grant({ protection, holder, epoch, milliseconds }: Lease, facts: string): void {
    const { boot, milliseconds: now } = clock()
    const until = now + milliseconds
    const sum = sumOfLease({ protection, holder, epoch, boot, facts })
    file.run(
      'INSERT OR REPLACE INTO leases (protection, holder, epoch, boot, until, term, facts, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[protection, holder, epoch, boot, until, until, facts, sum],
    )
  }

  return {
    demand,
    acquire: (protection, holder, milliseconds) =>
      file.transaction(() => {
        const row = rowOf(protection)
        const left = row === undefined ? 0 : remaining(row)
        if (row !== undefined && left > 0) {
          return { held: { holder: row.holder, epoch: row.epoch, remainingMilliseconds: left } }
        }
        demandLatest(file, protection, row?.epoch ?? 0)
        const outOf = row === undefined || row.until === 0 ? {} : { outOf: row.holder }
        const lease = { protection, holder, epoch: (row?.epoch ?? 0) + 1, milliseconds, ...outOf }
        grant(lease, row?.facts ?? NO_FACTS)
        return lease
      }),
    renew: (lease) =>
      file.transaction(() => {
        demand(lease)
        grant(lease, rowOf(lease.protection)?.facts ?? '')
      }),
    release: ({ protection, holder, epoch }) => {
      const sql = 'UPDATE leases SET until = 0 WHERE protection = ? AND holder = ? AND epoch = ?'
      file.run(sql, protection, holder, epoch)
    },
    demandFacts: (protection) => {
      const wanted = rowOf(protection)?.facts ?? NO_FACTS
      if (sumOfFacts(file, protection) !== wanted) throw changedLater(`A fact of ${protection}`)
    },
    factsSet: (protection) => {
      const row = rowOf(protection)
      if (row === undefined) return
      const facts = sumOfFacts(file, protection)
      const sum = sumOfLease({ protection, ...row, facts })
      file.run('UPDATE leases SET facts = ?, sum = ? WHERE protection = ?', facts, sum, protection)
    },
  }
}

function rowIn(file: SqliteFile, protection: string): LeaseRow | undefined {
  const sql = 'SELECT holder, epoch, boot, until, term, facts, sum FROM leases WHERE protection = ?'
  const row = file.get<LeaseRow>(sql, protection)
  if (row === undefined) return undefined
  // Zero is one that was given back.
  const isWhole = row.sum === sumOfLease({ protection, ...row }) && (row.until === 0 || row.until === row.term)
  if (!isWhole) throw changedLater(`The lease of ${protection}`)
  return row
}

/** An epoch that the journal has already never comes again, whatever became of the lease. */
function demandLatest(file: SqliteFile, protection: string, epoch: number): void {
  const sql = 'SELECT epoch FROM journal WHERE protection = ? ORDER BY seq DESC LIMIT 1'
  const last = file.get<{ epoch: number }>(sql, protection)?.epoch ?? 0
  if (last > epoch) throw changedLater(`The lease of ${protection} ends at epoch ${epoch}, its journal at ${last}: it`)
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
