import { createHmac, randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountSas, containerSas } from '../src/storage/sas.ts'
import { type Bench, openBench } from './storage-client.ts'

const HOUR = 3600 * 1000
const VERSION = '2024-11-04'

let bench: Bench
let port: number
let sas: string
/** What lies beside the emulator's folder, and must stay as it is. */
let outside: string

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly body: string
}

beforeAll(async () => {
  bench = await openBench()
  port = await bench.region.listen()
  await bench.service.createContainer('box')
  await bench.service.getContainerClient('box').getBlockBlobClient('there').upload('there', 5)
  const grant = { account: bench.account, key: bench.key, permissions: 'rwdlact', resourceTypes: 'sco' }
  sas = accountSas({ ...grant, expires: new Date(Date.now() + HOUR) })
  outside = join(tmpdir(), `outside-${randomBytes(6).toString('hex')}`)
  writeFileSync(outside, 'secret of the host')
})

afterAll(async () => {
  await bench.close()
  rmSync(outside)
})

/** Sends a request as it stands, which no client of the vendor would. */
function send(
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string | Buffer; account?: string } = {},
): Promise<Answer> {
  const host = `${options.account ?? bench.account}.blob.core.windows.net`
  const headers = { 'x-ms-version': VERSION, ...options.headers, host }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const code = response.headers['x-ms-error-code']
        const body = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, code: typeof code === 'string' ? code : undefined, body })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}

function put(path: string, body: string | Buffer = 'x', headers: Record<string, string> = {}): Promise<Answer> {
  const length = { 'content-length': String(Buffer.byteLength(body)) }
  return send('PUT', `${path}${path.includes('?') ? '&' : '?'}${sas}`, {
    headers: { 'x-ms-blob-type': 'BlockBlob', ...length, ...headers },
    body,
  })
}

/** Every file of the region by its path. */
function files(): string[] {
  return readdirSync(bench.region.dir, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(bench.region.dir, path)).isFile(),
  )
}

const TRAVERSALS = [
  '../../../../etc/passwd',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/etc/passwd',
  '....//....//etc/passwd',
  '..%5c..%5cwindows%5cwin.ini',
  '%252e%252e%252fetc',
  '/etc/passwd',
  'nul%00byte',
  'C:%5CWindows',
  'a/../../b',
]

test('a name that climbs names a blob and no file', async () => {
  const large = randomBytes(100_000)
  for (const name of TRAVERSALS) {
    const { status } = await put(`/box/${name}`, large)
    expect([201, 400], name).toContain(status)
    const got = await send('GET', `/box/${name}?${sas}`)
    expect([200, 400, 404], name).toContain(got.status)
    expect(got.body, name).not.toContain('root:')
  }
  for (const path of files()) expect(path).toMatch(/^(?:state\.db(?:-shm|-wal)?|blobs\/[0-9a-f-]{36}|[\w.-]+)$/)
})

test('a path to a file of the host reads nothing of it', async () => {
  const up = '../'.repeat(12)
  for (const path of [`/box/${up}${outside}`, `/${up}${outside}`, `/box/${encodeURIComponent(up + outside)}`]) {
    const { status, body } = await send('GET', `${path}?${sas}`)
    expect(status, path).toBeGreaterThanOrEqual(400)
    expect(body).not.toContain('secret of the host')
  }
})

test('a container whose name climbs is refused in the shape of Azure', async () => {
  for (const name of ['..', '%2e%2e', '..%2fbox', 'UPPER', 'a', '$root2', '%00', 'x'.repeat(5000)]) {
    const { status, code, body } = await put(`/${name}?restype=container`, '')
    expect(status, name).toBe(400)
    // One of a wrong length is out of range, whatever it holds.
    expect(code, name).toMatch(/^(?:Invalid(?:ResourceName|Uri|HeaderValue)|OutOfRangeInput)$/)
    expect(body).toContain(`<Error><Code>${code}</Code><Message>`)
  }
})

