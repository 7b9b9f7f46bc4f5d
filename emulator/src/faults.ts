/** A fault that a region applies to requests it has received. Faults of the connection are the front's. */
export type Fault =
  | { readonly is: 'throttle'; readonly plane?: string; readonly retryAfterSeconds: number }
  | { readonly is: 'slow'; readonly plane?: string; readonly milliseconds: number }

/** The faults in force. Replaced as a whole by the control API. */
export class Faults {
  #active: readonly Fault[] = []

  set(faults: readonly Fault[]): void {
    this.#active = faults
  }

  list(): readonly Fault[] {
    return this.#active
  }

  /** Those that meet a request of this plane. */
  meeting(plane: string): readonly Fault[] {
    return this.#active.filter((fault) => fault.plane === undefined || fault.plane === plane)
  }
}
