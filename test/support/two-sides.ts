import { Fault } from '../../src/core/errors.ts'
import { type Address, type Item, type JsonObject, type Kind, kindOf, type Side } from '../../src/core/model.ts'
import { item } from '../../src/core/snapshot.ts'
import type { Place } from '../../src/services/service.ts'

/** Two made-up places, in memory: what stands there, what stood there when, and how they fail. */

/** What is done to a side. `fence`, `submit` and so on are effects; a list is none. */
export interface Call {
  /** Name of the process that asks. */
  readonly by: string
  readonly side: Side
  readonly act: 'list' | 'converge' | 'remove' | 'merge' | 'fence' | 'submit' | 'checkpoint' | 'close'
  readonly of: string
}

/** A call that changed something. */
export type Effect = Call

interface Stored {
  readonly body: JsonObject
  readonly order: number
}

interface Change {
  readonly at: number
  readonly address: Address
  readonly body: JsonObject | undefined
}

export class FakeSide {
  readonly side: Side
  readonly place: Place
  /** Nothing answers. */
  down = false
  /** Kinds whose list breaks off in the middle. */
  readonly broken = new Set<Kind>()
  readonly #now: () => number
  readonly #things = new Map<Address, Stored>()
  readonly #history: Change[] = []
  #orders = 0

  constructor(side: Side, location: string, now: () => number) {
    this.side = side
    this.#now = now
    this.place = {
      workspace: `/subscriptions/s/resourceGroups/g-${side}/providers/Microsoft.MachineLearningServices/workspaces/w`,
      location,
      workspaceGuid: side,
      storageAccount: side,
      portable: (value) => value,
      local: (value) => value,
      now,
    }
  }

  get(address: Address): JsonObject | undefined {
    return this.#things.get(address)?.body
  }

  /** Makes a thing stand, whatever was there. */
  put(address: Address, body: JsonObject): void {
    const before = this.#things.get(address)
    this.#things.set(address, { body, order: before?.order ?? ++this.#orders })
    this.#history.push({ at: this.#now(), address, body })
  }

  drop(address: Address): void {
    if (this.#things.delete(address)) this.#history.push({ at: this.#now(), address, body: undefined })
  }

  items(kind?: Kind): readonly Item[] {
    const all = [...this.#things].map(([address, { body, order }]) => item(address, body, needsOf(body), order))
    return kind === undefined ? all : all.filter((one) => kindOf(one.address) === kind)
  }

  /** What stood at an address at an instant. */
  at(address: Address, instant: number): JsonObject | undefined {
    return this.#history.findLast((one) => one.address === address && one.at <= instant)?.body
  }

  /** Whether something stood at an address at an instant and ever since. */
  stoodSince(address: Address, instant: number): boolean {
    const later = this.#history.filter((one) => one.address === address && one.at > instant)
    return this.at(address, instant) !== undefined && later.every((one) => one.body !== undefined)
  }

  demandUp(): void {
    if (this.down) throw new Fault('azure/unreachable', `${this.place.location} does not answer`)
  }

  /** Everything there as text, in the order of addresses: what two runs are compared by. */
  get picture(): readonly string[] {
    return [...this.#things].map(([address, { body }]) => `${address} ${JSON.stringify(body)}`).sort()
  }
}

export function needsOf(body: JsonObject): readonly Address[] {
  return (body['needs'] ?? []) as readonly Address[]
}
