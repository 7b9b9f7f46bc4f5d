import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestRegion, testRegion, WORKSPACE } from './testing.ts'

let region: TestRegion
let experiment: string

beforeAll(async () => {
  region = await testRegion()
  experiment = (await region.mlflow('POST', 'experiments/create', { name: 'tracking' })).id('experiment_id')
})

afterAll(() => region.close())

async function newRun(fields: object = {}): Promise<string> {
  const body = { experiment_id: experiment, start_time: 1_700_000_000_000, ...fields }
  return (await region.mlflow('POST', 'runs/create', body)).id('run.info.run_id')
}

test('a workspace has the experiment Default from the start, also under the id 0', async () => {
  const named = await region.mlflow('GET', 'experiments/get-by-name?experiment_name=Default')
  const zero = await region.mlflow('GET', 'experiments/get?experiment_id=0')
  expect(named.status).toBe(200)
  expect(zero.json).toEqual(named.json)
})

test('a call without a token, and one to a workspace that is not there, are refused in MLflow’s envelope', async () => {
  const path = `/mlflow/v2.0${WORKSPACE}/api/2.0/mlflow/experiments/get?experiment_id=0`
  const anonymous = await region.send('GET', path, { headers: { authorization: '' } })
  expect([anonymous.status, anonymous.at('error_code')]).toEqual([401, 'UNAUTHENTICATED'])
  const elsewhere = await region.send('GET', path.replace('vision', 'nowhere'))
  expect([elsewhere.status, elsewhere.at('error_code')]).toEqual([404, 'RESOURCE_DOES_NOT_EXIST'])
})

test('what belongs to MLflow 3 is an endpoint that does not exist', async () => {
  for (const path of ['logged-models/search', 'traces/search']) {
    const answer = await region.mlflow('POST', path, {})
    expect([answer.status, answer.at('error_code')]).toEqual([404, 'ENDPOINT_NOT_FOUND'])
  }
})

test('a second experiment of the same name is refused, also when the first is deleted', async () => {
  const id = (await region.mlflow('POST', 'experiments/create', { name: 'twice' })).id('experiment_id')
  await region.mlflow('POST', 'experiments/delete', { experiment_id: id })
  const again = await region.mlflow('POST', 'experiments/create', { name: 'twice' })
  expect([again.status, again.at('error_code')]).toEqual([400, 'RESOURCE_ALREADY_EXISTS'])
})

