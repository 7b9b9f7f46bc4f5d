import { randomUUID } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { HistoryServer } from './servers.ts'

/** Tables of a run's parts, each with the run's id in `run_uuid`. */
const PARTS = ['tags', 'params', 'metrics', 'latest_metrics']

/**
 * Makes copies of runs right in the server's database and files, under ids of their own: logging millions of points
 * through its API would take longer than what is measured. Returns the new ids.
 */
export function multiply(
  { home }: HistoryServer,
  experimentId: string,
  { of, count }: { readonly of: readonly string[]; readonly count: number },
): readonly string[] {
  const database = new DatabaseSync(join(home, 'db'))
  const ids: string[] = []
  try {
    database.exec('PRAGMA busy_timeout=10000; BEGIN IMMEDIATE')
    for (let copy = 0; copy < count; copy++) {
      const original = of[copy % of.length] ?? ''
      const id = randomUUID().replaceAll('-', '')
      const one = { original, id, later: (copy + 1) * 60_000 }
      for (const table of ['runs', ...PARTS]) copyRows(database, table, one)
      const files = (run: string) => join(home, 'files', experimentId, run)
      cpSync(files(original), files(id), { recursive: true })
      ids.push(id)
    }
    database.exec('COMMIT')
  } finally {
    database.close()
  }
  return ids
}

function copyRows(
  database: DatabaseSync,
  table: string,
  { original, id, later }: { readonly original: string; readonly id: string; readonly later: number },
): void {
  const columns = (database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[]).map(
    ({ name }) => name,
  )
  const values = columns.map((name) => VALUES[name] ?? `"${name}"`)
  const names = columns.map((name) => `"${name}"`)
  database
    .prepare(`INSERT INTO "${table}" (${names}) SELECT ${values} FROM "${table}" WHERE run_uuid = :original`)
    .run({
      original,
      ...(values.some((one) => one.includes(':id')) ? { id } : {}),
      ...(values.some((one) => one.includes(':later')) ? { later } : {}),
    })
}

/** What differs in a copy, by column. Its points are of its own time: they would lie among those of all others. */
const VALUES: Readonly<Record<string, string>> = {
  run_uuid: ':id',
  artifact_uri: 'replace(artifact_uri, :original, :id)',
  start_time: 'start_time + :later',
  end_time: 'end_time + :later',
  timestamp: 'timestamp + :later',
}
