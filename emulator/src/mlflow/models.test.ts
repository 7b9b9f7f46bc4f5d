import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACCOUNT, type TestRegion, testRegion, WORKSPACE } from './testing.ts'

const PROXY = `/mlflow/v2.0${WORKSPACE}/api/2.0/mlflow-artifacts`
const MLMODEL =
  'artifact_path: model\nflavors:\n  python_function:\n    env: conda.yaml\n  sklearn:\n    code: null\nrun_id: x\n'

let region: TestRegion
let run: string
let folder: string

beforeAll(async () => {
  region = await testRegion()
  const created = await region.mlflow('POST', 'runs/create', { experiment_id: '0', start_time: 1, run_name: 'trained' })
  run = created.id('run.info.run_id')
  folder = created.id('run.info.artifact_uri').replace('mlflow-artifacts:/', '')
})

afterAll(() => region.close())

const put = (path: string, body: string | Buffer) => region.send('PUT', `${PROXY}/artifacts/${path}`, { body })
const arm = (method: string, path: string, body?: unknown) =>
  region.send(method, `${WORKSPACE}/models/${path}?api-version=2024-10-01`, { host: 'management.azure.com', body })

test('artifacts go through the proxy to the blobs of the run, and are listed as files and folders', async () => {
  expect((await put(`${folder}/a.txt`, 'hello')).status).toBe(200)
  expect((await put(`${folder}/dir/b%20c.txt`, 'hello2')).status).toBe(200)
  expect((await put(`${folder}/dir/sub/%C3%A9.bin`, Buffer.from([0, 255]))).status).toBe(200)
  const blob = { account: ACCOUNT, container: 'azureml', name: `ExperimentRun/dcid.${run}/dir/b c.txt` }
  expect((await region.region.blobs.read(blob, 1e6))?.toString()).toBe('hello2')
  expect((await region.send('GET', `${PROXY}/artifacts/${folder}/a.txt`)).text).toBe('hello')
  const root = await region.mlflow('GET', `artifacts/list?run_id=${run}`)
  expect(root.at('files')).toEqual([
    { path: 'a.txt', is_dir: false, file_size: 5 },
    { path: 'dir', is_dir: true },
  ])
  const inside = await region.mlflow('GET', `artifacts/list?run_id=${run}&path=dir`)
  expect(inside.at('files')).toEqual([
    { path: 'dir/b c.txt', is_dir: false, file_size: 6 },
    { path: 'dir/sub', is_dir: true },
  ])
  const proxied = await region.send('GET', `${PROXY}/artifacts?path=${folder}/dir`)
  expect(proxied.at('files.0.path')).toBe('b c.txt')
})

test('an acknowledged artifact is noted with its hash', async () => {
  await put(`${folder}/noted`, 'x')
  const line = region.region.activity.since(0, 10_000).find(({ subject }) => subject.endsWith('/noted'))
  expect(line?.sha256).toBe('2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881')
})

test.each(['../x', 'a/%2e%2e/x', 'a/..%2fx', '%00'])('the artifact path %s is refused', async (path) => {
  const answer = await put(path, 'x')
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
})

test('a removed artifact is gone, and removing it again is success', async () => {
  await put(`${folder}/gone/x`, 'x')
  const remove = () => region.send('DELETE', `${PROXY}/artifacts/${folder}/gone`)
  expect((await remove()).status).toBe(200)
  expect((await remove()).status).toBe(200)
  expect((await region.send('GET', `${PROXY}/artifacts/${folder}/gone/x`)).status).toBe(404)
})

test('a version registered over MLflow is an ARM model version, and one of ARM is MLflow’s', async () => {
  await put(`${folder}/model/MLmodel`, MLMODEL)
  await region.mlflow('POST', 'registered-models/create', { name: 'fraud', description: 'finds it' })
  const source = `mlflow-artifacts:/${folder}/model`
  const made = await region.mlflow('POST', 'model-versions/create', { name: 'fraud', source, run_id: run })
  expect(made.at('model_version')).toMatchObject({ name: 'fraud', version: '1', source, run_id: run, status: 'READY' })
  const seen = await arm('GET', 'fraud/versions/1')
  expect(seen.at('properties')).toMatchObject({
    modelType: 'mlflow_model',
    flavors: { python_function: {}, sklearn: {} },
    jobName: run,
  })
  expect(seen.id('properties.modelUri')).toMatch(
    new RegExp(
      `^azureml://.*/workspaces/vision/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.${run}/model$`,
    ),
  )
  const modelUri = 'azureml://datastores/workspaceartifactstore/paths/LocalUpload/1/model'
  await arm('PUT', 'fraud/versions/7', { properties: { modelUri, modelType: 'custom_model', tags: { a: 'b' } } })
  const read = await region.mlflow('GET', 'model-versions/get?name=fraud&version=7')
  expect(read.at('model_version')).toMatchObject({
    source: 'mlflow-artifacts:/LocalUpload/1/model',
    tags: [{ key: 'a', value: 'b' }],
  })
  const next = await region.mlflow('POST', 'model-versions/create', { name: 'fraud', source })
  expect(next.at('model_version.version')).toBe('8')
})

