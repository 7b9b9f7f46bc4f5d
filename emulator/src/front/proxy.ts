import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { dialInside } from '../inner-listener.ts'
import { type Destination, destinationOf, type Places } from './hosts.ts'
import type { Link, Links } from './links.ts'

export interface ProxyParts {
  readonly places: Places
  readonly links: Links
  readonly secret: string
  /** Port of the process that answers for a destination, or `undefined` while it is dead. */
  port(destination: Served): number | undefined
}

const HOST_NAME = /^[a-z0-9.-]{1,253}$/

/** A destination that some process answers for. */
export type Served = Exclude<Destination, { to: 'nobody' }>

/** Name of a client that gave none in the user part of its proxy URL. */
export const UNNAMED = 'unnamed'

/** Answers `CONNECT`: only for hosts that the emulator plays, and only while the network between lets it. */
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
    const client = clientOf(request)
    const ends = [client, nameOf(destination)] as const
    const target = parts.port(destination)
    if (target === undefined || parts.links.state(ends) === 'closed') {
      socket.resetAndDestroy()
      return
    }
    if (head.length > 0) socket.unshift(head)
    const upstream = dialInside(target, parts.secret, { as: 'tls', host, client })
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    join(socket, upstream, { ends, links: parts.links })
  }
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

function join(client: Socket, upstream: Socket, { ends, links }: { ends: Link['ends']; links: Links }): void {
  let flowing = false
  const link: Link = {
    ends,
    close: () => {
      client.resetAndDestroy()
      upstream.destroy()
    },
    stall: () => {
      if (!flowing) return
      flowing = false
      client.unpipe(upstream).pause()
      upstream.unpipe(client).pause()
    },
    resume: () => {
      if (flowing) return
      flowing = true
      client.pipe(upstream)
      upstream.pipe(client)
    },
  }
  // A process that died leaves a reset or a half of an answer; the client must not take either for an end.
  upstream.on('error', () => client.resetAndDestroy())
  upstream.on('close', () => (client.writableFinished ? client.destroy() : client.destroySoon()))
  client.on('close', () => {
    links.untrack(link)
    upstream.destroy()
  })
  links.track(link)
}
