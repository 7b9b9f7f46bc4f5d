import { createServer, type IncomingMessage } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { type Duplex, pipeline, Transform } from 'node:stream'
import { connect as connectSecurely } from 'node:tls'
import { type GateOrder, type GateSetUp, gateClock } from './gate.ts'

/**
 * The gate, a process of its own: a proxy by CONNECT that lets bytes pass outwards only until a time that the process
 * behind it keeps putting off. Where that one stands still, nothing puts it off, and every connection is reset: what
 * it has begun to send is never whole, and what it sends when it goes on comes to nobody. Ends with the one behind it.
 */
let mayEnter: string | undefined
let upstream: URL | undefined
const connections = new Set<Connection>()
let until = 0
let closing: NodeJS.Timeout | undefined

/** Both ends of a connection. */
interface Connection {
  readonly inner: Duplex
  /** Below TLS, where that is spoken with a proxy. */
  readonly outer: Socket
}

const isOpen = (): boolean => gateClock() < until

function setUp({ secret, proxy }: GateSetUp): void {
  mayEnter = `Basic ${Buffer.from(`holdfast:${secret}`).toString('base64')}`
  upstream = proxy === undefined ? undefined : new URL(proxy)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
}

function obey({ until: wanted }: GateOrder): void {
  until = wanted
  clearTimeout(closing)
  closing = setTimeout(shut, Math.max(0, until - gateClock()))
}

function shut(): void {
  // A timer may be some milliseconds early.
  if (isOpen()) obey({ until })
  else for (const connection of connections) cut(connection)
}

/** Resets the outer end, so that what its buffers still hold is dropped with it. */
function cut({ inner, outer }: Connection): void {
  outer.resetAndDestroy()
  inner.destroy()
}

function enter(request: IncomingMessage, inner: Duplex, head: Buffer): void {
  inner.on('error', () => inner.destroy())
  if (request.headers['proxy-authorization'] !== mayEnter) return void inner.end('HTTP/1.1 407 Not Yours\r\n\r\n')
  if (!isOpen()) return void inner.end('HTTP/1.1 503 No Lease\r\n\r\n')
  const target = request.url ?? ''
  const outer = dial(target)
  const connection = { inner, outer }
  connections.add(connection)
  outer.on('close', () => connections.delete(connection))
  outer.on('error', () => inner.destroy())
  inner.on('close', () => outer.destroy())
  outer.once('connect', () => {
    if (inner.destroyed) return cut(connection)
    if (upstream?.protocol !== 'https:') return join(connection, outer, { target, head })
    const secured = securedTo(upstream, outer)
    secured.on('error', () => cut(connection))
    secured.once('secureConnect', () => join(connection, secured, { target, head }))
  })
}

/** Lets bytes pass in both directions. `way` is the outer end, or what makes it safe to send through. */
function join(
  connection: Connection,
  way: Socket,
  { target, head }: { readonly target: string; readonly head: Buffer },
): void {
  const { inner } = connection
  if (inner.destroyed) return void cut(connection)
  // A proxy answers for itself, and its answer goes back as it is.
  if (upstream === undefined) inner.write('HTTP/1.1 200 Connected\r\n\r\n')
  else way.write(askThrough(target, upstream))
  if (head.length > 0) inner.unshift(head)
  const outwards = new Transform({
    transform: (chunk, _, done) => (isOpen() ? done(null, chunk) : done(new Error('the lease is over'))),
  })
  pipeline(inner, outwards, way, (failure) => failure != null && cut(connection))
  pipeline(way, inner, () => undefined)
}

function dial(target: string): Socket {
  const { hostname, port } = upstream ?? new URL(`tcp://${target}`)
  const usual = upstream?.protocol === 'http:' ? 80 : 443
  return connect({ host: bare(hostname), port: Number(port || usual), autoSelectFamily: true })
}

/** The connection below TLS stays at hand: only that can be reset. */
function securedTo({ hostname }: URL, socket: Socket): Socket {
  const host = bare(hostname)
  return connectSecurely({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}) })
}

function askThrough(target: string, { username, password }: URL): string {
  const given = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const proof = username === '' ? '' : `Proxy-Authorization: Basic ${Buffer.from(given).toString('base64')}\r\n`
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${proof}\r\n`
}

/** A literal address of IPv6 without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

const server = createServer((_, answer) => answer.writeHead(405).end())
server.on('connect', enter)
process.once('message', (first: GateSetUp) => {
  setUp(first)
  process.on('message', obey)
})
process.on('disconnect', () => process.exit(0))
// Whoever ends all processes of a service ends the controller, which may need its way out to end in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
