import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificates } from './certificates.ts'
import { transports } from './faults-meeting.ts'
import { connectionClients, frontConnections } from './server.ts'

/**
 * The door through which the front hands connections to a process of the emulator.
 *
 * The first line of a connection names the shared secret, how the rest is to be read, the host
 * that was dialled and the client that dialled it. What follows is HTTP, in TLS or bare.
 */
export interface InnerListener {
  readonly port: number
  close(): Promise<void>
}

/** What the first line says. */
export interface Preface {
  readonly as: 'tls' | 'http'
  readonly host: string
  readonly client: string
}

const LONGEST_PREFACE = 2048

export interface InnerOptions {
  readonly secret: string
  readonly certificates: Certificates
  readonly listener: RequestListener
}

/** An HTTP server that is fed with connections by {@link serveConnection} and never listens itself. */
export function fedServer(listener: RequestListener): ReturnType<typeof createHttpServer> {
  // Uploads may take long, and a client may keep its connection for a minute between two calls.
  const options = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 75_000 }
  return createHttpServer(options, (request, response) => {
    if (waitsForAcknowledgement(request)) response.writeContinue()
    return listener(request, response)
  })
}

/**
 * True for a request whose body the client's kernel holds back.
 *
 * urllib3 turns Nagle's algorithm on behind a proxy and sends head and body apart, so that the body
 * waits for the delayed acknowledgement of the head: 40 ms on every write of every Python client.
 * An interim answer, which every HTTP/1.1 client must skip (RFC 9110 section 15.2), carries it at once.
 */
function waitsForAcknowledgement({ headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
  return hasBody && headers.expect === undefined && /python/i.test(headers['user-agent'] ?? '')
}

/** Gives a connection to a fed server, ending its TLS as `host` where it has any. */
export async function serveConnection(
  server: ReturnType<typeof createHttpServer>,
  socket: Socket,
  preface: Preface,
  certificates: Certificates,
): Promise<void> {
  if (preface.as === 'http') {
    connectionClients.set(socket, preface.client)
    frontConnections.add(socket)
    server.emit('connection', socket)
    return
  }
  const secureContext = await certificates.contextFor(preface.host)
  if (socket.destroyed) return
  const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] })
  secure.on('error', () => socket.destroy())
  secure.on('close', () => socket.destroy())
  connectionClients.set(secure, preface.client)
  transports.set(secure, socket)
  server.emit('connection', secure)
}

/** Listens on any loopback port for connections that start with the right preface. */
export async function listenInside(options: InnerOptions): Promise<InnerListener> {
  const http = fedServer(options.listener)
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    readPreface(socket, options.secret)
      .then((preface) => serveConnection(http, socket, preface, options.certificates))
      .catch(() => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    http.closeAllConnections()
    for (const socket of open) socket.destroy()
    await closed
  }

  return { port: (server.address() as AddressInfo).port, close }
}

/** Dials an inner listener and sends the preface. The connection is ready for writing at once. */
export function dialInside(port: number, secret: string, preface: Preface): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: preface.as === 'tls' })
  socket.write(`${secret} ${preface.as} ${preface.host} ${encodeURIComponent(preface.client)}\n`)
  return socket
}

function readPreface(socket: Socket, secret: string): Promise<Preface> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    const onEnd = () => reject(new Error('the connection ended in its first line'))
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = Buffer.concat([seen, chunk])
        const end = seen.indexOf(10)
        if (end < 0 && seen.length > LONGEST_PREFACE) return reject(new Error('the first line is too long'))
        if (end < 0) continue
        socket.off('readable', onReadable).off('close', onEnd)
        const rest = seen.subarray(end + 1)
        if (rest.length > 0) socket.unshift(rest)
        return parsePreface(seen.subarray(0, end).toString('latin1'), secret, { resolve, reject })
      }
    }
    socket.on('readable', onReadable).on('close', onEnd)
  })
}

function parsePreface(
  line: string,
  secret: string,
  outcome: { resolve(preface: Preface): void; reject(failure: Error): void },
): void {
  const [given, as, host, client] = line.split(' ')
  if (given !== secret || (as !== 'tls' && as !== 'http') || host === undefined || client === undefined) {
    outcome.reject(new Error('the first line is not the front’s'))
    return
  }
  outcome.resolve({ as, host, client: decodeURIComponent(client) })
}
