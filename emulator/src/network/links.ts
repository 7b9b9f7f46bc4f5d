import type { Socket } from 'node:net'

/** A fault of the network between two named places. */
export type LinkFault =
  | { readonly is: 'down' | 'hang'; readonly at: string }
  | { readonly is: 'cut'; readonly between: readonly [string, string] }

/** `closed`: no connection is made, open ones end. `stalled`: connections stand and carry nothing. */
export type LinkState = 'open' | 'stalled' | 'closed'

/** An established connection between two places, which faults may stop. */
export interface Link {
  readonly ends: readonly [string, string]
  close(): void
  stall(): void
  resume(): void
}

/** Stands in a cut for every place but the other one. */
const EVERYWHERE = '*'

/** Knows which places can reach each other now, and ends or stalls connections when that changes. */
export class Links {
  #faults: readonly LinkFault[] = []
  readonly #open = new Set<Link>()
  #waiting: (() => void)[] = []

  set(faults: readonly LinkFault[]): void {
    this.#faults = faults
    for (const link of [...this.#open]) this.#apply(link)
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  state([a, b]: readonly [string, string]): LinkState {
    const met = this.#faults.filter((fault) => meets(fault, a, b))
    if (met.some((fault) => fault.is !== 'hang')) return 'closed'
    return met.length > 0 ? 'stalled' : 'open'
  }

  /** Follows a connection until {@link untrack}, putting it at once into the state that its ends have. */
  track(link: Link): void {
    this.#open.add(link)
    this.#apply(link)
  }

  untrack(link: Link): void {
    this.#open.delete(link)
  }

  /** Waits while the way is stalled. False where it is closed, or nobody waits any more. */
  async passage(ends: Link['ends'], socket: Socket): Promise<boolean> {
    const gone = new AbortController()
    const abort = (): void => gone.abort()
    socket.once('close', abort)
    try {
      while (this.state(ends) === 'stalled' && !gone.signal.aborted) await this.change(gone.signal)
      return this.state(ends) === 'open' && !gone.signal.aborted
    } finally {
      socket.off('close', abort)
    }
  }

  /** Resolves when the faults were replaced, or `signal` is aborted. */
  change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #apply(link: Link): void {
    const state = this.state(link.ends)
    if (state === 'closed') {
      this.#open.delete(link)
      link.close()
    } else if (state === 'stalled') link.stall()
    else link.resume()
  }
}

function meets(fault: LinkFault, a: string, b: string): boolean {
  if (fault.is !== 'cut') return fault.at === a || fault.at === b
  // A place always reaches itself: an isolated region goes on working inside.
  if (a === b) return false
  const [one, other] = fault.between
  return (isAt(one, a) && isAt(other, b)) || (isAt(one, b) && isAt(other, a))
}

function isAt(place: string, end: string): boolean {
  return place === EVERYWHERE || place === end
}
