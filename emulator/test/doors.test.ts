import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT } from '../src/tokens.ts'
import { failureOf } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

let emulator: RunningEmulator
let agent: Agent
/** Addresses of the cloud for two clients. */
let laptop: string
let desktop: string

beforeAll(async () => {
  emulator = await runEmulator()
  agent = new Agent({ connect: { ca: emulator.ca } })
  laptop = await addressFor('laptop')
  desktop = await addressFor('desktop')
})
afterAll(async () => {
  await agent.close()
  await emulator.end()
})

async function addressFor(client: string): Promise<string> {
  const env = (await emulator.control('GET', `env?client=${client}&cloud`)) as Record<string, string>
  return env['AZURE_AUTHORITY_HOST'] ?? ''
}

async function send(method: string, url: string, options: { body?: string; token?: string } = {}) {
  const { body = null, token } = options
  const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const answer = await request(url, { method: method as 'GET', dispatcher: agent, headers, body, headersTimeout: 2000 })
  const text = await answer.body.text()
  const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: answer.statusCode, headers: answer.headers, body: json }
}

async function signIn(address: string): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    scope: `${address}/.default`,
  })
  const { body } = await send('POST', `${address}/${TENANT}/oauth2/v2.0/token`, { body: `${form}` })
  return String(body['access_token'])
}

async function arm(method: string, path: string, body?: unknown) {
  const url = `${laptop}/subscriptions/${SUBSCRIPTION}${path}${path.includes('?') ? '&' : '?'}api-version=2024-04-01`
  const token = await signIn(laptop)
  return send(method, url, body === undefined ? { token } : { token, body: JSON.stringify(body) })
}

describe('a door', () => {
  it('describes the cloud with its own address, as a list for clients of before 2022 and as an object since', async () => {
    const own = {
      name: 'HoldfastLocal',
      portal: 'https://portal.azure.com',
      resourceManager: `${laptop}/`,
      authentication: { loginEndpoint: `${laptop}/` },
    }
    const old = await send('GET', `${laptop}/metadata/endpoints?api-version=2019-05-01`)
    const now = await send('GET', `${laptop}//metadata/endpoints?api-version=2022-09-01`)
    expect(old.body).toMatchObject([own])
    expect(now.body).toMatchObject(own)
  })

  it('signs in where the discovery document says, at its own address', async () => {
    const { body } = await send('GET', `${laptop}/${TENANT}/v2.0/.well-known/openid-configuration`)
    expect(body).toMatchObject({ token_endpoint: `${laptop}/${TENANT}/oauth2/v2.0/token` })
    expect((await signIn(laptop)).split('.')).toHaveLength(3)
  })

  it('names itself in the links of answers, of the front and of a region', async () => {
    await arm('PUT', '/resourceGroups/doors', { location: 'eastus2' })
    const providers = '/resourceGroups/doors/providers'
    const store = `${providers}/Microsoft.Storage/storageAccounts/doorstore`
    await arm('PUT', store, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
    const properties = { storageAccount: `/subscriptions/${SUBSCRIPTION}${store}` }
    const workspace = `${providers}/Microsoft.MachineLearningServices/workspaces/one`
    const made = await arm('PUT', workspace, { location: 'eastus2', properties })
    const removed = await arm('DELETE', '/resourceGroups/doors')
    expect(String(made.headers['azure-asyncoperation'])).toMatch(`${laptop}/subscriptions/${SUBSCRIPTION}/`)
    expect(String(removed.headers['location'])).toMatch(`${laptop}/subscriptions/${SUBSCRIPTION}/operationresults/`)
  })

  it('refuses what ARM refuses, and lets nobody claim another address', async () => {
    const url = `${laptop}/subscriptions?api-version=2022-12-01`
    const { status } = await send('GET', url)
    const { body } = await request(`${laptop}/metadata/endpoints?api-version=2022-09-01`, {
      dispatcher: agent,
      headers: { referer: 'https://elsewhere.example/' },
    })
    expect(status).toBe(401)
    expect(await body.json()).toMatchObject({ resourceManager: `${laptop}/` })
  })

  it('stays where it is over a restart of the emulator', async () => {
    const first = await runEmulator({ regions: 'eastus2' })
    const before = await first.control('GET', 'env?client=again&cloud')
    await first.end({ keep: true })
    const second = await runEmulator({ regions: 'eastus2', dir: first.dir })
    const after = await second.control('GET', 'env?client=again&cloud')
    await second.end()
    expect(after['ARM_CLOUD_METADATA_URL']).toBe(before['ARM_CLOUD_METADATA_URL'])
  })
})

describe('faults at a door', () => {
  const METADATA = '/metadata/endpoints?api-version=2022-09-01'
  const CONFIGURATION = `/${TENANT}/v2.0/.well-known/openid-configuration`

  async function under(faults: readonly unknown[], work: () => Promise<void>): Promise<void> {
    await emulator.control('PUT', 'faults', faults)
    await work().finally(() => emulator.control('DELETE', 'faults'))
  }

  it('cut off the client that the door belongs to, and no other', async () => {
    await under([{ is: 'cut', between: ['laptop', 'arm'] }], async () => {
      expect(await failureOf(send('GET', laptop + METADATA))).toBe('ECONNRESET')
      expect((await send('GET', laptop + CONFIGURATION)).status).toBe(200)
      expect((await send('GET', desktop + METADATA)).status).toBe(200)
    })
    expect((await send('GET', laptop + METADATA)).status).toBe(200)
  })

  it('meet ARM and sign-in apart, though both answer at one port', async () => {
    await under([{ is: 'down', at: 'signin' }], async () => {
      expect(await failureOf(send('GET', laptop + CONFIGURATION))).toBe('ECONNRESET')
      expect((await send('GET', laptop + METADATA)).status).toBe(200)
    })
    await under([{ is: 'throttle', at: 'arm', client: 'desktop' }], async () => {
      expect((await send('GET', desktop + METADATA)).status).toBe(429)
      expect((await send('GET', laptop + METADATA)).status).toBe(200)
    })
  })

  it('make a client wait without an answer, which then goes on', async () => {
    let waiting: Promise<unknown> | undefined
    await under([{ is: 'hang', at: 'arm' }], async () => {
      waiting = send('GET', laptop + METADATA)
      expect(await Promise.race([waiting, send('GET', laptop + CONFIGURATION).then(() => 'nothing yet')])).toBe(
        'nothing yet',
      )
    })
    expect(await waiting).toMatchObject({ status: 200 })
  })
})
