import { createServer, type Server as Http, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'
import { Fault } from '../core/errors.ts'
import { proxiedArtifacts } from './proxied-artifacts.ts'
import { credentialsOf, openServer } from './server.ts'

const open: Http[] = []
afterEach(() => {
  for (const one of open.splice(0)) {
    one.closeAllConnections()
    one.close()
  }
})

/** A server that answers as told, and keeps what it was asked. */
async function serve(answer: (asked: number, response: ServerResponse, request: IncomingMessage) => void) {
  const asked: IncomingMessage[] = []
  const http = createServer((request, response) => {
    asked.push(request)
    answer(asked.length, response, request)
  })
  open.push(http)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return { uri: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, asked }
}

const signal = AbortSignal.timeout(20_000)
const nothing = { by: 'nothing' } as const

it('sends again what a limit refused, also what may be sent only once: it was not carried out', async () => {
  const { uri, asked } = await serve((count, response) => {
    response.writeHead(count === 1 ? 429 : 200, { 'retry-after': '0' }).end('{"ok":true}')
  })
  const { send } = openServer({ uri, credentials: nothing })
  const answer = await send({ method: 'POST', path: 'runs/log-batch', body: {}, signal, once: true })
  expect([answer.status, asked.length]).toEqual([200, 2])
})

it('waits until the time that a refusal names, and no longer for one that asks for hours', async () => {
  const at = Date.parse('2026-01-31T12:00:00Z')
  const told = { date: new Date(at).toUTCString(), 'retry-after': new Date(at + 1000).toUTCString() }
  const { uri, asked } = await serve((count, response) => {
    if (count === 1) response.writeHead(429, told).end()
    else response.writeHead(429, { 'retry-after': '7200' }).end('{"message": "later"}')
  })
  const { send } = openServer({ uri, credentials: nothing })
  const began = performance.now()
  expect((await send({ method: 'GET', path: 'runs/get', signal })).status).toBe(429)
  expect(performance.now() - began).toBeGreaterThan(900)
  expect(asked).toHaveLength(2)
})

it.each(['<!doctype html><title>Sign in</title>', '{"runs": [{"info"', '["no object"]'])(
  'takes no other answer for an empty one: %s',
  async (text) => {
    const { uri } = await serve((_, response) => response.end(text))
    const { send } = openServer({ uri, credentials: nothing })
    const asking = send({ method: 'POST', path: 'runs/search', body: {}, signal, once: true })
    await expect(asking).rejects.toMatchObject({
      code: 'azure/unreachable',
      message: expect.stringContaining('no JSON'),
    })
  },
)

it('says what a gateway says that refuses in HTML', async () => {
  const { uri } = await serve((_, response) => response.writeHead(403).end('<h1>Forbidden</h1>'))
  const { send } = openServer({ uri, credentials: nothing })
  const answer = await send({ method: 'GET', path: 'x', signal })
  expect(answer).toMatchObject({ status: 403, body: { message: '<h1>Forbidden</h1>' } })
})

it('reads a file again that a limit refused, and says it of one that is written, whose bytes are gone', async () => {
  const { uri, asked } = await serve((count, response, request) => {
    request.resume()
    const isRefused = request.method === 'PUT' || count === 1
    response.writeHead(isRefused ? 429 : 200, { 'retry-after': '0' }).end('bytes')
  })
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  const read = await artifacts.read('mlflow-artifacts:/1/run/artifacts', 'x', signal)
  expect(String(Buffer.concat(await Array.fromAsync(read ?? [])))).toBe('bytes')
  const write = artifacts.write('mlflow-artifacts:/1/r', 'x', { bytes: Readable.from([Buffer.from('x')]), signal })
  await expect(write).rejects.toMatchObject({ code: 'azure/throttled' })
  expect(asked.map(({ method }) => method)).toEqual(['GET', 'GET', 'PUT'])
})

it('waits with a file that is written for as long as a limit says that refused it', async () => {
  const { uri, asked } = await serve((count, response, request) => {
    request.resume()
    request.on('end', () => response.writeHead(count === 1 ? 429 : 200, { 'retry-after': '1' }).end())
  })
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  const write = () =>
    artifacts.write('mlflow-artifacts:/1/r', 'x', { bytes: Readable.from([Buffer.from('x')]), signal })
  await expect(write()).rejects.toMatchObject({ code: 'azure/throttled' })
  const began = performance.now()
  await write()
  expect(performance.now() - began).toBeGreaterThan(900)
  expect(asked).toHaveLength(2)
})

it('says why the source of a file gives no more of it, and not that the target is silent', async () => {
  const target = await serve((_, response, request) => {
    request.resume()
    request.on('end', () => response.end())
  })
  const to = proxiedArtifacts(openServer({ uri: target.uri, credentials: nothing }))
  const damage = new Fault('blob/damaged', 'its bytes are not those that were written')
  async function* damaged(): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(100_000)
    throw damage
  }
  await expect(to.write('mlflow-artifacts:/1/r', 'x', { bytes: damaged(), signal })).rejects.toBe(damage)

  const source = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100000' }).write('half')
    setTimeout(() => response.destroy(), 10)
  })
  const from = proxiedArtifacts(openServer({ uri: source.uri, credentials: nothing }))
  const half = (await from.read('mlflow-artifacts:/1/r', 'x', signal)) ?? Readable.from([])
  await expect(to.write('mlflow-artifacts:/1/r', 'x', { bytes: half, signal })).rejects.toMatchObject({
    code: 'azure/unreachable',
    message: expect.stringContaining('broke off'),
    facts: { status: 200 },
  })
})

