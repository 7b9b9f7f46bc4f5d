import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, it, vi } from 'vitest'
import { makeAuthority, signLeaf } from '../../emulator/src/authority.ts'
import { gateClock, gateOf } from '../../src/azure/gate.ts'

const dir = mkdtempSync(join(tmpdir(), 'holdfast-secure-proxy-'))
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true })
})

/** A proxy that is spoken with by TLS, in a thread of its own, which tells how each connection ended. */
const SECURE_PROXY = `
  const { createServer } = require('node:https')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer(workerData)
  server.on('connect', (_, socket) => {
    socket.on('error', ({ code }) => parentPort.postMessage(code))
    socket.on('end', () => parentPort.postMessage('whole'))
    socket.resume()
    socket.write('HTTP/1.1 200 Connected\\r\\n\\r\\n')
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

/** A connection by way of a gate to what is behind its proxy. */
async function connected(way: string | undefined): Promise<Socket> {
  const { hostname, port, username, password } = new URL(way ?? '')
  const proof = Buffer.from(`${username}:${password}`).toString('base64')
  const headers = { 'proxy-authorization': `Basic ${proof}` }
  const asked = request({ method: 'CONNECT', path: 'management.azure.com:443', hostname, port, headers }).end()
  const [answer, socket] = await once(asked, 'connect')
  // It is reset on purpose.
  socket.on('error', () => undefined)
  expect(answer.statusCode).toBe(200)
  return socket
}

it('guards I1: what goes through a proxy that is spoken with by TLS is reset, and the next lease lets it through again', async () => {
  const files = { dir, caPath: join(dir, 'ca.pem'), keyPath: join(dir, 'ca.key') }
  await makeAuthority(files)
  vi.stubEnv('NODE_EXTRA_CA_CERTS', files.caPath)
  const worker = new Worker(SECURE_PROXY, { eval: true, workerData: await signLeaf('localhost', 1, files) })
  const [port] = await once(worker, 'message')
  const ends: string[] = []
  worker.on('message', (how: string) => ends.push(how))
  const gate = gateOf(`https://localhost:${port}`)
  try {
    gate.open(gateClock() + 60_000)
    const way = await gate.way()
    for (const socket of [await connected(way), await connected(way)]) socket.write('begun')
    gate.open(0)
    while (ends.length < 2) await sleep(5)
    expect(ends).toEqual(['ECONNRESET', 'ECONNRESET'])
    // The gate has outlived it: the next lease goes the same way.
    gate.open(gateClock() + 60_000)
    expect(await gate.way()).toBe(way)
    await connected(way)
  } finally {
    gate.close()
    await worker.terminate()
  }
})
