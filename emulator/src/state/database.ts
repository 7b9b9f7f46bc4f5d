import { AsyncLocalStorage } from 'node:async_hooks'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { makeDurableFolder } from './durable-folder.ts'

interface Pending {
  run(): void
  settle(failure?: unknown): void
}

/** A connection, with what it has prepared, by the form of its rows. */
interface Connection {
  readonly sqlite: DatabaseSync
  readonly objects: Map<string, StatementSync>
  readonly tuples: Map<string, StatementSync>
}

/** Everything as it was at an instant. */
interface View extends Connection {
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Filters and orders make statements of their own, without end. */
const KEPT_STATEMENTS = 1000

/** SQLite's own default. */
const CHECKPOINT_PAGES = 1000

/** Grows with every change of the tables that an emulator from before it would misread. */
export const SCHEMA = 1

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
  readonly #path: string
  readonly #now: Connection
  /** The view that whoever runs now reads. */
  readonly #reading = new AsyncLocalStorage<View>()
  #view: View | undefined
  #writing = false
  #held = false
  #pending: Pending[] = []

  constructor(path: string) {
    this.#path = path
    makeDurableFolder(dirname(path))
    this.#sqlite = openFile(path)
    this.#now = connection(this.#sqlite)
  }

  /**
   * Runs statements that make tables or bring them up to date, all of them or none, with one fsync. Called by each plane
   * when a region opens, and by what comes to need a table later, inside a write too.
   */
  migrate(sql: string): void {
    this.#sqlite.exec('SAVEPOINT migration')
    try {
      this.#sqlite.exec(sql)
      this.#sqlite.exec('RELEASE migration')
    } catch (failure) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK TO migration; RELEASE migration')
      throw failure
    }
  }

  /** Rows of a query. Reads see every write that was answered. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[]
  }

  /** Rows of a query as lists of their columns: less work where there are thousands. */
  tuples<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql, 'tuples').all(...values) as unknown as Row[]
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
      if (this.#pending.length === 1 && !this.#held) setImmediate(() => this.#flush())
    })
  }

  /** Lets every write wait, so that the files stand still and may be copied. Reads go on. */
  hold(): void {
    this.#held = true
    this.#sqlite.exec('PRAGMA wal_autocheckpoint=0')
  }

  /** Does what waited since {@link hold}. */
  release(): void {
    this.#held = false
    this.#sqlite.exec(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`)
    if (this.#pending.length > 0) setImmediate(() => this.#flush())
  }

  /** Keeps a view of everything as it is now, for {@link inView}, in place of any earlier one. */
  keepView(now: number): void {
    this.dropView()
    const sqlite = new DatabaseSync(this.#path, { readOnly: true })
    // A reading transaction sees what was there at its first statement, whatever is written later.
    sqlite.exec('BEGIN')
    sqlite.prepare('SELECT count(*) FROM sqlite_schema').get()
    this.#view = { ...connection(sqlite), at: now }
  }

  dropView(): void {
    forget(this.#view)
    if (this.#view?.sqlite.isOpen) this.#view.sqlite.close()
    this.#view = undefined
  }

  /** Runs work whose readings are of the kept view. Without one they are of now. Writes are as ever. */
  inView<T>(work: () => Promise<T>): Promise<T> {
    return this.#view === undefined ? work() : this.#reading.run(this.#view, work)
  }

  /** Instant of the kept view. */
  get viewedAt(): number | undefined {
    return this.#view?.at
  }

  /** Commits what is waiting and closes the file. */
  close(): void {
    this.dropView()
    this.#held = false
    if (this.#pending.length > 0) this.#flush()
    forget(this.#now)
    this.#sqlite.close()
  }

  #flush(): void {
    const group = this.#pending
    // Closing has written what was waiting.
    if (group.length === 0 || this.#held) return
    this.#pending = []
    const outcomes = new Map<Pending, unknown>()
    try {
      this.#sqlite.exec('BEGIN IMMEDIATE')
      this.#writing = true
      for (const one of group) this.#runAlone(one, outcomes)
      this.#writing = false
      this.#sqlite.exec('COMMIT')
    } catch (failure) {
      this.#writing = false
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
      // SQLite itself takes back the whole group where, for instance, the disk is full before its end: no write of it is kept.
      if (!this.#sqlite.isTransaction) throw failure
      this.#sqlite.exec('ROLLBACK TO one; RELEASE one')
      outcomes.set(one, failure ?? new Error('a write threw nothing'))
    }
  }

  #prepared(sql: string, rows: 'objects' | 'tuples' = 'objects'): StatementSync {
    const { sqlite, [rows]: statements } = this.#connection()
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = sqlite.prepare(sql)
      if (rows === 'tuples') statement.setReturnArrays(true)
      if (statements.size >= KEPT_STATEMENTS) statements.clear()
      statements.set(sql, statement)
    }
    return statement
  }

  /** A write reads what it changes, whoever asked for it. */
  #connection(): Connection {
    const view = this.#writing ? undefined : this.#reading.getStore()
    // A view that was replaced while somebody read it is gone; what is left to read is of now.
    return view?.sqlite.isOpen === true ? view : this.#now
  }
}

/** Opens a file of this emulator, or makes it. Throws, and names the file, where it is none or is of a newer emulator. */
function openFile(path: string): DatabaseSync {
  const sqlite = new DatabaseSync(path)
  try {
    refuseNewer(path, sqlite)
    sqlite.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000; PRAGMA cache_size=-16384',
    )
  } catch (failure) {
    sqlite.close()
    if (!/not a database|malformed/.test(String(failure))) throw failure
    const hint = 'Put back a copy of it, or take another folder.'
    throw new Error(`${path} is damaged, or no store of an emulator: ${(failure as Error).message}. ${hint}`)
  }
  return sqlite
}

function refuseNewer(path: string, sqlite: DatabaseSync): void {
  const { user_version: found } = sqlite.prepare('PRAGMA user_version').get() as { user_version: number }
  if (found > SCHEMA) {
    const limit = `its schema is ${found}, and this emulator knows those up to ${SCHEMA}`
    throw new Error(`${path} is of a newer emulator: ${limit}. Use that one, or take another folder.`)
  }
  if (found < SCHEMA) sqlite.exec(`PRAGMA user_version=${SCHEMA}`)
}

function connection(sqlite: DatabaseSync): Connection {
  return { sqlite, objects: new Map(), tuples: new Map() }
}

/** Lets go of what was prepared, before its connection is closed. */
function forget(connection: Connection | undefined): void {
  connection?.objects.clear()
  connection?.tuples.clear()
}
