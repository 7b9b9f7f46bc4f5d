import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GROUP_ID, ML, TestRegion } from './test-region.ts'
import { vendorOperations } from './unfinished.ts'

const test = new TestRegion()
let workspace = ''
beforeAll(async () => {
  await test.open()
  workspace = await test.workspace('ws')
})
afterAll(() => test.end())

describe('the plane of Microsoft.MachineLearningServices', () => {
  it('asks for an api-version and takes any', async () => {
    const missing = await test.ask('GET', `${workspace}?api-version=`)
    const old = await test.ask('GET', `${workspace}?api-version=2019-01-01`)

    expect(missing.at('error.code')).toBe('MissingApiVersionParameter')
    expect(old.status).toBe(200)
  })

  it('asks for a token', async () => {
    const answer = await test.ask('GET', workspace, undefined, { signed: false })

    expect([answer.status, answer.at('error.code')]).toEqual([401, 'AuthenticationFailed'])
  })

  it('has an answer for every operation of the vendor, and names those that are missing', async () => {
    const values: Record<string, string> = {
      subscriptionId: GROUP_ID.split('/')[2] ?? '',
      resourceGroupName: 'none',
      location: 'eastus2',
    }
    const unknown: string[] = []
    const unnamed: string[] = []
    for (const { name, method, path } of vendorOperations()) {
      const target = path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => values[parameter] ?? 'x')
      const answer = await test.ask(method, target, method === 'PUT' || method === 'POST' ? {} : undefined)
      const { message = '' } = (answer.at('error') ?? {}) as { message?: string }
      if (message.startsWith('Nothing answers') || answer.status === 500) unknown.push(name)
      if (answer.status === 501 && message !== `The emulator does not implement ${name}.`) unnamed.push(name)
    }

    expect(unknown).toEqual([])
    expect(unnamed).toEqual([])
  })

  it.each([
    ['GET', 'datasets'],
    ['GET', 'linkedServices'],
    ['GET', 'labelingJobs/x'],
    ['PUT', 'inferencePools/x'],
    ['PATCH', 'jobs/x'],
    ['POST', 'schedules/x/pause'],
  ])('names what it does not have: %s %s', async (method, path) => {
    const answer = await test.ask(method, `${workspace}/${path}`, method === 'GET' ? undefined : {})

    expect([answer.status, answer.at('error.code')]).toEqual([501, 'NotImplemented'])
  })

  it('names what it does not have in a location, in a registry and at the root', async () => {
    const [, , subscription = ''] = GROUP_ID.split('/')
    const provider = `/subscriptions/${subscription}/providers/Microsoft.MachineLearningServices`
    const paths = [`${provider}/locations/eastus2/quotaAndUsage`, `${provider}/skus`, `${ML}/registries/r/datarefs/d`]
    const answers = await Promise.all(paths.map((path) => test.ask('GET', path)))

    expect(answers.map((one) => one.status)).toEqual([501, 501, 501])
  })

  it('has no method at an address that the vendor does not have there', async () => {
    const answers = [
      await test.ask('PATCH', `${workspace}/models/m`, {}),
      await test.ask('POST', `${workspace}/jobs/x`, {}),
      await test.ask('PUT', `${workspace}/models`, {}),
    ]

    expect(answers.map((one) => one.status)).toEqual([404, 404, 404])
  })

  it('leaves to another provider what hangs on its resources, whatever they are named', async () => {
    const settings = `${workspace}/providers/Microsoft.Insights/diagnosticSettings/all`
    const sent = { properties: { workspaceId: 'x', metrics: [] } }
    const model = await test.ask('PUT', `${workspace}/models/providers/versions/1`, { properties: { modelUri: 'x' } })

    expect([(await test.ask('PUT', settings, sent)).status, model.status]).toEqual([201, 201])
    expect((await test.ask('GET', settings)).at('properties')).toMatchObject(sent.properties)
    expect((await test.ask('GET', `${workspace}/models/providers/versions/1`)).at('name')).toBe('1')
  })

  it('refuses names that could be read as another path', async () => {
    const body = { properties: { modelUri: 'x' } }

    const answers = await Promise.all(
      ['..%2F..%2Fx', '%2e%2e', 'a%00b', 'a%2Fb'].map((name) =>
        test.ask('PUT', `${workspace}/models/${name}/versions/1`, body),
      ),
    )

    expect(answers.map((one) => one.status)).toEqual([400, 400, 400, 400])
  })

  it('answers 404 for whatever stands in a workspace that is not there', async () => {
    const paths = ['computes', 'datastores', 'connections', 'models', 'models/m/versions', 'codes/c/versions/1']

    const answers = await Promise.all(paths.map((path) => test.ask('GET', `${ML}/workspaces/none/${path}`)))

    expect(answers.map((one) => one.status)).toEqual(paths.map(() => 404))
  })

  it('refuses a continuation token that it did not make', async () => {
    const answer = await test.ask('GET', `${workspace}/models?$skip=nonsense`)

    expect([answer.status, answer.at('error.code')]).toEqual([400, 'InvalidSkipToken'])
  })
})
