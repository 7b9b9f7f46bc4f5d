import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { movableClock } from '../../clock.ts'
import { Faults } from '../../faults.ts'
import { router } from '../../router.ts'
import { requestListener } from '../../server.ts'
import { Activity } from '../../state/activity.ts'
import { Database } from '../../state/database.ts'
import type { ArmRequest, ArmResponse, FrontArm } from '../front-arm.ts'
import { deploymentRoutes } from './routes.ts'

const SUBSCRIPTION = '/subscriptions/10ca1e00-0000-4000-8000-00000000000a'
const GROUP = `${SUBSCRIPTION}/resourceGroups/rg`
const ONE = `${GROUP}/providers/Microsoft.Resources/deployments/one`
const V = '?api-version=2020-06-01'

/** What a test reads of an answer. */
interface Body {
  readonly [name: string]: Body
}

type Answer = Omit<ArmResponse, 'body'> & { readonly body: Body }

let dir: string
let emulated: Emulated

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deployments-'))
  emulated = await emulate(dir)
})

afterEach(async () => {
  await emulated.close()
  await rm(dir, { recursive: true })
})

describe('a deployment', () => {
  it('creates resources in their order, each followed to its end, and shows outputs of live ones', async () => {
    const begun = await emulated.arm('PUT', ONE + V, deployment(PAIR, { secret: { value: 'hush' } }))
    expect(begun.status).toBe(201)
    expect(begun.headers['azure-asyncoperation']).toContain(`${ONE}/operationStatuses/`)
    expect(begun.body['properties']).toMatchObject({ provisioningState: 'Accepted', mode: 'Incremental' })

    expect(await ended(begun)).toEqual({ status: 'Succeeded' })

    const { body } = await emulated.arm('GET', ONE + V)
    expect(body['properties']).toMatchObject({
      provisioningState: 'Succeeded',
      parameters: { secret: { type: 'SecureString' }, location: { type: 'String', value: 'eastus2' } },
      outputs: { host: { type: 'String', value: 'slow.example' } },
      outputResources: [{ id: id('Quick/things', 'quick') }, { id: id('Slow/things', 'slow') }],
    })
    expect(emulated.puts).toEqual(['slow', 'quick'])
    expect(emulated.things.get(id('Quick/things', 'quick').toLowerCase())).toMatchObject({
      location: 'eastus2',
      properties: { host: 'slow.example', secret: 'hush' },
    })
    expect(JSON.stringify(emulated.activity.since(0))).not.toContain('hush')
  })

  it('bears the correlation id of its request, or one of its own', async () => {
    const first = await emulated.arm('PUT', ONE + V, deployment({ resources: [] }))
    const own = String(first.headers['x-ms-correlation-request-id'])
    expect(own).toMatch(/^[-0-9a-f]{36}$/)
    await ended(first)
    expect((await emulated.arm('GET', ONE + V)).body['properties']).toMatchObject({ correlationId: own })
  })

  it('lists an operation for each resource, also at the address without a provider', async () => {
    await ended(await emulated.arm('PUT', ONE + V, deployment(PAIR, { secret: { value: 'x' } })))

    const { body } = await emulated.arm('GET', `${SUBSCRIPTION}/resourcegroups/rg/deployments/one/operations${V}`)

    expect(body['value']).toMatchObject([
      {
        properties: {
          provisioningState: 'Succeeded',
          statusCode: 'Created',
          targetResource: { id: id('Slow/things', 'slow'), resourceType: 'Slow.Provider/things', resourceName: 'slow' },
        },
      },
      { properties: { provisioningState: 'Succeeded', targetResource: { resourceName: 'quick' } } },
      { properties: { provisioningOperation: 'EvaluateDeploymentOutput' } },
    ])
  })

  it('that fails tells the inner error, leaves out what waited, and does the rest', async () => {
    const template = {
      resources: [
        thing('Bad.Provider/things', 'bad'),
        thing('Quick.Provider/things', 'after', { dependsOn: ['bad'] }),
        thing('Quick.Provider/things', 'aside'),
      ],
    }
    const end = await ended(await emulated.arm('PUT', ONE + V, deployment(template)))

    expect(end).toMatchObject({
      status: 'Failed',
      error: { code: 'DeploymentFailed', details: [{ code: 'Unwanted', message: 'Nobody wants bad.' }] },
    })
    expect(emulated.puts.toSorted()).toEqual(['aside', 'bad'])
    const { body } = await emulated.arm('GET', `${ONE}/operations${V}`)
    expect(body['value']).toMatchObject([
      { properties: { statusCode: 'Conflict', statusMessage: { status: 'Failed', error: { code: 'Unwanted' } } } },
      { properties: { provisioningState: 'Succeeded' } },
    ])
  })

  it('may nest others, in another resource group and with their own outputs', async () => {
    const template = {
      resources: [
        {
          type: 'Microsoft.Resources/deployments',
          apiVersion: '2021-04-01',
          name: 'inside',
          resourceGroup: 'other',
          properties: {
            mode: 'Incremental',
            expressionEvaluationOptions: { scope: 'inner' },
            template: {
              resources: [thing('Quick.Provider/things', "[concat('in-', resourceGroup().name)]")],
              outputs: { name: { type: 'string', value: '[resourceGroup().name]' } },
            },
          },
        },
      ],
      outputs: { inner: { type: 'string', value: "[reference('inside').outputs.name.value]" } },
    }
    expect(await ended(await emulated.arm('PUT', ONE + V, deployment(template)))).toEqual({ status: 'Succeeded' })
    const { body } = await emulated.arm('GET', ONE + V)
    expect(body['properties']?.['outputs']).toEqual({ inner: { type: 'String', value: 'other' } })
    expect(emulated.puts).toEqual(['in-other'])
  })

  it('at the subscription needs a location', async () => {
    const path = `${SUBSCRIPTION}/providers/Microsoft.Resources/deployments/two${V}`
    const template = { resources: [thing('Quick.Provider/things', 'wide')] }
    expect((await emulated.arm('PUT', path, deployment(template))).body).toMatchObject({
      error: { code: 'LocationRequired' },
    })
    const begun = await emulated.arm('PUT', path, { location: 'eastus2', ...deployment(template) })
    expect(await ended(begun)).toEqual({ status: 'Succeeded' })
    expect([...emulated.things.keys()]).toEqual([`${SUBSCRIPTION}/providers/Quick.Provider/things/wide`.toLowerCase()])
  })

  it('is refused before anything is created where its template is not in order', async () => {
    const template = { resources: [thing('Quick.Provider/things', 'a'), thing('Quick.Provider/things', "[nope('b')]")] }
    const refused = await emulated.arm('PUT', ONE + V, deployment(template))
    expect(refused.status).toBe(400)
    expect(refused.body['error']).toEqual({
      code: 'InvalidTemplate',
      message:
        "Deployment template validation failed: 'The template function 'nope' is not valid. Please see https://aka.ms/arm-template-expressions for usage details.'.",
      additionalInfo: [
        {
          type: 'TemplateViolation',
          info: {
            lineNumber: 1,
            linePosition: JSON.stringify(template).indexOf(`"[nope('b')]"`),
            path: 'resources[1].name',
          },
        },
      ],
    })
    expect(emulated.puts).toEqual([])
    expect((await emulated.arm('GET', ONE + V)).status).toBe(404)
  })

  it('in a resource group that is not there is a 404', async () => {
    const path = `${SUBSCRIPTION}/resourceGroups/none/providers/Microsoft.Resources/deployments/one${V}`
    const { status, body } = await emulated.arm('PUT', path, deployment({ resources: [] }))
    expect([status, body['error']?.['code']]).toEqual([404, 'ResourceGroupNotFound'])
  })

  it('names what it does not do', async () => {
    const linked = {
      properties: {
        mode: 'Incremental',
        templateLink: { id: `${GROUP}/providers/Microsoft.Resources/templateSpecs/a/versions/1` },
      },
    }
    const { body } = await emulated.arm('PUT', ONE + V, linked)
    expect(body).toMatchObject({
      error: { code: 'NotImplemented', message: expect.stringContaining('with a template spec') },
    })
  })

  it('may be Complete in a resource group only', async () => {
    const path = `${SUBSCRIPTION}/providers/Microsoft.Resources/deployments/two${V}`
    const body = { location: 'eastus2', properties: { mode: 'Complete', template: { resources: [] } } }
    expect((await emulated.arm('PUT', path, body)).body).toMatchObject({ error: { code: 'InvalidDeploymentMode' } })
  })

  it('at the tenant has no subscription', async () => {
    const path = `/providers/Microsoft.Resources/deployments/wide${V}`
    const inside = (value: string) => ({
      location: 'eastus2',
      properties: { mode: 'Incremental', template: { resources: [], outputs: { it: { type: 'string', value } } } },
    })
    const begun = await emulated.arm('PUT', path, inside("[tenantResourceId('Some.Provider/things', 'x')]"))
    expect(await ended(begun)).toEqual({ status: 'Succeeded' })
    const refused = await ended(await emulated.arm('PUT', path, inside('[subscription().id]')))
    expect(JSON.stringify(refused)).toContain('is not valid at the scope of a tenant')
  })
})

