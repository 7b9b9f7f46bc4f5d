import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type Answer, type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/contract'
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w`
const VAULT = `${GROUP}/providers/Microsoft.KeyVault/vaults/kept`
const VM = { vmSize: 'Standard_DS3_v2', scaleSettings: { minNodeCount: 0, maxNodeCount: 1 } }
const COMPUTE = { location: 'eastus2', properties: { computeType: 'AmlCompute', properties: VM } }

let emulator: RunningEmulator
let client: AzureClient
let token: string

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'contract')
  token = await client.signIn()
  await client.arm('PUT', GROUP, { location: 'eastus2' })
  await client.arm('PUT', VAULT, { location: 'eastus2', properties: {} })
  const store = `${GROUP}/providers/Microsoft.Storage/storageAccounts/contractstore`
  await client.arm('PUT', store, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
  const id = (path: string) => `/subscriptions/${SUBSCRIPTION}${path}`
  const properties = { storageAccount: id(store), keyVault: id(VAULT) }
  await client.arm('PUT', WORKSPACE, { location: 'eastus2', identity: { type: 'SystemAssigned' }, properties })
}, 40_000)

afterAll(async () => {
  await client?.close()
  await emulator?.end()
})

/** Kills the region’s process as a power cut would, and starts it again on its store. */
async function powerCut(): Promise<void> {
  await emulator.control('POST', 'regions/eastus2/kill')
  await emulator.control('POST', 'regions/eastus2/start')
}

/** A request to an address that an answer named, or to a path below the subscription as it is written. */
function call(method: string, address: string, options: { headers?: Record<string, string>; body?: unknown } = {}) {
  const url = address.startsWith('https:')
    ? address
    : `https://management.azure.com/subscriptions/${SUBSCRIPTION}${address}?api-version=2024-04-01`
  const headers = { authorization: `Bearer ${token}`, ...options.headers }
  return client.send(method, url, { ...options, headers })
}

describe('a long-running operation', () => {
  it('names where to ask and when, and is asked to its end across a power cut', async () => {
    const begun = await client.arm('PUT', `${WORKSPACE}/computes/survivor`, COMPUTE)
    await powerCut()

    expect(begun.status).toBe(201)
    expect(Number(begun.headers['retry-after'])).toBeGreaterThan(0)
    const status = String(begun.headers['azure-asyncoperation'])
    const location = String(begun.headers['location'])
    expect([status, location].map((url) => new URL(url).host)).toEqual(['management.azure.com', 'management.azure.com'])
    expect((await ended(status)).body).toMatchObject({ status: 'Succeeded', percentComplete: 100 })
    expect((await call('GET', location)).body).toMatchObject({ name: 'survivor' })
    const made = await client.arm('GET', `${WORKSPACE}/computes/survivor`)
    expect(made.body['properties']).toMatchObject({ provisioningState: 'Succeeded' })
  })

  it('that removes something says 202 at its location until it is gone, also after a power cut', async () => {
    const begun = await client.arm('DELETE', `${WORKSPACE}/computes/survivor?underlyingResourceAction=Delete`)
    expect(begun.status).toBe(202)
    await powerCut()
    const location = String(begun.headers['location'])
    let answer = await call('GET', location)
    while (answer.status === 202) {
      expect(answer.headers['location']).toBeDefined()
      await sleep(50)
      answer = await call('GET', location)
    }
    expect(answer.status).toBe(204)
    expect((await client.arm('GET', `${WORKSPACE}/computes/survivor`)).status).toBe(404)
  })

  it('of another region, or of none, is not found', async () => {
    const place = '/providers/Microsoft.MachineLearningServices/locations/eastus2/mfeOperationsStatus/none'
    const { status, body } = await client.arm('GET', place)
    expect([status, body['error']]).toMatchObject([404, { code: 'OperationNotFound' }])
  })
})

