import type { Acknowledged } from './activity.ts'
import type { Database } from './database.ts'

/** One call that was answered, whatever the answer. Its status is 0 where the connection was ended instead. */
export interface AnsweredCall
  extends Pick<Acknowledged, 'at' | 'plane' | 'operation' | 'method' | 'target' | 'client' | 'caller' | 'status'> {
  readonly milliseconds: number
}

const FLUSH_MILLISECONDS = 250

/**
 * Every call of a process, reads and refusals too, while it is switched on.
 *
 * It is no witness: it is written a moment after the answer, and a process that is killed takes the last moment with it.
 */
export class Calls {
  on = false
  readonly #db: Database
  #waiting: AnsweredCall[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(db: Database) {
    this.#db = db
    db.migrate(`CREATE TABLE IF NOT EXISTS calls (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, plane TEXT NOT NULL, operation TEXT NOT NULL,
      method TEXT NOT NULL, target TEXT NOT NULL, client TEXT NOT NULL, caller TEXT NOT NULL,
      status INTEGER NOT NULL, milliseconds INTEGER NOT NULL)`)
  }

  add(call: AnsweredCall): void {
    if (!this.on) return
    this.#waiting.push(call)
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), FLUSH_MILLISECONDS).unref()
  }

  /** Resolves when everything so far can be read. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#waiting
    this.#waiting = []
    if (lines.length === 0) return
    await this.#db.write(() => {
      for (const { at, plane, operation, method, target, client, caller, status, milliseconds } of lines) {
        this.#db.run(
          `INSERT INTO calls (at, plane, operation, method, target, client, caller, status, milliseconds)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          at,
          plane,
          operation,
          method,
          target,
          client,
          caller,
          status,
          milliseconds,
        )
      }
    })
  }
}
