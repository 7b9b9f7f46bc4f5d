/** What happens at one moment of virtual time. */
interface Happening {
  readonly time: number
  readonly order: number
  readonly act: () => void
  readonly owner: Owner | undefined
  cancelled: boolean
}

/** Whose moments wait while it is stopped, and are gone when it is dead. */
export interface Owner {
  readonly dead: boolean
  readonly stopped: boolean
  postpone(act: () => void): void
}

/** Virtual time: the only clock of a simulated world. Nothing in it depends on how fast this machine is. */
export class Schedule {
  #now = 0
  #order = 0
  readonly #heap: Happening[] = []

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now
  }

  /** Lets something happen at a time, or now if that is past. The answer cancels it. */
  at(time: number, act: () => void, owner?: Owner): () => void {
    const one = { time: Math.max(time, this.#now), order: this.#order++, act, owner, cancelled: false }
    this.#push(one)
    return () => {
      one.cancelled = true
    }
  }

  /** Lets the world go on until a time. After each moment everything that follows from it at once has happened. */
  async runUntil(end: number, after: () => void): Promise<void> {
    for (let next = this.#pop(); next !== undefined && next.time <= end; next = this.#pop()) {
      const { act, owner, cancelled, time } = next
      if (cancelled || owner?.dead === true) continue
      this.#now = time
      if (owner?.stopped === true) {
        owner.postpone(act)
        continue
      }
      act()
      await settled()
      after()
    }
    this.#now = end
  }

  #push(one: Happening): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(one)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || before(parent, one)) break
      heap[at] = parent
      heap[up] = one
      at = up
    }
  }

  #pop(): Happening | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const [child, way] =
        left !== undefined && right !== undefined && before(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1]
      if (child === undefined || before(last, child)) break
      heap[at] = child
      at = way
    }
    heap[at] = last
    return first
  }
}

function before(one: Happening, other: Happening): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order)
}

/** Resolves when every promise that could go on has gone on. Nothing in a simulated world waits for anything real. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
