import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { fedServer } from './dialled.ts'

const opened: { close(): unknown }[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

const BODY = '{"message":"whole"}'

/** The head and the body of a request, with one more line of headers. */
function post(path: string, header: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: h\r\n${header}\r\nContent-Length: 2\r\n\r\n{}`
}

async function answersTo(sent: string, answer: RequestListener): Promise<string> {
  const http: Server = fedServer(answer)
  const front = createServer((socket) => http.emit('connection', socket)).listen(0, '127.0.0.1')
  opened.push(front)
  await once(front, 'listening')
  const socket = connect((front.address() as AddressInfo).port, '127.0.0.1')
  socket.write(sent)
  return text(socket)
}

describe('an interim answer', () => {
  it.each(['User-Agent: python-requests/2', 'Expect: 100-continue'])(
    'comes before the answer that it announces, and in no body: %s',
    async (header) => {
      const answer: RequestListener = (request, response) => {
        const slow = request.url === '/first'
        request.resume()
        const end = () => {
          response.writeHead(200, { 'content-length': BODY.length, connection: slow ? 'keep-alive' : 'close' })
          response.end(Buffer.from(BODY))
        }
        // The second call comes in and is answered while the first has the connection.
        if (slow) void sleep(50).then(end)
        else end()
      }
      const all = await answersTo(post('/first', header) + post('/second', header), answer)
      const bodies = [...all.matchAll(/HTTP\/1\.1 200 OK\r\n(?:[\w-]+: .*\r\n)+\r\n(.{19})/g)].map(([, body]) => body)
      expect(all).toMatch(/^HTTP\/1.1 100 Continue/)
      expect(bodies).toEqual([BODY, BODY])
    },
  )
})
