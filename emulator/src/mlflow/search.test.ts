import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestRegion, testRegion } from './testing.ts'

let region: TestRegion
let experiment: string

beforeAll(async () => {
  region = await testRegion()
  experiment = (await region.mlflow('POST', 'experiments/create', { name: 'search' })).id('experiment_id')
  for (let index = 0; index < 6; index++) {
    const created = await region.mlflow('POST', 'runs/create', {
      experiment_id: experiment,
      start_time: 1_700_000_000_000 + index,
      run_name: `run${index}`,
      tags: [{ key: 'kind', value: index % 2 === 1 ? 'AbC' : 'xyz' }],
    })
    const run_id = created.id('run.info.run_id')
    await region.mlflow('POST', 'runs/log-batch', {
      run_id,
      metrics: [{ key: 'acc', value: index / 10, timestamp: 1, step: 0 }],
      params: [{ key: 'lr', value: String(index) }],
    })
    if (index === 2)
      await region.mlflow('POST', 'runs/update', { run_id, status: 'FINISHED', end_time: 1_700_000_009_000 })
    if (index < 2) {
      const dataset = { name: `data${index}`, digest: 'd', source_type: 'local', source: 'here' }
      const tags = [{ key: 'mlflow.data.context', value: 'train' }]
      await region.mlflow('POST', 'runs/log-inputs', { run_id, datasets: [{ dataset, tags: index === 0 ? tags : [] }] })
    }
    if (index === 4) await region.mlflow('POST', 'runs/delete', { run_id })
    if (index === 5) await region.mlflow('POST', 'runs/log-metric', { run_id, key: 'n', value: 'NaN', timestamp: 1 })
  }
})

afterAll(() => region.close())

async function names(search: object): Promise<string> {
  const answer = await region.mlflow('POST', 'runs/search', { experiment_ids: [experiment], ...search })
  if (answer.status !== 200) return answer.id('error_code')
  const runs = (answer.at('runs') ?? []) as readonly { readonly info: { readonly run_name: string } }[]
  return runs.map(({ info }) => info.run_name.slice(3)).join('')
}

// Each answer is that of `mlflow server` 3.17 for the same runs.
test.each([
  [undefined, '53210'],
  ['metrics.acc > 0.15', '532'],
  ['metrics.acc>=0.2 and metrics.acc <0.5', '32'],
  ['metrics.acc != 0.1', '5320'],
  ['metrics.n > -1', ''],
  ["params.lr != '1'", '5320'],
  ["params.lr LIKE '%'", '53210'],
  ["params.lr IN ('1','2')", 'INVALID_PARAMETER_VALUE'],
  ["params.lr > '1'", 'INVALID_PARAMETER_VALUE'],
  ["tags.kind ILIKE 'ab%'", '531'],
  ["tags.kind LIKE 'ab%'", ''],
  ["tags.kind like 'A_C'", '531'],
  ["tags.nope != 'x'", ''],
  ['tags.nope IS NULL', '53210'],
  ["attributes.status = 'FINISHED'", '2'],
  ["status != 'FINISHED'", '5310'],
  ['attributes.start_time > 1700000000002', '53'],
  ["attributes.start_time = '1700000000002'", 'INVALID_PARAMETER_VALUE'],
  ["attributes.`Run name` = 'run1'", '1'],
  ["run_name ILIKE 'RUN1'", '1'],
  ["dataset.name IN ('data0', 'data9')", '0'],
  ["datasets.name NOT IN ('data0')", '1'],
  ["dataset.context IN ('train')", '0'],
  ['dataset.digest IN (1)', 'INVALID_PARAMETER_VALUE'],
  ['attributes.end_time > 5', '2'],
  ["dataset.name = 'd'", ''],
  ["attributes.bogus = 'x'", 'INVALID_PARAMETER_VALUE'],
  ["foo.bar = 'x'", 'INVALID_PARAMETER_VALUE'],
  ["metrics.acc > 'x'", 'INVALID_PARAMETER_VALUE'],
  ['metrics.acc > 0.1 and', '532'],
])('the filter %s finds %s', async (filter, found) => {
  expect(await names(filter === undefined ? {} : { filter })).toBe(found)
})

test.each([
  [['metrics.acc'], '01235'],
  [['metrics.acc DESC'], '53210'],
  [['tags.kind', 'metrics.acc DESC'], '53120'],
  [['metrics.n'], '53210'],
  [['end_time DESC'], '25310'],
  [['status'], '25310'],
  [['params.lr desc'], '53210'],
  [['bogus'], 'INVALID_PARAMETER_VALUE'],
  [['dataset.name'], 'INVALID_PARAMETER_VALUE'],
])('the order %s gives %s', async (order_by, found) => {
  expect(await names({ order_by })).toBe(found)
})

test('deleted runs are found where they are asked for', async () => {
  expect(await names({ run_view_type: 'DELETED_ONLY' })).toBe('4')
  expect(await names({ run_view_type: 'ALL' })).toBe('543210')
})

test('pages follow each other to the end', async () => {
  let found = ''
  let page_token: unknown
  do {
    const answer = await region.mlflow('POST', 'runs/search', {
      experiment_ids: [experiment],
      max_results: 2,
      ...(page_token === undefined ? {} : { page_token }),
    })
    found += ((answer.at('runs') ?? []) as readonly unknown[]).length
    page_token = answer.at('next_page_token')
  } while (page_token !== undefined)
  expect(found).toBe('221')
})

test('a page size of nothing, and a token that is none, are refused', async () => {
  expect(await names({ max_results: 0 })).toBe('INVALID_PARAMETER_VALUE')
  expect(await names({ max_results: 50_001 })).toBe('INVALID_PARAMETER_VALUE')
  expect(await names({ page_token: 'junk' })).toBe('INVALID_PARAMETER_VALUE')
})

test('a page token of MLflow’s own form, and one that was made for another order, go by the number of runs', async () => {
  const own = Buffer.from('{"offset": 3}').toString('base64')
  expect(await names({ page_token: own })).toBe('10')
  const first = await region.mlflow('POST', 'runs/search', { experiment_ids: [experiment], max_results: 3 })
  const page_token = first.id('next_page_token')
  expect(await names({ page_token })).toBe('10')
  expect(await names({ page_token, order_by: ['metrics.acc'] })).toBe('35')
})

test.each([
  '[]',
  '{"offset": -1}',
  '{"offset": 1.5}',
  '{"offset": 1, "after": [{}]}',
  '{"offset": 1, "after": 5}',
  '5',
])('the page token of %s is refused', async (held) => {
  expect(await names({ page_token: Buffer.from(held).toString('base64') })).toBe('INVALID_PARAMETER_VALUE')
})
