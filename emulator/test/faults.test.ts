import {
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpClient,
} from '@azure/core-rest-pipeline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type Answer, type AzureClient, azureClient, failureOf } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/east'
const VAULTS = `${GROUP}/providers/Microsoft.KeyVault/vaults`
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w`
const CAPACITY = '/providers/Microsoft.MachineLearningServices/locations/eastus2'
const MODELS = `${WORKSPACE}/models`
const TRACKING = `https://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}/api/2.0/mlflow`
const EAST = { at: 'eastus2' } as const

let emulator: RunningEmulator
let one: AzureClient
let two: AzureClient
let token: string

beforeAll(async () => {
  emulator = await runEmulator()
  one = azureClient(emulator, 'vantage-1')
  two = azureClient(emulator, 'vantage-2')
  token = await one.signIn()
  await one.arm('PUT', GROUP, { location: 'eastus2' })
  await put(`${GROUP}/providers/Microsoft.Storage/storageAccounts/faultstore`, {
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
  })
  await put(`${VAULTS}/v1`)
  const id = (rest: string) => `/subscriptions/${SUBSCRIPTION}${GROUP}/providers/${rest}`
  const properties = {
    storageAccount: id('Microsoft.Storage/storageAccounts/faultstore'),
    keyVault: id('Microsoft.KeyVault/vaults/v1'),
  }
  await put(WORKSPACE, { identity: { type: 'SystemAssigned' }, properties })
  for (const name of ['a', 'b', 'c', 'd']) await put(`${MODELS}/${name}`, { properties: { tags: { of: name } } })
}, 40_000)

afterEach(async () => {
  await emulator.control('DELETE', 'faults')
})

afterAll(async () => {
  await one?.close()
  await two?.close()
  await emulator?.end()
})