it('says that the target does not answer where it breaks the connection, whatever the source would have', async () => {
  const { uri } = await serve((_, response) => response.destroy())
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  async function* long(): AsyncIterable<Uint8Array> {
    for (let n = 0; n < 200; n++) yield Buffer.alloc(100_000)
  }
  await expect(artifacts.write('mlflow-artifacts:/1/r', 'x', { bytes: long(), signal })).rejects.toMatchObject({
    code: 'azure/unreachable',
    message: expect.stringContaining(`${uri} did not answer`),
  })
})

it('does not wait for hours where a server that is down for so long says so', async () => {
  const { uri, asked } = await serve((_, response) => response.writeHead(503, { 'retry-after': '7200' }).end())
  const { send } = openServer({ uri, credentials: nothing })
  expect((await send({ method: 'GET', path: 'runs/get', signal })).status).toBe(503)
  expect(asked).toHaveLength(1)
})

it.each(['../x', 'a/../../x', 'a//x', './x', '/x', ''])('sends no file out of its run by the name %j', async (path) => {
  const { uri, asked } = await serve((_, response) => response.end())
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  const bytes = Readable.from([Buffer.from('x')])
  const refused = { code: 'azure/refused' }
  await expect(artifacts.write('mlflow-artifacts:/1/r', path, { bytes, signal })).rejects.toMatchObject(refused)
  await expect(artifacts.read('mlflow-artifacts:/1/r', path, signal)).rejects.toMatchObject(refused)
  expect(asked).toEqual([])
})

