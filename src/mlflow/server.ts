import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { searchOf } from './call.ts'
import { openPaces } from './pace.ts'
import { readJson } from './read-json.ts'
import { sourceBytes } from './source-bytes.ts'
import type { Answer, Request, Send } from './tracking.ts'
import { undici, wayOut } from './way-out.ts'

/** An MLflow tracking server at its URI. */
export interface Server {
  /** Without a trailing slash and without credentials: fit to be shown. */
  readonly uri: string
  /** Below `/api/2.0/mlflow/`. Asks again where that can help. */
  readonly send: Send
  /** Bytes below `/api/2.0/mlflow-artifacts/` and elsewhere; one try, any status. */
  bytes(request: BytesRequest): Promise<Response>
}

export interface BytesRequest {
  readonly method: 'GET' | 'PUT'
  /** Below the server's URI, percent-encoded. */
  readonly path: string
  readonly body?: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

/** What MLflow's own client reads from its environment. */
export type Credentials =
  | { readonly by: 'nothing' }
  | { readonly by: 'token'; readonly token: string }
  | { readonly by: 'password'; readonly user: string; readonly password: string }

export interface ServerOptions {
  readonly uri: string
  /** A function is asked before each request: what signs in may change while a process runs. */
  readonly credentials: Credentials | (() => Promise<Credentials>)
  /** Longest that one request may take until its answer is whole. Default: 60 s. */
  readonly requestMilliseconds?: number
  /** Awaited before each request: it may be sent when this resolves. */
  beforeSending?(): Promise<void>
  /** URL of the proxy that what may change something must take now; `undefined` where it needs none. */
  way?(): Promise<string | undefined>
  /** Gets the `Date` of each answer of the APIs, in milliseconds since 1970, between two instants of this process's monotonic clock. */
  dated?(answer: { readonly sent: number; readonly received: number; readonly date: number }): void
}

/** Times that a request is sent at most. */
export const TRIES = 5
/** Milliseconds after the first that failed, which double, where the server does not say how long. */
export const FIRST_WAIT = 200
const LONGEST_WAIT = 30_000
/** A server that asks to be left alone for longer is obeyed by leaving it. */
export const LONGEST_ASKED = 600_000

/**
 * Opens a server. A request that a limit refused was not carried out and is sent again when the server says;
 * one without an answer only where sending it twice is the same as once.
 */
export function openServer({ uri, credentials, requestMilliseconds = 60_000, ...hooks }: ServerOptions): Server {
  const { root, given } = rootOf(uri)
  const out = wayOut(hooks.way)
  const paceOf = openPaces()

  async function signed(): Promise<{ readonly authorization?: string }> {
    const authorization = headerOf(given ?? (typeof credentials === 'function' ? await credentials() : credentials))
    return authorization === undefined ? {} : { authorization }
  }

  async function attempt(asked: Request): Promise<Answer & { readonly wait?: number }> {
    const { method, path, query, body, signal, headers: more } = asked
    const base = path.startsWith('/') ? root : `${root}/api/2.0/mlflow/`
    const by = await out(method)
    const own = await signed()
    const { fetch: fetchBy } = await undici()
    await hooks.beforeSending?.()
    const sent = performance.now()
    const answer = await fetchBy(`${base}${path}${searchOf(query)}`, {
      ...by,
      method,
      headers: { ...own, ...more, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestMilliseconds)]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const date = Date.parse(answer.headers.get('date') ?? '')
    if (!Number.isNaN(date)) hooks.dated?.({ sent, received: performance.now(), date })
    return { status: answer.status, body: bodyOf(answer.status, await answer.text()), ...waitIn(answer) }
  }

  async function send(asked: Request): Promise<Answer> {
    const pace = paceOf(asked.path)
    for (let tried = 1; ; tried++) {
      const backOff = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tried)
      let wait = backOff
      const call = await pace.turn(asked.signal)
      try {
        const answer = await attempt(asked)
        const refusedFor = answer.wait ?? backOff
        if (answer.status === 429 && refusedFor > LONGEST_ASKED) return answer
        if (answer.status === 429) pace.refused(call, refusedFor)
        else pace.took()
        if (answer.status === 429 && tried < TRIES) continue
        const isAgain = answer.status >= 502 && answer.status <= 504 && asked.once !== true
        if (!isAgain || tried >= TRIES || refusedFor > LONGEST_ASKED) return answer
        wait = refusedFor
      } catch (thrown) {
        asked.signal.throwIfAborted()
        if (asked.once === true || tried >= TRIES) throw unreachable(root, asked.path, thrown)
      }
      await sleep(wait, undefined, { signal: asked.signal })
    }
  }

  async function bytes({ method, path, body, signal }: BytesRequest): Promise<Response> {
    const by = await out(method)
    const headers = await signed()
    await hooks.beforeSending?.()
    const faultOf = (thrown: unknown) => (signal.aborted ? signal.reason : unreachable(root, path, thrown))
    const asked = { ...by, method, headers, signal }
    if (body !== undefined) return upload(`${root}${path}`, asked, { body, faultOf })
    return fetch(`${root}${path}`, { method, headers, signal }).catch((thrown) => Promise.reject(faultOf(thrown)))
  }

  return { uri: root, send, bytes }
}

/** Sends bytes as they come. What keeps them from coming is thrown as it is: it is not the server that is silent then. */
async function upload(
  url: string,
  asked: {
    readonly method: 'GET' | 'PUT'
    readonly headers: { readonly authorization?: string }
    readonly signal: AbortSignal
  },
  { body, faultOf }: { readonly body: AsyncIterable<Uint8Array>; readonly faultOf: (thrown: unknown) => unknown },
): Promise<Response> {
  const { request } = await undici()
  const failures: unknown[] = []
  const sent = sourceBytes(body, (thrown) => {
    failures.push(thrown)
    return thrown
  })
  try {
    // The body of a fetch is read ahead of what the socket takes; that of a request is not.
    const { statusCode, headers, body: said } = await request(url, { ...asked, body: Readable.from(sent) })
    const told = ['date', 'retry-after'].flatMap((name) =>
      headers[name] === undefined ? [] : [[name, String(headers[name])] as const],
    )
    return new Response((await said.text()) || null, { status: statusCode, headers: Object.fromEntries(told) })
  } catch (thrown) {
    asked.signal.throwIfAborted()
    throw failures.length > 0 ? failures[0] : faultOf(thrown)
  }
}

/** Milliseconds, where the server says how long, in seconds or until when. */
export function waitIn({ headers }: Pick<Response, 'headers'>): { readonly wait?: number } {
  const said = headers.get('retry-after') ?? ''
  const now = Date.parse(headers.get('date') ?? '') || Date.now()
  if (said.trim() === '') return {}
  const wait = Number.isNaN(Number(said)) ? Date.parse(said) - now : Number(said) * 1000
  return Number.isFinite(wait) ? { wait: Math.max(0, wait) } : {}
}

/** What MLflow's client would sign in with. https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/ */
export function credentialsOf(env: Readonly<Record<string, string | undefined>>): Credentials {
  // One that is set to nothing says nothing, as to that client.
  const said = (name: string) => env[name] || undefined
  const [user, password] = [said('MLFLOW_TRACKING_USERNAME'), said('MLFLOW_TRACKING_PASSWORD')]
  const token = said('MLFLOW_TRACKING_TOKEN')
  if (user !== undefined && password !== undefined) return { by: 'password', user, password }
  return token === undefined ? { by: 'nothing' } : { by: 'token', token }
}

function rootOf(uri: string): { readonly root: string; readonly given?: Credentials } {
  const url = new URL(uri)
  const [user, password] = [plainText(url.username), plainText(url.password)]
  url.username = ''
  url.password = ''
  const root = `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  return user === '' ? { root } : { root, given: { by: 'password', user, password } }
}

/** What is percent-encoded in a URI; where that cannot be, it stands there as it is meant. */
function plainText(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

function headerOf(credentials: Credentials): string | undefined {
  if (credentials.by === 'nothing') return undefined
  if (credentials.by === 'token') return `Bearer ${credentials.token}`
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
}

/** The object in an answer. A gateway in between may refuse in HTML; what says that it did the work must show it. */
function bodyOf(status: number, text: string): JsonObject {
  if (text.trim() === '') return {}
  const value = objectIn(text)
  if (value !== undefined) return value
  if (status >= 300) return { message: text.slice(0, 300) }
  throw new Error(
    `its answer is no JSON of MLflow, as behind a page to sign in at: ${JSON.stringify(text.slice(0, 100))}`,
  )
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value = readJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}

function unreachable(root: string, path: string, thrown: unknown): Fault {
  const cause = (thrown as { readonly cause?: { readonly message?: string } }).cause?.message
  const why = cause ?? (thrown instanceof Error ? thrown.message : String(thrown))
  return new Fault('azure/unreachable', `${root} did not answer ${path}: ${why}`, {
    hint: 'Look at the health of the tracking server; run it again when it answers.',
    cause: thrown,
  })
}