describe('the links of a list in pages', () => {
  it.each([
    ['models', `${WORKSPACE}/models`, { properties: {} }],
    ['versions of a model', `${WORKSPACE}/models/m/versions`, { properties: { modelUri: 'azureml://x' } }],
    ['connections', `${WORKSPACE}/connections`, { properties: { category: 'PythonFeed', authType: 'None' } }],
    ['vaults', `${GROUP}/providers/Microsoft.KeyVault/vaults`, { location: 'eastus2', properties: {} }],
  ])('stay valid across a power cut, while others come and go: %s', async (_what, list, body) => {
    const put = (name: string) => client.arm('PUT', `${list}/${name}`, body)
    const names = Array.from({ length: 9 }, (_, index) => `p${index}`)
    for (const name of names) expect((await put(name)).status).toBeLessThan(300)
    const seen = await pagesOf(`${list}?$top=2`, async (page) => {
      if (page === 0) {
        // One that was shown, one that was not, and new ones at both ends.
        const [shown] = namesIn(await client.arm('GET', `${list}?$top=1`))
        const hidden = names.find((name) => name !== shown && name !== 'p4')
        await client.arm('DELETE', `${list}/${hidden}`)
        await put('a-new')
        await powerCut()
      }
      if (page === 1) await put('z-new')
    })

    expect(new Set(seen).size).toBe(seen.length)
    const still = namesIn(await client.arm('GET', list)).filter((name) => names.includes(name))
    expect(still.filter((name) => !seen.includes(name))).toEqual([])
  })

  it('of all resources and of groups lead on too', async () => {
    for (const name of ['g1', 'g2', 'g3']) await client.arm('PUT', `/resourceGroups/${name}`, { location: 'eastus2' })
    const groups = await pagesOf('/resourceGroups?$top=1', async (page) => {
      if (page === 1) await client.arm('PUT', '/resourceGroups/g4', { location: 'eastus2' })
    })
    expect(groups).toEqual(['contract', 'g1', 'g2', 'g3', 'g4'])
    const whole = namesIn(await client.arm('GET', `${GROUP}/resources`))
    expect(await pagesOf(`${GROUP}/resources?$top=2`)).toEqual(whole)
  })

  it('are refused where nobody made them', async () => {
    for (const list of [`${WORKSPACE}/models?$skip=bm9uc2Vuc2U`, `${GROUP}/resources?$skiptoken=x`]) {
      expect((await client.arm('GET', list)).body['error']).toMatchObject({ code: 'InvalidSkipToken' })
    }
  })
})

describe('a condition on the ETag', () => {
  it.each([
    ['a vault', `${GROUP}/providers/Microsoft.KeyVault/vaults/tagged`, { location: 'eastus2', properties: {} }],
    ['a model', `${WORKSPACE}/models/tagged`, { properties: {} }],
    ['a connection', `${WORKSPACE}/connections/tagged`, { properties: { category: 'PythonFeed', authType: 'None' } }],
    [
      'a datastore',
      `${WORKSPACE}/datastores/tagged`,
      {
        properties: {
          datastoreType: 'AzureBlob',
          accountName: 'contractstore',
          containerName: 'c',
          credentials: { credentialsType: 'None' },
        },
      },
    ],
    [
      'an endpoint',
      `${WORKSPACE}/onlineEndpoints/tagged-by-me`,
      { location: 'eastus2', properties: { authMode: 'Key' } },
    ],
  ])('is kept for %s', async (_what, path, body) => {
    const put = (headers: Record<string, string>) => call('PUT', path, { body, headers })
    const made = await put({ 'if-none-match': '*' })
    expect(made.status).toBeLessThan(300)
    expect((await put({ 'if-none-match': '*' })).status).toBe(412)
    const etag = await settled(path)
    expect((await put({ 'if-match': '"other"' })).status).toBe(412)
    expect((await put({ 'if-match': etag })).status).toBeLessThan(300)
    expect((await put({ 'if-match': etag })).status).toBe(412)
    expect((await call('DELETE', path, { headers: { 'if-match': etag } })).status).toBe(412)
    const now = await settled(path)
    expect((await call('DELETE', path, { headers: { 'if-match': now } })).status).toBeLessThan(300)
  })

  /** The ETag of what is being made no more: its end is a change of its own. */
  async function settled(path: string): Promise<string> {
    for (;;) {
      const { headers, body } = await call('GET', path)
      const state = (body as { properties?: { provisioningState?: string } }).properties?.provisioningState
      if (state === undefined || state === 'Succeeded') return String(headers['etag'])
      await sleep(50)
    }
  }

  it('means the same after a power cut', async () => {
    const before = (await call('GET', VAULT)).headers['etag']
    await powerCut()
    expect((await call('GET', VAULT)).headers['etag']).toBe(before)
  })
})

