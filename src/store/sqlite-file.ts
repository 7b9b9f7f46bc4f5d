import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Fault, type FaultCode } from '../core/errors.ts'

/** What a result of SQLite means to a person. */
interface Meaning {
  readonly code: FaultCode
  /** Said of the file, before SQLite's own words. */
  readonly says: string
  /** Of what is damaged, whoever opened the file knows it. */
  readonly hint?: string
}

const FULL: Meaning = {
  code: 'store/full',
  says: 'takes no more records',
  hint: 'Make room on its disk and start Holdfast again; what was acknowledged is kept.',
}
const CLOSED: Meaning = {
  code: 'usage/bad-argument',
  says: 'cannot be opened and written by this user',
  hint: 'Give this user its folder, for a journal is written beside what is read too, or name another with --state.',
}
const HELD: Meaning = {
  code: 'run/held',
  says: 'is being written by another process, which does not let go of it',
  hint: 'Run it again; if a process of Holdfast stands still, let it go on or end it.',
}
const DAMAGED: Meaning = { code: 'store/damaged', says: 'is damaged' }

/** By SQLite's primary result codes: https://sqlite.org/rescode.html */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  3: CLOSED,
  5: HELD,
  6: HELD,
  8: CLOSED,
  10: FULL,
  11: DAMAGED,
  13: FULL,
  14: CLOSED,
  26: DAMAGED,
}

/** A SQLite file with statements prepared once, for several processes at once, durable at each commit. */
export class SqliteFile {
  readonly #path: string
  readonly #restored: string
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** @param restored what a person does who finds the file damaged */
  constructor(path: string, schema: string, restored: string) {
    this.#path = path
    this.#restored = restored
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
    throw this.#fault(DAMAGED, found ?? 'it cannot be checked')
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
    const meaning = MEANINGS[result & 0xff]
    return meaning === undefined ? thrown : this.#fault(meaning, (thrown as Error).message, thrown)
  }

  #fault({ code, says, hint = this.#restored }: Meaning, why: string, cause?: unknown): Fault {
    return new Fault(code, `${this.#path} ${says}: ${why}`, { hint, cause })
  }
}