test('a malformed path, range, number, tag or list is refused and stores nothing', async () => {
  const cases: readonly (readonly [string, string, string | Buffer, Record<string, string>])[] = [
    ['a broken escape', '/box/%zz', 'x', {}],
    ['half a letter', '/box/%c3', 'x', {}],
    ['a kind of blob that is none', '/box/m', 'x', { 'x-ms-blob-type': 'Blob' }],
    ['a tier that is none', '/box/m', 'x', { 'x-ms-access-tier': 'Lukewarm' }],
    ['a digest that is none', '/box/m', 'x', { 'content-md5': 'AAAA' }],
    ['a name of metadata that is none', '/box/m', 'x', { 'x-ms-meta-1-a': 'x' }],
    ['tags without end', '/box/m', 'x', { 'x-ms-tags': 'k=v&'.repeat(50) }],
    ['a tag with a letter that is not allowed', '/box/m', 'x', { 'x-ms-tags': 'k=%3Cscript%3E' }],
    ['a condition that is no expression', '/box/there', 'x', { 'x-ms-if-tags': `a = 'b' OR` }],
    ['a date that is none', '/box/there', 'x', { 'if-modified-since': 'yesterday' }],
    ['a block without an id', '/box/m?comp=block', 'x', {}],
    ['a block with a long id', `/box/m?comp=block&blockid=${'A'.repeat(400)}`, 'x', {}],
    [
      'a page blob that is not whole',
      '/box/m',
      '',
      { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '513' },
    ],
    [
      'a page blob too large',
      '/box/m',
      '',
      { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '9'.repeat(20) },
    ],
    ['a negative page blob', '/box/m', '', { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '-512' }],
    [
      'a lease of no length',
      '/box/there?comp=lease',
      '',
      { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '1e9' },
    ],
  ]
  for (const [what, path, body, headers] of cases) {
    const answer = await put(path, body, headers)
    expect(answer.status, `${what}: ${answer.body}`).toBe(400)
    expect(answer.code, what).toBeDefined()
    expect(answer.body, what).toContain(`<Code>${answer.code}</Code>`)
  }
  const head = await send('HEAD', `/box/m?${sas}`)
  expect(head.status).toBe(404)
})

test('XML that is no list, never ends, or points to a file is refused', async () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "${'a'.repeat(100)}">${Array.from(
    { length: 20 },
    (_, index) => `<!ENTITY b${index} "${index === 0 ? '&a;' : `&b${index - 1};`.repeat(20)}">`,
  ).join('')}]><BlockList><Latest>&b19;</Latest></BlockList>`
  const file = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file://${outside}">]><BlockList><Latest>&f;</Latest></BlockList>`
  const bodies = ['', '<', '<BlockList>', 'null', '<a/><b/>', '\u0000', '<BlockList><Latest>x</BlockList>', bomb, file]
  for (const body of bodies) {
    const { status, code, body: told } = await put('/box/list?comp=blocklist', body)
    expect(status, body.slice(0, 40)).toBe(400)
    expect(code).toMatch(/^Invalid(?:XmlDocument|BlockList)$/)
    expect(told).not.toContain('secret of the host')
  }
  const deep = '<a>'.repeat(20_000) + '</a>'.repeat(20_000)
  for (const path of ['/box/there?comp=tags', '/?restype=service&comp=properties', '/box?restype=container&comp=acl']) {
    const { status } = await put(path, deep)
    expect([400, 403], path).toContain(status)
  }
})

test('a body longer than it may be is refused before it is read', async () => {
  const tooLong = await send('PUT', `/box/huge?${sas}`, {
    headers: { 'x-ms-blob-type': 'BlockBlob', 'content-length': String(6000 * 1024 * 1024) },
  }).catch((failure: Error) => failure)
  expect(tooLong).toMatchObject({ status: 413, code: 'RequestBodyTooLarge' })
  const list = `<BlockList>${'<Latest>QQ==</Latest>'.repeat(900_000)}</BlockList>`
  const answer = await put('/box/list?comp=blocklist', list).catch(() => ({ status: 413 }))
  expect(answer.status).toBe(413)
})

test('a batch may hold nothing but deletions and tiers of blobs, of its own container', async () => {
  const part = (line: string) => `--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n${line}\r\n\r\n\r\n`
  const batch = (path: string, text: string) =>
    send('POST', `${path}&${sas}`, {
      headers: { 'content-type': 'multipart/mixed; boundary=b', 'content-length': String(Buffer.byteLength(text)) },
      body: text,
    })
  const signed = (line: string) => part(`${line}?${sas} HTTP/1.1`)
  const forbidden = ['GET /box/there', 'PUT /box/there', 'DELETE /box', 'POST /', 'DELETE /other/../box']
  for (const line of forbidden) {
    const { status, body } = await batch('/?comp=batch', `${signed(line)}--b--\r\n`)
    expect(status, line).toBe(202)
    expect(body, line).toMatch(/HTTP\/1\.1 40\d/)
  }
  const elsewhere = await batch('/other?restype=container&comp=batch', `${signed('DELETE /box/there')}--b--\r\n`)
  expect(elsewhere.body).toContain('HTTP/1.1 400')
  const unsigned = await batch('/?comp=batch', `${part('DELETE /box/there HTTP/1.1')}--b--\r\n`)
  expect(unsigned.body).toContain('HTTP/1.1 401')
  for (const text of [
    '',
    'nonsense',
    '--b\r\n',
    `${part('DELETE')}--b--`,
    `${signed('DELETE /box/x').repeat(257)}--b--`,
  ]) {
    expect((await batch('/?comp=batch', text)).status).toBe(400)
  }
  expect((await send('HEAD', `/box/there?${sas}`)).status).toBe(200)
})

