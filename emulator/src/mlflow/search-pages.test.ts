import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Run } from '../history/run-types.ts'
import { parseFilter } from './filter.ts'
import { conditionsOf } from './run-conditions.ts'
import { searchRuns } from './run-query.ts'
import { type TestRegion, testRegion, WORKSPACE } from './testing.ts'

const RUNS = 1500
let region: TestRegion
let experiment: number

beforeAll(async () => {
  region = await testRegion()
  const { db, runs } = region.region
  await db.write(() => {
    experiment = runs.experiments.create(WORKSPACE, 'pages').key
    for (let index = 0; index < RUNS; index++) addRun(index)
  })
})

afterAll(() => region.close())

/** A run whose start, name and values it shares with others, and which lacks one or another of them. */
function addRun(index: number): void {
  const { runs } = region.region
  const run = runs.create(WORKSPACE, {
    experimentKey: experiment,
    name: `run-${index % 40}`,
    status: index % 17 === 0 ? 'Failed' : index % 4 === 0 ? 'Completed' : 'Running',
    user: 'me',
    ...(index % 11 === 0 ? {} : { start: 1000 + (index % 90) }),
    // Many more than are sorted at once share a value.
    tags: index % 13 === 0 ? {} : { team: index % 7 === 0 ? `team-${index % 5}` : 'most' },
  })
  if (index % 3 === 0) runs.update(WORKSPACE, run.id, { end: 5000 + (index % 20), start: run.start })
  const value = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][index % 50] ?? (index * 7919) % 400
  if (index % 6 !== 0) runs.log(run, { metrics: [{ key: 'loss', value, timestamp: 1, step: 0 }] })
  if (index % 9 !== 0) runs.log(run, { params: { rate: String(index % 300), kind: String(index % 2) } })
}

function page(search: { orderBy?: string[]; filter?: string }, limit: number, more: object = {}) {
  const asked = {
    experiments: [experiment],
    stage: 'active',
    filter: undefined,
    orderBy: [],
    offset: 0,
    after: undefined,
  }
  return searchRuns(region.region, { ...asked, ...search, ...more, limit } as Parameters<typeof searchRuns>[1])
}

const ORDERS: readonly (readonly string[])[] = [
  [],
  ['start_time ASC'],
  ['end_time ASC'],
  ['end_time DESC'],
  ['run_name DESC'],
  ['status', 'run_name'],
  ['status DESC'],
  ['metrics.loss ASC'],
  ['metrics.loss DESC', 'run_name'],
  ['params.rate ASC'],
  ['params.none ASC', 'start_time DESC'],
  ['tags.team DESC'],
  ['tags.team ASC', 'metrics.loss DESC', 'end_time ASC'],
  ['run_name ASC', 'params.rate DESC'],
]
/** Met by many runs at first sight and by few in truth: a page is or is not filled by walking an index. */
const WALKED = "metrics.loss > 260 AND params.kind = '1'"
/** Filters, and what they ask. */
const MEETS: Readonly<Record<string, (run: Held) => boolean>> = {
  "params.kind = '1'": ({ values }) => values['params.kind'] === '1',
  "tags.team = 'most' AND metrics.loss < 200": ({ values }) =>
    values['tags.team'] === 'most' && Number(values['metrics.loss']) < 200,
  "metrics.loss > 50 AND params.kind = '1' AND metrics.loss <= 90": ({ values }) =>
    Number(values['metrics.loss']) > 50 && values['params.kind'] === '1' && Number(values['metrics.loss']) <= 90,
  'params.rate IS NOT NULL AND tags.team IS NULL': ({ values }) =>
    values['params.rate'] !== undefined && values['tags.team'] === undefined,
  "run_name LIKE '%-1%'": ({ name }) => name.includes('-1'),
  [WALKED]: ({ values }) => Number(values['metrics.loss']) > 260 && values['params.kind'] === '1',
}
const FILTERS = [undefined, ...Object.keys(MEETS)]

