import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Fault } from '../core/errors.ts'

/** SQLite's primary result codes that mean something to a person. https://sqlite.org/rescode.html */
const FULL = 13
const IO = 10
const CORRUPT = 11
const NOT_A_DATABASE = 26

const DAMAGED =
  'Put back a copy of the file, or move it aside and run `holdfast sync`, which rebuilds the ledger from the replicas.'

/** A SQLite file with statements prepared once, for several processes at once, durable at each commit. */
export class SqliteFile {
  readonly #path: string
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, schema: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true })
    this.#sqlite = this.#guarded(() => new DatabaseSync(path))
    this.#guarded(() => {
      this.#sqlite.exec('PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
      this.#sqlite.exec(schema)
    })
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#prepared(sql).get(...values) as Row | undefined)
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#prepared(sql).all(...values) as Row[])
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#prepared(sql).run(...values).changes))
  }

  /** Runs `work` alone among all processes that have the file open; on disk when it returns. */
  transaction<T>(work: () => T): T {
    return this.#within('BEGIN IMMEDIATE', work)
  }

  /** Reads with several statements what is there at one instant. */
  reading<T>(work: () => T): T {
    return this.#within('BEGIN', work)
  }

  /** Reads the whole file, indexes too. Throws `store/damaged` where something in it does not fit. */
  demandWhole(): void {
    const found = this.get<{ readonly integrity_check: string }>('PRAGMA integrity_check(1)')?.integrity_check
    if (found === 'ok') return
    throw new Fault('store/damaged', `${this.#path} is damaged: ${found}`, { hint: DAMAGED })
  }

  close(): void {
    this.#statements.clear()
    this.#sqlite.close()
  }

  #within<T>(begin: string, work: () => T): T {
    return this.#guarded(() => {
      this.#sqlite.exec(begin)
      try {
        const value = work()
        this.#sqlite.exec('COMMIT')
        return value
      } catch (thrown) {
        if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK')
        throw thrown
      }
    })
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#sqlite.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw this.#asFault(thrown)
    }
  }

  #asFault(thrown: unknown): unknown {
    const result = (thrown as { errcode?: number }).errcode
    if (result === undefined) return thrown
    const primary = result & 0xff
    if (primary === FULL || primary === IO) {
      return new Fault('store/full', `${this.#path} takes no more records: ${(thrown as Error).message}`, {
        hint: 'Make room on its disk and start Holdfast again; what was acknowledged is kept.',
        cause: thrown,
      })
    }
    if (primary === CORRUPT || primary === NOT_A_DATABASE) {
      return new Fault('store/damaged', `${this.#path} is damaged: ${(thrown as Error).message}`, {
        hint: DAMAGED,
        cause: thrown,
      })
    }
    return thrown
  }
}