test('no signature of a batch is written into the record', async () => {
  await put('/box/doomed')
  const part = `--b\r\nContent-Type: application/http\r\n\r\nDELETE /box/doomed?${sas} HTTP/1.1\r\n\r\n\r\n--b--\r\n`
  const headers = { 'content-type': 'multipart/mixed; boundary=b', 'content-length': String(part.length) }
  const { body } = await send('POST', `/?comp=batch&${sas}`, { headers, body: part })
  expect(body).toContain('HTTP/1.1 202')
  const lines = bench.region.activity.since(0).filter(({ subject }) => subject.endsWith('/doomed'))
  expect(lines.map(({ operation }) => operation)).toEqual(['BlockBlob_Upload', 'Service_SubmitBatch'])
  expect(JSON.stringify(lines)).not.toContain(new URLSearchParams(sas).get('sig'))
  expect(JSON.stringify(lines)).not.toMatch(/sig=(?!redacted)/)
})

test('a SAS opens nothing beyond its letters, its time, its container and its account', async () => {
  const of = (more: { container?: string; permissions?: string; expires?: Date; blob?: string; account?: string }) =>
    containerSas({
      account: bench.account,
      key: bench.key,
      container: 'box',
      permissions: 'r',
      expires: later(),
      ...more,
    })
  await bench.service.createContainer('second')
  await bench.region.blobs.ensureAccount('otheracct')
  await bench.region.blobs.ensureContainer('otheracct', 'box')
  const read = of({})
  const refused: readonly (readonly [string, string, string, string?])[] = [
    ['a write with a SAS to read', 'PUT', `/box/there?${read}`],
    ['a deletion with a SAS to read', 'DELETE', `/box/there?${read}`],
    ['a list with a SAS to read', 'GET', `/box?restype=container&comp=list&${read}`],
    ['another container', 'GET', `/second/x?${read}`],
    ['another account', 'GET', `/box/there?${read}`, 'otheracct'],
    ['another blob', 'GET', `/box/there?${of({ blob: 'else' })}`],
    ['a blob above it', 'GET', `/box/x/../there?${of({ blob: 'x' })}`],
    ['a SAS that has ended', 'GET', `/box/there?${of({ expires: new Date(Date.now() - HOUR) })}`],
    ['a letter that was added', 'PUT', `/box/there?${read.replace('sp=r', 'sp=rw')}`],
    ['a longer time', 'GET', `/box/there?${read.replace(/se=[^&]*/, 'se=2099-01-01T00%3A00%3A00Z')}`],
    ['a signature of nothing', 'GET', `/box/there?${read.replace(/sig=[^&]*/, 'sig=')}`],
    ['a version that is none', 'GET', `/box/there?${read.replace(/sv=[^&]*/, 'sv=')}`],
    ['two signatures', 'GET', `/box/there?${read}&sig=AAAA&sp=rwdl`],
    ['a container’s SAS for the account', 'GET', `/?comp=list&${read}`],
  ]
  for (const [what, method, path, account] of refused) {
    const headers = method === 'PUT' ? { 'x-ms-blob-type': 'BlockBlob', 'content-length': '1' } : {}
    const body = method === 'PUT' ? { body: 'x' } : {}
    const answer = await send(method, path, { headers, ...body, ...(account === undefined ? {} : { account }) })
    expect([401, 403], `${what}: ${answer.status} ${answer.code}`).toContain(answer.status)
    expect(answer.body, what).toContain(`<Code>${answer.code}</Code>`)
  }
  expect((await send('GET', `/box/there?${read}`)).body).toBe('there')
})

test('a forged key, a foreign token and an old date are refused', async () => {
  const signature = createHmac('sha256', randomBytes(64)).update('anything').digest('base64')
  const date = new Date().toUTCString()
  const old = new Date(Date.now() - HOUR).toUTCString()
  const foreign = await bench.region.tokens.issue({
    subject: 'someone',
    audience: 'https://management.azure.com',
    lifetimeSeconds: 600,
  })
  const bodiless = (text: object) => Buffer.from(JSON.stringify(text)).toString('base64url')
  const unsigned = `${bodiless({ alg: 'none' })}.${bodiless({ oid: 'root', aud: 'https://storage.azure.com' })}.`
  const credentials = [
    `SharedKey ${bench.account}:${signature}`,
    `SharedKey otheracct:${signature}`,
    'SharedKey',
    'SharedKey :',
    `SharedKeyLite ${bench.account}:${signature}`,
    `Bearer ${foreign}`,
    `Bearer ${foreign.slice(0, -4)}AAAA`,
    `Bearer ${unsigned}`,
    'Bearer',
    'Basic cm9vdDpyb290',
  ]
  for (const authorization of credentials) {
    for (const day of [date, old]) {
      const answer = await send('GET', '/box/there', { headers: { authorization, 'x-ms-date': day } })
      expect([401, 403], authorization).toContain(answer.status)
      expect(answer.body).toContain(`<Code>${answer.code}</Code>`)
    }
  }
  const nowhere = await send('GET', '/box/there', { account: 'nosuchaccount' })
  expect(nowhere).toMatchObject({ status: 404, code: 'ResourceNotFound' })
})

function later(): Date {
  return new Date(Date.now() + HOUR)
}
