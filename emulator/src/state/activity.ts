import type { Note } from '../call.ts'
import type { Database } from './database.ts'

/** One acknowledged write. */
export interface Acknowledged {
  readonly seq: number
  /** ISO instant of the transaction. */
  readonly at: string
  readonly plane: string
  readonly operation: string
  readonly method: string
  readonly target: string
  readonly client: string
  readonly caller: string
  readonly status: number
  readonly subject: string
  readonly sha256: string | null
  /** JSON text of the request, where it is JSON of at most 1 MiB. */
  readonly body: string | null
  /** JSON text of {@link Note.facts}. */
  readonly facts: string | null
}

export type NewLine = Omit<Acknowledged, 'seq' | 'subject' | 'sha256' | 'facts'> & { readonly note: Note | undefined }

/** The region's own record of what it acknowledged, when and to whom. It is the witness in every proof. */
export class Activity {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`CREATE TABLE IF NOT EXISTS activity (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, plane TEXT NOT NULL, operation TEXT NOT NULL,
      method TEXT NOT NULL, target TEXT NOT NULL, client TEXT NOT NULL, caller TEXT NOT NULL,
      status INTEGER NOT NULL, subject TEXT NOT NULL, sha256 TEXT, body TEXT, facts TEXT)`)
  }

  /** Adds a line. Only inside a write of the database. */
  add(line: NewLine): void {
    const { note } = line
    this.#db.run(
      `INSERT INTO activity (at, plane, operation, method, target, client, caller, status, subject, sha256, body, facts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      line.at,
      line.plane,
      line.operation,
      line.method,
      line.target,
      line.client,
      line.caller,
      line.status,
      note?.subject ?? '',
      note?.sha256 ?? null,
      line.body,
      note?.facts === undefined ? null : JSON.stringify(note.facts),
    )
  }

  /** Lines after `after`, oldest first, at most `limit`. */
  since(after: number, limit = 1000): Acknowledged[] {
    return this.#db.all<Acknowledged>('SELECT * FROM activity WHERE seq > ? ORDER BY seq LIMIT ?', after, limit)
  }
}