async function put(path: string, more: object = {}): Promise<Answer> {
  const answer = await one.arm('PUT', path, { location: 'eastus2', properties: {}, ...more })
  if (answer.status >= 300) throw new Error(`PUT ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer
}

async function faults(...list: unknown[]): Promise<void> {
  await emulator.control('PUT', 'faults', list)
}

function arm(method: string, path: string, options: { body?: unknown; headers?: Record<string, string> } = {}) {
  const url = `https://management.azure.com/subscriptions/${SUBSCRIPTION}${path}?api-version=2025-12-01`
  const headers = { authorization: `Bearer ${token}`, ...options.headers }
  return one.send(method, url, { ...options, headers })
}

function mlflow(path: string, body: unknown): Promise<Answer> {
  return one.send('POST', `${TRACKING}/${path}`, { body, headers: { authorization: `Bearer ${token}` } })
}

/** What the vendor's pipeline sends with. */
const undiciClient: HttpClient = {
  sendRequest: async (request) => {
    const { status, headers } = await one.send(request.method, request.url, { headers: request.headers.toJSON() })
    const said = Object.entries(headers).map(([name, value]) => [name, String(value)])
    return { request, status, headers: createHttpHeaders(Object.fromEntries(said)) }
  },
}

/** Status of a reading of one thing in the region, as one client sees it. */
async function statusFor(client: AzureClient, path = `${MODELS}/a`): Promise<number> {
  return (await client.arm('GET', path)).status
}

/** Writes that the region acknowledged, of what has this in its path. */
async function acknowledged(part: string): Promise<readonly { readonly method: string }[]> {
  const { lines } = (await emulator.control('GET', 'activity/eastus2?limit=10000')) as {
    lines: { method: string; target: string; body: string | null }[]
  }
  return lines.filter(({ target, body }) => target.includes(part) || body?.includes(part) === true)
}

/** Names on each page of the list of models, as its links lead; the last is the status of what was no page. */
async function pages(most = 6): Promise<unknown[]> {
  const seen: unknown[] = []
  const first = `https://management.azure.com/subscriptions/${SUBSCRIPTION}${MODELS}?api-version=2025-12-01&%24top=2`
  for (let url: unknown = first; typeof url === 'string' && seen.length < most; ) {
    const answer = await one.send('GET', url, { headers: { authorization: `Bearer ${token}` } })
    const { value } = answer.body as { value?: { name: string }[] }
    seen.push(value?.map(({ name }) => name).join('') ?? answer.status)
    url = answer.body['nextLink']
  }
  return seen
}

describe('what a fault is narrowed to', () => {
  const throttle = { is: 'throttle', ...EAST }

  it('is one client', async () => {
    await faults({ ...throttle, client: 'vantage-2' })
    expect([await statusFor(one), await statusFor(two)]).toEqual([200, 429])
  })

  it('is a method and a path', async () => {
    await faults({ ...throttle, route: 'GET **/models/*' })
    expect(await statusFor(one, `${MODELS}/a`)).toBe(429)
    expect(await statusFor(one, MODELS)).toBe(200)
    expect((await arm('PUT', `${MODELS}/a`, { body: { properties: { tags: { of: 'a' } } } })).status).toBe(200)
  })

  it('is an operation by its name', async () => {
    await faults({ ...throttle, route: 'model_containers_*' })
    expect([await statusFor(one), await statusFor(one, WORKSPACE)]).toEqual([429, 200])
    await faults(
      { ...throttle, route: 'createExperiment' },
      { is: 'slow', ...EAST, route: 'nothing', milliseconds: 60_000 },
    )
    expect((await mlflow('experiments/create', { name: 'never' })).status).toBe(429)
    expect(await acknowledged('never')).toEqual([])
    expect((await mlflow('experiments/search', { max_results: 5 })).status).toBe(200)
  })

  it('is a number of requests, which goes on being counted when other faults come', async () => {
    await faults({ ...throttle, times: 2 })
    const first = await statusFor(one)
    const { faults: inForce } = (await emulator.control('GET', 'faults')) as { faults: unknown[] }
    await faults(...inForce, { is: 'slow', at: 'centralus', milliseconds: 1 })
    expect([first, await statusFor(one), await statusFor(one)]).toEqual([429, 429, 200])
  })

  it('is a share of requests, the same for the same seed', async () => {
    async function drawn(seed: number): Promise<string> {
      await faults({ ...throttle, chance: 0.5, seed })
      const met: number[] = []
      for (let n = 0; n < 16; n++) met.push(await statusFor(one))
      return met.map((status) => (status === 429 ? 'x' : '.')).join('')
    }
    const first = await drawn(7)
    expect(first).toMatch(/x/)
    expect(first).toMatch(/\./)
    expect([await drawn(7), (await drawn(8)) === first]).toEqual([first, false])
  })

  it('is refused with a sentence where it cannot be so', async () => {
    const wrong = faults({ is: 'quota', ...EAST, family: '*', client: 'vantage-1' })
    await expect(wrong).rejects.toThrow('`quota` is a state of the whole place and cannot be narrowed by `client`.')
  })
})

describe('throttle', () => {
  it('says when to come again as a number, as a date, not at all, or as nonsense', async () => {
    async function said(more: object): Promise<unknown> {
      await faults({ is: 'throttle', ...EAST, ...more })
      return (await arm('GET', `${MODELS}/a`)).headers['retry-after']
    }
    expect(await said({ retryAfterSeconds: 3 })).toBe('3')
    expect(await said({ retryAfterAs: 'absent' })).toBeUndefined()
    expect(await said({ retryAfterText: 'when it suits' })).toBe('when it suits')
    expect(Date.parse(String(await said({ retryAfterSeconds: 600, retryAfterAs: 'date' })))).toBeGreaterThan(Date.now())
  })

  it('is waited out by the vendor’s own pipeline, by number and by date', async () => {
    const pipeline = createPipelineFromOptions({})
    const url = `https://management.azure.com/subscriptions/${SUBSCRIPTION}${MODELS}/a?api-version=2025-12-01`
    for (const retryAfterAs of ['seconds', 'date']) {
      await faults({ is: 'throttle', ...EAST, retryAfterSeconds: 1, retryAfterAs, times: 2 })
      const request = createPipelineRequest({ url })
      request.headers.set('authorization', `Bearer ${token}`)
      expect((await pipeline.sendRequest(undiciClient, request)).status).toBe(200)
    }
  })
})

describe('lost-answer', () => {
  it('is a 504 for a write that the region did and recorded, and a second try finds it done', async () => {
    await faults({ is: 'lost-answer', ...EAST, route: 'PUT **/models/lost', times: 1 })
    const body = { properties: { tags: { lost: 'once' } } }
    expect((await arm('PUT', `${MODELS}/lost`, { body })).status).toBe(504)
    expect((await acknowledged('/models/lost')).map(({ method }) => method)).toEqual(['PUT'])
    expect(await statusFor(one, `${MODELS}/lost`)).toBe(200)
    expect((await arm('PUT', `${MODELS}/lost`, { body })).status).toBe(200)
    expect((await arm('DELETE', `${MODELS}/lost`)).status).toBeLessThan(300)
  })

  it('can be a closed connection', async () => {
    await faults({ is: 'lost-answer', ...EAST, answer: 'closed', route: 'createExperiment' })
    expect(await failureOf(mlflow('experiments/create', { name: 'half-known' }))).toBe('ECONNRESET')
    expect(await acknowledged('half-known')).toHaveLength(1)
    expect(await mlflow('experiments/search', { max_results: 1 })).toMatchObject({ status: 200 })
  })
})

describe('reset', () => {
  it('ends an answer in the middle of its body', async () => {
    await faults({ is: 'reset', ...EAST, plane: 'mlflow', afterBytes: 10, times: 1 })
    expect(await failureOf(mlflow('experiments/search', { max_results: 5 }))).not.toBe('answered')
    expect((await mlflow('experiments/search', { max_results: 5 })).status).toBe(200)
  })

  it('through ARM breaks off what ARM passes on', async () => {
    await faults({ is: 'reset', ...EAST, plane: 'arm', times: 1 })
    expect(await failureOf(arm('GET', `${MODELS}/a`))).not.toBe('answered')
    expect(await statusFor(one)).toBe(200)
  })
})

describe('lists', () => {
  it('are as they were when they became stale, and single things are as they are', async () => {
    const before = await pages()
    await faults({ is: 'stale-list', ...EAST })
    await put(`${MODELS}/fresh`, { properties: { tags: {} } })
    expect(await statusFor(one, `${MODELS}/fresh`)).toBe(200)
    expect(await pages()).toEqual(before)
    await faults()
    expect((await pages()).join('')).toContain('fresh')
    await one.arm('DELETE', `${MODELS}/fresh`)
  })

  it('are stale for one operation only, if so ordered', async () => {
    await faults({ is: 'stale-list', ...EAST, route: 'searchExperiments' })
    await mlflow('experiments/create', { name: 'unlisted' })
    await put(`${MODELS}/listed`, { properties: { tags: {} } })
    expect(JSON.stringify((await mlflow('experiments/search', { max_results: 100 })).body)).not.toContain('unlisted')
    expect((await pages()).join('')).toContain('listed')
    await one.arm('DELETE', `${MODELS}/listed`)
  })

  it('bring a page twice', async () => {
    const [first, ...rest] = await pages()
    await faults({ is: 'duplicate-page', ...EAST, times: 1 })
    expect(await pages()).toEqual([first, first, ...rest])
    await faults({ is: 'duplicate-page', ...EAST })
    expect(await pages(4)).toEqual([first, first, first, first])
  })

  it('of MLflow bring a page twice too', async () => {
    await faults({ is: 'duplicate-page', ...EAST, plane: 'mlflow' })
    const first = await mlflow('experiments/search', { max_results: 1 })
    const second = await mlflow('experiments/search', { max_results: 1, page_token: first.body['next_page_token'] })
    expect(second.body).toEqual(first.body)
  })

  it('lose the token of their next page', async () => {
    const [first, ...rest] = await pages()
    await faults({ is: 'lost-page-token', ...EAST, times: 1 })
    expect(await pages()).toEqual([first, 400])
    expect(await pages()).toEqual([first, ...rest])
    await faults({ is: 'lost-page-token', ...EAST, plane: 'mlflow' })
    const { body } = await mlflow('experiments/search', { max_results: 1 })
    expect(await mlflow('experiments/search', { max_results: 1, page_token: body['next_page_token'] })).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    })
  })
})

