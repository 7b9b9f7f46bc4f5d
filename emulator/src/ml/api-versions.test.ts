import { afterAll, beforeAll, expect, it } from 'vitest'
import { JobRegion } from '../jobs/test-jobs.ts'
import { ML } from './test-region.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '3600'
const test = new JobRegion()

beforeAll(async () => {
  await test.open()
  await test.prepare()
  await test.ended(await test.ask('PUT', `${ML}/registries/shared`, { location: 'eastus2', properties: {} }))
})
afterAll(() => test.end())

/** Those that azure-ai-ml 1.28 to 1.35, azure-cli and the packages for Node send, the vendor's stable ones, and one of the future. */
const VERSIONS = [
  '2021-10-01',
  '2021-10-01-dataplanepreview',
  '2022-02-01-preview',
  '2022-05-01',
  '2022-10-01',
  '2022-10-01-preview',
  '2023-02-01-preview',
  '2023-04-01',
  '2023-04-01-preview',
  '2023-06-01-preview',
  '2023-08-01-preview',
  '2023-10-01',
  '2024-01-01-preview',
  '2024-04-01',
  '2024-04-01-preview',
  '2024-07-01-preview',
  '2024-10-01-preview',
  '2025-01-01-preview',
  '2025-06-01',
  '2025-12-01',
  '2026-09-01',
  '2031-01-01-preview',
]

/** One resource of each kind: where it goes, and what is sent. */
function resources(n: number): readonly (readonly [path: string, properties: Readonly<Record<string, unknown>>])[] {
  const place = 'azureml://datastores/workspaceblobstore/paths/x/'
  const command = { jobType: 'Command', command: 'true', environmentId: test.at('environments/env/versions/1') }
  const trigger = { triggerType: 'Cron', expression: '0 0 1 1 *', timeZone: 'UTC' }
  const credentials = { pat: 'a token' }
  const feed = { category: 'PythonFeed', target: 'https://feed.example', authType: 'PAT', credentials }
  return [
    [`codes/c${n}/versions/1`, { codeUri: 'https://teststore.blob.core.windows.net/code' }],
    [`environments/e${n}/versions/1`, { image: 'docker.io/ubuntu:24.04' }],
    [`data/d${n}/versions/1`, { dataUri: place, dataType: 'uri_folder' }],
    [`models/m${n}/versions/1`, { modelUri: place, modelType: 'custom_model' }],
    [`components/p${n}/versions/1`, { componentSpec: { type: 'command', command: 'true' } }],
    [`datastores/s${n}`, { datastoreType: 'AzureBlob', accountName: 'other', containerName: 'raw' }],
    [`computes/n${n}`, { computeType: 'ComputeInstance', properties: { vmSize: 'STANDARD_DS3_V2' } }],
    [`connections/f${n}`, feed],
    [`jobs/j${n}`, command],
    [`schedules/t${n}`, { trigger, action: { actionType: 'CreateJob', jobDefinition: command } }],
    [`onlineEndpoints/online-${n}`, { authMode: 'Key' }],
    [
      `onlineEndpoints/online-${n}/deployments/blue`,
      { endpointComputeType: 'Managed', instanceType: 'STANDARD_DS3_V2' },
    ],
    [`batchEndpoints/batch-${n}`, { authMode: 'AADToken' }],
    [`batchEndpoints/batch-${n}/deployments/blue`, { compute: test.at('computes/cluster') }],
  ]
}

it.each(VERSIONS.map((version, n) => [version, n] as const))(
  'writes and reads one resource of every kind with the api-version %s',
  async (version, n) => {
    const wrong: string[] = []
    const written = async (id: string, properties: Readonly<Record<string, unknown>>) => {
      const url = `${id}?api-version=${version}`
      const put = await test.ask('PUT', url, { location: 'eastus2', properties })
      if (put.headers['azure-asyncoperation'] !== undefined) await test.ended(put)
      const got = await test.ask('GET', url)
      const { credentials: _secret, ...shown } = properties
      const held = got.at('properties')
      if (![200, 201].includes(put.status) || got.status !== 200) wrong.push(`${id}: ${put.status}, ${got.status}`)
      else expect(held, id).toMatchObject(shown)
    }
    const all = resources(n)
    const inOthers = ([path]: (typeof all)[number]) => path.includes('/deployments/')
    for (const wave of [all.filter((one) => !inOthers(one)), all.filter(inOthers)]) {
      await Promise.all(wave.map(([path, properties]) => written(test.at(path), properties)))
    }
    await written(`${ML}/registries/shared/models/m${n}/versions/1`, { modelUri: 'https://a.example/m' })
    const workspace = await test.ask('GET', `${test.workspaceId}?api-version=${version}`)
    expect([...wrong, workspace.status]).toEqual([200])
  },
)

it('refuses a call without an api-version, and one with a version that is none', async () => {
  const refusals = ['', 'latest', '2024-13', '2024-04-01preview'].map(async (version) => {
    const answer = await test.ask('GET', `${test.workspaceId}?api-version=${version}`)
    return [answer.status, answer.at('error.code')]
  })
  expect(await Promise.all(refusals)).toEqual([
    [400, 'MissingApiVersionParameter'],
    [400, 'InvalidApiVersionParameter'],
    [400, 'InvalidApiVersionParameter'],
    [400, 'InvalidApiVersionParameter'],
  ])
})
