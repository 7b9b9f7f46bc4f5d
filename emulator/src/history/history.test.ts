import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type TestRegion, testRegion, WORKSPACE } from '../mlflow/testing.ts'

let region: TestRegion

beforeAll(async () => {
  region = await testRegion()
})

afterAll(() => region.close())

const history = (method: string, path: string, body?: unknown): Promise<Answer> =>
  region.send(method, `/history/v1.0${WORKSPACE}/${path}`, { body })

test('a run is made with the client’s id, and is the same run over MLflow', async () => {
  const startTimeUtc = '2026-01-02T03:04:05.678Z'
  const made = await history('PATCH', 'experiments/train%20it/runs/clever_fox', {
    runId: 'clever_fox',
    displayName: 'Clever fox',
    status: 'Running',
    startTimeUtc,
    tags: { a: 'b' },
    properties: { p: 'q' },
    parameters: { lr: '0.1' },
    parentRunId: 'mother',
    description: 'a test',
  })
  expect(made.json).toMatchObject({
    runId: 'clever_fox',
    status: 'Running',
    startTimeUtc,
    parentRunId: 'mother',
    rootRunId: 'mother',
    displayName: 'Clever fox',
    description: 'a test',
    properties: { p: 'q' },
  })
  const seen = await region.mlflow('GET', 'runs/get?run_id=clever_fox')
  expect(seen.at('run.info')).toMatchObject({ run_name: 'Clever fox', start_time: Date.parse(startTimeUtc) })
  expect(seen.at('run.data.params')).toEqual([{ key: 'lr', value: '0.1' }])
  expect(seen.at('run.data.tags')).toContainEqual({ key: 'mlflow.parentRunId', value: 'mother' })
})

test('a second write changes the run and keeps what it does not name', async () => {
  await history('PATCH', 'experiments/e/runs/twice', { status: 'Running', tags: { a: '1', b: '2' } })
  const changed = await history('PATCH', 'runs/twice', { status: 'Completed', tags: { b: '3' } })
  expect(changed.json).toMatchObject({ status: 'Completed', tags: { a: '1', b: '3' } })
  expect(changed.at('endTimeUtc')).toBeTypeOf('string')
  expect((await region.mlflow('GET', 'runs/get?run_id=twice')).at('run.info.status')).toBe('FINISHED')
})

test('a run that is not there is refused in the envelope of run history', async () => {
  const answer = await history('GET', 'runs/nobody')
  expect(answer.status).toBe(404)
  expect(answer.json).toMatchObject({
    error: { code: 'UserError', innerError: { code: 'NotFoundError' } },
    componentName: 'run-history',
  })
})

test('details hold signed URLs of the logs, and of nothing else', async () => {
  await history('PATCH', 'experiments/e/runs/logged', { status: 'Running' })
  for (const name of ['user_logs/std_log.txt', 'system_logs/x.log', 'outputs/model.bin']) {
    const blob = { account: 'visionstore', container: 'azureml', name: `ExperimentRun/dcid.logged/${name}` }
    await region.region.blobs.put(blob, Buffer.from(name))
  }
  const details = await history('GET', 'runs/logged/details?api-version=v1.0')
  const logs = details.at('logFiles') as Readonly<Record<string, string>>
  expect(Object.keys(logs)).toEqual(['system_logs/x.log', 'user_logs/std_log.txt'])
  const url = new URL(logs['user_logs/std_log.txt'] ?? '')
  expect(url.host).toBe('visionstore.blob.core.windows.net')
  const read = await region.send('GET', url.pathname + url.search, { host: url.host, headers: { authorization: '' } })
  expect([read.status, read.text]).toEqual([200, 'user_logs/std_log.txt'])
})

test('children come in pages to the last', async () => {
  await history('PATCH', 'experiments/e/runs/parent', { status: 'Running' })
  for (const id of ['c1', 'c2', 'c3']) await history('PATCH', `experiments/e/runs/${id}`, { parentRunId: 'parent' })
  const first = await history('GET', 'runs/parent/children?$top=2')
  expect(first.at('value')).toMatchObject([{ runId: 'c1' }, { runId: 'c2' }])
  const next = new URL(first.id('nextLink'))
  const last = await region.send('GET', next.pathname + next.search)
  expect(last.at('value')).toMatchObject([{ runId: 'c3' }])
  expect(last.at('nextLink')).toBeNull()
})

