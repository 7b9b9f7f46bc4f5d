import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Call, Reply } from '../../call.ts'

/** Headers that belong to one connection (RFC 9110 section 7.6.1), and those that are set anew. */
const OWN_OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers of a call that is passed on to a region, with the URL that the client dialled. */
export function passedOn({ headers, origin, target }: Call): Record<string, string> {
  return { ...kept(headers), referer: `${origin}${target}` }
}

/** Headers of a message that stay with it when it is passed on. */
function kept(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || OWN_OF_CONNECTION.has(name)) return []
    return [[name, Array.isArray(value) ? value.join(', ') : value]]
  })
  return Object.fromEntries(entries)
}

/** An answer of a region as the answer of the front, which has a clock of its own. The region has logged it. */
export function relayed(message: IncomingMessage, method: string): Reply {
  const status = message.statusCode ?? 502
  const { date: _, ...headers } = kept(message.headers)
  if (method === 'HEAD' || status === 204 || status === 304) {
    message.resume()
    return { status, headers, unlogged: true }
  }
  return { status, headers, body: message, unlogged: true }
}

/** {@link relayed} with the body read, and parsed where it is a JSON object. */
export async function relayedWhole(
  message: IncomingMessage,
  method: string,
): Promise<{ readonly reply: Reply; readonly json: Readonly<Record<string, unknown>> }> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const reply = relayed(message, method)
  return { reply: reply.body === undefined ? reply : { ...reply, body: bytes }, json: objectIn(bytes) }
}

/** Does work for a call with a signal that is aborted when the client of the call has gone. */
export async function watching<T>(call: Call, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const gone = new AbortController()
  const { socket } = call.body as IncomingMessage
  const abort = (): void => gone.abort()
  socket.once('close', abort)
  try {
    return await work(gone.signal)
  } finally {
    socket.off('close', abort)
  }
}

function objectIn(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}
