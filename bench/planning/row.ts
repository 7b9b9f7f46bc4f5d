import type { Item } from '../../src/core/model.ts'
import { plan } from '../../src/core/plan.ts'
import { type Snapshot, snapshotOf, withKind } from '../../src/core/snapshot.ts'
import type { KindRules, PlanRules } from '../../src/core/step.ts'
import { bodyOf, KINDS, type Place, SOURCE, TARGET } from './assets.ts'

/** Measures one row of the benchmark in a process of its own, and prints it as JSON: `node row.ts ITEMS CHANGES REPEATS`. */

const SHAPE = { converge: true, update: true, remove: true, acts: false, ordered: false } as const
const RULES: ReadonlyMap<string, KindRules> = new Map(
  KINDS.map((kind, index) => [kind, { kind, needs: KINDS.slice(0, index), can: SHAPE }]),
)
const rules: PlanRules = {
  kind: (kind) => RULES.get(kind),
  role: 'standby',
  mode: () => 'hot/warm',
  conflict: 'refuse',
}

/** Bodies that are parsed before they are taken in: more of them at once would be this benchmark's memory. */
const BATCH = 5000

export interface Measured {
  readonly items: number
  readonly changes: number
  /** Two parsed bodies per asset to an ordered plan: nothing is known before. */
  readonly coldMilliseconds: number
  /** A later pass: one fresh listing with its digests, the snapshots of the pass before. */
  readonly listedMilliseconds: number
  /** The snapshots of the pass before and the parsed bodies that changed, to an ordered plan. */
  readonly warmMilliseconds: number
  /** What both snapshots hold, bodies included. */
  readonly heapMegabytes: number
  /** The most that the process has held when the first plan was made, and in all. */
  readonly coldPeakMegabytes: number
  readonly peakMegabytes: number
}

function chosen(count: number, changes: number): ReadonlySet<number> {
  const step = Math.max(1, Math.floor(count / changes))
  return new Set(Array.from({ length: Math.min(changes, count) }, (_, index) => index * step))
}

function timed<T>(work: () => T): { readonly milliseconds: number; readonly made: T } {
  const began = performance.now()
  const made = work()
  return { milliseconds: performance.now() - began, made }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

function peak(): number {
  return process.resourceUsage().maxRSS / 1024
}

/** Takes in a place's listing; parsing is not counted, taking in is. */
function listed(place: Place, count: number, changed: ReadonlySet<number>) {
  const items: Item[] = []
  let milliseconds = 0
  for (let from = 0; from < count; from += BATCH) {
    const indexes = Array.from({ length: Math.min(BATCH, count - from) }, (_, offset) => from + offset)
    const bodies = indexes.map((index) => bodyOf(place, index, changed.has(index)))
    milliseconds += timed(() => {
      for (const [offset, body] of bodies.entries()) items.push(place.taken(body, from + offset))
    }).milliseconds
  }
  return { items, milliseconds }
}

function relisted(before: Snapshot, listing: readonly Item[]): Snapshot {
  let next = before
  for (const kind of KINDS)
    next = withKind(
      next,
      kind,
      listing.filter(({ address }) => address.startsWith(`${kind}/`)),
    )
  return next
}

function cold(count: number, which: ReadonlySet<number>) {
  const [here, there] = [listed(SOURCE, count, which), listed(TARGET, count, new Set())]
  const { milliseconds, made } = timed(() => {
    const [wanted, found] = [snapshotOf(here.items), snapshotOf(there.items)]
    return { wanted, found, steps: plan({ wanted, found, rules }).steps.length }
  })
  if (made.steps !== which.size) throw new Error(`${made.steps} steps for ${which.size} changes`)
  return { milliseconds: here.milliseconds + there.milliseconds + milliseconds, ...made, listing: here.items }
}

/** A pass after one that left both sides equal. */
function warm(found: Snapshot, which: ReadonlySet<number>): number {
  const bodies = [...which].map((index) => [bodyOf(SOURCE, index, true), index] as const)
  const { milliseconds, made } = timed(() => {
    const wanted = found.with(bodies.map(([body, index]) => SOURCE.taken(body, index)))
    return plan({ wanted, found, rules }).steps.length
  })
  if (made !== which.size) throw new Error(`${made} steps for ${which.size} changes`)
  return milliseconds
}

function measure(items: number, changes: number, repeats: number): Measured {
  const which = chosen(items, changes)
  const before = heap()
  const { milliseconds, found, wanted, listing } = cold(items, which)
  const coldPeakMegabytes = peak()
  const again = timed(() => plan({ wanted: relisted(wanted, listing), found, rules })).milliseconds
  listing.length = 0
  const heapMegabytes = heap() - before
  return {
    items,
    changes: which.size,
    coldMilliseconds: milliseconds,
    listedMilliseconds: again,
    warmMilliseconds: median(Array.from({ length: repeats }, () => warm(found, which))),
    // Both are still held here.
    heapMegabytes: wanted.size === found.size ? heapMegabytes : Number.NaN,
    coldPeakMegabytes,
    peakMegabytes: peak(),
  }
}

const [items = 0, changes = 0, repeats = 0] = process.argv.slice(2).map(Number)
// The first is thrown away: it pays for the compiler.
measure(2000, 100, 20)
process.stdout.write(JSON.stringify(measure(items, changes, repeats)))
