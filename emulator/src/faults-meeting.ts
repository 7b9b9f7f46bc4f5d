import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call, Reply } from './call.ts'
import type { Clock } from './clock.ts'
import type { Faults, Moment } from './faults.ts'
import type { Fault, FaultOf } from './faults-kinds.ts'
import { asksForList, nextTokenOf, readsByPost, tokenOf } from './faults-lists.ts'
import { Refusal } from './refusal.ts'
import type { Database } from './state/database.ts'
import { TENANT } from './tokens.ts'

export interface MeetingParts {
  readonly faults: Faults
  readonly clock: Clock
  readonly db: Database
  readonly pages: Pages
}

/** A request with the plane that it is for. */
export type PlaneCall = Call & { readonly plane: string }

/** Thrown where nobody is to be answered: the connection is reset. */
export class HangUp extends Error {
  override readonly name = 'HangUp'
}

const WRITES = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])
const MOST_PAGES = 500
const CHALLENGE = `Bearer authorization_uri="https://login.microsoftonline.com/${TENANT}", error="invalid_token", error_description="The access token has expired."`
// The vendor's storage clients read the tenant out of it and sign in once more.
const BLOB_CHALLENGE = `Bearer authorization_uri=https://login.microsoftonline.com/${TENANT}/oauth2/authorize resource_id=https://storage.azure.com`

/** Pages that were answered while pages are to come twice, by the token that led on from them. */
export type Pages = Map<string, Reply>

/** Raw connections below those that end their TLS here, written down by the listener that accepted them. */
export const transports = new WeakMap<object, Socket>()

/** Ends a connection with a reset, so that its client cannot take it for an end in good order. */
export function reset(socket: Socket): void {
  const transport = transports.get(socket) ?? socket
  transport.resetAndDestroy()
  socket.destroy()
}

/** Everything that faults do to one request, from its arrival to its answer. */
export class Meeting {
  readonly #parts: MeetingParts
  readonly #call: PlaneCall
  #named = ''

  constructor(parts: MeetingParts, call: PlaneCall) {
    this.#parts = parts
    this.#call = call
  }

  /** Lets faults meet a request that has arrived. Throws a Refusal or a HangUp. */
  async arrived(): Promise<void> {
    await this.#before('arrived')
  }

