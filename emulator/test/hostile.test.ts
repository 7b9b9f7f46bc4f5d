import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as secure } from 'node:tls'
import { importJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChaosClient } from '../../test/chaos/client.ts'
import { makeSite } from '../../test/chaos/site.ts'
import type { Site } from '../../test/chaos/things/thing.ts'
import { startTestEmulator, type TestEmulator } from '../../test/support/emulator.ts'
import { ISSUER, TENANT } from '../src/tokens.ts'

const REGION = 'eastus2'
const CANARY = 'the bird that must not sing'
const DATA = `https://${REGION}.api.azureml.ms`

/** Folder of the canary; the emulator's is inside it. */
const cage = mkdtempSync(join(tmpdir(), 'cage-'))
const env = { EMULATOR_ALLOCATION_SECONDS: '86400' }
let emulator: TestEmulator
let client: ChaosClient
let site: Site
/** Another workspace of the same group, on the same account. */
let other: string

beforeAll(async () => {
  writeFileSync(join(cage, 'canary'), CANARY)
  emulator = await startTestEmulator({ regions: [REGION], dir: join(cage, 'emulator'), env })
  client = new ChaosClient('hostile', emulator)
  site = await makeSite(client, emulator.subscription, REGION)
  other = site.workspace.replace(/[^/]+$/, 'other')
  const storageAccount = `${site.group}/providers/Microsoft.Storage/storageAccounts/${site.account}`
  await arm('PUT', other, { location: REGION, properties: { storageAccount } })
})
afterAll(async () => {
  await client.close()
  await emulator.stop()
  rmSync(cage, { recursive: true, force: true })
})

function arm(method: string, path: string, body?: object | string) {
  const url = `https://management.azure.com${path}?api-version=2025-12-01`
  return client.send(method, url, { ...(body === undefined ? {} : { body }) })
}

function mlflow(workspace: string, method: string, path: string, body?: object | string | Buffer) {
  const url = `${DATA}/mlflow/v2.0${workspace}/api/2.0/${path}`
  return client.send(method, url, { ...(body === undefined ? {} : { body }) })
}

function history(workspace: string, method: string, path: string, body?: object | string) {
  return client.send(method, `${DATA}/history/v1.0${workspace}/${path}`, { ...(body === undefined ? {} : { body }) })
}

/** One place of each face, and where its refusal has its code. */
const faces = () => [
  { url: `https://management.azure.com${site.group}?api-version=2024-03-01`, code: 'error.code' },
  { url: `https://management.azure.com${site.workspace}?api-version=2025-12-01`, code: 'error.code' },
  { url: `${DATA}/history/v1.0${site.workspace}/runs/x`, code: 'error.code' },
  { url: `${DATA}/mlflow/v2.0${site.workspace}/api/2.0/mlflow/runs/get?run_id=x`, code: 'error_code' },
]

interface Claims {
  readonly issuer?: string
  readonly audience?: string
  readonly notBefore?: number
  readonly expires?: number
}

/** A token as the emulator would issue it, but for what is given. */
async function token(claims: Claims, key?: KeyObject): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const { privateJwk } = JSON.parse(readFileSync(join(emulator.dir, 'signing-key.json'), 'utf8'))
  return new SignJWT({ oid: 'somebody', tid: TENANT })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: privateJwk.kid })
    .setIssuer(claims.issuer ?? ISSUER)
    .setAudience(claims.audience ?? 'https://management.azure.com')
    .setIssuedAt(now)
    .setNotBefore(now + (claims.notBefore ?? -5))
    .setExpirationTime(now + (claims.expires ?? 3600))
    .sign(key ?? (await importJWK(privateJwk, 'RS256')))
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token that is signed by nobody, or with the public key taken for a secret. */
async function unsigned(alg: string): Promise<string> {
  const [, payload] = (await token({})).split('.')
  return `${encoded({ alg, typ: 'JWT' })}.${payload}.${alg === 'none' ? '' : 'AAAA'}`
}

