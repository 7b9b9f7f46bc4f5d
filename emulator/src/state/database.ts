import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

interface Pending {
  run(): void
  settle(failure?: unknown): void
}

/**
 * One durable SQLite file, written in groups.
 *
 * Every write that arrives in one turn of the event loop shares one transaction and one
 * fsync; each caller is answered only after that fsync. A write that throws is rolled back
 * alone, its neighbours are kept. Journal mode WAL with `synchronous=FULL`, so an answered
 * write survives `kill -9` and a power cut.
 */
export class Database {
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #pending: Pending[] = []

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true })
    this.#sqlite = new DatabaseSync(path)
    this.#sqlite.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000',
    )
  }

  /** Runs `CREATE … IF NOT EXISTS` statements. Called by each plane when a region opens. */
  migrate(sql: string): void {
    this.#sqlite.exec(sql)
  }

  /** Rows of a query. Reads see every write that was answered. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[]
  }

  /** First row of a query, or `undefined`. */
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values) as Row | undefined
  }

  /** Rows one by one, for results that should not be held at once. Not to be used across a turn of the event loop. */
  each<Row>(sql: string, ...values: SQLInputValue[]): IterableIterator<Row> {
    return this.#prepared(sql).iterate(...values) as IterableIterator<Row>
  }

  /** One statement that changes something. Only inside {@link write}. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#prepared(sql).run(...values)
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) }
  }

  /**
   * Runs `work` in a transaction and resolves with its value after the data is on disk.
   *
   * `work` is synchronous and may read what it and earlier writes of the group wrote.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let value: T
      this.#pending.push({
        run: () => {
          value = work()
        },
        settle: (failure) => (failure === undefined ? resolve(value) : reject(failure)),
      })
      if (this.#pending.length === 1) setImmediate(() => this.#flush())
    })
  }

  /** Commits what is waiting and closes the file. */
  close(): void {
    if (this.#pending.length > 0) this.#flush()
    this.#statements.clear()
    this.#sqlite.close()
  }

  #flush(): void {
    const group = this.#pending
    // Closing has written what was waiting.
    if (group.length === 0) return
    this.#pending = []
    const outcomes = new Map<Pending, unknown>()
    try {
      this.#sqlite.exec('BEGIN IMMEDIATE')
      for (const one of group) this.#runAlone(one, outcomes)
      this.#sqlite.exec('COMMIT')
    } catch (failure) {
      if (this.#sqlite.isOpen && this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK')
      for (const one of group) one.settle(failure)
      return
    }
    for (const one of group) one.settle(outcomes.get(one))
  }

  #runAlone(one: Pending, outcomes: Map<Pending, unknown>): void {
    this.#sqlite.exec('SAVEPOINT one')
    try {
      one.run()
      this.#sqlite.exec('RELEASE one')
    } catch (failure) {
      this.#sqlite.exec('ROLLBACK TO one; RELEASE one')
      outcomes.set(one, failure ?? new Error('a write threw nothing'))
    }
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#sqlite.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
