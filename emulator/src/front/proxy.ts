import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Taker } from '../network/dialled.ts'
import type { Links } from '../network/links.ts'
import { type Destination, destinationOf, type Places } from './hosts.ts'

export interface ProxyParts {
  readonly places: Places
  /** Faults of the network as they are now. */
  links(): Links
  /** What takes the connections for a destination, or `undefined` while it is dead. */
  taker(destination: Served): Taker | undefined
}

const HOST_NAME = /^[a-z0-9.-]{1,253}$/

/** A destination that some process answers for. */
export type Served = Exclude<Destination, { to: 'nobody' }>

/** Name of a client that gave none in the user part of its proxy URL. */
export const UNNAMED = 'unnamed'

/**
 * Answers `CONNECT`: only for hosts that the emulator plays, and only while the network between lets it.
 *
 * The connection goes to the process that plays the host, so that none of its bytes pass here.
 */
export function proxy(parts: ProxyParts): (request: IncomingMessage, socket: Socket, head: Buffer) => void {
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const [host = '', port] = (request.url ?? '').toLowerCase().split(':')
    const isHost = port === '443' && HOST_NAME.test(host)
    const destination = isHost ? destinationOf(host, parts.places) : undefined
    if (destination === undefined) {
      refuse(socket, refusalOf(host.slice(0, 255), port))
      return
    }
    if (destination.to === 'nobody') {
      // In Azure the name would not resolve. Many clients take a refusal by the proxy for the service's own answer.
      process.stderr.write(`emulator: ${host} was dialled, and no resource has this name\n`)
      socket.resetAndDestroy()
      return
    }
    const dialled = { host, client: clientOf(request), place: nameOf(destination) }
    const take = parts.taker(destination)
    if (take === undefined || parts.links().state([dialled.client, dialled.place]) === 'closed') {
      socket.resetAndDestroy()
      return
    }
    stopReading(socket)
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n', () => {
      if (!socket.destroyed) take(socket, dialled, head)
    })
  }
}

/**
 * Leaves what comes from now on in the kernel, for the process that gets the connection.
 *
 * `pause` would not: a paused stream still reads until its buffer is full, and Node documents no other way.
 */
function stopReading(socket: Socket): void {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { reading: boolean; readStop(): void } }
  if (handle === undefined) return
  handle.reading = false
  handle.readStop()
}

/** The place that a destination belongs to, as faults name it. */
export function nameOf(destination: Served): string {
  return destination.to === 'region' ? destination.region : destination.to
}

/** What a client without a served host is told, over CONNECT and over plain HTTP. */
export function refusalOf(host: string, port = '443'): string {
  return `The emulator does not play the host ${host} (port ${port}), and it forwards nothing to the real one.\n`
}

/** Client name in the user part of the proxy URL. */
export function clientOf(request: IncomingMessage): string {
  const [scheme, value = ''] = (request.headers['proxy-authorization'] ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return UNNAMED
  const user = Buffer.from(value, 'base64').toString('utf8').split(':')[0] ?? ''
  if (user === '') return UNNAMED
  try {
    return decodeURIComponent(user)
  } catch {
    // Not every client escapes the name, so a lone percent sign is one.
    return user
  }
}

function refuse(socket: Socket, sentence: string): void {
  const size = Buffer.byteLength(sentence)
  socket.end(
    `HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${size}\r\nconnection: close\r\n\r\n${sentence}`,
  )
}