test('a removed version’s number is never given again', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'once' })
  const make = () => region.mlflow('POST', 'model-versions/create', { name: 'once', source: 's3://b/c' })
  await make()
  await region.mlflow('DELETE', 'model-versions/delete', { name: 'once', version: '1' })
  expect((await make()).at('model_version.version')).toBe('2')
})

test('an alias points to one version, moves, and goes with its version', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'aliased' })
  for (const _ of [1, 2]) await region.mlflow('POST', 'model-versions/create', { name: 'aliased', source: 's3://b/c' })
  const set = (alias: string, version: string) =>
    region.mlflow('POST', 'registered-models/alias', { name: 'aliased', alias, version })
  await set('champion', '1')
  await set('champion', '2')
  const found = await region.mlflow('GET', 'registered-models/alias?name=aliased&alias=champion')
  expect(found.at('model_version')).toMatchObject({ version: '2', aliases: ['champion'] })
  const latest = await region.mlflow('POST', 'registered-models/get-latest-versions', { name: 'aliased' })
  expect(latest.at('model_versions')).toMatchObject([{ version: '2', aliases: ['champion'] }])
  // A list of versions leaves aliases out, as MLflow's does.
  const listed = await region.mlflow('GET', "model-versions/search?filter=name%3D'aliased'")
  expect(listed.at('model_versions.0.aliases')).toBeUndefined()
  for (const alias of ['v1', 'latest', 'bad alias']) expect((await set(alias, '1')).status).toBe(400)
  expect((await set('other', '9')).at('error_code')).toBe('RESOURCE_DOES_NOT_EXIST')
  const aliases = async () =>
    (await region.mlflow('GET', 'registered-models/get?name=aliased')).at('registered_model.aliases')
  await region.mlflow('DELETE', 'model-versions/delete', { name: 'aliased', version: '2' })
  expect(await aliases()).toBeUndefined()
  await set('champion', '1')
  expect(await aliases()).toEqual([{ alias: 'champion', version: '1' }])
  expect((await arm('DELETE', 'aliased/versions/1')).status).toBe(200)
  expect(await aliases()).toBeUndefined()
})

test('a stage can archive those who had it', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'staged' })
  for (const _ of [1, 2]) await region.mlflow('POST', 'model-versions/create', { name: 'staged', source: 's3://b/c' })
  const move = (version: string, archive_existing_versions: boolean) =>
    region.mlflow('POST', 'model-versions/transition-stage', {
      name: 'staged',
      version,
      stage: 'production',
      archive_existing_versions,
    })
  await move('1', false)
  await move('2', true)
  const latest = await region.mlflow('POST', 'registered-models/get-latest-versions', { name: 'staged' })
  expect(latest.at('model_versions')).toMatchObject([
    { version: '1', current_stage: 'Archived' },
    { version: '2', current_stage: 'Production' },
  ])
})

