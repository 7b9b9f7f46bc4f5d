import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { movableClock } from '../clock.ts'
import { behind, conditionOf, orderOf } from '../history/odata.ts'
import { pageOf } from '../history/run-query.ts'
import { Runs } from '../history/runs.ts'
import { Database } from '../state/database.ts'
import { Resources } from './resources.ts'

/** A list reads its index in order: nothing is scanned or sorted, or it would grow with the store. */

const WORKSPACE = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w'
const TYPE = 'Microsoft.MachineLearningServices/workspaces/jobs'
const NEWEST = { by: 'created', newestFirst: true } as const

/** A database that keeps the plan of each query that it runs. */
class Watched extends Database {
  readonly plans: string[] = []
  override all<Row>(
    sql: string,
    ...values: Parameters<Database['all']> extends [string, ...infer V] ? V : never
  ): Row[] {
    const steps = super.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
    this.plans.push(steps.map(({ detail }) => detail).join('; '))
    return super.all<Row>(sql, ...values)
  }
}

let folder: string
let db: Watched
let resources: Resources

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plans-'))
  db = new Watched(join(folder, 'state.db'))
  resources = new Resources(db, movableClock())
  new Runs(db, movableClock())
  db.plans.length = 0
})

afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

test.each([
  ['of everything', {}, 'resources_created'],
  ['of what is not archived', { narrowed: { isArchived: false } }, 'resources_created'],
  ['of what is archived', { narrowed: { isArchived: true } }, 'resources_archived'],
  ['of jobs of one type', { narrowed: { jobType: 'Sweep', isArchived: false } }, 'jobs_of_type'],
  ['by change', { order: { by: 'modified', newestFirst: true } }, 'resources_changed'],
  ['from the oldest on', { order: { by: 'created', newestFirst: false } }, 'resources_created'],
] as const)('a list %s looks its page up in an index', (_, asked, index) => {
  resources.select({ parent: WORKSPACE, type: TYPE, order: NEWEST, place: ['~', 9], limit: 100, ...asked })
  expect(db.plans).toHaveLength(1)
  expect(db.plans[0]).toMatch(
    new RegExp(`^SEARCH r USING INDEX ${index} \\(parent=\\? AND type=\\? AND isChild=\\?[^;]*$`),
  )
})

test('a list by a tag reads the tags in order, and only what has them', () => {
  const narrowed = { tag: { key: 'rare' }, isArchived: false }
  resources.select({ parent: WORKSPACE, type: TYPE, order: NEWEST, narrowed, limit: 100 })
  const rows = 'SEARCH r USING INTEGER PRIMARY KEY \\(rowid=\\?\\)'
  expect(db.plans[0]).toMatch(
    new RegExp(`^SEARCH t USING PRIMARY KEY \\(parent=\\? AND type=\\? AND key=\\?[^;]*; ${rows}$`),
  )
})

test('the newest version and the number of the next are looked up for all containers at once', () => {
  resources.numbered([WORKSPACE], `${TYPE}/versions`)
  expect(db.plans).toHaveLength(1)
  expect(db.plans[0]).not.toMatch(/SCAN (?!p VIRTUAL)/)
  expect(db.plans[0]).toMatch(/resources_numbered \(parent=\? AND type=\?\)/)
})

test('jobs that have ended are not read when a region opens', () => {
  resources.ofType(TYPE, { after: 0, limit: 100, unended: true })
  expect(db.plans).toEqual(['SEARCH r USING INDEX resources_unended (type=? AND seq>?)'])
})