describe('deployments', () => {
  it('are validated without being kept', async () => {
    const wanted = deployment(PAIR, { secret: { value: 'x' } })
    const { status, body } = await emulated.arm('POST', `${ONE}/validate${V}`, wanted)
    expect(status).toBe(200)
    expect(body['properties']).toMatchObject({
      provisioningState: 'Succeeded',
      validatedResources: [{ id: id('Quick/things', 'quick') }, { id: id('Slow/things', 'slow') }],
      dependencies: [{ id: id('Quick/things', 'quick'), dependsOn: [{ id: id('Slow/things', 'slow') }] }],
    })
    expect((await emulated.arm('HEAD', ONE + V)).status).toBe(404)
    const missing = await emulated.arm('POST', `${ONE}/validate${V}`, deployment(PAIR))
    expect([missing.status, missing.body['error']?.['code']]).toEqual([400, 'InvalidTemplate'])
  })

  it('are listed newest first by pages, exported and deleted', async () => {
    for (const name of ['one', 'two', 'three']) {
      await ended(await emulated.arm('PUT', ONE.replace(/one$/, name) + V, deployment({ resources: [] })))
    }
    const list = `${GROUP}/providers/Microsoft.Resources/deployments`
    const first = (await emulated.arm('GET', `${list}${V}&$top=2`)).body
    expect(first['value']).toMatchObject([{ name: 'three' }, { name: 'two' }])
    const next = new URL(String(first['nextLink']))
    expect((await emulated.arm('GET', next.pathname + next.search)).body).toMatchObject({ value: [{ name: 'one' }] })
    expect((await emulated.arm('POST', `${ONE}/exportTemplate${V}`)).body).toEqual({ template: { resources: [] } })
    expect((await emulated.arm('HEAD', ONE + V)).status).toBe(204)
    expect((await emulated.arm('DELETE', ONE + V)).status).toBe(204)
    expect((await emulated.arm('GET', ONE + V)).body).toMatchObject({ error: { code: 'DeploymentNotFound' } })
  })

  it('under way cannot be replaced, and begin nothing more once cancelled', async () => {
    const template = {
      resources: [
        thing('Stuck.Provider/things', 'stuck'),
        thing('Quick.Provider/things', 'never', { dependsOn: ['stuck'] }),
      ],
    }
    const begun = await emulated.arm('PUT', ONE + V, deployment(template))
    await until(() => emulated.puts.includes('stuck'))
    expect((await emulated.arm('PUT', ONE + V, deployment(template))).body).toMatchObject({
      error: { code: 'DeploymentActive' },
    })
    expect((await emulated.arm('POST', `${ONE}/cancel${V}`)).status).toBe(204)
    emulated.release()
    expect(await ended(begun)).toEqual({ status: 'Canceled' })
    expect(emulated.puts).toEqual(['stuck'])
    expect((await emulated.arm('POST', `${ONE}/cancel${V}`)).status).toBe(409)
  })

  it('of one name that two clients begin at once are one', async () => {
    const template = { resources: [thing('Quick.Provider/things', 'once')] }
    emulated.db.hold()
    const asked = [1, 2].map(() => emulated.arm('PUT', ONE + V, deployment(template)))
    // Long enough for both to wait for the same group of writes.
    await sleep(100)
    emulated.db.release()
    const answers = await Promise.all(asked)
    const [first] = answers.filter(({ status }) => status === 201)
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
    expect(first === undefined ? undefined : await ended(first)).toEqual({ status: 'Succeeded' })
    expect(emulated.puts).toEqual(['once'])
  })

  it('that could not be written down are not under way', async () => {
    const add = emulated.activity.add
    emulated.activity.add = () => {
      throw new Error('no more room')
    }
    expect((await emulated.arm('PUT', ONE + V, deployment({ resources: [] }))).status).toBe(500)
    emulated.activity.add = add
    const begun = await emulated.arm('PUT', ONE + V, deployment({ resources: [] }))
    expect(await ended(begun)).toEqual({ status: 'Succeeded' })
  })

  it('that a restart interrupts are failed afterwards', async () => {
    await emulated.arm('PUT', ONE + V, deployment({ resources: [thing('Stuck.Provider/things', 'stuck')] }))
    await until(() => emulated.puts.includes('stuck'))
    await emulated.close()
    emulated = await emulate(dir)
    const { body } = await emulated.arm('GET', ONE + V)
    expect(body['properties']).toMatchObject({ provisioningState: 'Failed', error: { code: 'DeploymentInterrupted' } })
  })
})

