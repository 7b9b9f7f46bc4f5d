/** An answer that says no. Each plane prints it in its own envelope. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  /** The vendor's code, for instance `ResourceNotFound` or `RESOURCE_DOES_NOT_EXIST`. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** For an operation that exists in the vendor's API and not here: the gap is named, never papered over. */
export function notImplemented(operation: string): Refusal {
  return new Refusal(501, 'NotImplemented', `The emulator does not implement ${operation}.`)
}
