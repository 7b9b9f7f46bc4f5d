import type { IncomingMessage, ServerResponse } from 'node:http'
import { bytesWithin } from '../../body-bytes.ts'
import { refusalOf } from '../proxy.ts'
import { type ControlReply, type ControlRoute, Misuse } from './control-call.ts'
import { type ControlParts, controlRoutes } from './control-routes.ts'

const MOST_BODY = 1024 * 1024
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** Answers plain HTTP on the proxy's port: the control API, and a refusal to everybody who wants to be forwarded. */
export function control(parts: ControlParts): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const routes = controlRoutes(parts)
  return async (request, response) => {
    const { status, bytes } = await answer(request, routes)
      .then(printed)
      .catch((thrown) => printed(failed(thrown)))
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': bytes.length,
    })
    response.end(bytes)
  }
}

function printed({ status, body }: ControlReply): { readonly status: number; readonly bytes: Buffer } {
  return { status, bytes: Buffer.from(JSON.stringify(body)) }
}

async function answer(request: IncomingMessage, routes: readonly ControlRoute[]): Promise<ControlReply> {
  const url = URL.parse(request.url ?? '/', `http://${request.headers.host ?? 'nowhere'}`)
  if (url === null) throw new Misuse(400, 'The request names no URL.')
  if (!LOOPBACK.has(url.hostname)) throw new Misuse(403, refusalOf(url.hostname, url.port || '80').trim())
  // A page in a browser can send requests to a loopback port, and can give its own name to that address.
  const { origin, host = '' } = request.headers
  const fromElsewhere = request.headers['sec-fetch-site'] === 'cross-site'
  const foreign = fromElsewhere || (origin !== undefined && !LOOPBACK.has(hostOf(origin)))
  if (foreign || !LOOPBACK.has(hostOf(`http://${host}`))) {
    throw new Misuse(
      403,
      'The control API answers only to programs of this machine that call it by its loopback address.',
    )
  }
  const matching = routes.filter(([, path]) => path.test(url.pathname))
  const route = matching.find(([method]) => method === request.method)
  if (route === undefined) {
    const status = matching.length > 0 ? 405 : 404
    throw new Misuse(status, `Nothing answers ${request.method} ${url.pathname} here.`)
  }
  // No name of a region needs an escape, so what holds one is nobody's name and is refused as such.
  const params = (route[1].exec(url.pathname) ?? []).slice(1)
  return route[2]({ params, query: url.searchParams, body: await bodyOf(request) })
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const bytes = await bytesWithin(request, MOST_BODY)
  if (bytes === undefined) throw new Misuse(413, `The body is over the limit of ${MOST_BODY} bytes.`)
  const text = bytes.toString('utf8')
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new Misuse(400, 'The body is not JSON.')
  }
}

function failed(thrown: unknown): ControlReply {
  if (thrown instanceof Misuse) return { status: thrown.status, body: { error: thrown.message } }
  process.stderr.write(`emulator: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
  return { status: 500, body: { error: thrown instanceof Error ? thrown.message : String(thrown) } }
}
