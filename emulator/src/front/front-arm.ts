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

/** One thing to read at an address outside ARM. */
export interface ReadRequest {
  readonly url: URL
  readonly client: string
  /** Who reads, and for which audience a token says so. Absent: nobody signs in. */
  readonly as?: { readonly caller: string; readonly audience: string }
  /** How many bytes are read at most. */
  readonly limit: number
}

/** What stands at an address, or what its host says instead. */
export interface ReadAnswer {
  readonly status: number
  readonly bytes: Buffer
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
  /**
   * Reads what stands at an address of a region's service, over the network as it is.
   * `undefined` where nothing of the emulator answers for the host, where its region is away, or where there are more bytes.
   */
  read(wanted: ReadRequest): Promise<ReadAnswer | undefined>
}