test('runs are queried by status, tag, property and time', async () => {
  await history('PATCH', 'experiments/q/runs/q1', { status: 'Running', tags: { k: "it's" }, properties: { x: '1' } })
  await history('PATCH', 'experiments/q/runs/q2', { status: 'Failed', runType: 'azureml.scriptrun' })
  const ids = async (filter: string) => {
    const answer = await history('POST', 'experiments/q/runs:query', { filter })
    return ((answer.at('value') ?? answer.at('error.code')) as readonly { runId: string }[]).map(({ runId }) => runId)
  }
  expect(await ids("Status eq 'Running'")).toEqual(['q1'])
  expect(await ids("(RunType eq 'azureml.scriptrun') and Status ne 'Running'")).toEqual(['q2'])
  expect(await ids("RunType eq 'azureml.mlflow'")).toEqual(['q1'])
  expect(await ids("tags/k eq 'it''s'")).toEqual(['q1'])
  expect(await ids("properties/x eq '1'")).toEqual(['q1'])
  expect(await ids('CreatedUtc gt 2020-01-01T00:00:00Z')).toEqual(['q2', 'q1'])
  expect((await history('POST', 'runs:query', { filter: 'nonsense' })).status).toBe(400)
})

test('the data of a run come alone and in a batch', async () => {
  await history('PATCH', 'experiments/e/runs/data', {
    runDefinition: { a: 1 },
    outputs: { o: { assetId: 'x', type: 'uri_file' } },
  })
  const one = await history('POST', 'rundata', { runId: 'data' })
  expect(one.json).toMatchObject({
    runMetadata: { runId: 'data', outputs: { o: { assetId: 'x' } } },
    runDefinition: { a: 1 },
  })
  const requests = { one: { runId: 'data' }, other: { runId: 'nobody' } }
  const batch = await history('POST', 'batchrundata', { requests })
  expect(batch.json).toMatchObject({
    successfulResults: { one: { runMetadata: { runId: 'data' } } },
    failedResults: { other: { error: { code: 'UserError' } } },
  })
})

test('what is only asked for by POST is no line of the record of writes', async () => {
  await history('PATCH', 'experiments/e/runs/asked', { status: 'Running' })
  const before = region.region.activity.since(0, 10_000).length
  await history('POST', 'rundata', { runId: 'asked' })
  await history('POST', 'batchrundata', { requests: { one: { runId: 'asked' } } })
  await history('POST', 'runs:query', {})
  await history('POST', 'experiments:query', {})
  await region.send('POST', `/metric/v2.0${WORKSPACE}/runs/asked/list`, { body: {} })
  expect(region.region.activity.since(0, 10_000).length).toBe(before)
})

test('metrics of the second version are MLflow’s', async () => {
  await history('PATCH', 'experiments/e/runs/metered', { status: 'Running' })
  const metric = (path: string, body: object) =>
    region.send('POST', `/metric/v2.0${WORKSPACE}/runs/metered/${path}`, { body })
  await metric('batch', {
    values: [{ name: 'loss', value: [{ step: 1, createdUtc: '2026-01-01T00:00:00Z', data: { loss: 'NaN' } }] }],
  })
  for (const loss of [null, '', true]) {
    await metric('batch', { values: [{ name: 'loss', value: [{ step: 3, data: { loss } }] }] })
  }
  await region.mlflow('POST', 'runs/log-metric', {
    run_id: 'metered',
    key: 'loss',
    value: 0.5,
    timestamp: Date.now(),
    step: 2,
  })
  expect((await metric('list', {})).at('value')).toMatchObject([{ metricKey: { name: 'loss' } }])
  expect((await metric('full', { metricName: 'loss' })).at('value')).toMatchObject([
    { step: 1, data: { loss: 'NaN' } },
    { step: 2, data: { loss: 0.5 } },
  ])
})