const PAIR = {
  parameters: {
    location: { type: 'string', defaultValue: '[resourceGroup().location]' },
    secret: { type: 'securestring' },
  },
  resources: [
    thing('Quick.Provider/things', 'quick', {
      location: "[parameters('location')]",
      properties: { host: "[reference('slow').host]", secret: "[parameters('secret')]" },
    }),
    thing('Slow.Provider/things', 'slow', { properties: { host: 'slow.example' } }),
  ],
  outputs: { host: { type: 'string', value: "[reference('slow').host]" } },
}

function thing(type: string, name: string, more: object = {}): object {
  return { type, apiVersion: '2020-01-01', name, ...more }
}

function id(type: string, name: string): string {
  const [provider = '', kind = ''] = type.split('/')
  return `${GROUP}/providers/${provider}.Provider/${kind}/${name}`
}

function deployment(template: object, parameters?: object): object {
  return { properties: { mode: 'incremental', template, ...(parameters === undefined ? {} : { parameters }) } }
}

/** Polls as a client does, and returns the last answer. */
async function ended(begun: Answer): Promise<Body> {
  const { pathname, search } = new URL(begun.headers['azure-asyncoperation'] ?? 'https://no-status/')
  for (;;) {
    const { status, body } = await emulated.arm('GET', pathname + search)
    if (status !== 200 || !['Accepted', 'Running'].includes(String(body['status']))) return body
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

interface Emulated {
  readonly db: Database
  readonly puts: string[]
  readonly things: Map<string, Record<string, unknown>>
  readonly activity: Activity
  arm(method: string, path: string, body?: object): Promise<Answer>
  /** Lets the operations of `Stuck.Provider` end. */
  release(): void
  close(): Promise<void>
}

/** Deployments over HTTP, and around them providers that only keep what they are given. */
async function emulate(root: string): Promise<Emulated> {
  const clock = movableClock()
  const db = new Database(join(root, 'front.db'))
  const activity = new Activity(db)
  const puts: string[] = []
  const things = new Map<string, Record<string, unknown>>()
  let released = false
  let polls = 0

  async function request(call: ArmRequest): Promise<ArmResponse> {
    const path = call.path.replace(/\?.*/, '')
    if (/\/deployments\//i.test(path)) return overHttp(server, call)
    if (path === SUBSCRIPTION) return answer(200, { id: path, subscriptionId: path.slice(15), tenantId: 't' })
    if (/^\/poll\/(Stuck|Slow)/.test(path)) {
      const done = path.startsWith('/poll/Stuck') ? released : ++polls > 2
      return answer(200, { status: done ? 'Succeeded' : 'InProgress' })
    }
    const group = /resourceGroups\/([^/]+)$/i.exec(path)?.[1]
    if (group === 'none') return answer(404, { error: { code: 'ResourceGroupNotFound', message: 'No such group.' } })
    if (group !== undefined) return answer(200, { id: path, name: group, location: 'eastus2' })
    if (call.method === 'PUT') return put(path, call.body as Record<string, unknown>)
    const found = things.get(path.toLowerCase())
    return found === undefined
      ? answer(404, { error: { code: 'ResourceNotFound', message: path } })
      : answer(200, found)
  }

  function put(path: string, body: Record<string, unknown>): ArmResponse {
    puts.push(path.split('/').at(-1) ?? '')
    if (path.includes('/Bad.')) return answer(409, { error: { code: 'Unwanted', message: 'Nobody wants bad.' } })
    things.set(path.toLowerCase(), body)
    if (path.includes('/Quick.')) return answer(200, body)
    const poll = `https://management.azure.com/poll/${path.includes('/Slow.') ? 'Slow' : 'Stuck'}?api-version=1`
    return { ...answer(201, body), headers: { 'azure-asyncoperation': poll } }
  }

  const front: FrontArm = { db, clock, request, read: async () => undefined }
  const find = router(deploymentRoutes(front))
  const listener = requestListener({
    planes: [
      {
        name: 'arm',
        offers: [],
        serves: () => true,
        authenticate: async () => ({ id: 'tester', audience: 'arm' }),
        handle: find,
        refuse: ({ status, code, message, headers }) => ({ status, headers, body: { error: { code, message } } }),
      },
    ],
    db,
    activity,
    faults: new Faults(),
    clock,
  })
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    db,
    puts,
    things,
    activity,
    arm: async (method, path, body) =>
      (await overHttp(server, { method, path, body, authorization: 'Bearer x', client: 'c' })) as Answer,
    release: () => {
      released = true
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      db.close()
    },
  }
}

function answer(status: number, body: unknown): ArmResponse {
  return { status, headers: {}, body }
}

async function overHttp(server: Server, call: ArmRequest): Promise<ArmResponse> {
  const { port } = server.address() as AddressInfo
  const headers = { host: 'management.azure.com', authorization: call.authorization }
  const request = httpRequest({ host: '127.0.0.1', port, method: call.method, path: call.path, headers, agent: false })
  request.end(call.body === undefined ? undefined : JSON.stringify(call.body))
  const [response] = await once(request, 'response')
  const body = await text(response)
  return { status: response.statusCode, headers: response.headers, body: body === '' ? {} : JSON.parse(body) }
}
