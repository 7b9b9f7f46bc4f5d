import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Database } from '../state/database.ts'
import type { Experiment, Stage } from './run-types.ts'

const COLUMNS = 'key, workspace, id, name, stage, artifactLocation, created, updated'

/** The experiments of every workspace of a region. Writes run inside `Database.write`. */
export class Experiments {
  readonly #db: Database
  readonly #clock: Clock

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`
      CREATE TABLE IF NOT EXISTS experiments (
        key INTEGER PRIMARY KEY, workspace TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, stage TEXT NOT NULL,
        artifactLocation TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
        UNIQUE (workspace, id), UNIQUE (workspace, name));
      CREATE TABLE IF NOT EXISTS experimentTags (
        experiment INTEGER NOT NULL REFERENCES experiments (key) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (experiment, key)) WITHOUT ROWID;`)
  }

  get(workspace: string, id: string): Experiment | undefined {
    return this.#db.get<Experiment>(
      `SELECT ${COLUMNS} FROM experiments WHERE workspace = ? AND id = ?`,
      workspace.toLowerCase(),
      id,
    )
  }

  named(workspace: string, name: string): Experiment | undefined {
    return this.#db.get<Experiment>(
      `SELECT ${COLUMNS} FROM experiments WHERE workspace = ? AND name = ?`,
      workspace.toLowerCase(),
      name,
    )
  }

  /** Every experiment of a workspace whatever its stage, oldest first. */
  all(workspace: string): Experiment[] {
    return this.#db.all<Experiment>(
      `SELECT ${COLUMNS} FROM experiments WHERE workspace = ? ORDER BY key`,
      workspace.toLowerCase(),
    )
  }

  create(
    workspace: string,
    name: string,
    given: { artifactLocation?: string; tags?: Readonly<Record<string, string>> } = {},
  ): Experiment {
    const now = this.#clock.now()
    const id = randomUUID()
    const { changes, lastInsertRowid } = this.#db.run(
      `INSERT INTO experiments (workspace, id, name, stage, artifactLocation, created, updated)
       VALUES (?, ?, ?, 'active', ?, ?, ?) ON CONFLICT (workspace, name) DO NOTHING`,
      workspace.toLowerCase(),
      id,
      name,
      given.artifactLocation ?? null,
      now,
      now,
    )
    if (changes === 0) {
      throw new Refusal(400, 'RESOURCE_ALREADY_EXISTS', `Experiment(name=${name}) already exists.`)
    }
    for (const [key, value] of Object.entries(given.tags ?? {})) this.setTag(lastInsertRowid, key, value)
    return {
      key: lastInsertRowid,
      workspace: workspace.toLowerCase(),
      id,
      name,
      stage: 'active',
      artifactLocation: given.artifactLocation ?? null,
      created: now,
      updated: now,
    }
  }

  rename(experiment: Experiment, name: string): void {
    const other = this.named(experiment.workspace, name)
    if (other !== undefined && other.key !== experiment.key) {
      throw new Refusal(400, 'RESOURCE_ALREADY_EXISTS', `Experiment(name=${name}) already exists.`)
    }
    this.#db.run('UPDATE experiments SET name = ?, updated = ? WHERE key = ?', name, this.#clock.now(), experiment.key)
  }

  /** Moves the experiment and all its runs to a stage, as MLflow does. */
  move(experiment: Experiment, stage: Stage): void {
    const now = this.#clock.now()
    this.#db.run('UPDATE experiments SET stage = ?, updated = ? WHERE key = ?', stage, now, experiment.key)
    this.#db.run('UPDATE runs SET stage = ?, modified = ? WHERE experiment = ?', stage, now, experiment.key)
  }

  tags(experiment: Experiment): Record<string, string> {
    const rows = this.#db.all<{ key: string; value: string }>(
      'SELECT key, value FROM experimentTags WHERE experiment = ? ORDER BY key',
      experiment.key,
    )
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
  }

  setTag(experimentKey: number, key: string, value: string): void {
    this.#db.run('INSERT OR REPLACE INTO experimentTags VALUES (?, ?, ?)', experimentKey, key, value)
  }

  /** True if the tag was there. */
  removeTag(experimentKey: number, key: string): boolean {
    return this.#db.run('DELETE FROM experimentTags WHERE experiment = ? AND key = ?', experimentKey, key).changes > 0
  }
}
