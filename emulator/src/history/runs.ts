import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Database } from '../state/database.ts'
import { Experiments } from './experiments.ts'
import { Metrics } from './metrics.ts'
import { RUN_TYPE, STARTED, TARGET } from './odata.ts'
import {
  type Experiment,
  isTerminal,
  type Link,
  type NewRun,
  type Point,
  type Run,
  type RunChange,
  stateOf,
} from './run-types.ts'

interface Row extends Omit<Run, 'properties' | 'details'> {
  readonly properties: string
  readonly details: string
}

export const RUN_NAME_TAG = 'mlflow.runName'
export const PARENT_TAG = 'mlflow.parentRunId'

/** Columns of a run joined with its experiment: `FROM runs r JOIN experiments e ON e.key = r.experiment`. */
export const RUN_COLUMNS = `r.key, r.workspace, r.id, r.experiment AS experimentKey, e.id AS experimentId,
  e.name AS experimentName, e.artifactLocation, r.name, r.status, r.stage, r.user, r.parent, r.created, r.modified, r.start, r.end,
  r.properties, r.details`

/** What filters ask for, in the indexes by which runs are listed: who does not pass is not read. */
const OFTEN_ASKED = 'status, stage, experiment, parent, user, name'
/** With everything else that run history filters and orders by: a page in no order of its own reads this index alone. */
const EVER_ASKED = `${OFTEN_ASKED}, start, end, modified, ${[RUN_TYPE, TARGET].join(', ').replaceAll('r.', '')}`

const SELECT = `SELECT ${RUN_COLUMNS} FROM runs r JOIN experiments e ON e.key = r.experiment`

/**
 * Experiments, runs and what they logged, of every workspace of a region.
 *
 * A workspace is named by its ARM id, whatever its case. Methods are synchronous; those that write
 * run inside `Database.write` or `Call.commit`.
 */