describe('a token', () => {
  const foreign = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

  it('is taken where it is in order, so that the refusals below are not of everything', async () => {
    for (const { url } of faces()) {
      const answer = await client.send('GET', url, { headers: { authorization: `Bearer ${await token({})}` } })
      expect(answer.status, url).not.toBe(401)
    }
  })

  it.each<readonly [string, () => Promise<string>]>([
    ['says that it needs no signature', () => unsigned('none')],
    ['is signed with a shared secret', () => unsigned('HS256')],
    ['is signed with another key', () => token({}, foreign())],
    ['is of another tenant', () => token({ issuer: 'https://sts.windows.net/20000000-0000-4000-8000-000000000002/' })],
    ['is for another audience', () => token({ audience: 'https://graph.microsoft.com' })],
    ['is for storage', () => token({ audience: 'https://storage.azure.com' })],
    ['has expired', () => token({ expires: -3600 })],
    ['is not valid yet', () => token({ notBefore: 3600 })],
    [
      'was changed after it was signed',
      async () => (await token({})).replace(/\.[^.]+\./, `.${encoded({ oid: 'x' })}.`),
    ],
    ['is no token', async () => 'a.b.c'],
  ])('is refused everywhere where it %s', async (_, made) => {
    const bearer = await made()
    for (const { url, code } of faces()) {
      const answer = await client.send('GET', url, { headers: { authorization: `Bearer ${bearer}` } })
      expect([answer.status, typeof answer.at(code)], url).toEqual([401, 'string'])
    }
  })

  it('is not given for a wrong secret, an application that is not there, or another tenant', async () => {
    const ask = (tenant: string, more: object) => {
      const right = { client_id: emulator.env['AZURE_CLIENT_ID'], client_secret: emulator.env['AZURE_CLIENT_SECRET'] }
      const scope = 'https://management.azure.com/.default'
      const form = { grant_type: 'client_credentials', scope, ...right, ...more }
      const url = `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = new URLSearchParams(form as Record<string, string>).toString()
      return client.send('POST', url, { body, headers, reads: true })
    }
    const answers = [
      await ask(TENANT, { client_secret: 'guess' }),
      await ask(TENANT, { client_id: 'nobody' }),
      await ask('20000000-0000-4000-8000-000000000002', {}),
    ]
    expect(answers.map(({ status, at }) => [status, at('error')])).toEqual([
      [401, 'invalid_client'],
      [400, 'unauthorized_client'],
      [400, 'invalid_tenant'],
    ])
  })
})

describe("another workspace's things", () => {
  const secret = 'only for the first workspace'

  it('are not to be had by their ids: runs, their artifacts, metrics and changes', async () => {
    await history(site.workspace, 'PATCH', 'experiments/e/runs/mine', { runId: 'mine' })
    await mlflow(site.workspace, 'PUT', 'mlflow-artifacts/artifacts/ExperimentRun/dcid.mine/a.txt', secret)
    const inStore = 'datastores/workspaceartifactstore/paths/ExperimentRun/dcid.mine/a.txt'

    const asked = [
      await mlflow(other, 'GET', 'mlflow/runs/get?run_id=mine'),
      await mlflow(other, 'GET', 'mlflow/artifacts/list?run_id=mine'),
      await mlflow(other, 'POST', 'mlflow/runs/set-tag', { run_id: 'mine', key: 'k', value: 'v' }),
      await mlflow(other, 'GET', 'mlflow-artifacts/artifacts/ExperimentRun/dcid.mine/a.txt'),
      await mlflow(other, 'GET', `mlflow-artifacts/artifacts/${inStore}`),
      await mlflow(other, 'PUT', `mlflow-artifacts/artifacts/${inStore}`, 'overwritten'),
      await mlflow(other, 'PUT', 'mlflow-artifacts/artifacts/ExperimentRun/dcid.mine/a.txt', 'overwritten'),
      await mlflow(other, 'DELETE', 'mlflow-artifacts/artifacts/ExperimentRun/dcid.mine/a.txt'),
      await history(other, 'GET', 'runs/mine'),
      await history(other, 'GET', 'experiments/e/runs/mine/artifacts'),
      await history(other, 'GET', 'experiments/e/runs/mine/artifacts/contentinfo?path=a.txt'),
      await history(other, 'DELETE', 'runs/mine/tags', { tags: ['k'] }),
    ]

    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 404))
    expect(asked.map(({ text }) => text).join()).not.toContain(secret)
    const kept = await mlflow(site.workspace, 'GET', 'mlflow-artifacts/artifacts/ExperimentRun/dcid.mine/a.txt')
    expect(kept.text).toBe(secret)
  })

  it('cannot be named by a job, a pipeline or a deployment', async () => {
    const environmentId = `${site.workspace}/environments/base/versions/1`
    const computeId = `${site.workspace}/computes/cluster`
    const spec = { name: 'c', version: '1', type: 'command', command: 'echo', environment: `azureml:${environmentId}` }
    const componentId = `${site.workspace}/components/c/versions/1`
    expect((await arm('PUT', componentId, { properties: { componentSpec: spec } })).status).toBe(201)
    await arm('PUT', `${other}/environments/own/versions/1`, { properties: { image: 'python' } })
    const command = { jobType: 'Command', command: 'echo', environmentId: `${other}/environments/own/versions/1` }
    const jobs = [
      { ...command, environmentId },
      { ...command, computeId },
      { jobType: 'Pipeline', jobs: { a: { type: 'command', componentId } } },
    ]
    for (const [index, properties] of jobs.entries()) {
      const answer = await arm('PUT', `${other}/jobs/thief-${index}`, { properties })
      expect([answer.status, typeof answer.at('error.code')], answer.text).toEqual([400, 'string'])
    }
  })

  it('and another subscription’s are not there', async () => {
    const elsewhere = site.workspace.replace(emulator.subscription, '20000000-0000-4000-8000-000000000002')
    const answers = [
      await arm('GET', elsewhere),
      await history(elsewhere, 'GET', 'runs/mine'),
      await mlflow(elsewhere, 'GET', 'mlflow/runs/get?run_id=mine'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404])
    expect(answers[0]?.at('error.code')).toBe('SubscriptionNotFound')
  })
})

/** What stands in a folder, without what SQLite puts beside its files. */
function filesOf(dir: string): readonly string[] {
  return readdirSync(dir)
    .filter((name) => !/-(?:wal|shm|journal)$/.test(name))
    .toSorted()
}

describe('a name that climbs', () => {
  const climbs = [
    '..',
    '%2e%2e',
    '..%2f..%2f..%2fcanary',
    '%2e%2e%2f%2e%2e%2fcanary',
    '..%5c..%5ccanary',
    '%00',
    'a%00b',
  ]

  it('is refused or kept as a name, and reads and writes nothing outside of the emulator’s folder', async () => {
    const known = filesOf(emulator.dir)
    const said: string[] = []
    for (const name of climbs) {
      const plain = decodeURIComponent(name)
      const answers = [
        await arm('PUT', `${site.workspace}/datastores/${name}`, { properties: { datastoreType: 'AzureBlob' } }),
        await arm('PUT', `${site.group}/providers/Microsoft.KeyVault/vaults/${name}`, { location: REGION }),
        await arm('PUT', `/subscriptions/${site.subscription}/resourceGroups/${name}`, { location: REGION }),
        await mlflow(site.workspace, 'PUT', `mlflow-artifacts/artifacts/a/${name}`, 'written'),
        await mlflow(site.workspace, 'GET', `mlflow-artifacts/artifacts/a/${name}`),
        await mlflow(site.workspace, 'POST', 'mlflow/registered-models/create', { name: plain }),
        await mlflow(site.workspace, 'POST', 'mlflow/model-versions/create', {
          name: 'numbered',
          source: `file:///${plain}`,
        }),
        await history(site.workspace, 'PATCH', `experiments/e/runs/${name}`, {}),
        await history(site.workspace, 'GET', `experiments/e/runs/mine/artifacts/contentinfo?path=${name}`),
        await client.send(
          'POST',
          `${DATA}/artifact/v2.0${site.workspace}/artifacts/LocalUpload/x/content?path=${name}`,
          { body: 'written' },
        ),
      ]
      said.push(...answers.map(({ text }) => text))
      expect(answers.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([])
    }

    const odd = await history(site.workspace, 'PATCH', 'experiments/e/runs/..%2f..%2fcanary', {})
    expect([odd.status, odd.at('error.code')]).toEqual([400, 'UserError'])
    expect(said.join()).not.toContain(CANARY)
    expect(readFileSync(join(cage, 'canary'), 'utf8')).toBe(CANARY)
    expect(readdirSync(cage).toSorted()).toEqual(['canary', 'emulator'])
    expect(filesOf(emulator.dir)).toEqual(known)
    expect(readdirSync(join(emulator.dir, 'regions'))).toEqual([REGION])
  })
})

