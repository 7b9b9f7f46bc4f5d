import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificates } from '../certificates.ts'
import { reset, transports } from '../faults-meeting.ts'
import { connectionClients } from '../server.ts'
import type { Link, Links } from './links.ts'

/** What is known of a client's connection before its first byte. */
export interface Dialled {
  /** Host whose certificate the client expects. */
  readonly host: string
  /** Name of the client. */
  readonly client: string
  /** Place that the host belongs to, as faults name it. */
  readonly place: string
}

/** What serves the connections for a host. `head` is what was read of one already. */
export type Taker = (socket: Socket, dialled: Dialled, head: Buffer) => void

/** What a connection is served with. */
export interface Serving {
  /** From {@link fedServer}. */
  readonly http: Server
  readonly certificates: Certificates
  readonly links: Links
}

/** An HTTP server that is fed with connections and never listens itself. */
export function fedServer(listener: RequestListener): Server {
  // Uploads may take long, and a client may keep its connection for a minute between two calls.
  const options = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 75_000 }
  const server = createServer(options, (request, response) => {
    if (waitsForAcknowledgement(request)) sayContinue(response)
    return listener(request, response)
  })
  return server.on('checkContinue', (request, response) => {
    sayContinue(response)
    return listener(request, response)
  })
}

/**
 * Sends an interim answer as soon as the connection is this answer's, unless the answer is there by then.
 *
 * Until the answer before is through, Node keeps what is written, and then puts the head of the answer before an interim
 * one that it kept: the client would read that as the beginning of the body.
 */
function sayContinue(response: ServerResponse): void {
  if (response.socket !== null) response.writeContinue()
  else response.once('socket', () => response.headersSent || response.writeContinue())
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

/** Serves the connection of a client while the network between lets it: in TLS, ended here. */
export async function serveDialled(socket: Socket, dialled: Dialled, serving: Serving): Promise<void> {
  const { links } = serving
  const ends = [dialled.client, dialled.place] as const
  if (!(await links.passage(ends, socket))) {
    socket.resetAndDestroy()
    return
  }
  const secure = await endTls(socket, dialled, serving)
  if (secure === undefined) return
  const link = linkOver(secure, ends)
  secure.on('close', () => links.untrack(link))
  links.track(link)
}

/** Gives a connection to a fed server, ending its TLS as the host. Nothing where it is gone by then. */
export async function endTls(
  socket: Socket,
  { host, client }: Omit<Dialled, 'place'>,
  { http, certificates }: Omit<Serving, 'links'>,
): Promise<TLSSocket | undefined> {
  const secureContext = await certificates.contextFor(host)
  if (socket.destroyed) return undefined
  const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] })
  secure.on('error', () => socket.destroy())
  secure.on('close', () => socket.destroy())
  connectionClients.set(secure, client)
  transports.set(secure, socket)
  http.emit('connection', secure)
  return secure
}

function linkOver(secure: TLSSocket, ends: Link['ends']): Link {
  let stalled = false
  // The HTTP server resumes a connection whenever somebody wants more of a body.
  const hold = (): void => void secure.pause()
  return {
    ends,
    close: () => reset(secure),
    stall: () => {
      if (stalled) return
      stalled = true
      secure.cork()
      secure.on('resume', hold)
      secure.pause()
    },
    resume: () => {
      if (!stalled) return
      stalled = false
      secure.off('resume', hold)
      secure.uncork()
      secure.resume()
    },
  }
}
