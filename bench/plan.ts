import { parseArgs } from 'node:util'
import type { Item } from '../src/core/model.ts'
import { plan } from '../src/core/plan.ts'
import { type Snapshot, snapshotOf, withKind } from '../src/core/snapshot.ts'
import type { KindRules, PlanRules } from '../src/core/step.ts'
import { table } from './emulator/figures.ts'
import { bodyOf, KINDS, type Place, SOURCE, TARGET } from './planning/assets.ts'
import { fitted } from './planning/fit.ts'

/** Measures what planning costs: `npm run bench`. See readme.md for what the numbers mean. */

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

const { values } = parseArgs({
  options: {
    'most-items': { type: 'string', default: '1000000' },
    repeats: { type: 'string', default: '21' },
    json: { type: 'boolean', default: false },
  },
})

/** What is aimed at, for so many assets and changes. */
const GOALS = { items: 100_000, changes: 100, coldMilliseconds: 3000, warmMilliseconds: 100, megabytes: 600 }
/** What a million assets that did not change may add to a warm plan, as a share of what it takes. */
const UNCHANGED_SHARE = 1 / 3
/** Bodies that are parsed before they are taken in: more of them at once would be this benchmark's memory. */
const BATCH = 5000

interface Measured {
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
  /** The most that the process has held so far. */
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
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  }
}

const most = Number(values['most-items'])
const sizes = [1000, 10_000, 100_000, 1_000_000].filter((items) => items <= most)
const began = performance.now()
// The first is thrown away: it pays for the compiler.
measure(2000, 100, 20)
const measured = sizes.flatMap((items) =>
  [10, 100, 1000]
    .filter((changes) => items < 1_000_000 || changes === 100)
    .map((changes) => measure(items, changes, Number(values.repeats))),
)
const fields = ['coldMilliseconds', 'listedMilliseconds', 'warmMilliseconds'] as const
const fits = Object.fromEntries(
  fields.map((field) => [field, fitted(measured.map((one) => ({ ...one, milliseconds: one[field] })))]),
)

/** Each goal with what was measured of it. */
function verdicts(): readonly (readonly [name: string, measured: number, most: number])[] {
  const goal = measured.find(({ items, changes }) => items === GOALS.items && changes === GOALS.changes)
  const largest = measured.at(-1)
  if (goal === undefined || largest === undefined) return []
  const [, , unchanged = Number.NaN] = fits['warmMilliseconds'] ?? []
  return [
    ['cold, ms', goal.coldMilliseconds, GOALS.coldMilliseconds],
    ['warm, ms', goal.warmMilliseconds, GOALS.warmMilliseconds],
    ['peak, MB', goal.peakMegabytes, GOALS.megabytes],
    ['warm: a million that did not change, ms', unchanged * 1e6, goal.warmMilliseconds * UNCHANGED_SHARE],
  ]
}

if (values.json) process.stdout.write(`${JSON.stringify({ measured, fits, goals: GOALS }, undefined, 2)}\n`)
else {
  const lines = measured.map((one) => [
    String(one.items),
    String(one.changes),
    one.coldMilliseconds.toFixed(0),
    one.listedMilliseconds.toFixed(0),
    one.warmMilliseconds.toFixed(2),
    one.heapMegabytes.toFixed(0),
    one.peakMegabytes.toFixed(0),
  ])
  const head = ['items', 'changes', 'cold ms', 'listed ms', 'warm ms', 'heap MB', 'peak MB']
  process.stdout.write(`${table([head, ...lines])}\n\n`)
  for (const field of fields) {
    const [a, b, c] = fits[field] ?? [0, 0, 0]
    process.stdout.write(`${field}: ${a.toFixed(2)} + ${b.toPrecision(3)}·changes + ${c.toPrecision(3)}·items\n`)
  }
  const rows = verdicts().map(([name, is, limit]) => [
    name,
    is.toFixed(2),
    `≤ ${limit.toFixed(2)}`,
    is <= limit ? 'yes' : 'NO',
  ])
  process.stdout.write(
    `\n${table([[`${GOALS.items} of which ${GOALS.changes} changed`, 'is', 'goal', 'met'], ...rows])}\n`,
  )
  process.stdout.write(
    `measured in ${((performance.now() - began) / 1000).toFixed(0)} s; observing is measured by bench/sync.ts\n`,
  )
}
