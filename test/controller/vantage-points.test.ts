import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { isSigned } from '../../src/api/signed.ts'
import { vantageServer } from '../../src/api/vantage-server.ts'
import { askPoints } from '../../src/controller/vantage-points.ts'
import type { Finding } from '../../src/engine/prober.ts'

const KEY = 'a key that the processes of one protection share'
const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0)) await end()
})

const failed: Finding = {
  side: 'primary',
  plane: 'control',
  result: 'failed',
  ageMilliseconds: 400,
  durationMilliseconds: 30,
  selfCheck: true,
}

async function point(name: string, key = KEY, protection = 'churn'): Promise<string> {
  const server = vantageServer({ protection, point: name, key, findings: () => [failed] })
  ending.push(() => server.close())
  return server.listen({ port: 0, host: '127.0.0.1' })
}

let looks = 0
function asking(...points: readonly { name: string; url: string }[]) {
  looks = 0
  const verify = (body: string, signature: string) => isSigned(body, signature, KEY)
  const options = {
    protection: 'churn',
    points: points.map((one) => ({ ...one, host: one.name })),
    verify,
    timeoutMilliseconds: 500,
    // Half a second goes by between each question and its answer.
    clock: () => 9_500 + 500 * ++looks,
  }
  return askPoints(options, AbortSignal.timeout(10_000))
}

it('takes findings in with their age on the controller’s own clock', async () => {
  const { probes, silent } = await asking({ name: 'v1', url: await point('v1') })
  expect(probes).toMatchObject([{ point: 'v1', side: 'primary', plane: 'control', result: 'failed', startedAt: 9600 }])
  expect(silent).toEqual({})
})

it('believes nobody who lacks the key, calls itself otherwise or does not answer, and hears the others', async () => {
  const hanging: Server = createServer(() => undefined)
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  ending.push(async () => {
    hanging.closeAllConnections()
    hanging.close()
  })
  const { probes, silent } = await asking(
    { name: 'v1', url: await point('v1') },
    { name: 'v2', url: await point('v2', 'another key') },
    { name: 'v3', url: await point('somebody') },
    { name: 'v4', url: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}` },
    { name: 'v5', url: 'http://127.0.0.1:1' },
    { name: 'v6', url: await point('v6', KEY, 'fraud') },
  )
  expect(probes.map((probe) => probe.point)).toEqual(['v1'])
  expect(Object.keys(silent).sort()).toEqual(['v2', 'v3', 'v4', 'v5', 'v6'])
})

it('reads no answer that is too long to be a report', async () => {
  const babbling = createServer((_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, 'x')));
    }
    response.on('drain', more)
    more()
  })
  await new Promise<void>((resolve) => babbling.listen(0, '127.0.0.1', resolve))
  ending.push(async () => {
    babbling.closeAllConnections()
    babbling.close()
  })
  const { silent } = await asking({ name: 'v1', url: `http://127.0.0.1:${(babbling.address() as AddressInfo).port}` })
  expect(silent).toEqual({ v1: expect.stringContaining('too long') })
})

it('guards against replay: a report that was signed for an earlier question is not believed', async () => {
  const url = await point('v1')
  const recorded = await fetch(`${url}/report?nonce=an-earlier-nonce-of-16`)
  const [body, signature] = [await recorded.text(), recorded.headers.get('x-holdfast-signature') ?? '']
  const replaying = createServer((_, response) =>
    response.writeHead(200, { 'x-holdfast-signature': signature }).end(body),
  )
  await new Promise<void>((resolve) => replaying.listen(0, '127.0.0.1', resolve))
  ending.push(async () => replaying.close())
  const replay = await asking({ name: 'v1', url: `http://127.0.0.1:${(replaying.address() as AddressInfo).port}` })
  expect(replay.probes).toEqual([])
  expect(replay.silent).toHaveProperty('v1')
})
