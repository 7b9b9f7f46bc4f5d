import type { Database } from '../state/database.ts'

/**
 * The secret parts of resources, kept apart from what a GET shows.
 *
 * Writes only inside a write of the database. Whoever removes a resource removes its secrets.
 */
export class Secrets {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate('CREATE TABLE IF NOT EXISTS ml_secrets (id TEXT PRIMARY KEY COLLATE NOCASE, value TEXT NOT NULL)')
  }

  get(id: string): Readonly<Record<string, unknown>> | undefined {
    const row = this.#db.get<{ value: string }>('SELECT value FROM ml_secrets WHERE id = ?', id)
    return row === undefined ? undefined : JSON.parse(row.value)
  }

  put(id: string, value: Readonly<Record<string, unknown>>): void {
    this.#db.run('INSERT OR REPLACE INTO ml_secrets (id, value) VALUES (?, ?)', id, JSON.stringify(value))
  }

  remove(id: string): void {
    this.#db.run('DELETE FROM ml_secrets WHERE id = ?', id)
  }

  /** Removes those of everything below an id. */
  removeBelow(id: string): void {
    this.#db.run('DELETE FROM ml_secrets WHERE substr(id, 1, ?) = ? COLLATE NOCASE', id.length + 1, `${id}/`)
  }
}
