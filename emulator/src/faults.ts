/**
 * A fault that a process applies to requests it has received.
 *
 * `down` ends the connection without an answer, `hang` keeps it and answers nothing. Without a plane
 * those two are the front's work, which knows the connections; with a plane only the region can tell.
 */
export type Fault =
  | { readonly is: 'throttle'; readonly plane?: string; readonly retryAfterSeconds: number }
  | { readonly is: 'slow'; readonly plane?: string; readonly milliseconds: number }
  | { readonly is: 'down'; readonly plane: string }
  | { readonly is: 'hang'; readonly plane: string }

/** The faults in force. Replaced as a whole by the control API. */
export class Faults {
  #active: readonly Fault[] = []
  #waiting: (() => void)[] = []

  set(faults: readonly Fault[]): void {
    this.#active = faults
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  list(): readonly Fault[] {
    return this.#active
  }

  /** Those that meet a request of this plane. */
  meeting(plane: string): readonly Fault[] {
    return this.#active.filter((fault) => fault.plane === undefined || fault.plane === plane)
  }

  /** Resolves when the list was replaced. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
