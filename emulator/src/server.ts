import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { bytesWithin } from './body-bytes.ts'
import type { Call, Plane, Reply } from './call.ts'
import type { Clock } from './clock.ts'
import type { Faults } from './faults.ts'
import { readsByPost } from './faults-lists.ts'
import { HangUp, Meeting, type Pages, reset } from './faults-meeting.ts'
import { DEEPEST, isTooDeep } from './json-depth.ts'
import type { Limits } from './limits/limits.ts'
import { Refusal } from './refusal.ts'
import type { Activity } from './state/activity.ts'
import type { Calls } from './state/calls.ts'
import type { Database } from './state/database.ts'

export interface Parts {
  readonly planes: readonly Plane[]
  readonly db: Database
  readonly activity: Activity
  readonly faults: Faults
  readonly clock: Clock
  /** Absent: nothing is limited, and nothing told of limits. */
  readonly limits?: Limits
  /** Absent: only acknowledged writes are written down. */
  readonly calls?: Calls
}

const WRITES = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])
/** Doubled slashes mean one here, and a part of a name elsewhere. */
const ARM = 'management.azure.com'
const CORRELATION = /^[\w-]{1,64}$/
const KEPT_BODY = 1024 * 1024
const CUT_PAUSE_MILLISECONDS = 20
/** The part of a URL that opens storage to whoever reads it. */
const SIGNATURE = /([?&]sig=)[^&]*/g

/** The life of a request, top to bottom. */
export function requestListener(parts: Parts): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const pages: Pages = new Map()
  parts.faults.watch(() => prepare(parts, pages))
  return async (request, response) => {
    const call = new OneCall(request, { ...parts, pages })
    const plane = parts.planes.find((one) => one.serves(call.host, call.path))
    if (plane === undefined) {
      await send(response, call, {
        status: 421,
        body: { error: { code: 'MisdirectedRequest', message: `${call.host} is not served here.` } },
      })
      return
    }
    call.plane = plane.name
    const { meeting } = call
    try {
      await meeting.arrived()
      call.caller = await plane.authenticate(call)
      call.limited()
      await meeting.named()
      const reply = await call.acknowledged(await meeting.handled(() => plane.handle(call)))
      await send(response, call, await meeting.answered(reply))
    } catch (thrown) {
      if (thrown instanceof HangUp) {
        call.answered(0)
        reset(request.socket)
        return
      }
      if (isHangUp(thrown)) {
        response.destroy()
        return
      }
      const refusal = asRefusal(thrown)
      if (response.headersSent) response.destroy()
      else await send(response, call, plane.refuse(refusal, call)).catch(() => response.destroy())
    }
  }
}

/** Keeps what the faults in force will need: lists are stale from the moment on at which they were told to be. */
function prepare({ faults, db, clock }: Parts, pages: Pages): void {
  if (faults.of('stale-list').length === 0) db.dropView()
  else if (db.viewedAt === undefined) db.keepView(clock.now())
  if (faults.of('duplicate-page').length === 0) pages.clear()
}

/** True where the client went away in the middle: nobody is left to be answered. */
function isHangUp(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || (code === 'ECONNRESET' && (thrown as Error).message === 'aborted')
}

function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  process.stderr.write(`emulator: ${message}\n`)
  const full = thrown instanceof Error && /disk is full|ENOSPC/.test(message)
  return full
    ? new Refusal(507, 'InsufficientStorage', 'The disk of the region is full.')
    : new Refusal(
        500,
        'InternalServerError',
        'The emulator has a defect here; its log on standard error has the place.',
      )
}

async function send(response: ServerResponse, call: OneCall, reply: Reply): Promise<void> {
  const { body } = reply
  const headers = { ...call.headersOfAll(), ...reply.headers }
  call.answered(reply.status)
  const clientId = call.headers['x-ms-client-request-id']
  if (typeof clientId === 'string') headers['x-ms-client-request-id'] = clientId
  if (body instanceof Readable) {
    const cut = call.meeting.cut(Number(headers['content-length'] ?? KEPT_BODY))
    response.writeHead(reply.status, headers)
    if (cut !== undefined) return sendCut(response, body, cut)
    if (call.method === 'HEAD') {
      body.destroy()
      response.end()
    } else await pipeline(body, response)
    return
  }
  const raw = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(raw ? body : JSON.stringify(body))
  if (body !== undefined && !raw) headers['content-type'] ??= 'application/json; charset=utf-8'
  if (reply.status !== 204 && reply.status !== 304) headers['content-length'] ??= String(bytes.length)
  const cut = call.meeting.cut(bytes.length)
  response.writeHead(reply.status, headers)
  if (cut !== undefined) return sendCut(response, Readable.from([bytes]), cut)
  response.end(call.method === 'HEAD' ? undefined : bytes)
}

/** Sends the first bytes of a body and resets the connection once they are on their way. */
async function sendCut(response: ServerResponse, body: Readable, most: number): Promise<void> {
  let left = most
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, left)
    left -= part.length
    await new Promise((resolve) => response.write(part, resolve))
    if (left === 0) break
  }
  body.destroy()
  // A reset overtakes what a proxy has not passed on yet.
  await sleep(CUT_PAUSE_MILLISECONDS)
  if (response.socket !== null) reset(response.socket)
}