test('deleting an experiment deletes its runs, and restoring it brings them back', async () => {
  const id = (await region.mlflow('POST', 'experiments/create', { name: 'gone' })).id('experiment_id')
  const run = await newRun({ experiment_id: id })
  await region.mlflow('POST', 'experiments/delete', { experiment_id: id })
  expect((await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.info.lifecycle_stage')).toBe('deleted')
  await region.mlflow('POST', 'experiments/restore', { experiment_id: id })
  expect((await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.info.lifecycle_stage')).toBe('active')
})

test('metric values keep NaN and both infinities, in history and as the newest value', async () => {
  const run = await newRun()
  for (const [step, value] of ['NaN', 'Infinity', '-Infinity', 0.1].entries()) {
    const body = { run_id: run, key: 'loss', value, timestamp: String(1_700_000_000_000 + step), step }
    expect((await region.mlflow('POST', 'runs/log-metric', body)).status).toBe(200)
  }
  await region.mlflow('POST', 'runs/log-metric', { run_id: run, key: 'nan', value: 'NaN', timestamp: 1 })
  const history = await region.mlflow('GET', `metrics/get-history?run_id=${run}&metric_key=loss`)
  expect(history.at('metrics')).toMatchObject([
    { value: 'NaN', step: 0 },
    { value: 'Infinity' },
    { value: '-Infinity' },
    { value: 0.1 },
  ])
  const newest = (await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.data.metrics')
  expect(newest).toEqual([
    { key: 'loss', value: 0.1, timestamp: 1_700_000_000_003, step: 3 },
    { key: 'nan', value: 'NaN', timestamp: 1, step: 0 },
  ])
})

test('a metric’s history comes in pages to the last point', async () => {
  const run = await newRun()
  const metrics = Array.from({ length: 7 }, (_, step) => ({ key: 'm', value: step, timestamp: 100 + step, step }))
  await region.mlflow('POST', 'runs/log-batch', { run_id: run, metrics })
  const values: unknown[] = []
  for (let token = ''; ; ) {
    const page = await region.mlflow(
      'GET',
      `metrics/get-history?run_id=${run}&metric_key=m&max_results=3&page_token=${encodeURIComponent(token)}`,
    )
    values.push(...(page.at('metrics') as unknown[]))
    const next = page.at('next_page_token')
    if (next === undefined) break
    token = String(next)
  }
  expect(values).toHaveLength(7)
})

test('a batch is all or nothing: one changed parameter refuses its metrics too', async () => {
  const run = await newRun()
  await region.mlflow('POST', 'runs/log-parameter', { run_id: run, key: 'lr', value: '1' })
  expect((await region.mlflow('POST', 'runs/log-parameter', { run_id: run, key: 'lr', value: '1' })).status).toBe(200)
  const refused = await region.mlflow('POST', 'runs/log-batch', {
    run_id: run,
    metrics: [{ key: 'm', value: 1, timestamp: 1 }],
    params: [{ key: 'lr', value: '2' }],
  })
  expect([refused.status, refused.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  expect((await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.data.metrics')).toBeUndefined()
})

test.each([
  ['1,001 metrics', { metrics: Array.from({ length: 1001 }, () => ({ key: 'm', value: 1, timestamp: 1 })) }],
  ['101 parameters', { params: Array.from({ length: 101 }, (_, index) => ({ key: `p${index}`, value: '' })) }],
  ['101 tags', { tags: Array.from({ length: 101 }, (_, index) => ({ key: `t${index}`, value: '' })) }],
  [
    'a parameter twice',
    {
      params: [
        { key: 'p', value: '1' },
        { key: 'p', value: '1' },
      ],
    },
  ],
  ['a key of other letters', { metrics: [{ key: 'a;b', value: 1, timestamp: 1 }] }],
  ['a key that climbs', { tags: [{ key: '../a', value: '1' }] }],
  ['a metric without a timestamp', { metrics: [{ key: 'm', value: 1 }] }],
  ['more than a megabyte', { tags: [{ key: 't', value: 'x'.repeat(1_000_001) }] }],
])('a batch of %s is refused', async (_, batch) => {
  const answer = await region.mlflow('POST', 'runs/log-batch', { run_id: await newRun(), ...batch })
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
})

test('a deleted run takes nothing more', async () => {
  const run = await newRun()
  await region.mlflow('POST', 'runs/delete', { run_id: run })
  const answer = await region.mlflow('POST', 'runs/set-tag', { run_id: run, key: 'a', value: 'b' })
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
})

test('a run’s name is its tag, in both directions', async () => {
  const run = await newRun({ run_name: 'first' })
  await region.mlflow('POST', 'runs/set-tag', { run_id: run, key: 'mlflow.runName', value: 'second' })
  expect((await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.info.run_name')).toBe('second')
  await region.mlflow('POST', 'runs/update', { run_id: run, run_name: 'third', status: 'FINISHED', end_time: 9 })
  const changed = await region.mlflow('GET', `runs/get?run_id=${run}`)
  expect(changed.at('run.info')).toMatchObject({ run_name: 'third', status: 'FINISHED', end_time: 9 })
  expect(changed.at('run.data.tags')).toContainEqual({ key: 'mlflow.runName', value: 'third' })
})

test('datasets logged twice stand once among the inputs', async () => {
  const run = await newRun()
  const dataset = { name: 'd', digest: '1', source_type: 'local', source: '{}' }
  const datasets = [{ tags: [{ key: 'mlflow.data.context', value: 'train' }], dataset }]
  await region.mlflow('POST', 'runs/log-inputs', { run_id: run, datasets })
  await region.mlflow('POST', 'runs/log-inputs', { run_id: run, datasets })
  expect((await region.mlflow('GET', `runs/get?run_id=${run}`)).at('run.inputs.dataset_inputs')).toEqual(datasets)
})

test('an empty profile of a dataset, and an end at zero, are shown as none', async () => {
  const run_id = await newRun()
  const dataset = { name: 'd', digest: '1', source_type: 'local', source: '', profile: '', schema: 's' }
  await region.mlflow('POST', 'runs/log-inputs', { run_id, datasets: [{ dataset, tags: [] }] })
  await region.mlflow('POST', 'runs/update', { run_id, status: 'FINISHED', end_time: 0 })
  const found = await region.mlflow('GET', `runs/get?run_id=${run_id}`)
  const { profile: _, ...shown } = dataset
  expect(found.at('run.inputs.dataset_inputs.0')).toEqual({ dataset: shown })
  expect(found.at('run.info.end_time')).toBeUndefined()
})

test('parameters that a batch would change are shown as MLflow shows them', async () => {
  const run_id = await newRun()
  const batch = (...values: string[]) => {
    const params = values.map((value, index) => ({ key: `p${index}`, value }))
    return region.mlflow('POST', 'runs/log-batch', { run_id, params })
  }
  await batch("it's", 'a\\b', `'"`)
  const shown = [`"it's"`, `'a\\\\b'`, `'\\'"'`].map(
    (old, index) => `{'key': 'p${index}', 'old_value': ${old}, 'new_value': 'x'}`,
  )
  expect((await batch('x', 'x', 'x')).at('message')).toContain(`logged='[${shown.join(', ')}]'`)
})

test('what a run reads is datasets or, for clients of MLflow 3, models: a request with neither is refused', async () => {
  const run_id = await newRun()
  expect((await region.mlflow('POST', 'runs/log-inputs', { run_id })).at('message')).toContain("'datasets'")
  expect((await region.mlflow('POST', 'runs/log-inputs', { run_id, datasets: [] })).status).toBe(200)
  expect((await region.mlflow('POST', 'runs/log-inputs', { run_id, models: [{ model_id: 'm' }] })).status).toBe(200)
})

test('a comparator of a search of experiments is in capital letters', async () => {
  const search = (filter: string) => region.mlflow('POST', 'experiments/search', { max_results: 5, filter })
  expect((await search("name LIKE '%'")).status).toBe(200)
  expect((await search("name like '%'")).status).toBe(400)
  expect((await search("tags.a iLike '%'")).status).toBe(400)
})

test('an acknowledged write stands in the activity log with its run', async () => {
  const run = await newRun()
  await region.mlflow('POST', 'runs/log-metric', { run_id: run, key: 'm', value: 1, timestamp: 1 })
  const lines = region.region.activity.since(0, 100_000).filter(({ subject }) => subject === `run/vision/${run}`)
  expect(lines.map(({ operation }) => operation)).toEqual(['createRun', 'logMetric'])
})

test('a refusal shows the value as it was sent and names its type: a float that is whole, a text where a list should be', async () => {
  const location = await region.mlflow('POST', 'experiments/create', '{"name": "x", "artifact_location": 9.0}')
  expect(location.text).toContain(
    "Invalid value 9.0 for parameter 'artifact_location' supplied:  Hint: Value was of type 'float'",
  )
  const metrics = await region.mlflow('POST', 'runs/log-batch', { run_id: await newRun(), metrics: 'foo' })
  expect(metrics.at('message')).toContain(`Invalid value "foo" for parameter 'metrics' supplied`)
})

test('histories in bulk ask for one to a hundred runs, a key, and both ends of a range or none', async () => {
  const refused = async (path: string) => {
    const { status, at } = await region.mlflow('GET', `metrics/${path}`)
    return [status, String(at('message'))]
  }
  expect(await refused('get-history-bulk?metric_key=k')).toEqual([400, expect.stringContaining('at least one run_id')])
  const many = Array.from({ length: 101 }, (_, index) => `run_ids=${index}`).join('&')
  expect(await refused(`get-history-bulk-interval?metric_key=k&${many}`)).toEqual([
    400,
    expect.stringContaining('at most 100'),
  ])
  const range = 'get-history-bulk-interval?metric_key=k&run_ids=a'
  expect(await refused(`${range}&start_step=1`)).toEqual([400, expect.stringContaining('both must be specified')])
  expect(await refused(`${range}&start_step=1&end_step=0`)).toEqual([400, expect.stringContaining('must be greater')])
  expect(await refused(`${range}&max_results=0`)).toEqual([400, expect.stringContaining('between 1 and 2500')])
})

test('the datasets of an experiment are found once, with the context in which they were read', async () => {
  const id = (await region.mlflow('POST', 'experiments/create', { name: 'datasets' })).id('experiment_id')
  const dataset = { name: 'iris', digest: 'd1', source_type: 'local', source: 'here' }
  for (const run of [await newRun({ experiment_id: id }), await newRun({ experiment_id: id })]) {
    const tags = [{ key: 'mlflow.data.context', value: 'train' }]
    await region.mlflow('POST', 'runs/log-inputs', { run_id: run, datasets: [{ dataset, tags }] })
  }
  const found = await region.mlflow('POST', 'experiments/search-datasets', { experiment_ids: [id] })
  expect(found.at('dataset_summaries')).toEqual([{ experiment_id: id, name: 'iris', digest: 'd1', context: 'train' }])
  expect((await region.mlflow('POST', 'experiments/search-datasets', {})).status).toBe(400)
})

test('states and views are taken by the numbers of protobuf too, as numbers and as texts, and unknown ones are refused', async () => {
  const run_id = await newRun({ run_name: 'numbered' })
  const update = (status: unknown) => region.mlflow('POST', 'runs/update', { run_id, status })
  expect((await update(4)).at('run_info.status')).toBe('FAILED')
  expect((await update('5')).at('run_info.status')).toBe('KILLED')
  expect((await update('Nonsense')).at('error_code')).toBe('INVALID_PARAMETER_VALUE')
  await region.mlflow('POST', 'runs/delete', { run_id })
  const found = async (run_view_type: unknown) =>
    (
      await region.mlflow('POST', 'runs/search', {
        experiment_ids: [experiment],
        filter: "run_name = 'numbered'",
        run_view_type,
      })
    ).at('runs.0.info.run_id')
  // `ViewType` of service.proto: 1 is active only, 2 deleted only, 3 all.
  expect([await found(1), await found(2), await found('3')]).toEqual([undefined, run_id, run_id])
})

test.each<readonly [path: string, fields: object, said: string]>([
  ['experiments/update', {}, "Missing value for required parameter 'new_name'"],
  ['runs/update', { status: 7 }, "Invalid value 7 for parameter 'status'"],
  ['runs/log-metric', { key: 'm', value: '', timestamp: 1 }, "Missing value for required parameter 'value'"],
  ['runs/log-metric', { key: 'm', value: 'odd' }, "Missing value for required parameter 'timestamp'"],
  ['runs/log-metric', { key: 'm', value: 1, timestamp: -1 }, 'Timestamp must be a nonnegative long'],
  ['runs/log-batch', { metrics: [{ key: 'm', value: 1, timestamp: -1 }] }, "parameter 'metrics[0].timestamp'"],
  ['runs/search', { page_token: 'odd' }, 'could not base64-decode'],
])('%s with %j is refused as by MLflow’s server', async (path, fields, said) => {
  const run_id = await newRun()
  const answer = await region.mlflow('POST', path, { experiment_id: experiment, run_id, ...fields })
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  expect(answer.id('message')).toContain(said)
})

test.each([
  { timestamp: '1700000000000000001', step: 1 },
  { timestamp: 1, step: '-9007199254740993' },
  { timestamp: 2 ** 60, step: 1 },
  { timestamp: 8_640_000_000_000_001, step: 1 },
])('a point that would be rounded is not kept: %j', async (odd) => {
  const run_id = await newRun()
  const metrics = [
    { key: 'm', value: 1, timestamp: 1, step: 0 },
    { key: 'm', value: 1, ...odd },
  ]
  const answer = await region.mlflow('POST', 'runs/log-batch', { run_id, metrics })
  expect([answer.status, answer.id('message')]).toEqual([501, expect.stringContaining('the metric m')])
  const found = await region.mlflow('GET', `runs/get?run_id=${run_id}`)
  expect([found.status, found.at('run.data.metrics')]).toEqual([200, undefined])
})

test.each([
  ['runs/create', { start_time: '1700000000000000001' }],
  ['runs/create', { start_time: -8_640_000_000_000_001 }],
  ['runs/update', { end_time: 1_700_000_000_000_000_000 }],
  ['runs/outputs', { models: [{ model_id: 'm', step: 2 ** 60 }] }],
])('%s with %j says that it cannot be kept', async (path, odd) => {
  const run_id = await newRun()
  const answer = await region.mlflow('POST', path, { experiment_id: experiment, run_id, ...odd })
  expect([answer.status, answer.at('error_code')]).toEqual([501, 'NOT_IMPLEMENTED'])
  expect((await region.mlflow('GET', `runs/get?run_id=${run_id}`)).status).toBe(200)
})

test('what is no text in a dataset, and no 64-bit integer in a query, is refused', async () => {
  const run_id = await newRun()
  const dataset = { name: 'iris', digest: 'd1' }
  const tags = [{ key: 'mlflow.data.context', value: 2 ** 60 }]
  const sent = [{ dataset, tags }, { dataset: { ...dataset, source: 1 } }]
  for (const one of sent) {
    const answer = await region.mlflow('POST', 'runs/log-inputs', { run_id, datasets: [one] })
    expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  }
  const many = await region.mlflow('GET', `metrics/get-history?run_id=${run_id}&metric_key=m&max_results=${10n ** 19n}`)
  expect([many.status, many.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
})

test('of what a query gives twice the first counts, as with MLflow’s server', async () => {
  const [first, second] = [await newRun(), await newRun()]
  const found = await region.mlflow('GET', `runs/get?run_id=${first}&run_id=${second}`)
  expect(found.at('run.info.run_id')).toBe(first)
})