function all(search: { orderBy: string[]; filter?: string }, limit: number): readonly string[] {
  const found: Run[] = []
  let after: unknown
  do {
    const { runs, last } = page(search, limit, { after })
    found.push(...runs)
    // Over the wire it is a text.
    after = last && JSON.parse(JSON.stringify(last))
  } while (after !== undefined)
  return found.map(({ id }) => id)
}

test.each(ORDERS.flatMap((orderBy) => FILTERS.map((filter) => ({ orderBy: [...orderBy], ...(filter && { filter }) }))))(
  'pages of $orderBy with $filter are what one sort of all runs gives',
  (search) => expect(all(search, 97)).toEqual(sorted(search).map(({ id }) => id)),
)

test.each(ORDERS.map((orderBy) => ({ orderBy: [...orderBy], filter: WALKED })))(
  'small pages of $orderBy, which walking an index fills or not, are what one sort of all runs gives',
  (search) => {
    const expected = sorted(search).map(({ id }) => id)
    for (const limit of [7, 20, 60]) expect(all(search, limit), `${limit} a page`).toEqual(expected)
  },
)

test('a place of the page before holds where runs were added before it', async () => {
  const { runs, last } = page({}, 500)
  await region.region.db.write(() =>
    region.region.runs.create(WORKSPACE, {
      experimentKey: experiment,
      name: 'new',
      status: 'Running',
      user: 'me',
      start: 9_000,
    }),
  )
  const next = page({}, 500, { after: last })
  expect(next.runs.some(({ id }) => runs.some((one) => one.id === id))).toBe(false)
  expect(page({}, 1).runs[0]?.name).toBe('new')
})

test.each([
  [{}, /SEARCH r USING COVERING INDEX runs_newest/],
  [{ orderBy: ['start_time ASC'] }, /SEARCH r USING COVERING INDEX runs_newest/],
  [{ orderBy: ['run_name DESC'] }, /SEARCH r USING COVERING INDEX runs_by_name/],
  [{ orderBy: ['end_time DESC'] }, /SEARCH r USING COVERING INDEX runs_by_end/],
  [{ orderBy: ['params.rate'] }, /SEARCH (?:params|t) USING COVERING INDEX params_by_value/],
  [{ orderBy: ['tags.team'] }, /SEARCH (?:m|tags) USING COVERING INDEX tags_by_value/],
  [{ orderBy: ['metrics.loss'] }, /SEARCH latestMetrics USING COVERING INDEX latestMetrics_by_value/],
  [{ filter: "run_name LIKE '%-39'" }, /SEARCH r USING COVERING INDEX runs_by_name/],
  [{ filter: "params.rate = '7'" }, /SEARCH t USING COVERING INDEX params_by_value/],
])('the search %o reads along an index, on the first page and on a deep one', (search, index) => {
  const first = plansOf(() => page(search, 10))
  const deep = plansOf(() => page(search, 10, { after: page(search, 700).last }))
  for (const plans of [first, deep]) {
    expect(plans.join('\n')).toMatch(index)
    // Neither a table nor the whole of an order is gone through.
    expect(plans.filter((plan) => /SCAN (?:r|runs|m|t|params|tags|latestMetrics)\b(?!.*VIRTUAL)/.test(plan))).toEqual(
      [],
    )
  }
  if (!('filter' in search))
    expect(plansOf(() => page(search, 10), 'SELECT r.key AS found').join('\n')).not.toMatch(/TEMP B-TREE FOR ORDER BY/)
})

