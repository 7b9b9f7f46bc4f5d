import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { type Gate, gateClock, gateOf } from './gate.ts'

/** Listens in a thread of its own, which goes on while the test's stands still, and tells what each connection came to. */
const LISTENER = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer((socket) => {
    let bytes = 0
    const tell = (how) => parentPort.postMessage({ bytes, how })
    socket.on('data', (chunk) => { bytes += chunk.length; tell('open') })
    socket.on('end', () => tell('whole'))
    socket.on('error', () => tell('reset'))
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

interface Heard {
  readonly bytes: number
  readonly how: 'open' | 'whole' | 'reset'
}

const gates: Gate[] = []
const workers: Worker[] = []
afterEach(async () => {
  for (const gate of gates.splice(0)) gate.close()
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
})

async function listener(): Promise<{ readonly port: number; readonly heard: readonly Heard[] }> {
  const worker = new Worker(LISTENER, { eval: true })
  workers.push(worker)
  const heard: Heard[] = []
  const [port] = await once(worker, 'message')
  worker.on('message', (one: Heard) => heard.push(one))
  return { port, heard }
}

function gate(proxy?: string): Gate {
  const made = gateOf(proxy)
  gates.push(made)
  return made
}

/** A connection through a gate, or the status with which it refuses one. */
async function through(way: string | undefined, port: number): Promise<Socket | number> {
  const { hostname, port: own, username, password } = new URL(way ?? '')
  const asked = request({
    method: 'CONNECT',
    path: `127.0.0.1:${port}`,
    hostname,
    port: own,
    headers: { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
  }).end()
  const [answer, socket] = await once(asked, 'connect')
  // It is reset on purpose.
  socket.on('error', () => undefined)
  return answer.statusCode === 200 ? socket : answer.statusCode
}

async function connected(way: string | undefined, port: number): Promise<Socket> {
  const socket = await through(way, port)
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`)
  return socket
}

/** Holds the whole process up, as a stop does. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await sleep(5)
}

it('guards I1: nothing that was begun before a standstill, or is sent first after it, arrives once the lease is over', async () => {
  const { port, heard } = await listener()
  const way = gate()
  way.open(gateClock() + 60_000)
  const [begun, idle] = [await connected(await way.way(), port), await connected(await way.way(), port)]
  way.open(gateClock() + 300)
  // More than all buffers in between hold: the kernel would send the rest by itself when the process goes on.
  const body = Buffer.alloc(64 * 1024 * 1024)
  begun.end(body)
  standStill(900)
  idle.end('sent first')
  await until(() => heard.filter(({ how }) => how === 'reset').length === 2)
  expect(heard.every(({ how }) => how !== 'whole')).toBe(true)
  expect(Math.max(...heard.map(({ bytes }) => bytes))).toBeLessThan(body.length)
  expect(await through(await way.way(), port)).toBe(503)
})

it('lets everything pass while its end is put off, and again with the next lease', async () => {
  const { port, heard } = await listener()
  const way = gate()
  way.open(gateClock() + 60_000)
  const socket = await connected(await way.way(), port)
  way.open(gateClock() + 60_000)
  socket.end('all of it')
  await until(() => heard.some(({ how }) => how === 'whole'))
  way.open(0)
  expect(await through(await way.way(), port)).toBe(503)
  way.open(gateClock() + 60_000)
  await connected(await way.way(), port)
})

it('is not in the way where no lease was ever had, or one was given back; what went by it ends with it', async () => {
  const { port, heard } = await listener()
  const way = gate()
  expect(await way.way()).toBeUndefined()
  way.open(gateClock() + 60_000)
  const socket = await connected(await way.way(), port)
  socket.write('begun')
  await until(() => heard.some(({ bytes }) => bytes > 0))
  way.leave()
  expect(await way.way()).toBeUndefined()
  await until(() => heard.some(({ how }) => how === 'reset'))
})

it('lets nobody else in', async () => {
  const { port } = await listener()
  const way = gate()
  way.open(gateClock() + 60_000)
  const url = new URL((await way.way()) ?? '')
  url.password = 'guessed'
  expect(await through(url.href, port)).toBe(407)
})

it('outlives whoever leaves before a target is reached', async () => {
  const { port } = await listener()
  const way = gate()
  way.open(gateClock() + 60_000)
  const url = await way.way()
  const { hostname, port: own, username, password } = new URL(url ?? '')
  const hello = `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nproxy-authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}\r\n\r\n`
  for (let n = 0; n < 50; n++) {
    const leaving = connect(Number(own), hostname)
    await once(leaving, 'connect')
    leaving.write(hello, () => leaving.resetAndDestroy())
  }
  await connected(url, port)
  expect(await way.way()).toBe(url)
})

it('goes through the proxy behind it, with what the proxy asks for', async () => {
  const { port, heard } = await listener()
  const behind = gate()
  behind.open(gateClock() + 60_000)
  const way = gate(await behind.way())
  way.open(gateClock() + 60_000)
  const socket = await connected(await way.way(), port)
  socket.end('through both')
  await until(() => heard.some(({ how }) => how === 'whole'))
  behind.open(0)
  expect(await through(await way.way(), port)).toBe(503)
})