class OneCall implements Call {
  readonly id = randomUUID()
  readonly method: string
  readonly host: string
  readonly origin: string
  readonly path: string
  readonly query: URLSearchParams
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly client: string
  readonly body: IncomingMessage
  caller = { id: 'anonymous', audience: '' }
  operation = ''
  plane = ''
  readonly meeting: Meeting
  readonly #parts: Parts
  #read: Buffer | undefined
  #logged = false
  readonly #fromOutside: boolean
  readonly #began = performance.now()
  #remaining: Readonly<Record<string, string>> = {}
  #counted = ''

  constructor(request: IncomingMessage, parts: Parts & { readonly pages: Pages }) {
    const mark = request.url?.indexOf('?') ?? -1
    this.target = request.url ?? '/'
    const path = mark < 0 ? this.target : this.target.slice(0, mark)
    this.query = new URLSearchParams(mark < 0 ? '' : this.target.slice(mark))
    this.method = request.method ?? 'GET'
    this.host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
    this.path = this.host === ARM ? path.replace(/\/{2,}/g, '/') : path
    this.origin = originOf(request) ?? `https://${this.host}`
    this.headers = request.headers
    this.rawHeaders = request.rawHeaders
    this.client = clientOf(request)
    this.body = request
    this.#parts = parts
    this.#fromOutside = request.socket instanceof TLSSocket
    this.meeting = new Meeting(parts, this)
  }

  async admitted(): Promise<void> {
    await this.meeting.named()
    if (this.plane !== 'mlflow' || this.#counted === this.operation) return
    this.#counted = this.operation
    this.#parts.limits?.tracking(this)
  }

  /** Lets the call through ARM's limits, which count what comes from outside. */
  limited(): void {
    const { limits } = this.#parts
    if (limits === undefined || this.plane !== 'arm' || !this.#fromOutside) return
    try {
      this.#remaining = limits.arm(this)
    } catch (thrown) {
      if (thrown instanceof Refusal) this.#remaining = thrown.headers
      throw thrown
    }
  }

  /** Headers of every answer to this call. */
  headersOfAll(): Record<string, string> {
    const date = new Date(this.#parts.clock.now()).toUTCString()
    const correlation = this.plane === 'arm' ? { 'x-ms-correlation-request-id': this.correlation } : {}
    return { date, 'x-ms-request-id': this.id, ...correlation, ...this.#remaining }
  }

  /** What a client gave to tell its calls by, or this call's own id. */
  get correlation(): string {
    const given = this.headers['x-ms-correlation-request-id']
    return typeof given === 'string' && CORRELATION.test(given) ? given : this.id
  }

  /** Writes the call down where every call is to be. */
  answered(status: number): void {
    const { calls, clock } = this.#parts
    if (calls?.on !== true) return
    const { plane, operation, method, client } = this
    const target = this.target.replace(SIGNATURE, '$1redacted')
    const milliseconds = Math.round(performance.now() - this.#began)
    calls.add({
      at: clock.iso(),
      plane,
      operation,
      method,
      target,
      client,
      caller: this.caller.id,
      status,
      milliseconds,
    })
  }

  async bytes(limit = 4 * 1024 * 1024): Promise<Buffer> {
    if (this.#read !== undefined) return this.#read
    const bytes = await bytesWithin(this.body, limit)
    if (bytes === undefined)
      throw new Refusal(413, 'RequestEntityTooLarge', `The body is over the limit of ${limit} bytes.`)
    this.#read = bytes
    return bytes
  }

  async json(): Promise<unknown> {
    const bytes = await this.bytes(16 * 1024 * 1024)
    if (isTooDeep(bytes)) {
      throw new Refusal(400, 'InvalidRequestContent', `The body is nested deeper than the limit of ${DEEPEST}.`)
    }
    const text = bytes.toString('utf8')
    if (text.trim() === '') return undefined
    try {
      return JSON.parse(text)
    } catch (failure) {
      throw new Refusal(400, 'InvalidRequestContent', `The body is not JSON: ${(failure as Error).message}.`)
    }
  }

  async commit(work: () => Reply): Promise<Reply> {
    await this.admitted()
    return this.#parts.db.write(() => {
      const reply = work()
      if (reply.status < 400) this.#log(reply)
      return reply
    })
  }

  /** Logs a write that its handler did not commit itself, so that no acknowledged write goes unrecorded. */
  async acknowledged(reply: Reply): Promise<Reply> {
    const reads = !WRITES.has(this.method) || readsByPost(this)
    const silent = this.#logged || reply.unlogged === true || reads || reply.status >= 400
    return silent ? reply : this.commit(() => reply)
  }

  #log(reply: Reply): void {
    this.#logged = true
    const kept = this.#read !== undefined && this.#read.length <= KEPT_BODY && !this.#read.includes(0)
    this.#parts.activity.add({
      at: this.#parts.clock.iso(),
      plane: this.plane,
      operation: this.operation,
      method: this.method,
      target: this.target.replace(SIGNATURE, '$1redacted'),
      client: this.client,
      caller: this.caller.id,
      status: reply.status,
      body: kept ? (this.#read ?? Buffer.alloc(0)).toString('utf8') : null,
      note: reply.note,
    })
  }
}

/** Which client a connection belongs to, written down by the listener that accepted it. */
export const connectionClients = new WeakMap<object, string>()

/** Connections on which `referer` is the front's word for the URL that the client dialled, as it is between ARM and its providers. */
export const frontConnections = new WeakSet<object>()

function originOf({ headers, socket }: IncomingMessage): string | undefined {
  const url = frontConnections.has(socket) && headers.referer !== undefined ? URL.parse(headers.referer) : null
  return url?.origin
}

function clientOf(request: IncomingMessage): string {
  return connectionClients.get(request.socket) ?? 'unnamed'
}
