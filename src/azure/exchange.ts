import type { Json } from '../core/model.ts'

/** One request to a service of Azure that speaks JSON. */
export interface AzureRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Json
  readonly signal: AbortSignal
  /** Resource that the token is for. Default: ARM. */
  readonly audience?: string
  /** Reads the text of the answer; what it throws counts as no JSON. Default: `JSON.parse`. */
  readonly parse?: (text: string) => unknown
  /** Never sent twice: for what takes effect by being sent. */
  readonly once?: boolean
  /** `critical` may use what is kept back for failovers. Default: `usual`. */
  readonly lane?: Lane
}

export type Lane = 'usual' | 'critical'

/** What came back. A refusal is an answer too. */
export interface AzureReply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as JSON; `undefined` where it is empty or none. */
  readonly body: Json | undefined
}

/**
 * One question and its answer. Throws only where there is no answer: `azure/unreachable`, `azure/signin`.
 *
 * Retry, throttling and recording wrap an exchange and are one, so that they see every page and every poll.
 */
export type Exchange = (request: AzureRequest) => Promise<AzureReply>

/** Audience of ARM, which Azure ML's own hosts accept as well. */
export const ARM_AUDIENCE = 'https://management.azure.com'
export const STORAGE_AUDIENCE = 'https://storage.azure.com'
