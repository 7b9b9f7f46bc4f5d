import { createServer, type Server as Http, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'
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
