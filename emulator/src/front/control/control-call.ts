/** One request to the control API. */
export interface ControlCall {
  readonly params: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
}

export interface ControlReply {
  readonly status: number
  readonly body: unknown
}

/** A row of the control API: method, pattern of the path whose groups are the parameters, what answers. */
export type ControlRoute = readonly [
  method: string,
  path: RegExp,
  handler: (call: ControlCall) => ControlReply | Promise<ControlReply>,
]

/** A control request that cannot be done as asked. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
