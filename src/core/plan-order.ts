import { type Address, type Item, type Kind, kindOf } from './model.ts'
import type { Draft } from './plan-drafts.ts'
import type { Note, Plan, Planning } from './step.ts'
import { itemsSince } from './trie.ts'
import { inWaves } from './waves.ts'

interface Ordered {
  readonly steps: readonly Draft[]
  readonly notes: readonly Note[]
  readonly kindsFirst: Plan['kindsFirst']
}

/** Puts creates and updates in order: after what they need, versions as the source made them, kind after kind. */
export function ordered(planning: Planning, drafts: readonly Draft[]): Ordered {
  const { steps, notes } = followed(planning, drafts)
  const kindsFirst = kindsBefore(planning, steps)
  const nodes = [...steps.map((step) => stepNode(step, kindsFirst)), ...gates(steps, kindsFirst)]
  const { ordered, ring } = inWaves(nodes, { key: (node) => node.key, after: (node) => node.after })
  const refused = ring.flatMap(({ step }) => (step === undefined ? [] : [contradiction(step)]))
  return { steps: ordered.flatMap(({ step }) => step ?? []), notes: [...notes, ...refused], kindsFirst }
}

function contradiction({ address }: Draft): Note {
  const reason = 'It needs a newer version of its own container, or waits behind one that does'
  return { is: 'refused', address, code: 'plan/cycle', reason }
}

/** A step, or the gate that opens when every step of a kind is over. */
interface WaitingNode {
  readonly key: Address
  readonly after: readonly Address[]
  readonly step?: Draft
}

function stepNode(step: Draft, kindsFirst: Plan['kindsFirst']): WaitingNode {
  const before = kindsFirst[kindOf(step.address)]
  if (before === undefined && step.follows === undefined) return { key: step.address, after: step.after, step }
  const follows = step.follows === undefined ? [] : [step.follows]
  return { key: step.address, after: [...step.after, ...follows, ...(before ?? []).map(gate)], step }
}

/** One node a kind, so that a kind that waits for another costs the sum of their steps and not the product. */
function gates(steps: readonly Draft[], kindsFirst: Plan['kindsFirst']): readonly WaitingNode[] {
  const needed = new Set(Object.values(kindsFirst).flat())
  const after = new Map<Kind, Address[]>([...needed].map((kind) => [kind, []]))
  for (const { address } of steps) after.get(kindOf(address))?.push(address)
  return [...after].map(([kind, addresses]) => ({ key: gate(kind), after: addresses }))
}

/** No kind is called `*`. */
function gate(kind: Kind): Address {
  return `*/${kind}`
}

/** Chains the new versions of each container, and says where one comes after a newer one that already stands. */
function followed(planning: Planning, drafts: readonly Draft[]): Pick<Ordered, 'steps' | 'notes'> {
  const containers = new Map<string, Draft[]>()
  for (const draft of drafts) {
    if (draft.do !== 'create' || draft.item.order === undefined) continue
    if (planning.rules.kind(kindOf(draft.address))?.can.ordered !== true) continue
    const container = containerOf(draft.address)
    const list = containers.get(container)
    if (list === undefined) containers.set(container, [draft])
    else list.push(draft)
  }
  if (containers.size === 0) return { steps: drafts, notes: [] }
  const follows = new Map<Address, Address>()
  const notes: Note[] = []
  const newest = newestStanding(planning, containers)
  for (const [container, list] of containers) {
    const versions = list.sort((one, other) => byOrder(one.item, other.item))
    for (const [index, { address }] of versions.entries()) {
      const before = versions[index - 1]
      if (before !== undefined) follows.set(address, before.address)
    }
    notes.push(...versions.flatMap((one) => lateness(one.item, newest.get(container))))
  }
  const steps = drafts.map((draft) => {
    const before = follows.get(draft.address)
    return before === undefined ? draft : { ...draft, follows: before }
  })
  return { steps, notes }
}

function lateness(one: Item, newest: Item | undefined): readonly Note[] {
  if (newest?.order === undefined || one.order === undefined || one.order > newest.order) return []
  const reason = `${newest.address} is newer and stands already: @latest means this one there until the next version`
  return [{ is: 'late', address: one.address, reason }]
}

/**
 * For each container that gets versions the newest that already stands on the changed side, by the source's order, where
 * it is newer than one of those that come. It costs what is newer than the oldest that comes.
 */
function newestStanding(
  { wanted, found }: Planning,
  containers: ReadonlyMap<string, readonly Draft[]>,
): ReadonlyMap<string, Item> {
  const newest = new Map<string, Item>()
  for (const [kind, least] of oldestComing(containers)) {
    const root = wanted.root(kind)
    if (root === undefined) continue
    for (const one of itemsSince(root, least)) {
      const container = containerOf(one.address)
      const before = newest.get(container)?.order ?? Number.NEGATIVE_INFINITY
      if ((one.order ?? before) > before && containers.has(container) && found.has(one.address))
        newest.set(container, one)
    }
  }
  return newest
}

/** Of each kind the lowest order among the versions that come. */
function oldestComing(containers: ReadonlyMap<string, readonly Draft[]>): ReadonlyMap<Kind, number> {
  const oldest = new Map<Kind, number>()
  for (const { address, item } of [...containers.values()].flat()) {
    const before = oldest.get(kindOf(address)) ?? Number.POSITIVE_INFINITY
    oldest.set(kindOf(address), Math.min(before, item.order ?? before))
  }
  return oldest
}

function containerOf(address: Address): string {
  return address.slice(0, address.lastIndexOf('/'))
}

function byOrder(one: Item, other: Item): number {
  const difference = (one.order ?? 0) - (other.order ?? 0)
  if (difference !== 0) return difference
  return one.address < other.address ? -1 : 1
}

/**
 * Which kinds of the plan go before which, as the kinds say, also through kinds that have no step now.
 *
 * References between items outrank this: where it would close a ring with them, it does not hold.
 */
function kindsBefore({ rules }: Planning, steps: readonly Draft[]): Plan['kindsFirst'] {
  const present = new Set(steps.map((step) => kindOf(step.address)))
  const graph = new Map<Kind, Set<Kind>>([...present].map((kind) => [kind, new Set()]))
  for (const { address, after } of steps) {
    for (const need of after) if (kindOf(need) !== kindOf(address)) graph.get(kindOf(address))?.add(kindOf(need))
  }
  const first: [Kind, readonly Kind[]][] = []
  for (const kind of [...present].sort()) {
    const wanted = [...reached(kind, (one) => rules.kind(one)?.needs ?? [])].filter((one) => present.has(one)).sort()
    const before = wanted.filter((one) => one !== kind && !reached(one, (next) => graph.get(next) ?? []).has(kind))
    for (const one of before) graph.get(kind)?.add(one)
    if (before.length > 0) first.push([kind, before])
  }
  return Object.fromEntries(first)
}

/** Everything that can be come to from `start`, itself only if by a ring. */
function reached(start: Kind, next: (kind: Kind) => Iterable<Kind>): ReadonlySet<Kind> {
  const seen = new Set<Kind>()
  const open = [...next(start)]
  for (let kind = open.pop(); kind !== undefined; kind = open.pop()) {
    if (seen.has(kind)) continue
    seen.add(kind)
    open.push(...next(kind))
  }
  return seen
}
