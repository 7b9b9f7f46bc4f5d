import { sha256 } from './canonical.ts'
import type { Address, Digest, Item } from './model.ts'

/**
 * A hash trie of items with a digest on every subtree (a Merkle trie; Bagwell, "Ideal Hash Trees", 2001).
 *
 * Its shape follows from its items alone: a subtree is a leaf exactly while it holds at most
 * {@link LEAF_ITEMS} items or has used up its hash. So equal sets have equal tries, and comparing
 * two costs what differs.
 */
export type Node = Leaf | Branch

const LEAF_ITEMS = 16
const WAYS = 16
const BITS = 4
/** Levels after which the 32 bits of the hash are used up. */
const LEVELS = 8

/** Few items, sorted by address. */
export class Leaf {
  readonly items: readonly Item[]
  #digest: Digest | undefined
  #newest: number | undefined

  constructor(items: readonly Item[]) {
    this.items = items
  }

  get size(): number {
    return this.items.length
  }

  /** Computed when first asked for: most subtrees of a snapshot in memory never are. */
  get digest(): Digest {
    this.#digest ??= sha256(this.items.map((one) => `${JSON.stringify(one.address)} ${one.digest}\n`).join(''))
    return this.#digest
  }

  /** The highest order of an item, below every number where none has one. Kept like the digest. */
  get newest(): number {
    this.#newest ??= this.items.reduce((most, { order }) => Math.max(most, order ?? most), Number.NEGATIVE_INFINITY)
    return this.#newest
  }
}

/** Sixteen subtrees by the next four bits of the hash; an empty one is `undefined`. */
export class Branch {
  readonly children: readonly (Node | undefined)[]
  readonly size: number
  #digest: Digest | undefined
  #newest: number | undefined

  constructor(children: readonly (Node | undefined)[], size: number) {
    this.children = children
    this.size = size
  }

  get digest(): Digest {
    this.#digest ??= sha256(this.children.map((child) => child?.digest ?? '').join('/'))
    return this.#digest
  }

  get newest(): number {
    this.#newest ??= this.children.reduce(
      (most, child) => Math.max(most, child?.newest ?? most),
      Number.NEGATIVE_INFINITY,
    )
    return this.#newest
  }
}

/**
 * Whether two branches of one place in their tries say the same. One that grew out of the other shares subtrees with
 * it and says something else, or it would be the other itself: what they do not share is looked at sooner than digested.
 */
export function saysTheSameAs(one: Branch, other: Branch): boolean {
  const grew = one.children.some((child, index) => child !== undefined && child === other.children[index])
  return !grew && one.digest === other.digest
}

export interface Entry {
  readonly hash: number
  readonly item: Item
}