describe('a path', () => {
  it.each([
    `${WORKSPACE}/models/cased`.toUpperCase(),
    `${WORKSPACE}/MODELS/cased/`,
    `/${WORKSPACE.replaceAll('/', '//')}//models//cased`,
    `${WORKSPACE}/models/cas%65d`,
  ])('is the same whatever its case and its slashes: %s', async (path) => {
    await client.arm('PUT', `${WORKSPACE}/models/cased`, { properties: {} })
    const { status, body } = await call('GET', path)
    expect([status, body['name']]).toEqual([200, 'cased'])
  })

  it('is served under every version that clients send', async () => {
    const versions = ['2020-06-01', '2021-10-01-dataplanepreview', '2022-02-01-preview', '2023-08-01-preview']
    for (const version of [...versions, '2024-10-01-preview', '2025-12-01', '2026-09-01']) {
      const url = `https://management.azure.com/subscriptions/${SUBSCRIPTION}${WORKSPACE}?api-version=${version}`
      expect((await call('GET', url)).status).toBe(200)
    }
    const none = await call('GET', `https://management.azure.com/subscriptions/${SUBSCRIPTION}${WORKSPACE}`)
    expect(none.body['error']).toMatchObject({ code: 'MissingApiVersionParameter' })
  })
})

describe('a workspace that was deleted', () => {
  it('is purged although ARM shows it no more, and its name is free', async () => {
    const doomed = WORKSPACE.replace(/w$/, 'doomed')
    const { body } = await client.arm('GET', WORKSPACE)
    const { storageAccount, keyVault } = body['properties'] as Record<string, string>
    const made = { location: 'eastus2', properties: { storageAccount, keyVault } }
    await client.arm('PUT', doomed, made)
    const begun = await client.arm('DELETE', doomed)
    await ended(String(begun.headers['azure-asyncoperation']))
    expect((await client.arm('GET', doomed)).status).toBe(404)
    expect((await client.arm('PUT', doomed, made)).body['error']).toMatchObject({ code: 'Conflict' })

    expect((await client.arm('DELETE', `${doomed}?forceToPurge=true`)).status).toBe(204)
    expect((await client.arm('PUT', doomed, made)).status).toBe(201)
  })
})

/** Asks for the status as the vendor’s clients do, bearing that the region is away for a while. */
async function ended(status: string): Promise<Answer> {
  for (;;) {
    const answer = await call('GET', status)
    const running = answer.status === 503 || answer.body['status'] === 'InProgress'
    if (!running) return answer
    await sleep(50)
  }
}

/** Names on all pages, in order; `between` is called after each page but the last. */
async function pagesOf(list: string, between: (page: number) => Promise<void> = async () => {}): Promise<string[]> {
  const names: string[] = []
  let answer = await client.arm('GET', list)
  for (let page = 0; ; page++) {
    names.push(...namesIn(answer))
    const next = answer.body['nextLink']
    if (typeof next !== 'string') return names
    await between(page)
    answer = await call('GET', next)
  }
}

function namesIn({ body }: Answer): string[] {
  return (body['value'] as { name: string }[]).map(({ name }) => name)
}
