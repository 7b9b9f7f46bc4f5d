import { digestOf, sha256 } from './canonical.ts'
import type { Address, Digest, Item, JsonObject, Kind } from './model.ts'
import { kindOf } from './model.ts'
import { addressHash, type Entry, found, itemsUnder, type Node, removed, stored } from './trie.ts'

const NONE: readonly Address[] = Object.freeze([])

/** Builds an item with the digest of its body. */
export function item(address: Address, body: JsonObject, needs: readonly Address[] = NONE, order?: number): Item {
  const part = { address, digest: digestOf(body), needs: needs.length === 0 ? NONE : needs, body }
  return order === undefined ? part : { ...part, order }
}

/**
 * Every item of a place at one time, by address. Immutable: a changed snapshot is another one that shares
 * what did not change, so keeping many costs what differs between them.
 *
 * Two snapshots with the same items have the same digest and the same order, whatever their histories.
 */
export interface Snapshot {
  readonly size: number
  /** Of every address and the digest of its body. Needs and order are not part of it: they follow from bodies and listings. */
  readonly digest: Digest
  /** Kinds that have an item, sorted. */
  readonly kinds: readonly Kind[]
  /** The trie of one kind, for {@link diff}. `undefined` where the kind has no item. */
  root(kind: Kind): Node | undefined
  get(address: Address): Item | undefined
  has(address: Address): boolean
  /** Items of one kind or of all: kind by kind, and in each in an order that is stable and means nothing. */
  items(kind?: Kind): IterableIterator<Item>
  /** Adds or replaces. Of two items with one address the last is taken. */
  with(items: Iterable<Item>): Snapshot
  /** Leaves out. An address that is not there is passed over. */
  without(addresses: Iterable<Address>): Snapshot
}

export function emptySnapshot(): Snapshot {
  return EMPTY
}

export function snapshotOf(items: Iterable<Item>): Snapshot {
  return EMPTY.with(items)
}

/** `base` with all items of one kind replaced by a fresh listing of it; what is the same in both keeps its memory. */
export function withKind(base: Snapshot, kind: Kind, items: readonly Item[]): Snapshot {
  const listed = new Set(items.map((one) => one.address))
  const gone: Address[] = []
  for (const one of base.items(kind)) if (!listed.has(one.address)) gone.push(one.address)
  return base.without(gone).with(items)
}

type Roots = ReadonlyMap<Kind, Node>

class Tries implements Snapshot {
  readonly size: number
  readonly kinds: readonly Kind[]
  readonly #roots: Roots
  #digest: Digest | undefined

  constructor(roots: Roots) {
    this.#roots = roots
    this.kinds = [...roots.keys()].sort()
    let size = 0
    for (const root of roots.values()) size += root.size
    this.size = size
  }

  get digest(): Digest {
    this.#digest ??= sha256(
      this.kinds.map((kind) => `${JSON.stringify(kind)} ${this.#roots.get(kind)?.digest}\n`).join(''),
    )
    return this.#digest
  }

  root(kind: Kind): Node | undefined {
    return this.#roots.get(kind)
  }

  get(address: Address): Item | undefined {
    const root = this.#roots.get(kindOf(address))
    return root === undefined ? undefined : found(root, address)
  }

  has(address: Address): boolean {
    return this.get(address) !== undefined
  }

  *items(kind?: Kind): IterableIterator<Item> {
    for (const one of kind === undefined ? this.kinds : [kind]) {
      const root = this.#roots.get(one)
      if (root !== undefined) yield* itemsUnder(root)
    }
  }

  with(items: Iterable<Item>): Snapshot {
    const roots = new Map(this.#roots)
    for (const [kind, entries] of grouped(items)) roots.set(kind, stored(roots.get(kind), entries))
    return new Tries(roots)
  }

  without(addresses: Iterable<Address>): Snapshot {
    const roots = new Map(this.#roots)
    for (const address of addresses) {
      const root = roots.get(kindOf(address))
      if (root === undefined) continue
      const rest = removed(root, address)
      if (rest === undefined) roots.delete(kindOf(address))
      else roots.set(kindOf(address), rest)
    }
    return new Tries(roots)
  }
}

const EMPTY: Snapshot = new Tries(new Map())

function grouped(items: Iterable<Item>): Map<Kind, Entry[]> {
  const kinds = new Map<Kind, Entry[]>()
  for (const one of items) {
    const kind = kindOf(one.address)
    const entry = { hash: addressHash(one.address), item: one }
    const entries = kinds.get(kind)
    if (entries === undefined) kinds.set(kind, [entry])
    else entries.push(entry)
  }
  return kinds
}