/** FNV-1a over UTF-16 units, mixed at the end so that the low bits depend on all. It spreads; it protects nothing. */
export function addressHash(address: Address): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < address.length; index++) hash = Math.imul(hash ^ address.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

export function found(root: Node, address: Address): Item | undefined {
  const hash = addressHash(address)
  let node: Node | undefined = root
  for (let level = 0; node instanceof Branch; level++) node = node.children[way(hash, level)]
  return node?.items.find((one) => one.address === address)
}

export function* itemsUnder(node: Node): IterableIterator<Item> {
  if (node instanceof Leaf) {
    yield* node.items
    return
  }
  for (const child of node.children) if (child !== undefined) yield* itemsUnder(child)
}

/** Items whose order is at least this. Subtrees in which all are older are not entered. */
export function* itemsSince(node: Node, least: number): IterableIterator<Item> {
  if (node.newest < least) return
  if (node instanceof Leaf) {
    for (const one of node.items) if (one.order !== undefined && one.order >= least) yield one
    return
  }
  for (const child of node.children) if (child !== undefined) yield* itemsSince(child, least)
}

/** `root` with the entries added or replaced. Of two with one address the last is taken. */
export function stored(root: Node | undefined, entries: readonly Entry[]): Node {
  return put(root, entries, 0) ?? new Leaf([])
}

/** `root` without the address; itself if it is not there, `undefined` if nothing is left. */
export function removed(root: Node, address: Address): Node | undefined {
  return take(root, address, { hash: addressHash(address), level: 0 })
}

/** The subtrees that a node would have at this level, also for a leaf. */
export function childrenAt(node: Node | undefined, level: number): readonly (Node | undefined)[] {
  if (node === undefined) return []
  return node instanceof Branch ? node.children : split(node.items, level).children
}

function put(node: Node | undefined, entries: readonly Entry[], level: number): Node | undefined {
  if (entries.length === 0) return node
  if (node instanceof Branch) return putInBranch(node, entries, level)
  const items = node?.items ?? []
  if (level < LEVELS && items.length + entries.length > LEAF_ITEMS) {
    return collapsed(putInBranch(split(items, level), entries, level), node)
  }
  const all = merged(items, entries)
  return all === items ? node : new Leaf(all)
}

function putInBranch(node: Branch, entries: readonly Entry[], level: number): Branch {
  const [first, second] = entries
  if (first !== undefined && second === undefined) return putOne(node, entries, way(first.hash, level), level)
  const ways: Entry[][] = Array.from({ length: WAYS }, () => [])
  for (const entry of entries) ways[way(entry.hash, level)]?.push(entry)
  let size = 0
  let same = true
  const children = node.children.map((child, index) => {
    const after = put(child, ways[index] ?? [], level + 1)
    size += after?.size ?? 0
    same &&= after === child
    return after
  })
  return same ? node : new Branch(children, size)
}

/** The way down to a single entry: all but the subtree in which it goes is shared. */
function putOne(node: Branch, entries: readonly Entry[], index: number, level: number): Branch {
  const child = node.children[index]
  const after = put(child, entries, level + 1)
  if (after === child) return node
  return new Branch(node.children.with(index, after), node.size - (child?.size ?? 0) + (after?.size ?? 0))
}

/** The leaf that few items have to be; `before` itself where it has the same items. */
function collapsed(branch: Branch, before?: Leaf): Node {
  if (branch.size > LEAF_ITEMS) return branch
  const items = [...itemsUnder(branch)].sort(byAddressOrder)
  const same = before?.items.length === items.length && items.every((one, index) => one === before.items[index])
  return same && before !== undefined ? before : new Leaf(items)
}

function split(items: readonly Item[], level: number): Branch {
  const ways: Item[][] = Array.from({ length: WAYS }, () => [])
  for (const one of items) ways[way(addressHash(one.address), level)]?.push(one)
  const children = ways.map((part) => {
    if (part.length === 0) return undefined
    return part.length <= LEAF_ITEMS || level + 1 === LEVELS ? new Leaf(part) : split(part, level + 1)
  })
  return new Branch(children, items.length)
}

/** Sorted union. An item that says the same as the one that is there leaves it in place; if all do, `items` itself is returned. */
function merged(items: readonly Item[], entries: readonly Entry[]): readonly Item[] {
  const byAddress = new Map(items.map((one) => [one.address, one]))
  let same = true
  for (const { item } of entries) {
    const before = byAddress.get(item.address)
    if (before !== undefined && saysTheSame(before, item)) continue
    byAddress.set(item.address, item)
    same = false
  }
  return same ? items : [...byAddress.values()].sort(byAddressOrder)
}

function take(node: Node, address: Address, at: { readonly hash: number; readonly level: number }): Node | undefined {
  if (node instanceof Leaf) {
    const items = node.items.filter((one) => one.address !== address)
    if (items.length === node.items.length) return node
    return items.length === 0 ? undefined : new Leaf(items)
  }
  const index = way(at.hash, at.level)
  const child = node.children[index]
  if (child === undefined) return node
  const after = take(child, address, { hash: at.hash, level: at.level + 1 })
  if (after === child) return node
  const children = node.children.with(index, after)
  return collapsed(new Branch(children, node.size - 1))
}

function saysTheSame(one: Item, other: Item): boolean {
  return (
    one.digest === other.digest &&
    one.order === other.order &&
    one.needs.length === other.needs.length &&
    one.needs.every((need, index) => need === other.needs[index])
  )
}

function byAddressOrder(one: Item, other: Item): number {
  return one.address < other.address ? -1 : one.address > other.address ? 1 : 0
}

function way(hash: number, level: number): number {
  return (hash >>> (level * BITS)) & (WAYS - 1)
}
