import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Caller } from './tokens.ts'

/** One request as a plane sees it. */
export interface Call {
  /** `x-ms-request-id` of the answer. */
  readonly id: string
  /** `x-ms-correlation-request-id`: the client's own, or the id. */
  readonly correlation: string
  readonly method: string
  /** Host name in lower case, without port. */
  readonly host: string
  /**
   * Scheme, host and port that the client dialled: what links in answers begin with. Other than `https://{host}` where
   * the client came by a door of the emulator's own cloud.
   */
  readonly origin: string
  /** Path as sent, still percent-encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Path and query as sent, to the byte. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn as they were sent, where the case of a name says something. */
  readonly rawHeaders?: readonly string[]
  /** Name that the client gave the proxy: which machine it plays. `unnamed` where it gave none. */
  readonly client: string
  /** Body as it arrives. Read it once: here, or by {@link json} or {@link bytes}. */
  readonly body: Readable
  /** Whole body, at most `limit` bytes (default 4 MiB). Refuses a larger one with 413. */
  bytes(limit?: number): Promise<Buffer>
  /** Whole body as JSON; `undefined` where it is empty. Refuses bad JSON with 400. */
  json(): Promise<unknown>
  /**
   * Runs `work` in one durable transaction together with the line in the activity log, so that
   * what the log calls acknowledged is what the store holds. Use it for every write.
   */
  commit(work: () => Reply): Promise<Reply>
  /** Filled by the plane once it knows. */
  caller: Caller
  /** Name of the operation in the vendor's spec, filled by the router; it stands in the activity log. */
  operation: string
  /** Resolves when faults that name the operation let the call pass. To be called before an effect that is no {@link commit}. */
  admitted?(): Promise<void>
}

/** What goes back. An object body is sent as JSON; a text, buffer or stream as it is. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** What the activity log should keep of an acknowledged write. */
  readonly note?: Note
  /** True for a POST that changes nothing, and for a write that another process logs. It costs no transaction. */
  readonly unlogged?: boolean
}

/** What was acknowledged: enough for a test to check later that it is still there. */
export interface Note {
  /** The thing written: an ARM id, `run/<id>`, `blob/<account>/<container>/<name>`. */
  readonly subject: string
  /** SHA-256 in hex of the bytes, for bodies that are not kept in the log. */
  readonly sha256?: string
  /** Facts the request's own body does not hold: a version given by the server, an ETag. */
  readonly facts?: Readonly<Record<string, unknown>>
}

export type Handler = (call: Call, params: Readonly<Record<string, string>>) => Reply | Promise<Reply>

/** One operation of a plane, for whoever asks what is there. */
export interface Offer {
  /** The vendor's name of the operation, as the activity log has it. */
  readonly operation: string
  readonly method: string
  /** Path with `:parameters`; what else tells the operation from others stands behind it. */
  readonly path: string
  /** False where the answer is 501, with the name. */
  readonly served: boolean
}

/** One face of a region: ARM, run history, MLflow, blobs, … */
export interface Plane {
  readonly name: string
  /** Everything that this plane answers, read from the tables by which it answers. */
  readonly offers: readonly Offer[]
  /** True if this plane answers for the host and path. Planes are asked in order. */
  serves(host: string, path: string): boolean
  /** Names the caller, or throws a Refusal. */
  authenticate(call: Call): Promise<Caller>
  handle(call: Call): Promise<Reply>
  /** A refusal in this plane's envelope. */
  refuse(
    refusal: Error & { status: number; code: string; headers: Readonly<Record<string, string>> },
    call: Call,
  ): Reply
}
