import type { Fault, FaultKind, FaultOf } from './faults-kinds.ts'
import { isOnRoute, isOperation, type Routed } from './faults-routes.ts'

/** What tells whether a fault meets a request. */
export interface Meetable extends Routed {
  readonly plane: string
  readonly client: string
}

/**
 * When in the life of a request faults are asked for: before anything is known but its head; when the
 * operation is known, for those whose route names one; when it is done.
 */
export type Moment = 'arrived' | 'named' | 'done'

/** The faults in force in one process. Replaced as a whole by the control API. */
export class Faults {
  #active: readonly Fault[] = []
  #waiting: (() => void)[] = []
  readonly #watchers: (() => void)[] = []
  readonly #listeners: ((id: string, times: number) => void)[] = []
  readonly #met = new Map<string, { times: number; readonly draw: () => number }>()

  /** Puts faults in force. One that was in force before, told by its id, goes on being counted. */
  set(faults: readonly Fault[]): void {
    this.#active = faults
    const ids = new Set(faults.map(({ id }) => id))
    for (const id of this.#met.keys()) if (!ids.has(id)) this.#met.delete(id)
    for (const watch of this.#watchers) watch()
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Calls back with the id of a counted fault and how many requests it has met, each time that it meets one. */
  onMet(listener: (id: string, times: number) => void): void {
    this.#listeners.push(listener)
  }

  list(): readonly Fault[] {
    return this.#active
  }

  /** Those of one kind. */
  of<K extends FaultKind>(kind: K): readonly FaultOf<K>[] {
    return this.#active.filter((fault): fault is FaultOf<K> => fault.is === kind)
  }

  /** Called at once and whenever the list was replaced, before requests meet the new one. */
  watch(watcher: () => void): void {
    this.#watchers.push(watcher)
    watcher()
  }

  /**
   * Faults of these kinds that meet a request at a moment. Each that is taken from the iterator counts
   * as met, so take no more than are applied. `applies` is what the kind itself asks of the request.
   */
  *meeting<K extends FaultKind>(
    kinds: readonly K[],
    request: Meetable,
    moment: Moment,
    applies: (fault: FaultOf<K>) => boolean = () => true,
  ): Generator<FaultOf<K>> {
    for (const fault of this.#active) {
      if (!isOf(fault, kinds) || !meets(fault, request, moment) || !applies(fault)) continue
      if (this.#falls(fault)) yield fault
    }
  }

  /** Resolves when the list was replaced. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Draws and counts. True if the fault falls on this request. */
  #falls({ id, times = Number.POSITIVE_INFINITY, chance = 1, seed = 1 }: Fault): boolean {
    if (id === undefined) return true
    let met = this.#met.get(id)
    if (met === undefined) {
      met = { times: 0, draw: drawing(seed) }
      this.#met.set(id, met)
    }
    if (met.times >= times || met.draw() >= chance) return false
    met.times++
    for (const tell of this.#listeners) tell(id, met.times)
    return true
  }
}

function isOf<K extends FaultKind>(fault: Fault, kinds: readonly K[]): fault is FaultOf<K> {
  return kinds.some((kind) => kind === fault.is)
}

function meets({ plane, client, route }: Fault, request: Meetable, moment: Moment): boolean {
  if (plane !== undefined && plane !== request.plane) return false
  if (client !== undefined && client !== request.client) return false
  const named = route !== undefined && isOperation(route)
  if ((moment === 'arrived' && named) || (moment === 'named' && !named)) return false
  return route === undefined || isOnRoute(route, request)
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function drawing(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