test('models and versions are searched by name, run, tag and number', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'needle', tags: [{ key: 'k', value: 'v' }] })
  for (const _ of [1, 2, 3]) {
    await region.mlflow('POST', 'model-versions/create', { name: 'needle', source: 's3://n', run_id: 'r' })
  }
  const models = async (filter: string) =>
    (await region.mlflow('GET', `registered-models/search?filter=${encodeURIComponent(filter)}`)).id(
      'registered_models.0.name',
    )
  expect(await models("name = 'needle'")).toBe('needle')
  expect(await models("name LIKE 'need%'")).toBe('needle')
  expect(await models("tags.k = 'v'")).toBe('needle')
  expect(await models("name = 'needle' AND tags.`mlflow.prompt.is_prompt` != 'true'")).toBe('needle')
  const versions = async (filter: string) =>
    (
      (
        await region.mlflow('GET', `model-versions/search?filter=${encodeURIComponent(filter)}&order_by=version_number`)
      ).at('model_versions') as readonly { readonly version: string }[]
    ).map(({ version }) => version)
  expect(await versions("name = 'needle'")).toEqual(['1', '2', '3'])
  expect(await versions("name = 'needle' AND version_number > 1")).toEqual(['2', '3'])
  expect(await versions("run_id IN ('r', 'x') AND source_path = 's3://n'")).toEqual(['1', '2', '3'])
  const first = await region.mlflow('GET', "model-versions/search?filter=name%3D'needle'&max_results=2")
  expect(first.at('next_page_token')).toBe(Buffer.from('{"offset": 2}').toString('base64'))
})

test('an alias of another case is another alias', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'cased' })
  for (const _ of [1, 2]) await region.mlflow('POST', 'model-versions/create', { name: 'cased', source: 's3://b/c' })
  const set = (alias: string, version: string) =>
    region.mlflow('POST', 'registered-models/alias', { name: 'cased', alias, version })
  await set('Best', '1')
  await set('best', '2')
  await region.mlflow('DELETE', 'registered-models/alias', { name: 'cased', alias: 'BEST' })
  const found = await region.mlflow('GET', 'registered-models/alias?name=cased&alias=Best')
  expect(found.at('model_version')).toMatchObject({ version: '1', aliases: ['Best'] })
  expect((await region.mlflow('GET', 'registered-models/alias?name=cased&alias=BEST')).status).toBe(400)
})

test.each([
  ['registered-models', "attributes.name = 'none'"],
  ['registered-models', "tags.k IN ('v')"],
  ['registered-models', "name > 'a'"],
  ['registered-models', 'tags.k = v'],
  ['registered-models', 'name = none'],
  ['model-versions', 'run_id != `none`'],
  ['model-versions', "version_number = '1'"],
  ['model-versions', 'tags.k = 1'],
  ['model-versions', 'version_number LIKE 1'],
  ['model-versions', "run_id NOT IN ('r')"],
  ['model-versions', "attributes.name = 'none'"],
])('a search of %s with %s is refused, also where it finds nothing', async (kind, filter) => {
  const answer = await region.mlflow('GET', `${kind}/search?filter=${encodeURIComponent(filter)}`)
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
})

test('a model cannot be renamed, and a source on the server’s disk or one that climbs is refused', async () => {
  const rename = await region.mlflow('POST', 'registered-models/rename', { name: 'fraud', new_name: 'x' })
  expect(rename.status).toBe(400)
  for (const source of [
    ...['/etc/passwd', 'file:///etc/passwd', './model', 'C:\\model', 'model'],
    ...[
      'mlflow-artifacts:/../x',
      's3://a/%2e%2e/b',
      's3://a/%252e%252e/b',
      's3://a/./b',
      's3://a/..\\b',
      'https://h/m%00',
    ],
  ]) {
    const answer = await region.mlflow('POST', 'model-versions/create', { name: 'fraud', source })
    expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  }
})

test('Microsoft’s plugin is given URIs of its own scheme', async () => {
  const path = `/mlflow/v2.0${WORKSPACE}/api/2.0/mlflow/runs/get?run_id=${run}`
  const answer = await region.send('GET', path, {
    headers: { 'user-agent': 'mlflow-python-client/3.17 azureml-mlflow/1.60' },
  })
  expect(answer.id('run.info.artifact_uri')).toMatch(
    /^azureml:\/\/eastus2\.api\.azureml\.ms\/.*\/experiments\/[^/]+\/runs\/.*\/artifacts$/,
  )
})

test('a copied version is downloaded from where its source is, and a source of a run is given back as it was', async () => {
  await region.mlflow('POST', 'registered-models/create', { name: 'copied' })
  for (const source of ['runs:/r1/model', 'models:/copied/1']) {
    await region.mlflow('POST', 'model-versions/create', { name: 'copied', source })
  }
  for (const version of [1, 2]) {
    const uri = await region.mlflow('GET', `model-versions/get-download-uri?name=copied&version=${version}`)
    expect(uri.at('artifact_uri')).toBe('runs:/r1/model')
  }
})