describe('a body', () => {
  const path = () => `${site.workspace}/datastores/odd`
  const deep = `${'{"properties":'.repeat(9000)}1${'}'.repeat(9000)}`

  it.each<readonly [string, string | Buffer, number]>([
    ['is nested without end', deep, 400],
    ['is a list that is nested without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    ['is cut off', '{"properties":{"a":', 400],
    ['is no JSON', 'properties: 1', 400],
    ['is a list', '[]', 400],
    ['is a number', '1', 400],
    ['is larger than a body may be', `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`, 413],
  ])('is refused where it %s, in the words of each service', async (_, body, status) => {
    const answers = [
      await arm('PUT', path(), String(body)),
      await arm('PUT', `${site.group}/providers/Microsoft.KeyVault/vaults/odd`, String(body)),
      await history(site.workspace, 'PATCH', 'experiments/e/runs/odd', String(body)),
      await mlflow(site.workspace, 'POST', 'mlflow/runs/create', String(body)),
    ]
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status))
    expect(answers.map(({ at }) => typeof (at('error.code') ?? at('error_code')))).toEqual(answers.map(() => 'string'))
  })

  it('that names the prototype of objects pollutes nothing', async () => {
    const body =
      '{"properties":{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"category":"Git","authType":"PAT","target":"x"},"__proto__":{"polluted":"yes"}}'
    await arm('PUT', `${site.workspace}/connections/polluter`, body)
    await history(
      site.workspace,
      'PATCH',
      'experiments/e/runs/polluter',
      `{"tags":{"__proto__":"yes","polluted":"no"}}`,
    )
    const after = await arm('GET', `${site.workspace}/environments/base/versions/1`)
    expect([after.status, after.at('polluted'), after.at('properties.polluted')]).toEqual([200, undefined, undefined])
  })

  it('with a key twice counts with the last, and one that is not UTF-8 does not end the region', async () => {
    const twice = await history(
      site.workspace,
      'PATCH',
      'experiments/e/runs/twice',
      '{"displayName":"a","displayName":"b"}',
    )
    expect(twice.at('displayName')).toBe('b')
    const broken = Buffer.concat([Buffer.from('{"displayName":"'), Buffer.from([0xff, 0xc0, 0xfe]), Buffer.from('"}')])
    const url = `${DATA}/history/v1.0${site.workspace}/experiments/e/runs/broken`
    expect((await client.send('PATCH', url, { body: broken })).status).toBeLessThan(500)
  })
})

describe('a search', () => {
  const many = (part: string, joint: string) => Array(1100).fill(part).join(joint)

  it('for a registry by a name that is no name is refused', async () => {
    const discovery = '/registrymanagement/v1.0/registries/%zz/discovery'
    const urls = [
      `${DATA}${discovery}`,
      `https://registries.api.azureml.ms${discovery}`,
      `${DATA}/mferp/managementfrontend/registries/%zz/models`,
    ]
    for (const url of urls) {
      const answer = await client.send('GET', url, {})
      expect([answer.status, typeof answer.at('error.code')], url).toEqual([400, 'string'])
    }
  })

  it.each<readonly [string, object]>([
    ['has more conditions than SQLite can nest', { filter: many("attributes.run_id != 'x'", ' AND ') }],
    ['has more conditions of one thing', { filter: many("tags.a != 'x'", ' AND ') }],
    ['has a pattern longer than SQLite takes', { filter: `run_name ILIKE '${'%a'.repeat(60_000)}'` }],
    [
      'has an order by more things than SQLite can join',
      { order_by: Array.from({ length: 70 }, (_, n) => `tags.t${n}`) },
    ],
    ['names what every object has', { filter: "constructor.a = 'x'" }],
    ['orders by what every object has', { order_by: ['__proto__.a'] }],
  ])('over MLflow is refused where it %s', async (_, search) => {
    const answer = await mlflow(site.workspace, 'POST', 'mlflow/runs/search', { experiment_ids: ['0'], ...search })
    expect([answer.status, answer.at('error_code')], answer.text).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  })

  it.each<readonly [string, object]>([
    ['has more conditions than SQLite can nest', { filter: many("status eq 'x'", ' and ') }],
    ['has an order of more terms than SQLite takes', { orderBy: many('createdUtc', ',') }],
    ['is of spaces', { filter: `${' '.repeat(1_000_000)}x` }],
    ['names what every object has', { filter: "constructor eq 'x'" }],
    ['orders by what every object has', { orderBy: 'constructor desc' }],
  ])('of run history is refused where it %s', async (_, search) => {
    const answer = await history(site.workspace, 'POST', 'runs:query', search)
    expect([answer.status, answer.at('error.code')], answer.text).toEqual([400, 'UserError'])
  })

  it('of models by a pattern of many parts ends', async () => {
    await mlflow(site.workspace, 'POST', 'mlflow/registered-models/create', { name: 'a'.repeat(200) })
    const found = async (pattern: string) => {
      const filter = encodeURIComponent(`name LIKE '${pattern}'`)
      const answer = await mlflow(site.workspace, 'GET', `mlflow/registered-models/search?filter=${filter}`)
      return answer.at('registered_models.0.name')
    }
    expect(await found(`${'%a'.repeat(40)}b`)).toBeUndefined()
    expect(await found('%a'.repeat(40))).toBe('a'.repeat(200))
  })
})

/** Sends bytes to a host as they are, through the proxy and TLS, and gives what came back until the end. */
function raw(host: string, bytes: string): Promise<string> {
  const port = Number(new URL(emulator.control).port)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nhost: ${host}:443\r\n\r\n`),
    )
    socket.on('error', reject)
    socket.once('data', () => {
      let text = ''
      const inside = secure({ socket, servername: host, ca: emulator.ca }, () => inside.end(bytes))
      inside.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
      })
      inside.on('error', () => resolve(text))
      inside.on('close', () => resolve(text))
    })
  })
}

describe('a request that lies about its length', () => {
  const host = `${REGION}.api.azureml.ms`
  const head = `POST /mlflow/v2.0/x/api/2.0/mlflow/runs/create HTTP/1.1\r\nhost: ${host}\r\n`

  it.each([
    ['says both a length and chunks', 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['says two lengths', 'content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef'],
    ['says no length that is one', 'content-length: -1\r\n\r\n'],
    ['sends chunks that are none', 'transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n'],
    ['sends less than it says', 'content-length: 1000\r\n\r\n{"a":'],
    ['breaks its header', 'x-a: \0\r\n\r\n'],
  ])('is refused or dropped where it %s, and the region goes on', async (_, rest) => {
    expect(await raw(host, head + rest)).not.toMatch(/^HTTP\/1\.1 (?:2|5)/)
    expect((await arm('GET', site.workspace)).status).toBe(200)
  })
})

describe('the control API', () => {
  const ask = (path: string, headers: Readonly<Record<string, string>>, method = 'POST') =>
    new Promise<number>((resolve, reject) => {
      const port = Number(new URL(emulator.control).port)
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      sent.on('error', reject).end()
    })

  it('answers nobody who comes by another name or from a page of another origin', async () => {
    const own = new URL(emulator.control).host
    const status = '/emulator/status'
    expect(await ask(status, { host: own }, 'GET')).toBe(200)
    expect(await ask(status, { host: 'rebound.example.org' }, 'GET')).toBe(403)
    expect(await ask(status, { host: own, origin: 'https://example.org' }, 'GET')).toBe(403)
    expect(await ask(status, { host: own, origin: 'null' }, 'GET')).toBe(403)
    expect(await ask(`/emulator/regions/${REGION}/kill`, { host: own, origin: 'https://example.org' })).toBe(403)
    expect(await ask(`/emulator/regions/${REGION}/kill`, { host: own, 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await ask('/emulator/regions/..%2f..%2fcanary/start', { host: own })).toBe(404)
    expect(await ask('/emulator/activity/..%2f..%2fcanary', { host: own }, 'GET')).toBe(404)
    expect((await emulator.processes()).regions.has(REGION)).toBe(true)
  })

  it.each([Number.MAX_VALUE, -1e18, 5.1e13, '1', null])(
    'moves the clock no further than there are dates: %s',
    async (shift) => {
      const body = JSON.stringify({ shiftMilliseconds: shift })
      const answer = await fetch(`${emulator.control}/emulator/clock`, { method: 'POST', body })
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('shiftMilliseconds')])
    },
  )
})