export class Runs {
  readonly experiments: Experiments
  readonly metrics: Metrics
  readonly #db: Database
  readonly #clock: Clock

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    this.experiments = new Experiments(db, clock)
    db.migrate(`
      CREATE TABLE IF NOT EXISTS runs (
        key INTEGER PRIMARY KEY, workspace TEXT NOT NULL, id TEXT NOT NULL,
        experiment INTEGER NOT NULL REFERENCES experiments (key), name TEXT NOT NULL, status TEXT NOT NULL,
        state TEXT NOT NULL, stage TEXT NOT NULL, user TEXT NOT NULL, parent TEXT, created INTEGER NOT NULL,
        modified INTEGER NOT NULL, start INTEGER, end INTEGER, properties TEXT NOT NULL, details TEXT NOT NULL,
        UNIQUE (id, workspace));
      CREATE INDEX IF NOT EXISTS runs_newest ON runs (experiment, start DESC, id, stage, state, end, name, user);
      CREATE INDEX IF NOT EXISTS runs_by_state ON runs (experiment, state, start DESC, id, stage);
      CREATE INDEX IF NOT EXISTS runs_listed ON runs (workspace, created, key, ${EVER_ASKED});
      CREATE INDEX IF NOT EXISTS runs_started ON runs (workspace, ${STARTED.replace('r.', '')}, key, ${OFTEN_ASKED});
      CREATE INDEX IF NOT EXISTS runs_of_status ON runs (workspace, status, created, key, experiment, stage);
      DROP INDEX IF EXISTS runs_by_creation;
      DROP INDEX IF EXISTS runs_created;
      DROP INDEX IF EXISTS runs_by_start;
      CREATE INDEX IF NOT EXISTS runs_by_name ON runs (experiment, name, start DESC, id, stage);
      CREATE INDEX IF NOT EXISTS runs_by_end ON runs (experiment, end, start DESC, id, stage);
      CREATE INDEX IF NOT EXISTS runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
      CREATE TABLE IF NOT EXISTS params (
        run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS params_by_value ON params (key, value, run);
      CREATE TABLE IF NOT EXISTS tags (
        run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS tags_by_value ON tags (key, value, run);
      CREATE TABLE IF NOT EXISTS links (
        run INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run, kind, name)) WITHOUT ROWID;`)
    this.metrics = new Metrics(db)
  }

  /** The experiment of that name, made where there is none. Only inside a write. */
  experiment(workspace: string, name: string): Experiment {
    return this.experiments.named(workspace, name) ?? this.experiments.create(workspace, name)
  }

  /** True where a run of this id is not in the workspace and is in another one of the region. */
  isElsewhere(workspace: string, id: string): boolean {
    if (this.get(workspace, id) !== undefined) return false
    return this.#db.get('SELECT 1 FROM runs WHERE id = ? LIMIT 1', id) !== undefined
  }

  get(workspace: string, id: string): Run | undefined {
    const row = this.#db.get<Row>(`${SELECT} WHERE r.id = ? AND r.workspace = ?`, id, workspace.toLowerCase())
    return row === undefined ? undefined : asRun(row)
  }

  /** The run, or MLflow's refusal for one that is not there. */
  need(workspace: string, id: string): Run {
    const found = this.get(workspace, id)
    if (found === undefined) throw new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', `Run with id=${id} not found`)
    return found
  }

  /** Makes a run. Refuses an id that the workspace already has. Only inside a write. */
  create(workspace: string, run: NewRun): Run {
    const now = this.#clock.now()
    const id = run.id ?? randomUUID()
    const { changes, lastInsertRowid: key } = this.#db.run(
      `INSERT INTO runs (workspace, id, experiment, name, status, state, stage, user, parent, created, modified, start,
         end, properties, details)
       VALUES (?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?, NULL, ?, ?) ON CONFLICT (id, workspace) DO NOTHING`,
      workspace.toLowerCase(),
      id,
      run.experimentKey,
      run.name,
      run.status,
      stateOf(run.status),
      run.user,
      run.parent ?? run.tags?.[PARENT_TAG] ?? null,
      now,
      now,
      run.start ?? null,
      JSON.stringify(run.properties ?? {}),
      JSON.stringify(run.details ?? {}),
    )
    if (changes === 0) throw new Refusal(409, 'RESOURCE_ALREADY_EXISTS', `A run with id ${id} already exists.`)
    for (const [name, value] of Object.entries(run.tags ?? {})) this.#putTag(key, name, value)
    this.#putTag(key, RUN_NAME_TAG, run.name)
    return this.need(workspace, id)
  }

  /** Changes a run and returns it as it is then. Refuses one that is not there. Only inside a write. */
  update(workspace: string, id: string, change: RunChange): Run {
    const run = this.need(workspace, id)
    const status = change.status ?? run.status
    const now = this.#clock.now()
    const started = change.status === 'Running' ? now : null
    const ended = change.status !== undefined && isTerminal(change.status) ? now : null
    const renamed = change.name ?? change.tags?.[RUN_NAME_TAG]
    this.#db.run(
      `UPDATE runs SET name = ?, status = ?, state = ?, stage = ?, experiment = ?, modified = ?, start = ?, end = ?,
         properties = ?, details = ? WHERE key = ?`,
      renamed ?? run.name,
      status,
      stateOf(status),
      change.stage ?? run.stage,
      change.experimentKey ?? run.experimentKey,
      now,
      change.start === undefined ? (run.start ?? started) : change.start,
      change.end === undefined ? (run.end ?? ended) : change.end,
      JSON.stringify({ ...run.properties, ...change.properties }),
      JSON.stringify({ ...run.details, ...change.details }),
      run.key,
    )
    if (renamed !== undefined) this.#putTag(run.key, RUN_NAME_TAG, renamed)
    this.setTags(run, change.tags ?? {})
    return this.need(workspace, id)
  }

  /** Points append, parameters and tags are set. Checks nothing: the plane has its own rules. Only inside a write. */
  log(
    run: Run,
    batch: {
      readonly metrics?: readonly Point[]
      readonly params?: Readonly<Record<string, string>>
      readonly tags?: Readonly<Record<string, string>>
    },
  ): void {
    if (batch.metrics !== undefined) this.metrics.log(run.key, batch.metrics)
    for (const [key, value] of Object.entries(batch.params ?? {})) {
      this.#db.run('INSERT OR REPLACE INTO params (run, key, value) VALUES (?, ?, ?)', run.key, key, value)
    }
    this.setTags(run, batch.tags ?? {})
  }

  /** Sets tags; the run's name and parent follow their MLflow tags. Only inside a write. */
  setTags(run: Run, tags: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(tags)) {
      this.#putTag(run.key, key, value)
      if (key === RUN_NAME_TAG) this.#db.run('UPDATE runs SET name = ? WHERE key = ?', value, run.key)
      if (key === PARENT_TAG) this.#db.run('UPDATE runs SET parent = ? WHERE key = ?', value, run.key)
    }
  }

  /** True if the tag was there. Only inside a write. */
  removeTag(run: Run, key: string): boolean {
    if (key === PARENT_TAG) this.#db.run('UPDATE runs SET parent = NULL WHERE key = ?', run.key)
    return this.#db.run('DELETE FROM tags WHERE run = ? AND key = ?', run.key, key).changes > 0
  }

  tags(run: Run): Record<string, string> {
    return this.#pairs('SELECT key, value FROM tags WHERE run = ? ORDER BY key', run.key)
  }

  params(run: Run): Record<string, string> {
    return this.#pairs('SELECT key, value FROM params WHERE run = ? ORDER BY key', run.key)
  }

  param(run: Run, key: string): string | undefined {
    return this.#db.get<{ value: string }>('SELECT value FROM params WHERE run = ? AND key = ?', run.key, key)?.value
  }

  /** Adds links that the run does not have yet, in order. Only inside a write. */
  link(run: Run, links: readonly Link[]): void {
    for (const { kind, name, body } of links) {
      this.#db.run(
        `INSERT OR IGNORE INTO links (run, kind, name, n, body)
         VALUES (?, ?, ?, (SELECT count(*) FROM links WHERE run = ?), ?)`,
        run.key,
        kind,
        name,
        run.key,
        JSON.stringify(body),
      )
    }
  }

  links(run: Run): Link[] {
    return this.#db
      .all<{ kind: Link['kind']; name: string; body: string }>(
        'SELECT kind, name, body FROM links WHERE run = ? ORDER BY n',
        run.key,
      )
      .map((row) => ({ ...row, body: JSON.parse(row.body) }))
  }

  /** Direct children, oldest first, at most `limit`, after the row `after`. */
  children(run: Run, page: { readonly after?: number; readonly limit: number }): Run[] {
    return this.#db
      .all<Row>(
        `${SELECT} WHERE r.parent = ? AND r.workspace = ? AND r.key > ? ORDER BY r.key LIMIT ?`,
        run.id,
        run.workspace,
        page.after ?? 0,
        page.limit,
      )
      .map(asRun)
  }

  /** Runs by their row numbers, in the order of these. */
  of(keys: readonly number[]): Run[] {
    const from = 'json_each(?) j CROSS JOIN runs r ON r.key = j.value JOIN experiments e ON e.key = r.experiment'
    return this.select(`SELECT ${RUN_COLUMNS} FROM ${from} ORDER BY j.key`, [JSON.stringify(keys)])
  }

  /** Parameters or tags of several runs, by row number. */
  pairs(table: 'params' | 'tags', runs: readonly Run[]): ReadonlyMap<number, Record<string, string>> {
    const keys = JSON.stringify(runs.map(({ key }) => key))
    const from = `json_each(?) j CROSS JOIN ${table} t ON t.run = j.value`
    const rows = this.#db.all<{ run: number; key: string; value: string }>(
      `SELECT t.run, t.key, t.value FROM ${from} ORDER BY j.key, t.key`,
      keys,
    )
    const pairs = new Map<number, Record<string, string>>()
    for (const { run, key, value } of rows) {
      const held = pairs.get(run)
      if (held === undefined) pairs.set(run, { [key]: value })
      else held[key] = value
    }
    return pairs
  }

  /** Rows of a query made of {@link RUN_COLUMNS}, as runs. */
  select(sql: string, values: readonly (string | number | null)[]): Run[] {
    return this.#db.all<Row>(sql, ...values).map(asRun)
  }

  /** Forgets everything of a workspace. Only inside a write. */
  removeWorkspace(workspace: string): void {
    const id = workspace.toLowerCase()
    for (const table of ['metrics', 'latestMetrics', 'params', 'tags', 'links']) {
      this.#db.run(`DELETE FROM ${table} WHERE run IN (SELECT key FROM runs WHERE workspace = ?)`, id)
    }
    this.#db.run('DELETE FROM runs WHERE workspace = ?', id)
    this.#db.run('DELETE FROM experiments WHERE workspace = ?', id)
  }

  #putTag(run: number, key: string, value: string): void {
    this.#db.run('INSERT OR REPLACE INTO tags (run, key, value) VALUES (?, ?, ?)', run, key, value)
  }

  #pairs(sql: string, run: number): Record<string, string> {
    const rows = this.#db.all<{ key: string; value: string }>(sql, run)
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
  }
}

/** The row itself with two fields read: a copy of each would take longer than the query of a page. */
function asRun(row: Row): Run {
  const read = { properties: objectIn(row.properties), details: objectIn(row.details) }
  return Object.assign(row as Omit<Row, keyof typeof read>, read)
}

const NOTHING = Object.freeze({})

function objectIn(text: string): Record<string, string> {
  return text === '{}' ? NOTHING : JSON.parse(text)
}