test.each([
  ['newest first', undefined, undefined, 'runs_listed (workspace=? AND created<?)'],
  ['by start', 'startTimeUtc desc', undefined, 'runs_started (workspace=? AND <expr><?)'],
  ['by start from the first on', 'startTimeUtc', undefined, 'runs_started (workspace=? AND <expr>>?)'],
  ['of one status', undefined, "status eq 'Running'", 'runs_of_status (workspace=? AND status=? AND created<?)'],
  ['of one type', undefined, "runType eq 'azureml.PipelineRun'", 'runs_listed (workspace=? AND created<?)'],
  ['of one target', undefined, "target eq 'cpu'", 'runs_listed (workspace=? AND created<?)'],
  ['of one name', undefined, "displayName eq 'x'", 'runs_listed (workspace=? AND created<?)'],
] as const)('runs %s are found behind the last page by an index alone', (_, orderBy, filter, index) => {
  const order = orderOf(orderBy)
  const conditions = [
    { text: 'r.workspace = ?', values: [WORKSPACE] },
    conditionOf(filter),
    behind(
      order,
      order.map(() => 1),
    ),
  ]
  const { sql, values } = pageOf(conditions, order)
  db.all(sql, ...values, 101)
  expect(db.plans).toEqual([`SEARCH r USING COVERING INDEX ${index}`])
})

test.each([
  ['by change', 'lastModifiedUtc desc'],
  ['by end', 'endTimeUtc'],
  ['by type', 'runType'],
] as const)('runs %s are sorted by what one index has', (_, orderBy) => {
  const order = orderOf(orderBy)
  const { sql, values } = pageOf([{ text: 'r.workspace = ?', values: [WORKSPACE] }], order)
  db.all(sql, ...values, 101)
  expect(db.plans[0]).toMatch(/^SEARCH r USING COVERING INDEX runs_listed \(workspace=\?\); USE TEMP B-TREE/)
})

test('a store of an earlier version gets its columns, tags and indexes when it is opened', async () => {
  const path = join(folder, 'old.db')
  const old = new DatabaseSync(path)
  old.exec(`CREATE TABLE resources (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL COLLATE NOCASE,
      name TEXT NOT NULL, parent TEXT NOT NULL COLLATE NOCASE, body TEXT NOT NULL, etag TEXT NOT NULL,
      createdAt TEXT NOT NULL, createdBy TEXT NOT NULL, modifiedAt TEXT NOT NULL, modifiedBy TEXT NOT NULL);
    CREATE INDEX resources_by_creation ON resources (parent, type, createdAt, seq)`)
  const insert =
    old.prepare(`INSERT INTO resources (id, type, name, parent, body, etag, createdAt, createdBy, modifiedAt, modifiedBy)
    VALUES (?, '${TYPE}', ?, '${WORKSPACE}', ?, '"e"', '2026', 'me', '2026', 'me')`)
  const bodies = {
    plain: {},
    archived: { isArchived: true },
    step: { parentJobName: 'plain', jobType: 'Command' },
    tagged: { tags: { rare: 'yes' }, jobType: 'Sweep', status: 'Running' },
  }
  for (const [name, properties] of Object.entries(bodies)) {
    insert.run(`${WORKSPACE}/jobs/${name}`, name, JSON.stringify({ properties }))
  }
  old.close()
  const opened = new Database(path)
  const all = new Resources(opened, movableClock())
  const listed = (narrowed: Parameters<Resources['select']>[0]['narrowed']) =>
    all
      .select({ parent: WORKSPACE, type: TYPE, order: NEWEST, limit: 10, narrowed: narrowed ?? {} })
      .items.map((one) => one.name)
  expect(listed({})).toEqual(['tagged', 'archived', 'plain'])
  expect(listed({ isArchived: true })).toEqual(['archived'])
  expect(listed({ jobType: 'sweep' })).toEqual(['tagged'])
  expect(listed({ tag: { key: 'rare' } })).toEqual(['tagged'])
  expect(all.ofType(TYPE, { limit: 10, unended: true }).items.map((one) => one.name)).toEqual(['tagged'])
  await opened.write(() => {
    all.hide(`${WORKSPACE}/jobs/tagged`)
    all.put(`${WORKSPACE}/jobs/plain`, { properties: { tags: { rare: 'now' } } }, 'me')
  })
  expect(listed({ tag: { key: 'rare' } })).toEqual(['plain'])
  await opened.write(() => all.show(`${WORKSPACE}/jobs/tagged`))
  expect(listed({ tag: { key: 'rare', value: 'yes' } })).toEqual(['tagged'])
  await opened.write(() => all.removeTree(WORKSPACE))
  expect(opened.all('SELECT * FROM resourceTags')).toEqual([])
  opened.close()
})
