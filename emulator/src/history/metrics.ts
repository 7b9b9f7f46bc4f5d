import type { Database } from '../state/database.ts'
import type { Point } from './run-types.ts'

interface StoredPoint {
  readonly key: string
  /** SQLite keeps NaN as NULL. */
  readonly value: number | null
  readonly timestamp: number
  readonly step: number
}

interface Latest extends StoredPoint {
  readonly points: number
}

/**
 * Every point of every metric. Points append: logging an equal point twice keeps two, as Azure ML does
 * and MLflow's SQL store does not.
 */
export class Metrics {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`
      CREATE TABLE IF NOT EXISTS metrics (
        run INTEGER NOT NULL, key TEXT NOT NULL, timestamp INTEGER NOT NULL, step INTEGER NOT NULL,
        n INTEGER NOT NULL, value REAL, PRIMARY KEY (run, key, timestamp, step, n)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS latestMetrics (
        run INTEGER NOT NULL, key TEXT NOT NULL, value REAL, timestamp INTEGER NOT NULL, step INTEGER NOT NULL,
        points INTEGER NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS latestMetrics_by_value ON latestMetrics (key, value, run);`)
  }

  /** Appends points. Only inside a write. */
  log(run: number, points: readonly Point[]): void {
    const latest = new Map<string, Latest>()
    for (const point of points) {
      const last = latest.get(point.key) ?? this.#latestOf(run, point.key)
      const n = last?.points ?? 0
      this.#db.run(
        'INSERT INTO metrics (run, key, timestamp, step, n, value) VALUES (?, ?, ?, ?, ?, ?)',
        run,
        point.key,
        point.timestamp,
        point.step,
        n,
        point.value,
      )
      const newer = last === undefined || isNewer(point, last)
      latest.set(point.key, { ...(newer ? point : last), points: n + 1 })
    }
    for (const [key, last] of latest) {
      this.#db.run(
        'INSERT OR REPLACE INTO latestMetrics (run, key, value, timestamp, step, points) VALUES (?, ?, ?, ?, ?, ?)',
        run,
        key,
        last.value,
        last.timestamp,
        last.step,
        last.points,
      )
    }
  }

  /** The newest point of each metric of a run: highest step, then timestamp, then value. In order of key. */
  latest(run: number): Point[] {
    const rows = this.#db.all<StoredPoint>(
      'SELECT key, value, timestamp, step FROM latestMetrics WHERE run = ? ORDER BY key',
      run,
    )
    return rows.map(asPoint)
  }

  /** Points of one metric ordered by timestamp, step and value. */
  history(run: number, key: string, page: { readonly offset: number; readonly limit: number }): Point[] {
    const rows = this.#db.all<StoredPoint>(
      `SELECT key, value, timestamp, step FROM metrics WHERE run = ? AND key = ?
       ORDER BY timestamp, step, value, n LIMIT ? OFFSET ?`,
      run,
      key,
      page.limit,
      page.offset,
    )
    return rows.map(asPoint)
  }

  /** Points of one metric ordered by step, timestamp and value, within steps where they are given. */
  byStep(run: number, key: string, steps?: { readonly from: number; readonly to: number }): Point[] {
    const rows = this.#db.all<StoredPoint>(
      `SELECT key, value, timestamp, step FROM metrics WHERE run = ? AND key = ? AND step BETWEEN ? AND ?
       ORDER BY step, timestamp, value, n`,
      run,
      key,
      steps?.from ?? Number.MIN_SAFE_INTEGER,
      steps?.to ?? Number.MAX_SAFE_INTEGER,
    )
    return rows.map(asPoint)
  }

  #latestOf(run: number, key: string): Latest | undefined {
    return this.#db.get<Latest>(
      'SELECT key, value, timestamp, step, points FROM latestMetrics WHERE run = ? AND key = ?',
      run,
      key,
    )
  }
}

/** MLflow compares (step, timestamp, value), a NaN counting as 0. */
function isNewer(point: Point, last: StoredPoint): boolean {
  if (point.step !== last.step) return point.step > last.step
  if (point.timestamp !== last.timestamp) return point.timestamp > last.timestamp
  return comparable(point.value) > comparable(last.value)
}

function comparable(value: number | null): number {
  return value === null || Number.isNaN(value) ? 0 : value
}

function asPoint(row: StoredPoint): Point {
  return { key: row.key, value: row.value ?? Number.NaN, timestamp: row.timestamp, step: row.step }
}