  /** The same for faults whose route names the operation, once it is known. May be called again. */
  async named(): Promise<void> {
    const { operation } = this.#call
    if (operation === this.#named) return
    this.#named = operation
    await this.#before('named')
  }

  /** Runs what handles the request; once more in the past, where its list is to be stale. */
  async handled(handle: () => Promise<Reply>): Promise<Reply> {
    const { faults, db, clock } = this.#parts
    const reply = await handle()
    // Which operation it is, is known only now; a list may be read twice.
    const [stale] = asksForList(this.#call) ? faults.meeting(['stale-list'], this.#call, 'done') : []
    if (stale === undefined) return reply
    if (reply.body instanceof Readable) reply.body.destroy()
    const now = clock.now()
    if (now - (db.viewedAt ?? now) > stale.seconds * 1000) db.keepView(now)
    return db.inView(handle)
  }

  /** What is answered in place of a reply. Throws a Refusal or a HangUp where it is lost. */
  async answered(reply: Reply): Promise<Reply> {
    await this.named()
    const { faults } = this.#parts
    if (isWrite(this.#call) && reply.status < 400) {
      for (const fault of faults.meeting(['held-answer'], this.#call, 'done')) await this.#healed(fault)
      for (const { answer } of faults.meeting(['lost-answer'], this.#call, 'done')) {
        if (answer === 'closed') throw new HangUp('the answer is lost')
        throw new Refusal(504, 'GatewayTimeout', 'The gateway did not receive a response within the specified time.')
      }
    }
    return faults.of('duplicate-page').length === 0 ? reply : this.#page(reply)
  }

  /** After how many bytes of the body to reset the connection; `undefined` where it is sent whole. */
  cut(length: number): number | undefined {
    if (this.#call.method === 'HEAD' || length === 0) return undefined
    for (const { afterBytes } of this.#parts.faults.meeting(['reset'], this.#call, 'done')) {
      return Math.min(afterBytes, length - 1)
    }
    return undefined
  }

  async #before(moment: Moment): Promise<void> {
    const { faults } = this.#parts
    for (const fault of faults.meeting(['hang'], this.#call, moment)) await this.#healed(fault)
    for (const { milliseconds } of faults.meeting(['slow'], this.#call, moment)) await sleep(milliseconds)
    // Whoever waited through a fault may have gone, and what it asked for is not to be done.
    if ((this.#call.body as IncomingMessage).socket.destroyed) throw new HangUp('the client has gone')
    for (const _ of faults.meeting(['down'], this.#call, moment)) throw new HangUp('the place is down')
    const wanted = faults.of('lost-page-token').length === 0 ? undefined : await tokenOf(this.#call)
    const refusing = ['throttle', 'expired-token', 'disk-full', 'wrong-etag', 'lost-page-token'] as const
    const met = faults.meeting(refusing, this.#call, moment, (fault) => this.#applies(fault, wanted))
    for (const fault of met) throw this.#refusal(fault)
  }

  /** Resolves when this fault is no longer in force. */
  async #healed(fault: Fault): Promise<void> {
    const { faults } = this.#parts
    while (faults.list().some((one) => JSON.stringify(one) === JSON.stringify(fault))) await faults.change()
  }

  #applies({ is }: FaultOf<Refusing>, token: string | undefined): boolean {
    const { headers } = this.#call
    if (is === 'expired-token') return /^bearer /i.test(headers.authorization ?? '')
    if (is === 'disk-full') return isWrite(this.#call)
    if (is === 'wrong-etag') return headers['if-match'] !== undefined
    return is === 'throttle' || token !== undefined
  }

  #refusal(fault: FaultOf<Refusing>): Refusal {
    const { plane } = this.#call
    const blob = plane === 'blob'
    switch (fault.is) {
      case 'throttle':
        return new Refusal(429, 'TooManyRequests', 'The request rate is over the limit.', retryAfter(fault))
      case 'expired-token':
        return new Refusal(
          401,
          blob ? 'InvalidAuthenticationInfo' : 'ExpiredAuthenticationToken',
          'The access token expiry UTC time is earlier than the current UTC time.',
          { 'www-authenticate': blob ? BLOB_CHALLENGE : CHALLENGE },
        )
      case 'disk-full':
        return fault.status === '507'
          ? new Refusal(507, 'InsufficientStorage', 'The disk of the region is full.')
          : new Refusal(
              500,
              'InternalServerError',
              'The server encountered an internal error. Please retry the request.',
            )
      case 'wrong-etag':
        return new Refusal(
          412,
          blob ? 'ConditionNotMet' : 'PreconditionFailed',
          'The condition specified using HTTP conditional header(s) is not met.',
        )
      case 'lost-page-token':
        return new Refusal(
          400,
          PAGE_CODES[plane] ?? 'InvalidSkipToken',
          'The continuation token is not valid any more.',
        )
    }
  }

  /** The page itself, kept for the request that its link leads to; or the page before, where it comes again. */
  async #page(reply: Reply): Promise<Reply> {
    const { faults, pages } = this.#parts
    const { host, path } = this.#call
    const key = (token: string) => `${host} ${path} ${token}`
    const token = await tokenOf(this.#call)
    const before = token === undefined ? undefined : pages.get(key(token))
    if (before !== undefined) {
      for (const _ of faults.meeting(['duplicate-page'], this.#call, 'done')) return before
    }
    const next = nextTokenOf(reply)
    if (next !== undefined) pages.set(key(next), reply)
    const oldest = pages.size > MOST_PAGES ? pages.keys().next().value : undefined
    if (oldest !== undefined) pages.delete(oldest)
    return reply
  }
}

type Refusing = 'throttle' | 'expired-token' | 'disk-full' | 'wrong-etag' | 'lost-page-token'

const PAGE_CODES: Readonly<Record<string, string>> = {
  mlflow: 'INVALID_PARAMETER_VALUE',
  blob: 'InvalidQueryParameterValue',
}

function isWrite(call: PlaneCall): boolean {
  return WRITES.has(call.method) && !readsByPost(call)
}

function retryAfter(fault: FaultOf<'throttle'>): Record<string, string> {
  const { retryAfterSeconds, retryAfterAs, retryAfterText } = fault
  if (retryAfterText !== undefined) return { 'retry-after': retryAfterText }
  if (retryAfterAs === 'absent') return {}
  // A date is compared with the clock of the client, which is not the emulator's moved one.
  if (retryAfterAs === 'date') return { 'retry-after': new Date(Date.now() + retryAfterSeconds * 1000).toUTCString() }
  return { 'retry-after': String(retryAfterSeconds) }
}
