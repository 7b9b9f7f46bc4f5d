import type { RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Certificates } from '../certificates.ts'
import { connectionClients, frontConnections } from '../server.ts'
import { fedServer, serveDialled, type Taker } from './dialled.ts'
import type { Links } from './links.ts'

/**
 * How a process of the emulator gets its connections, all of them from the front.
 *
 * The front's own requests come over a loopback port, as HTTP after a first line that names the shared secret and the
 * client. Connections of clients are handed over as they are, and end their TLS here.
 */
export interface InnerListener {
  readonly port: number
  /** Takes over the connection of a client that dialled one of the hosts played here. */
  readonly take: Taker
  close(): Promise<void>
}

const LONGEST_PREFACE = 2048

export interface InnerOptions {
  readonly secret: string
  readonly certificates: Certificates
  readonly links: Links
  readonly listener: RequestListener
}

/** Listens on any loopback port for the front's requests, and takes connections that are handed over. */
export async function listenInside(options: InnerOptions): Promise<InnerListener> {
  const http = fedServer(options.listener)
  const open = new Set<Socket>()
  const follow = (socket: Socket): void => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const server = createServer({ noDelay: true }, (socket) => {
    follow(socket)
    readPreface(socket, options.secret).then(
      (client) => {
        connectionClients.set(socket, client)
        frontConnections.add(socket)
        http.emit('connection', socket)
      },
      () => socket.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const take: Taker = (socket, dialled, head) => {
    follow(socket)
    socket.setNoDelay(true)
    socket.allowHalfOpen = false
    if (head.length > 0) socket.unshift(head)
    serveDialled(socket, dialled, { ...options, http }).catch(() => socket.destroy())
  }

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    http.closeAllConnections()
    for (const socket of open) socket.destroy()
    await closed
  }

  return { port: (server.address() as AddressInfo).port, take, close }
}

/** Dials an inner listener and sends the preface. The connection is ready for writing at once. */
export function dialInside(port: number, secret: string, client: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(`${secret} ${encodeURIComponent(client)}\n`)
  return socket
}

/** Resolves with the client that the first line names. */
function readPreface(socket: Socket, secret: string): Promise<string> {
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
        const [given, client] = seen.subarray(0, end).toString('latin1').split(' ')
        if (given !== secret || client === undefined) return reject(new Error('the first line is not the front’s'))
        return resolve(decodeURIComponent(client))
      }
    }
    socket.on('readable', onReadable).on('close', onEnd)
  })
}
