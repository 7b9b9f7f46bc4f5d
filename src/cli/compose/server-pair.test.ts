import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { Policy, ServerSide } from '../../core/policy.ts'
import { lookOnce } from '../../engine/deciding/look.ts'
import { openServer } from '../../mlflow/server.ts'
import { openServerPair } from './server-pair.ts'
import { questionsOf, storageProbe } from './server-probes.ts'

const signal = AbortSignal.timeout(20_000)
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that answers as it is told, and remembers by whom it was asked. */
async function server(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const by: (string | undefined)[] = []
  const http = createServer((request, response) => {
    by.push(request.headers.authorization)
    answer(request, response)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const close = () => {
    http.closeAllConnections()
    http.close()
  }
  closing.push(close)
  return { uri: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, by, close }
}

function pair(primary: ServerSide, secondary: ServerSide, outside?: string) {
  const failover = outside === undefined ? {} : { outside }
  const policy = { name: 'runs', primary, secondary, failover } as unknown as Policy
  const estate = openServerPair({
    policy,
    folder: '.',
    remembered: () => Promise.resolve(undefined),
    notes: { get: () => undefined, put: () => undefined, forget: () => undefined },
    requestMilliseconds: 5000,
  })
  closing.push(() => estate.close())
  return estate
}

async function seen(estate: ReturnType<typeof pair>) {
  const questions = []
  for (const side of ['primary', 'secondary'] as const) {
    const place = await estate.open(side, signal)
    if (place !== undefined) questions.push(...estate.questions(side, place))
  }
  const probes = await lookOnce({ questions, selfCheck: estate.reachOutside, timeoutMilliseconds: 5000 })
  return Object.fromEntries(probes.map(({ side, plane, result }) => [`${side} ${plane}`, result]))
}

const nothing = () => Promise.resolve({ by: 'nothing' } as const)
const well = (_: IncomingMessage, response: ServerResponse) => void response.end('{"experiments":[]}')

it('signs in to each server as the policy says of that one', async () => {
  process.env['TEST_PASSWORD_OF_A'] = 'pass'
  process.env['TEST_TOKEN_OF_B'] = 'word'
  const [a, b] = [await server(well), await server(well)]
  const estate = pair(
    { server: a.uri, signIn: { user: 'ada', password: { env: 'TEST_PASSWORD_OF_A' } } },
    { server: b.uri, signIn: { token: { env: 'TEST_TOKEN_OF_B' } } },
  )
  const [experiments] = estate.services
  for (const side of ['primary', 'secondary'] as const) {
    const place = await estate.open(side, signal)
    if (place !== undefined) await Array.fromAsync(experiments?.list(place, { signal }) ?? [])
  }
  expect([a.by, b.by]).toEqual([[`Basic ${Buffer.from('ada:pass').toString('base64')}`], ['Bearer word']])
})

it('takes a token from its file as it is when a request is sent', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-token-'))
  closing.push(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')
  const [a, b] = [await server(well), await server(well)]
  const estate = pair({ server: a.uri, signIn: { token: { file } } }, { server: b.uri })
  for (const token of ['old', 'new']) {
    writeFileSync(file, `${token}\n`)
    const place = await estate.open('primary', signal)
    if (place !== undefined) await Array.fromAsync(estate.services[0]?.list(place, { signal }) ?? [])
  }
  expect(a.by).toEqual(['Bearer old', 'Bearer new'])
})

it('says which variable is missing, and shows nothing of the others', async () => {
  const estate = pair({ server: 'http://a', signIn: { token: { env: 'TEST_NONE' } } }, { server: 'http://b' })
  await expect(estate.open('primary', signal)).rejects.toMatchObject({
    code: 'policy/invalid',
    message: expect.stringContaining('the environment has no TEST_NONE'),
  })
})

it('takes a failing database for down, a refusal and a server without artifacts for up, and nobody for down', async () => {
  const without = 'disabled due to the mlflow server running in `--no-serve-artifacts` mode'
  const a = await server((request, response) => {
    const isArtifacts = request.url?.includes('mlflow-artifacts') === true
    response.writeHead(isArtifacts ? 503 : 500).end(isArtifacts ? without : '')
  })
  const b = await server((_, response) => void response.writeHead(401).end())
  const estate = pair({ server: a.uri }, { server: b.uri })
  expect(await seen(estate)).toEqual({
    'primary history': 'failed',
    'primary data': 'ok',
    'secondary history': 'ok',
    'secondary data': 'ok',
  })
  b.close()
  expect(await seen(estate)).toMatchObject({ 'secondary history': 'failed', 'secondary data': 'failed' })
})

// Guards: a point that is cut off itself says nothing of a side.
it('believes itself only where it reaches what depends on neither side', async () => {
  const [a, b, outside] = [await server(well), await server(well), await server(well)]
  const watched = pair({ server: a.uri }, { server: b.uri }, outside.uri)
  await watched.reachOutside(signal)
  outside.close()
  await expect(watched.reachOutside(signal)).rejects.toThrow()
  const byHand = pair({ server: a.uri }, { server: b.uri })
  a.close()
  await byHand.reachOutside(signal)
  b.close()
  await expect(byHand.reachOutside(signal)).rejects.toThrow()
})

it('takes files for gone while the storage behind them does not answer, though the server does', async () => {
  const [a, b] = [await server(well), await server(well)]
  const account = { blob: 200 }
  const azure = { probe: () => Promise.resolve({ status: account.blob, headers: {}, body: undefined }) }
  const ask = storageProbe(azure, 'files')
  const questions = questionsOf('primary', openServer({ uri: a.uri, credentials: nothing }), [ask])
  const seenNow = async () => {
    const selfCheck = async () => void (await fetch(b.uri))
    const probes = await lookOnce({ questions, selfCheck, timeoutMilliseconds: 5000 })
    return Object.fromEntries(probes.map(({ plane, result }) => [plane, result]))
  }
  for (const [status, data] of [
    [200, 'ok'],
    [403, 'ok'],
    [503, 'failed'],
  ] as const) {
    account.blob = status
    expect(await seenNow()).toMatchObject({ history: 'ok', data })
  }
})
