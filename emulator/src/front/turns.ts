/** Work that goes on together with its like, and work that goes on alone. Whoever asks for the second does not wait for ever. */
export class Turns {
  readonly #together = new Set<Promise<unknown>>()
  /** Ends with the last work that was asked to go on alone. */
  #alone: Promise<unknown> = Promise.resolve()

  async together<T>(work: () => Promise<T>): Promise<T> {
    for (let seen: unknown; seen !== this.#alone; ) {
      seen = this.#alone
      await this.#alone
    }
    const going = work()
    this.#together.add(going)
    try {
      return await going
    } finally {
      this.#together.delete(going)
    }
  }

  alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#alone.then(() => Promise.allSettled(this.#together)).then(work)
    this.#alone = turn.catch(() => undefined)
    return turn
  }
}
