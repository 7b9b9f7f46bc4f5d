import { movableClock } from '../emulator/src/clock.ts'
import { Runs } from '../emulator/src/history/runs.ts'
import { Database } from '../emulator/src/state/database.ts'
import { quantile, send, type Target } from './load.ts'

/** What was put into the workspace that is searched. */
export interface Seeded {
  readonly experiment: string
  readonly runs: number
  readonly milliseconds: number
}

const EXPERIMENTS = 1000
const GROUP = 2000

/**
 * Fills a workspace with a thousand experiments, and one of them with runs, each with four or five metrics, four parameters
 * and three tags. They are written straight into the region's store: over the API it would take many minutes.
 */
export async function seedRuns(store: string, workspace: string, count: number): Promise<Seeded> {
  const began = performance.now()
  const db = new Database(store)
  const runs = new Runs(db, movableClock())
  const experiment = await db.write(() => runs.experiments.create(workspace, 'searched'))
  await db.write(() => {
    for (let index = 1; index < EXPERIMENTS; index++) {
      runs.experiments.create(workspace, `other ${index}`, { tags: { kind: String(index % 10) } })
    }
  })
  for (let from = 0; from < count; from += GROUP) {
    await db.write(() => {
      for (let index = from; index < Math.min(from + GROUP, count); index++)
        seedRun(runs, workspace, experiment.key, index)
    })
  }
  db.close()
  return { experiment: experiment.id, runs: count, milliseconds: performance.now() - began }
}

function seedRun(runs: Runs, workspace: string, experimentKey: number, index: number): void {
  const start = 1_700_000_000_000 + index
  const value = ((index * 7919) % 100_003) / 100_003
  const run = runs.create(workspace, {
    experimentKey,
    name: `run-${index}`,
    status: 'Running',
    user: 'bench',
    start,
    tags: { team: `team-${index % 7}`, night: String(Math.floor(index / 100)) },
  })
  const keys = ['loss', 'accuracy', 'f1', 'auc', ...(index % 2 === 0 ? ['half'] : [])]
  runs.log(run, {
    metrics: keys.map((key, at) => ({
      key,
      value: value + at,
      timestamp: start,
      step: 0,
    })),
    params: {
      rate: String(value),
      optimizer: ['adam', 'sgd', 'lion'][index % 3] ?? '',
      depth: String(index % 12),
      seed: String(index),
    },
  })
}

interface Search {
  readonly name: string
  readonly path: 'runs/search' | 'experiments/search'
  readonly body: (turn: number, seeded: Seeded) => object
}

const PAGE = 100
const TURNS = 200

function runs(name: string, body: (turn: number, seeded: Seeded) => object): Search {
  return {
    name,
    path: 'runs/search',
    body: (turn, seeded) => ({ experiment_ids: [seeded.experiment], max_results: PAGE, ...body(turn, seeded) }),
  }
}

