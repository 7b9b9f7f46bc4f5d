import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Content, Contents, INLINE } from './contents.ts'

const LARGE = 3 * 1024 * 1024 + 17

let dir: string
let contents: Contents

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'contents-'))
  contents = new Contents(dir)
})

afterEach(async () => {
  await contents.close()
  rmSync(dir, { recursive: true })
})

test.each([0, 1, INLINE, INLINE + 1, LARGE])('a body of %i bytes is given back as it came', async (length) => {
  const bytes = randomBytes(length)
  expect((await read(await contents.receive(bytes))).equals(bytes)).toBe(true)
  expect((await read(await contents.receive(Readable.from(pieces(bytes))))).equals(bytes)).toBe(true)
  expect((await read(await sent(bytes))).equals(bytes)).toBe(true)
})

test('bytes that somebody handed over stay theirs', async () => {
  const bytes = randomBytes(LARGE)
  const parts = pieces(bytes)
  const before = Buffer.from(bytes)
  await contents.receive(bytes)
  await contents.receive(Readable.from(parts))
  expect(bytes.equals(before)).toBe(true)
  expect(Buffer.concat(parts).equals(before)).toBe(true)
})

test('a body that breaks off leaves nothing', async () => {
  const broken = async function* () {
    yield randomBytes(LARGE)
    throw new Error('gone')
  }
  await expect(contents.receive(Readable.from(broken()))).rejects.toThrow('gone')
  expect(readdirSync(dir)).toEqual([])
})

function pieces(bytes: Buffer): Buffer[] {
  const size = 50_000
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    Buffer.from(bytes.subarray(n * size, (n + 1) * size)),
  )
}

async function read(content: Content): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of contents.stream([content], 0, content.length)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What is kept of a body that comes over HTTP. */
async function sent(bytes: Buffer): Promise<Content> {
  const server: Server = createServer()
  const received = new Promise<Content>((resolve, reject) => {
    server.on('request', (body, response) => {
      contents.receive(body).then(resolve, reject)
      body.on('end', () => response.end())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const asking = request({ port, method: 'PUT' })
  asking.on('response', (answer) => answer.resume())
  asking.end(bytes)
  const content = await received
  server.closeAllConnections()
  server.close()
  return content
}
