import { refusalOf, unanswered } from '../azure/faults.ts'
import { isFault } from '../core/errors.ts'
import { changed } from './changed.ts'

/** What was asked of the storage, for the sentence that says how it went. */
export interface Asked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly url: string
  readonly signal: AbortSignal
}

/** Storage's own code of a failure; empty where nothing answered. */
export function storageCode(thrown: unknown): string {
  const { code, details } = (thrown ?? {}) as {
    readonly code?: unknown
    readonly details?: { readonly errorCode?: unknown }
  }
  const own = details?.errorCode ?? code
  return typeof own === 'string' ? own : ''
}

export function statusOf(thrown: unknown): number | undefined {
  const { statusCode } = (thrown ?? {}) as { readonly statusCode?: unknown }
  return typeof statusCode === 'number' ? statusCode : undefined
}

/** True where a condition of the call does not hold: another write came first. */
export function isChanged(thrown: unknown): boolean {
  const code = storageCode(thrown)
  const codes = ['ConditionNotMet', 'BlobAlreadyExists', 'SourceConditionNotMet', 'TargetConditionNotMet']
  // A HEAD has no body to say its code in.
  return codes.includes(code) || (statusOf(thrown) === 412 && !code.startsWith('Lease')) || statusOf(thrown) === 304
}

/** A failure of the vendor's storage client as the fault it is. */
export function storageFault(asked: Asked, thrown: unknown): unknown {
  if (isFault(thrown)) return thrown
  const { signal } = asked
  const isPatience = (signal.reason as { name?: unknown } | undefined)?.name === 'TimeoutError'
  if (signal.aborted && !isPatience) return signal.reason
  if (isChanged(thrown)) return changed(asked.url)
  const status = statusOf(thrown)
  if (status === undefined) return unanswered(asked, signal.aborted ? signal.reason : thrown)
  const { message } = thrown as Error
  const said = { code: storageCode(thrown) || String(status), message: message.split('\n')[0] ?? '' }
  const retryAfter = headerOf(thrown, 'retry-after')
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  const throttled = said.code === 'ServerBusy'
  return refusalOf(asked, { status: throttled ? 429 : status, headers, body: { error: said } })
}

function headerOf(thrown: unknown, name: string): string | undefined {
  const { response } = thrown as {
    readonly response?: { readonly headers?: { get(name: string): string | undefined } }
  }
  return response?.headers?.get(name)
}
