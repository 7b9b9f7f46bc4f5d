import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'

/** One request to Azure Resource Manager, made by the front itself on behalf of a caller. */
export interface ArmRequest {
  readonly method: string
  /** Path with its query, `api-version` included. */
  readonly path: string
  readonly body?: unknown
  /** The caller's own `Authorization` header. */
  readonly authorization: string
  /** Name of the client that the request is made for. */
  readonly client: string
}

export interface ArmResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed JSON; `undefined` where the answer has no body. */
  readonly body: unknown
}

/** What the global services of ARM may use of the front. */
export interface FrontArm {
  readonly db: Database
  readonly clock: Clock
  /**
   * Sends a request through the same routing as one from outside, to whichever region owns it.
   * An unreachable region is an answer (503), not an exception.
   */
  request(call: ArmRequest): Promise<ArmResponse>
}