test('a run is asked for its own values, whatever leads to it', () => {
  const filter = "metrics.loss > 1 AND metrics.accuracy < 2 AND params.kind = '1'"
  const checks = conditionsOf(parseFilter(filter), { text: 'TRUE', values: [] }).map(({ check }) => check)
  const asked = (from: string) => `SELECT r.key FROM ${from} WHERE r.experiment = 1 AND r.stage = 'active'
    AND ${checks.map(({ text }) => text).join(' AND ')} AND m.value <= '9' ORDER BY m.value DESC, r.start DESC LIMIT 9`
  const led = "(SELECT run, value FROM params WHERE key = 'rate') m CROSS JOIN runs r ON r.key = m.run"
  const values = checks.flatMap((check) => check.values)
  const plans = plansOf(() => region.region.db.all(asked(led), ...values))
  // Else all that have a value under the key are gone through for each run.
  expect(plans.filter((plan) => /SEARCH t .*_by_value/.test(plan))).toEqual([])
  expect(plans.filter((plan) => /SEARCH t .*PRIMARY KEY \(run=\? AND key=\?\)/.test(plan))).toHaveLength(3)
})

test('the two bounds of a range are looked up as one', () => {
  const filter = 'metrics.loss > 50 AND params.kind = "1" AND metrics.loss <= 90'
  expect(plansOf(() => page({ filter }, 10), 'SELECT count').join('\n')).toContain('(key=? AND value>? AND value<?)')
})

test('runs of one state are looked up, also where there are none', () => {
  for (const search of [{ filter: "status = 'FAILED'" }, { orderBy: ['status'] }, { orderBy: ['status DESC'] }]) {
    expect(plansOf(() => page(search, 10)).join('\n')).toMatch(/SEARCH r USING COVERING INDEX runs_by_state/)
  }
})

/** What SQLite does for each query of the work. */
function plansOf(work: () => void, begin = 'SELECT'): string[] {
  const { db } = region.region
  const asked = [vi.spyOn(db, 'all'), vi.spyOn(db, 'get')]
  work()
  const queries = asked.flatMap(({ mock }) => mock.calls.filter(([sql]) => sql.startsWith(begin)))
  for (const one of asked) one.mockRestore()
  return queries.flatMap(([sql, ...values]) =>
    db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => detail),
  )
}

type Held = Run & { readonly values: Readonly<Record<string, string | number>> }

/** The same search by a filter and a sort of this test's own. */
function sorted({ orderBy, filter }: { readonly orderBy: readonly string[]; readonly filter?: string }): Held[] {
  const { runs, db } = region.region
  const all = db.all<{ id: string }>('SELECT id FROM runs WHERE experiment = ?', experiment).map(({ id }): Held => {
    const run = runs.need(WORKSPACE, id)
    const metrics = runs.metrics.latest(run.key).map(({ key, value }) => [`metrics.${key}`, value])
    const texts = Object.entries(runs.params(run)).map(([key, value]) => [`params.${key}`, value])
    const tags = Object.entries(runs.tags(run)).map(([key, value]) => [`tags.${key}`, value])
    return { ...run, values: Object.fromEntries([...metrics, ...texts, ...tags]) }
  })
  const orders = [...orderBy, 'start_time DESC', 'run_id ASC'].map((one) => one.split(' '))
  return all
    .filter((run) => filter === undefined || MEETS[filter]?.(run))
    .sort((a, b) => {
      for (const [key = '', way] of orders) {
        const order = compared(of(a, key), of(b, key), way === 'DESC')
        if (order !== 0) return order
      }
      return 0
    })
}

const STATES: Readonly<Record<string, string>> = { Running: 'RUNNING', Completed: 'FINISHED', Failed: 'FAILED' }

function of(run: Held, key: string): string | number | null {
  const columns = {
    start_time: run.start,
    end_time: run.end,
    run_name: run.name,
    run_id: run.id,
    status: STATES[run.status],
  }
  return key in columns ? (columns[key as keyof typeof columns] ?? null) : (run.values[key] ?? null)
}

function compared(a: string | number | null, b: string | number | null, descending: boolean): number {
  const rank = (value: string | number | null) => (value === null ? 2 : Number.isNaN(value) ? 1 : 0)
  if (rank(a) !== rank(b) || rank(a) > 0) return rank(a) - rank(b)
  return a === b ? 0 : ((a ?? 0) < (b ?? 0) ? -1 : 1) * (descending ? -1 : 1)
}