test('a model counts as changed when a version of it comes, changes its stage or goes', async () => {
  const changed = async () =>
    Number(
      (await region.mlflow('GET', 'registered-models/get?name=touched')).at('registered_model.last_updated_timestamp'),
    )
  await region.mlflow('POST', 'registered-models/create', { name: 'touched' })
  const version = { name: 'touched', version: '1' }
  for (const [method, path, body] of [
    ['POST', 'model-versions/create', { name: 'touched', source: 's3://b/m' }],
    ['POST', 'model-versions/transition-stage', { ...version, stage: 'Staging', archive_existing_versions: false }],
    ['DELETE', 'model-versions/delete', version],
  ] as const) {
    const before = await changed()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await region.mlflow(method, path, body)).status).toBe(200)
    expect(await changed()).toBeGreaterThan(before)
  }
})

test('a file comes with the media type and the name that MLflow’s server gives it, and never from outside its folder', async () => {
  const root = `/mlflow/v2.0${WORKSPACE}`
  await region.send('PUT', `${PROXY}/artifacts/plain/MLmodel`, { body: 'flavors: {}' })
  const got = await region.send('GET', `${PROXY}/artifacts/plain/MLmodel`)
  expect([got.headers['content-type'], got.headers['content-disposition']]).toEqual([
    'text/plain',
    'attachment; filename=MLmodel',
  ])
  const run = (await region.mlflow('POST', 'runs/create', { start_time: 1 })).id('run.info.run_id')
  await region.send('POST', `${root}/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=a.png`, { body: 'png' })
  const page = await region.send('GET', `${root}/get-artifact?run_id=${run}&path=a.png`)
  expect([page.text, page.headers['content-type']]).toEqual(['png', 'image/png'])
  const large = 'x'.repeat(10 * 1024 * 1024)
  const sized = async (body: string) => {
    const sent = await region.send('POST', `${root}/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=b`, {
      body,
    })
    return [sent.status, sent.at('error_code')]
  }
  expect(await sized(large)).toEqual([200, undefined])
  expect(await sized(`${large}x`)).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  const outside = await region.send('GET', `${root}/get-artifact?run_id=${run}&path=%252e%252e/x`)
  expect([outside.status, outside.at('message')]).toEqual([400, 'Invalid path'])
})

test.each<readonly [method: 'GET' | 'POST' | 'DELETE', path: string, fields: object, said: string]>([
  [
    'POST',
    'model-versions/transition-stage',
    { version: 1, stage: 'Staging' },
    "Invalid value 1 for parameter 'version'",
  ],
  [
    'POST',
    'model-versions/transition-stage',
    { version: '1', stage: 'Staging', archive_existing_versions: 'odd' },
    "'archive_existing_versions'",
  ],
  ['POST', 'model-versions/create', { name: 'nobody', source: 's3://b/m', description: 7 }, "parameter 'description'"],
  [
    'POST',
    'registered-models/alias',
    { version: 'odd', alias: 'a' },
    "Parameter 'version' must be an integer, got 'odd'",
  ],
  ['DELETE', 'registered-models/alias', { alias: 'a b' }, "Invalid alias name: 'a b'"],
])('%s %s with %j is refused as by MLflow’s server', async (method, path, fields, said) => {
  await region.mlflow('POST', 'registered-models/create', { name: 'odd' })
  await region.mlflow('POST', 'model-versions/create', { name: 'odd', source: 's3://b/m' })
  const answer = await region.mlflow(method, path, { name: 'odd', ...fields })
  expect([answer.status, answer.at('error_code')]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  expect(answer.id('message')).toContain(said)
})

test('of an MLmodel file no more is read than flavors can stand in', async () => {
  await put(`${folder}/large/MLmodel`, `${MLMODEL}${'x'.repeat(1024 * 1024)}\n  late:\n    code: null\n`)
  await put(`${folder}/deep/MLmodel`, `flavors:\n${' '.repeat(500_000)}sklearn:\n${'  a:\n'.repeat(50_000)}`)
  await region.mlflow('POST', 'registered-models/create', { name: 'large' })
  for (const [version, place] of ['large', 'deep'].entries()) {
    const source = `mlflow-artifacts:/${folder}/${place}`
    await region.mlflow('POST', 'model-versions/create', { name: 'large', source, run_id: run })
    const flavors = place === 'large' ? { python_function: {}, sklearn: {} } : { sklearn: {} }
    expect((await arm('GET', `large/versions/${version + 1}`)).at('properties.flavors')).toEqual(flavors)
  }
})
