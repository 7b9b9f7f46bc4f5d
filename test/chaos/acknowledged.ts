import type { Random } from '../simulation/random.ts'
import type { ChaosClient } from './client.ts'
import type { Desk, Site, ThingKind } from './things/thing.ts'

/** One thing of one client: what was acknowledged of it, and what is in doubt. */
interface Thing {
  readonly kind: ThingKind
  readonly site: Site
  readonly name: string
  /** Last acknowledged state; `undefined` where it is not there. */
  state: string | undefined
  /** State after a write that was sent and not acknowledged. */
  doubt: { readonly state: string | undefined } | undefined
  /** True since it was last read back. */
  touched: boolean
}

const SLOTS = 3
/** One act in so many removes, where a thing is there and can go. */
const REMOVALS = 0.2
const SHORTEST = 8

/**
 * What one client made, and the last state of each thing that was acknowledged to it.
 *
 * A thing whose last write was not acknowledged may be as before or as wanted; it is written again only after it was read.
 */
export class Acknowledged {
  readonly #client: ChaosClient
  readonly #site: Site
  readonly #kinds: readonly ThingKind[]
  readonly #random: Random
  readonly #things = new Map<string, Thing>()
  readonly #names = new Map<string, number>()
  #count = 0
  #acts = 0

  constructor(parts: { client: ChaosClient; site: Site; kinds: readonly ThingKind[]; random: Random }) {
    this.#client = parts.client
    this.#site = parts.site
    this.#kinds = parts.kinds
    this.#random = parts.random
  }

  /** How many writes and removals were acknowledged. */
  get acts(): number {
    return this.#acts
  }

  /** Writes or removes one thing by chance. False where it was not acknowledged. */
  async act(): Promise<boolean> {
    const thing = this.#some()
    if (thing === undefined) return true
    const { kind } = thing
    const goes = thing.state !== undefined && (kind.once === true || this.#random.chance(REMOVALS))
    const removal = goes ? kind.remove : undefined
    if (removal === undefined && goes && kind.once === true) return this.#left(thing)
    const label = this.#label(kind)
    const grown = kind.grows === true && thing.state !== undefined ? `${thing.state},${label}` : label
    const wanted = removal === undefined ? grown : undefined
    const desk = this.#desk(thing)
    thing.touched = true
    thing.doubt = { state: wanted }
    // A refusal that nothing explains comes out of here, and ends the whole play.
    const answer = await (removal === undefined ? kind.write(desk, label, thing.state) : removal(desk)).catch(
      unlessGone,
    )
    if (answer === undefined || answer.status >= 500) return false
    thing.state = wanted
    thing.doubt = undefined
    this.#acts++
    if (removal !== undefined && kind.buries === true) this.#left(thing)
    return true
  }

  /** Reads back what was touched since the last time, and some of the rest; all of it where `all` is set. Gives what is wrong. */
  async verify({ all = false, sample = 4 } = {}): Promise<readonly string[]> {
    const things = [...this.#things.values()]
    const untouched = things.filter(({ touched }) => !touched)
    const more = all ? untouched : untouched.filter(() => this.#random.chance(sample / Math.max(1, untouched.length)))
    const wrong: string[] = []
    for (const thing of [...things.filter(({ touched }) => touched), ...more]) wrong.push(...(await this.#check(thing)))
    return wrong
  }

  async #check(thing: Thing): Promise<readonly string[]> {
    const { kind, name, doubt } = thing
    const read = await kind.read(this.#desk(thing))
    const allowed = doubt === undefined ? [thing.state] : [thing.state, doubt.state]
    if (!allowed.includes(read)) {
      const ends = allowed.map((state) => state?.slice(-80) ?? 'absent').join(' or ')
      return [`${kind.name} ${name} of ${this.#client.name} is ${read?.slice(-160) ?? 'absent'}, and must be ${ends}`]
    }
    if (kind.buries === true && read === undefined && thing.state !== undefined) this.#left(thing)
    thing.state = read
    thing.doubt = undefined
    thing.touched = false
    return []
  }

  #some(): Thing | undefined {
    const kind = this.#kinds[this.#random.whole(0, this.#kinds.length - 1)]
    if (kind === undefined) return undefined
    const slot = this.#random.whole(1, SLOTS)
    const base = `${this.#client.name}-${slot}`
    const key = `${kind.name} ${base}`
    const name = `${base}-${this.#names.get(key) ?? 0}`
    const id = `${kind.name} ${name}`
    const thing = this.#things.get(id) ?? this.#fresh(kind, name)
    this.#things.set(id, thing)
    return thing.doubt === undefined ? thing : undefined
  }

  #fresh(kind: ThingKind, name: string): Thing {
    return { kind, site: this.#site, name, state: undefined, doubt: undefined, touched: false }
  }

  /** The slot goes on under another name. */
  #left({ kind, name }: Thing): true {
    const key = `${kind.name} ${name.slice(0, name.lastIndexOf('-'))}`
    this.#names.set(key, (this.#names.get(key) ?? 0) + 1)
    return true
  }

  #label(kind: ThingKind): string {
    // Most are short: a few long ones are enough to reach the files.
    const length = Math.floor(SHORTEST + this.#random.next() ** 4 * (kind.longest - SHORTEST * 8))
    return `${this.#client.name}.${++this.#count}.${Math.max(SHORTEST, length)}`
  }

  #desk({ site, name }: Thing): Desk {
    return { client: this.#client, site, name }
  }
}

/** Nothing where the connection went; every other failure goes on. */
function unlessGone(failure: unknown): undefined {
  const { code, name } = failure as { code?: string; name?: string }
  if (code !== undefined || name === 'AbortError') return undefined
  throw failure
}
