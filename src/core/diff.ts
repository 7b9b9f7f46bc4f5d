import type { Address, Item, Kind } from './model.ts'
import type { Snapshot } from './snapshot.ts'
import { Branch, childrenAt, itemsUnder, type Leaf, type Node, saysTheSameAs } from './trie.ts'

/** How one address differs between what is wanted and what was found. */
export type Difference =
  | { readonly is: 'absent'; readonly address: Address; readonly wanted: Item }
  | { readonly is: 'changed'; readonly address: Address; readonly wanted: Item; readonly found: Item }
  | { readonly is: 'extra'; readonly address: Address; readonly found: Item }

/**
 * Every address whose body differs, sorted. Costs what differs and not what there is: subtrees that are shared
 * are never entered, nor those that were built apart and have the same digest.
 */
export function diff(wanted: Snapshot, found: Snapshot, kinds?: Iterable<Kind>): readonly Difference[] {
  const differences: Difference[] = []
  for (const kind of kinds ?? new Set([...wanted.kinds, ...found.kinds])) {
    compare({ wanted: wanted.root(kind), found: found.root(kind), level: 0 }, differences)
  }
  return differences.sort((one, other) => (one.address < other.address ? -1 : 1))
}

interface Pair {
  readonly wanted: Node | undefined
  readonly found: Node | undefined
  readonly level: number
}

function compare({ wanted, found, level }: Pair, into: Difference[]): void {
  if (wanted === found) return
  if (wanted === undefined || found === undefined) {
    for (const one of wanted === undefined ? [] : itemsUnder(wanted)) into.push(absent(one))
    for (const one of found === undefined ? [] : itemsUnder(found)) into.push(extra(one))
    return
  }
  if (wanted instanceof Branch || found instanceof Branch) {
    if (wanted instanceof Branch && found instanceof Branch && saysTheSameAs(wanted, found)) return
    const left = childrenAt(wanted, level)
    const right = childrenAt(found, level)
    for (let way = 0; way < left.length; way++) {
      compare({ wanted: left[way], found: right[way], level: level + 1 }, into)
    }
    return
  }
  compareLeaves(wanted, found, into)
}

/** Two short lists in the order of their addresses, merged. */
function compareLeaves(wanted: Leaf, found: Leaf, into: Difference[]): void {
  let right = 0
  for (const one of wanted.items) {
    let other = found.items[right]
    while (other !== undefined && other.address < one.address) {
      into.push(extra(other))
      other = found.items[++right]
    }
    if (other === undefined || other.address > one.address) {
      into.push(absent(one))
      continue
    }
    right++
    if (other.digest !== one.digest) into.push({ is: 'changed', address: one.address, wanted: one, found: other })
  }
  for (const other of found.items.slice(right)) into.push(extra(other))
}

function absent(wanted: Item): Difference {
  return { is: 'absent', address: wanted.address, wanted }
}

function extra(found: Item): Difference {
  return { is: 'extra', address: found.address, found }
}