it('wrong-etag refuses a condition that is right, and nothing is done', async () => {
  const [path, headers] = [`${VAULTS}/v1`, { 'if-match': '*' }]
  await faults({ is: 'wrong-etag', ...EAST, times: 1 })
  const change = { body: { location: 'eastus2', tags: { changed: 'yes' }, properties: {} }, headers }
  expect(await arm('PUT', path, change)).toMatchObject({ status: 412, body: { error: { code: 'PreconditionFailed' } } })
  expect((await arm('GET', path)).body['tags']).toBeUndefined()
  expect((await arm('PUT', path, change)).status).toBe(200)
})

it('expired-token refuses a bearer for a while', async () => {
  await faults({ is: 'expired-token', ...EAST, times: 2 })
  const first = await arm('GET', `${MODELS}/a`)
  expect(first).toMatchObject({ status: 401, body: { error: { code: 'ExpiredAuthenticationToken' } } })
  expect(String(first.headers['www-authenticate'])).toContain('expired')
  expect([await statusFor(one), await statusFor(one)]).toEqual([401, 200])
})

it('quota leaves no cores of a family, and says so', async () => {
  const cluster = {
    body: {
      location: 'eastus2',
      properties: {
        computeType: 'AmlCompute',
        properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings: { minNodeCount: 0, maxNodeCount: 1 } },
      },
    },
  }
  await faults({ is: 'quota', ...EAST, family: 'standardDSv2Family' })
  const refused = await arm('PUT', `${WORKSPACE}/computes/cpu`, cluster)
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'ClusterCoreQuotaReached' } } })
  const { value } = (await arm('GET', `${CAPACITY}/usages`)).body as {
    value: { limit: number; name: { value: string } }[]
  }
  const family = value.find(({ name }) => name.value === 'Standard DSv2 Family Cluster Dedicated vCPUs')
  expect(family).toMatchObject({ limit: 0, type: 'Microsoft.MachineLearningServices/vmFamily/usages' })
  await faults()
  expect((await arm('PUT', `${WORKSPACE}/computes/cpu`, cluster)).status).toBeLessThan(300)
})