test.each([
  [9_007_199_254_740_994, 501],
  ['9007199254740994', 501],
  [1.5, 400],
  ['x', 400],
])('a point of the step %j is not kept', async (step, status) => {
  const run = `step-${typeof step}-${status}`
  await history('PATCH', `experiments/e/runs/${run}`, { status: 'Running' })
  const batch = `/metric/v2.0${WORKSPACE}/runs/${run}/batch`
  const value = [
    { step: 1, data: { loss: 1 } },
    { step, data: { loss: 2 } },
  ]
  const answer = await region.send('POST', batch, { body: { values: [{ name: 'loss', value }] } })
  expect(answer.status).toBe(status)
  const seen = await region.mlflow('GET', `runs/get?run_id=${run}`)
  expect([seen.status, seen.at('run.data.metrics')]).toEqual([200, undefined])
})

test.each(['1.5', '-5', 'x', '1e300'])('a page of %j runs, or after that one, is refused', async (odd) => {
  await history('PATCH', 'experiments/e/runs/paged', { status: 'Running' })
  const metric = `/metric/v2.0${WORKSPACE}/runs/paged/full`
  const answers = await Promise.all([
    history('POST', 'runs:query', { top: odd }),
    history('POST', 'experiments:query', { top: odd }),
    history('POST', 'experiments:query', { continuationToken: odd }),
    history('GET', `runs/paged/children?$top=${odd}`),
    history('GET', `runs/paged/children?$continuationtoken=${odd}`),
    history('GET', `experiments/e/runs/paged/artifacts?pageSize=${odd}`),
    region.send('POST', metric, { body: { metricName: 'loss', continuationToken: odd } }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400])
})

test('an artifact is written and read by signed URLs, under the run’s experiment', async () => {
  await history('PATCH', 'experiments/e/runs/arty', { status: 'Running' })
  const made = await history('POST', 'experiments/e/runs/arty/artifacts/batch/metadata', {
    paths: [{ path: 'a b/c.txt' }],
  })
  const contents = made.at('artifactContentInformation') as Readonly<Record<string, { readonly contentUri: string }>>
  const write = new URL(contents['a b/c.txt']?.contentUri ?? '')
  const put = await region.send('PUT', write.pathname + write.search, {
    host: write.host,
    body: 'bytes',
    headers: { authorization: '', 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2022-11-02' },
  })
  expect(put.status).toBe(201)
  const listed = await history('GET', 'experiments/e/runs/arty/artifacts')
  expect(listed.at('value')).toMatchObject([{ path: 'a b/c.txt', origin: 'ExperimentRun', container: 'dcid.arty' }])
  const info = await history('GET', 'experiments/e/runs/arty/artifacts/contentinfo?path=a%20b/c.txt')
  const read = new URL(info.id('contentUri'))
  const got = await region.send('GET', read.pathname + read.search, { host: read.host, headers: { authorization: '' } })
  expect(got.text).toBe('bytes')
})

test('an upload of its own goes through the artifact service', async () => {
  const base = `/artifact/v2.0${WORKSPACE}/artifacts/LocalUpload/one`
  const sent = await region.send('POST', `${base}/content?path=m/MLmodel`, { body: 'flavors:' })
  expect(sent.at('artifactId')).toBe('LocalUpload/one/m/MLmodel')
  expect((await region.send('GET', `${base}/content?path=m/MLmodel`)).text).toBe('flavors:')
  expect((await region.send('GET', `${base}/prefix/contentinfo?path=m/`)).at('value')).toMatchObject([
    { path: 'm/MLmodel' },
  ])
  expect((await region.send('GET', `${base}/contentinfo?path=nope`)).status).toBe(404)
})

test('asset ids are resolved to where their bytes are', async () => {
  await region.region.db.write(() => {
    region.region.resources.put(
      `${WORKSPACE}/data/d/versions/1`,
      { properties: { dataUri: 'azureml://x', dataType: 'uri_file' } },
      't',
    )
    region.region.resources.put(
      `${WORKSPACE}/models/m/versions/2`,
      { properties: { modelUri: 'azureml://y', modelType: 'custom_model' } },
      't',
    )
  })
  const data = `azureml://locations/eastus2/workspaces/1/data/d/versions/1`
  const resolvedData = await region.send('POST', `/data/v1.0${WORKSPACE}/dataversion/batchGetResolvedUris`, {
    body: { values: [data] },
  })
  expect(resolvedData.json).toEqual({ values: { [data]: { uri: 'azureml://x', type: 'uri_file' } } })
  const models = await region.send('POST', `/modelregistry/v1.0${WORKSPACE}/models/batchGetResolvedUris`, {
    body: { values: ['m:2'] },
  })
  expect(models.json).toEqual({ values: { 'm:2': { path: 'azureml://y', type: 'custom_model' } } })
})

test('what is not done says so by name', async () => {
  const answer = await history('POST', 'runs/x/events', {})
  expect(answer.status).toBe(501)
  expect(answer.id('error.message')).toContain('events_post')
})

test.each([
  ['GET', `/history/v1.0${WORKSPACE}/experiments/e/metrics/x`],
  ['GET', `/history/v1.0${WORKSPACE}/experiments/e/runs/r/token`],
  ['POST', `/history/v1.0${WORKSPACE}/runs/x`],
  ['DELETE', `/metric/v2.0${WORKSPACE}/experiments/e/containers/c/deletemetrics`],
  ['DELETE', `/artifact/v2.0${WORKSPACE}/artifacts/ExperimentRun/dcid.x/metadata`],
  ['GET', `/data/v1.0${WORKSPACE}/datacontainer`],
  ['POST', `/modelregistry/v1.0${WORKSPACE}/models`],
  ['POST', `/execution/v1.0${WORKSPACE}/experiments/e/startrun`],
  ['POST', '/index/v1.0/entities'],
])('what other services of a workspace have is said not to be there: %s %s', async (method, path) => {
  const answer = await region.send(method, path, { body: {} })
  expect([answer.status, answer.id('error.message')]).toEqual([501, expect.stringContaining('does not implement')])
})

test('a method that run history does not have at an address, and another service without a token, are refused', async () => {
  expect((await history('PUT', 'runs/x', {})).status).toBe(404)
  const unsigned = await region.send('POST', '/index/v1.0/entities', { headers: { authorization: '' } })
  expect(unsigned.status).toBe(401)
})

test('an experiment is made by name, changed by id, and goes only when it is empty', async () => {
  const made = await history('POST', 'experiments/lonely')
  const id = made.id('experimentId')
  await history('PATCH', `experimentids/${id}`, { tags: { a: 'b' }, description: 'alone' })
  expect((await history('GET', 'experiments/lonely')).json).toMatchObject({ tags: { a: 'b' }, description: 'alone' })
  await history('PATCH', `experimentids/${id}/runs/keeps`, {})
  expect((await history('DELETE', `experimentids/${id}`)).status).toBe(400)
  const empty = (await history('POST', 'experiments/empty')).id('experimentId')
  expect((await history('DELETE', `experimentids/${empty}`)).status).toBe(200)
  expect((await history('GET', 'experiments/empty')).status).toBe(404)
})

test('what run history is told of a job’s run, ARM shows of the job', async () => {
  const job = `${WORKSPACE}/jobs/a_job`
  const properties = { jobType: 'Command', status: 'Completed', displayName: 'a_job', tags: {}, properties: { p: '1' } }
  await region.region.db.write(() => region.region.resources.put(job, { properties }, 'tester'))
  await history('PATCH', 'experiments/e/runs/a_job', { displayName: 'Named', tags: { a: 'b' }, hidden: true })
  expect(region.region.resources.get(job)?.body['properties']).toMatchObject({
    displayName: 'Named',
    tags: { a: 'b' },
    properties: { p: '1' },
    isArchived: true,
    status: 'Completed',
  })
  const restored = await history('PATCH', 'experiments/e/runs/a_job', { hidden: false })
  expect(restored.at('hidden')).toBe(false)
  expect(region.region.resources.get(job)?.body['properties']).toMatchObject({ isArchived: false })
})
