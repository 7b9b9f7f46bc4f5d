import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPair, type Pair, type Point, until } from './pair.ts'

let pair: Pair
const replaying: Server[] = []
beforeAll(async () => {
  pair = await openPair({ lease: 9000, call: 3000, tick: 200 })
}, 120_000)
afterAll(async () => {
  await Promise.all(replaying.map(closed))
  await pair.end()
})

/** Longer than the loss of a region lasts until it counts. */
const LONG_MILLISECONDS = 8000

function closed(server: Server): Promise<unknown> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
}

/** Takes a point's place and gives everybody the report that it once signed. */
async function replayed({ port, child }: Point): Promise<void> {
  const { body, headers } = await until('the point answers', () => asked(port).catch(() => undefined))
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  const server = createServer((_, answer) => answer.writeHead(200, headers).end(body))
  replaying.push(server)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
}

async function asked(port: number): Promise<{ body: string; headers: Record<string, string> }> {
  const answer = await fetch(`http://127.0.0.1:${port}/report?nonce=${randomUUID()}`)
  const signature = answer.headers.get('x-holdfast-signature') ?? ''
  return { body: await answer.text(), headers: { 'x-holdfast-signature': signature } }
}

it('guards I1: decides nothing, and says so, while a majority of the vantage points is lost and old reports are played in their place; and fails over once they are back', {
  timeout: 120_000,
}, async () => {
  const { events } = await pair.controller('one')
  const lost = pair.points.slice(1)
  for (const point of lost) await replayed(point)
  await pair.emulator.region('eastus2', 'kill')
  const said = await until('it says that nothing is decided', () =>
    events.findLast(
      ({ is, message }) => is === 'decision' && /Without a majority nothing is done/.test(String(message)),
    ),
  )
  await sleep(LONG_MILLISECONDS)

  expect(events.findLast(({ is }) => is === 'decision')).toEqual(said)
  expect(events.findLast(({ is }) => is === 'health')?.['silent']).toEqual(
    Object.fromEntries(lost.map(({ name }) => [name, 'its report answers another question'])),
  )
  expect(await pair.journal('failover/')).toEqual([])

  await Promise.all(replaying.splice(0).map(closed))
  for (const point of lost) point.start()
  const ended = await until('the failover ends', async () => (await pair.journal('failover/ended')).at(0))
  expect(ended.body).toMatchObject({ outcome: 'done' })
})
