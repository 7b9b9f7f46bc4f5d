import { Fault, type FaultCode } from '../core/errors.ts'
import type { Json } from '../core/model.ts'
import type { AzureReply, AzureRequest } from './exchange.ts'
import { redacted } from './redact.ts'

/** What Azure said of a refusal. */
export interface Refusal {
  readonly vendorCode: string
  readonly message: string
}

/** A reply that is no success as the fault it is, naming what was asked, Azure's own code and the next act. */
export function refusalOf(request: AzureRequest, reply: AzureReply): Fault {
  const { vendorCode, message } = saidIn(reply)
  const code = codeOf(reply.status, vendorCode)
  const retryAfterSeconds = secondsOf(reply.headers['retry-after'])
  return new Fault(code, `${subjectOf(request)} ${VERBS[code]} (${reply.status} ${vendorCode}): ${message}`, {
    facts: {
      status: reply.status,
      vendorCode,
      method: request.method,
      target: subjectOf(request),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
    hint: HINTS[code],
  })
}

/** The fault of a request that got no answer. */
export function unanswered(request: AzureRequest, thrown: unknown): Fault {
  const cause = causeOf(thrown)
  return new Fault('azure/unreachable', `${subjectOf(request)} did not answer: ${redacted(cause.message)}`, {
    facts: { method: request.method, target: subjectOf(request), ...(cause.code === '' ? {} : { cause: cause.code }) },
    hint: HINTS['azure/unreachable'],
  })
}

/** What ended a request: a clock that ran out is no answer, the caller's own reason is the caller's affair. */
export function endingOf(request: AzureRequest, thrown: unknown): unknown {
  return isTimeout(thrown) ? unanswered(request, thrown) : thrown
}

export function isTimeout(thrown: unknown): boolean {
  return (thrown as { name?: unknown } | null | undefined)?.name === 'TimeoutError'
}

/** What a request was about, short enough for a sentence: `computes/gpu` of a workspace, or the path. */
export function subjectOf({ method, url }: Pick<AzureRequest, 'method' | 'url'>): string {
  const path = URL.canParse(url) ? new URL(url).pathname : url
  const inWorkspace = /\/workspaces\/[^/]+\/(.+)$/i.exec(path)?.[1]
  return `${method} ${redacted(decodedOr(inWorkspace ?? path))}`
}

/** Azure's code and message, from ARM's envelope, Azure ML's or MLflow's. */
export function saidIn({ status, body }: Pick<AzureReply, 'status' | 'body'>): Refusal {
  const outer = objectOf(body)
  const error = objectOf(outer['error'] ?? body)
  const vendorCode = textOf(error['code'] ?? outer['code'] ?? outer['error_code'] ?? outer['Code'], String(status))
  const message = textOf(error['message'] ?? outer['message'] ?? outer['Message'], 'no reason given')
  return { vendorCode, message: redacted(message).slice(0, 1000) }
}

/** Seconds of a `Retry-After`, which is a number or a date. */
export function secondsOf(retryAfter: string | undefined, now: number = Date.now()): number | undefined {
  if (retryAfter === undefined || retryAfter.trim() === '') return undefined
  const seconds = Number(retryAfter)
  if (Number.isFinite(seconds)) return Math.max(0, seconds)
  const at = Date.parse(retryAfter)
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now) / 1000)
}

type AzureCode = Extract<FaultCode, `azure/${string}`>

function codeOf(status: number, vendorCode: string): AzureCode {
  if (status === 429 || /^(?:TooManyRequests|Throttled|SubscriptionRequestsThrottled)/i.test(vendorCode)) {
    return 'azure/throttled'
  }
  if (status === 401 || status === 403) return 'azure/denied'
  if (status === 412) return 'azure/changed'
  if (status === 409 && PASSING.has(vendorCode)) return 'azure/changed'
  if (status === 408 || (status >= 500 && status !== 501)) return 'azure/unreachable'
  return 'azure/refused'
}

/** Conflicts that end by themselves. */
const PASSING = new Set([
  'AnotherOperationInProgress',
  'DeploymentActive',
  'OperationNotAllowedOnResourceBeingModified',
  'ResourceGroupBeingDeleted',
  'EtagMismatch',
])

const VERBS: Readonly<Record<AzureCode, string>> = {
  'azure/denied': 'is not permitted to this identity',
  'azure/signin': 'needs a sign-in that was not had',
  'azure/refused': 'was refused',
  'azure/throttled': 'is over the rate limit',
  'azure/unreachable': 'could not be served',
  'azure/changed': 'met a change by another',
  'azure/not-emulator': 'is not of the emulator',
}

const HINTS: Readonly<Record<AzureCode, string>> = {
  'azure/denied': 'Give the identity the role that `holdfast init` names for this, and wait until it takes effect.',
  'azure/signin': 'Sign in again, or look at the identity that Holdfast runs as.',
  'azure/refused': 'Correct what Azure names; asking again alone cannot help.',
  'azure/throttled': 'Wait and run it again; it goes on where it was.',
  'azure/unreachable': 'Look at the health of the region; run it again when it answers.',
  'azure/changed': 'Run it again; it starts from what is there now.',
  'azure/not-emulator': 'Run `holdfast local env` and use what it prints.',
}

function causeOf(thrown: unknown): { readonly code: string; readonly message: string } {
  const error = objectOf(thrown as Json)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const ranOut = ['TimeoutError', 'AbortError'].includes(String((thrown as Error | undefined)?.name))
  const code = ranOut ? 'TIMEOUT' : typeof error['code'] === 'string' ? error['code'] : ''
  return { code, message: message === '' ? code : (message.split('\n')[0]?.slice(0, 300) ?? '') }
}

function objectOf(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : {}
}

function textOf(value: Json | undefined, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : otherwise
}

function decodedOr(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
