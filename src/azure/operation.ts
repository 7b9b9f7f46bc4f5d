import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import type { AzureReply, AzureRequest, Exchange } from './exchange.ts'
import { endingOf, refusalOf, saidIn, secondsOf, subjectOf } from './faults.ts'
import { type Pause, pause } from './pause.ts'

/** The first polls come quickly, since much is over at once; after them Azure's `Retry-After` counts. */
const FIRST_WAITS = [50, 100, 200, 400]
const USUAL_WAIT_SECONDS = 2
const LONGEST_WAIT_SECONDS = 30

const ENDED = new Set(['succeeded', 'failed', 'canceled', 'cancelled'])

export interface Following {
  readonly exchange: Exchange
  /** The request that began it; its signal bounds the waiting. */
  readonly request: AzureRequest
  readonly pause?: Pause
}

/**
 * Follows what a reply began to its end: by `Azure-AsyncOperation`, else by `Location`, else by the
 * resource's own `provisioningState` (ARM's RPC, Addendum "asynchronous operations").
 *
 * Returns the last answer that says something of the result; throws `azure/refused` where the operation failed.
 */
export async function followed(following: Following, began: AzureReply): Promise<AzureReply> {
  const { request } = following
  const status = began.headers['azure-asyncoperation']
  const location = began.headers['location']
  if (status !== undefined) {
    const ended = await byStatus(following, sameHost(request, status))
    // What a POST found out stands at the other address, where there is one.
    return request.method === 'POST' && location !== undefined
      ? byLocation(following, sameHost(request, location))
      : ended
  }
  if (location !== undefined && (began.status === 202 || began.status === 201)) {
    return byLocation(following, sameHost(request, location))
  }
  if (request.method === 'PUT' || request.method === 'PATCH') return byResource(following, began)
  return began
}

async function byStatus(following: Following, url: string): Promise<AzureReply> {
  for (let poll = 0, wait = waitOf(0, undefined); ; poll++) {
    const reply = await asked(following, url, wait)
    if (reply.status >= 300) throw refusalOf({ ...following.request, method: 'GET', url }, reply)
    const state = textAt(reply, 'status')
    if (state !== undefined && ENDED.has(state)) {
      if (state !== 'succeeded') throw failed(following.request, reply, state)
      return reply
    }
    wait = waitOf(poll + 1, reply)
  }
}

async function byLocation(following: Following, url: string): Promise<AzureReply> {
  let at = url
  for (let poll = 0, wait = waitOf(0, undefined); ; poll++) {
    const reply = await asked(following, at, wait)
    if (reply.status >= 300) throw refusalOf({ ...following.request, method: 'GET', url: at }, reply)
    if (reply.status !== 202) return reply
    const next = reply.headers['location']
    if (next !== undefined) at = sameHost(following.request, next)
    wait = waitOf(poll + 1, reply)
  }
}

async function byResource(following: Following, began: AzureReply): Promise<AzureReply> {
  let reply = began
  for (let poll = 0; ; poll++) {
    const state = stateOf(reply)
    if (state === undefined || state === 'succeeded') return reply
    if (ENDED.has(state)) throw failed(following.request, reply, state)
    reply = await asked(following, following.request.url, waitOf(poll, reply))
    if (reply.status >= 300) throw refusalOf({ ...following.request, method: 'GET' }, reply)
  }
}

async function asked({ exchange, request, pause: wait = pause }: Following, url: string, milliseconds: number) {
  await wait(milliseconds, request.signal).catch((thrown: unknown) => {
    throw endingOf(request, thrown)
  })
  const { signal, audience, lane } = request
  return exchange({
    method: 'GET',
    url,
    signal,
    ...(audience === undefined ? {} : { audience }),
    ...(lane === undefined ? {} : { lane }),
  })
}

function waitOf(poll: number, reply: AzureReply | undefined): number {
  const first = FIRST_WAITS[poll]
  if (first !== undefined) return first
  const seconds = secondsOf(reply?.headers['retry-after']) ?? USUAL_WAIT_SECONDS
  return Math.min(LONGEST_WAIT_SECONDS, Math.max(0.5, seconds)) * 1000
}

/** A token must not follow a header to another host. */
function sameHost(request: AzureRequest, url: string): string {
  const from = new URL(request.url)
  const to = URL.parse(url, from.href)
  const isOwn = to !== null && to.protocol === 'https:' && (to.host === from.host || to.host.endsWith(`.${from.host}`))
  if (isOwn) return to.href
  throw new Fault('azure/refused', `${subjectOf(request)} points to ${to?.host ?? 'no host'} for its progress`, {
    hint: 'Look at what stands between Holdfast and Azure: a token is sent to no other host.',
  })
}

function failed(request: AzureRequest, reply: AzureReply, state: string): Fault {
  const { vendorCode, message } = saidIn(reply)
  return new Fault('azure/refused', `${subjectOf(request)} ${state} in Azure (${vendorCode}): ${message}`, {
    facts: { status: reply.status, vendorCode, state, method: request.method, target: subjectOf(request) },
    hint: 'Correct what Azure names; asking again alone cannot help.',
  })
}

function stateOf({ body }: AzureReply): string | undefined {
  const properties = (body as JsonObject | undefined)?.['properties'] as JsonObject | null | undefined
  const state = properties?.['provisioningState']
  return typeof state === 'string' ? state.toLowerCase() : undefined
}

function textAt({ body }: AzureReply, field: string): string | undefined {
  const value = (body as JsonObject | undefined)?.[field]
  return typeof value === 'string' ? value.toLowerCase() : undefined
}
