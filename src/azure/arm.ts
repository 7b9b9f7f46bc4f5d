import type { JsonObject } from '../core/model.ts'

/** A resource as ARM gave it, with nothing dropped. */
export type Body = JsonObject

export interface CallOptions {
  readonly signal: AbortSignal
  /** Default: the version that the caller's table gives for the type. */
  readonly apiVersion: string
  /** Never sent twice: for what takes effect by being sent, where an unknown answer must be looked into first. */
  readonly once?: boolean
}

/**
 * Azure Resource Manager as raw JSON: what we don't understand we carry.
 *
 * Retry, throttling and recording wrap the exchange below it (`exchange.ts`), so that they see every page and
 * every poll. Absence is `undefined`; a refusal is `azure/denied` or `azure/refused`, a limit `azure/throttled`, no
 * answer `azure/unreachable`.
 */
export interface Arm {
  get(path: string, options: CallOptions): Promise<Body | undefined>
  /** Follows a long-running operation to its end and returns the resource as it is then. */
  put(
    path: string,
    body: JsonObject,
    options: CallOptions & { readonly ifMatch?: string; readonly ifNoneMatch?: string },
  ): Promise<Body>
  patch(path: string, body: JsonObject, options: CallOptions): Promise<Body>
  post(path: string, body: JsonObject | undefined, options: CallOptions): Promise<Body | undefined>
  /** Gone already is success. */
  delete(path: string, options: CallOptions): Promise<void>
  /** Every item of every page, or `observe/incomplete`. */
  pages(path: string, options: CallOptions & { readonly query?: Readonly<Record<string, string>> }): AsyncIterable<Body>
}