it('disk-full acknowledges no write and serves readings', async () => {
  for (const status of ['507', 500]) {
    await faults({ is: 'disk-full', ...EAST, status })
    expect((await arm('PUT', `${MODELS}/full`, { body: { properties: {} } })).status).toBe(Number(status))
    expect((await mlflow('experiments/create', { name: 'full' })).status).toBe(Number(status))
    expect((await mlflow('experiments/search', { max_results: 1 })).status).toBe(200)
    expect((await mlflow('registered-models/get-latest-versions', { name: 'a' })).status).toBe(200)
    expect(await statusFor(one)).toBe(200)
  }
  await faults()
  expect(await acknowledged('/models/full')).toEqual([])
  expect(await acknowledged('"full"')).toEqual([])
  expect(await statusFor(one, `${MODELS}/full`)).toBe(404)
})

it('a reading that is asked by POST is no acknowledged write', async () => {
  expect((await mlflow('experiments/search', { max_results: 1 })).status).toBe(200)
  expect((await arm('POST', `${WORKSPACE}/listStorageAccountKeys`)).status).toBe(200)
  expect(await acknowledged('experiments/search')).toEqual([])
  expect(await acknowledged('/listStorageAccountKeys')).toEqual([])
})

it('lost-page-token reads no body that is no page', async () => {
  await faults({ is: 'lost-page-token', at: 'signin' })
  expect(await one.signIn()).not.toBe('')
})