export const SEARCHES: readonly Search[] = [
  runs('no filter', () => ({})),
  runs('metric below a value, few', (turn) => ({ filter: `metrics.loss < ${0.001 + turn / 100_000}` })),
  runs('metric above a value, most', (turn) => ({ filter: `metrics.loss > ${turn / 1000}` })),
  runs('parameter equals, a third', () => ({ filter: "params.optimizer = 'sgd'" })),
  runs('parameter equals, one', (turn, { runs: all }) => ({ filter: `params.seed = '${(turn * 499) % all}'` })),
  runs('tag equals, a hundred', (turn, { runs: all }) => ({ filter: `tags.night = '${turn % Math.ceil(all / 100)}'` })),
  runs('three conditions', (turn) => ({
    filter: `metrics.loss < ${0.2 + turn / 1000} AND params.optimizer = 'adam' AND tags.team = 'team-${turn % 7}'`,
  })),
  runs('name LIKE', (turn) => ({ filter: `attributes.run_name LIKE '%-${turn}7'` })),
  runs('status', () => ({ filter: "attributes.status = 'RUNNING'" })),
  runs('start_time between', (turn) => ({
    filter: `attributes.start_time > ${1_700_000_000_000 + turn * 300} AND attributes.start_time < ${1_700_000_020_000 + turn * 300}`,
  })),
  runs('order by attribute', () => ({ order_by: ['attributes.start_time ASC'] })),
  runs('order by name', () => ({ order_by: ['attributes.run_name DESC'] })),
  runs('order by metric', (turn) => ({ order_by: [`metrics.loss ${turn % 2 === 0 ? 'ASC' : 'DESC'}`] })),
  runs('order by parameter', (turn) => ({ order_by: [`params.rate ${turn % 2 === 0 ? 'ASC' : 'DESC'}`] })),
  runs('order by tag', () => ({ order_by: ['tags.team ASC'] })),
  runs('order by status', (turn) => ({ order_by: [`attributes.status ${turn % 2 === 0 ? 'ASC' : 'DESC'}`] })),
  runs('status that none has', () => ({ filter: "attributes.status = 'FAILED'" })),
  runs('a range, a parameter and an order', (turn) => ({
    filter: `metrics.accuracy > ${1 + turn / 1000} AND metrics.accuracy < 1.9 AND metrics.auc < 3.4 AND params.depth = '3'`,
    order_by: ['params.seed DESC'],
  })),
  runs('filter and order by metric', () => ({ filter: "params.depth = '3'", order_by: ['metrics.accuracy DESC'] })),
  { name: 'experiments, no filter', path: 'experiments/search', body: () => ({ max_results: PAGE }) },
  {
    name: 'experiments, name LIKE',
    path: 'experiments/search',
    body: (turn) => ({ max_results: PAGE, filter: `name LIKE 'other ${turn % 10}%'` }),
  },
  {
    name: 'experiments, by tag and order',
    path: 'experiments/search',
    body: (turn) => ({ max_results: PAGE, filter: `tags.kind = '${turn % 10}'`, order_by: ['name ASC'] }),
  },
]

const GOAL_MILLISECONDS = 50

/** Rows of a table: each search one after the other on a kept connection, and all pages of everything. */
export async function measureSearches(target: Target, seeded: Seeded): Promise<string[][]> {
  const rows = [['milliseconds a page', 'pages', 'p50', 'p99', 'longest', `p99 ≤ ${GOAL_MILLISECONDS}`]]
  const add = (name: string, taken: readonly number[]) => {
    const [half, most] = [quantile(taken, 0.5), quantile(taken, 0.99)]
    const met = most <= GOAL_MILLISECONDS ? 'yes' : 'NO'
    rows.push([name, String(taken.length), half.toFixed(1), most.toFixed(1), Math.max(...taken).toFixed(1), met])
  }
  for (const search of SEARCHES) {
    const taken: number[] = []
    for (let turn = -5; turn < TURNS; turn++) {
      const began = performance.now()
      await send(target, 'POST', search.path, search.body(Math.abs(turn), seeded))
      if (turn >= 0) taken.push(performance.now() - began)
    }
    add(`${search.name}, ${PAGE} a page`, taken)
  }
  for (const [name, size, body] of [
    ['all runs', 100, {}],
    ['all runs', 1000, {}],
    ['all runs by metric', 100, { order_by: ['metrics.loss DESC'] }],
    ['all runs by parameter', 100, { order_by: ['params.rate ASC'] }],
    ['a third of the runs', 100, { filter: "params.optimizer = 'sgd'" }],
    ['a twelfth by metric', 1000, { filter: "params.depth = '3'", order_by: ['metrics.accuracy DESC'] }],
    ['all runs by a metric that half have', 1000, { order_by: ['metrics.half ASC'] }],
  ] as const) {
    add(`${name}, page by page, ${size} a page`, await pages(target, seeded, { max_results: size, ...body }))
  }
  return rows
}

async function pages(target: Target, seeded: Seeded, body: object): Promise<number[]> {
  const taken: number[] = []
  const seen = new Set<string>()
  let token: string | undefined
  do {
    const began = performance.now()
    const asked = {
      experiment_ids: [seeded.experiment],
      ...body,
      ...(token === undefined ? {} : { page_token: token }),
    }
    const page = (await send(target, 'POST', 'runs/search', asked)) as {
      runs?: { info: { run_id: string } }[]
      next_page_token?: string
    }
    taken.push(performance.now() - began)
    for (const { info } of page.runs ?? []) {
      if (seen.has(info.run_id)) throw new Error(`${info.run_id} stood on two pages`)
      seen.add(info.run_id)
    }
    token = page.next_page_token
  } while (token !== undefined)
  if (!('filter' in body) && seen.size !== seeded.runs)
    throw new Error(`${seen.size} of ${seeded.runs} runs were found`)
  return taken
}