it('takes a password as it stands in a URI where it is not percent-encoded', async () => {
  const { uri, asked } = await serve((_, response) => response.end('{}'))
  const { send } = openServer({ uri: uri.replace('//', '//ada:100%@'), credentials: nothing })
  await send({ method: 'GET', path: 'x', signal })
  expect(asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ada:100%').toString('base64')}`)
})

it('sends nothing twice that takes effect by being sent, when nobody answers', async () => {
  const { uri, asked } = await serve((_, response) => response.destroy())
  const { send } = openServer({ uri, credentials: nothing })
  const request = { method: 'POST', path: 'runs/create', body: {}, signal, once: true } as const
  await expect(send(request)).rejects.toMatchObject({ code: 'azure/unreachable' })
  expect(asked).toHaveLength(1)
})

it('asks again for what can be asked twice', async () => {
  const { uri, asked } = await serve((count, response) => {
    if (count === 1) response.destroy()
    else response.end('{"run":{}}')
  })
  const { send } = openServer({ uri, credentials: nothing })
  expect((await send({ method: 'GET', path: 'runs/get', signal })).body).toEqual({ run: {} })
  expect(asked).toHaveLength(2)
})

it('signs in as MLflow’s client does, and shows no password', async () => {
  const { uri, asked } = await serve((_, response) => response.end('{}'))
  const password = credentialsOf({ MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'secret' })
  const token = credentialsOf({ MLFLOW_TRACKING_TOKEN: 'abc' })
  const within = openServer({ uri: uri.replace('//', '//eve:p%40ss@'), credentials: nothing })
  for (const server of [openServer({ uri, credentials: password }), openServer({ uri, credentials: token }), within]) {
    await server.send({ method: 'GET', path: 'runs/get', signal })
  }
  expect(asked.map(({ headers }) => headers.authorization)).toEqual([
    `Basic ${Buffer.from('ada:secret').toString('base64')}`,
    'Bearer abc',
    `Basic ${Buffer.from('eve:p@ss').toString('base64')}`,
  ])
  expect(within.uri).toBe(uri)
})

it('takes a variable that is set to nothing for one that is not set, as MLflow’s client does', () => {
  const empty = { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: '', MLFLOW_TRACKING_TOKEN: '' }
  expect(credentialsOf(empty)).toEqual({ by: 'nothing' })
  expect(credentialsOf({ ...empty, MLFLOW_TRACKING_TOKEN: 'abc' })).toEqual({ by: 'token', token: 'abc' })
})

it('takes the names of files as data', async () => {
  const { uri, asked } = await serve((_, response) => response.end('bytes'))
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  await artifacts.read('mlflow-artifacts:/1/run/artifacts', 'a b/100% #ä?.txt', signal)
  expect(asked[0]?.url).toBe('/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/a%20b/100%25%20%23%C3%A4%3F.txt')
})

it('follows no listing that leads out of its folder', async () => {
  const { uri } = await serve((_, response) => response.end('{"files":[{"path":"..","is_dir":true}]}'))
  const artifacts = proxiedArtifacts(openServer({ uri, credentials: nothing }))
  const all = async () => {
    for await (const _ of artifacts.files('mlflow-artifacts:/1/run/artifacts', signal));
  }
  await expect(all()).rejects.toMatchObject({ code: 'observe/incomplete' })
})

it('keeps every digit of whole numbers that a double cannot hold', async () => {
  const { uri } = await serve((_, response) => response.end('{"at": 1795902378217000001, "n": [7, 1.5, 1e300]}'))
  const { send } = openServer({ uri, credentials: nothing })
  const answer = await send({ method: 'GET', path: 'x', signal })
  expect(answer.body).toEqual({ at: '1795902378217000001', n: [7, 1.5, 1e300] })
})

it('reads the bare words that Python writes for NaN and the infinities, and leaves texts as they are', async () => {
  const text = '{"a": [NaN, -Infinity,Infinity, 1e-3], "NaN \\"Infinity": "x NaN, \\\\", "b": NaN}'
  const { uri } = await serve((_, response) => response.end(text))
  const { send } = openServer({ uri, credentials: nothing })
  const { body } = await send({ method: 'GET', path: 'x', signal })
  expect(body).toEqual({ a: ['NaN', '-Infinity', 'Infinity', 0.001], 'NaN "Infinity': 'x NaN, \\', b: 'NaN' })
})

it('guards I1: sends what may change something by the way that is named at that moment, and reads without it', async () => {
  const { uri, asked } = await serve((_, response) => response.end('{}'))
  const tunnelled: string[] = []
  const gate = createServer().on('connect', (request, inner) => {
    tunnelled.push(String(request.headers['proxy-authorization']))
    const outer = connect(Number(new URL(uri).port), '127.0.0.1', () => {
      inner.write('HTTP/1.1 200 Connected\r\n\r\n')
      inner.pipe(outer).pipe(inner)
    })
  })
  open.push(gate)
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  const url = `http://holdfast:secret@127.0.0.1:${(gate.address() as AddressInfo).port}`
  let named: string | undefined
  const { send, bytes } = openServer({ uri, credentials: nothing, way: async () => named })
  const write = { method: 'POST', path: 'runs/update', body: {}, signal } as const
  await send(write)
  expect(tunnelled).toEqual([])
  named = url
  await send({ method: 'GET', path: 'runs/get', signal })
  await bytes({ method: 'GET', path: '/x', signal })
  expect(tunnelled).toEqual([])
  await send(write)
  await bytes({ method: 'PUT', path: '/x', body: Readable.from([Buffer.from('x')]), signal })
  expect(new Set(tunnelled)).toEqual(new Set([`Basic ${Buffer.from('holdfast:secret').toString('base64')}`]))
  expect(asked).toHaveLength(5)
})
