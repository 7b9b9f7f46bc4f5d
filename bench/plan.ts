import { parseArgs } from 'node:util'
import type { Address, Item } from '../src/core/model.ts'
import { plan } from '../src/core/plan.ts'
import { item, type Snapshot, snapshotOf, withKind } from '../src/core/snapshot.ts'
import type { KindRules, PlanRules } from '../src/core/step.ts'

/**
 * Measures what planning costs: `node --expose-gc bench/plan.ts`. See readme.md for what the numbers mean.
 */

const KINDS = ['environment', 'component', 'model', 'schedule'] as const
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
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

interface Measured {
  readonly items: number
  readonly changes: number
  /** First pass: both listings become snapshots, and everything is compared. */
  readonly coldMilliseconds: number
  /** A later pass: one fresh listing with its digests, the snapshots of the pass before. */
  readonly listedMilliseconds: number
  /** Comparing and planning alone, on snapshots that share what did not change. */
  readonly warmMilliseconds: number
  /** What two snapshots hold, bodies included; what is the same in both is held once. */
  readonly heapMegabytes: number
}

/** Versions of assets in containers of ten; a component needs an environment, a model a component. */
function assets(count: number, changed: ReadonlySet<number>): Item[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = KINDS[index % KINDS.length] ?? KINDS[0]
    const at = (of: number): Address =>
      `${KINDS[of % KINDS.length] ?? KINDS[0]}/asset-${Math.floor(of / 40)}-${of % 4}/${Math.floor(of / 4) % 10}`
    const needs = kind === 'environment' ? [] : [at(index - 1)]
    const body = {
      path: `azureml://datastores/main/paths/${index}`,
      tags: { run: `r${index}` },
      value: changed.has(index) ? 1 : 0,
    }
    return item(at(index), body, needs)
  })
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

function measure(items: number, changes: number, repeats: number): Measured {
  const which = chosen(items, changes)
  const before = heap()
  const listing = assets(items, new Set())
  const changed = assets(items, which)
  const fresh = listing.map((one, index) => (which.has(index) ? (changed[index] ?? one) : one))
  changed.length = 0
  const cold = timed(() => {
    const [wanted, found] = [snapshotOf(fresh), snapshotOf(listing)]
    return { wanted, found, steps: plan({ wanted, found, rules }).steps.length }
  })
  if (cold.made.steps !== which.size) throw new Error(`${cold.made.steps} steps for ${which.size} changes`)
  const { found } = cold.made
  const heapMegabytes = heap() - before
  const listed = timed(() => plan({ wanted: relisted(found, fresh), found, rules }))
  const wanted = found.with(fresh.filter((_, index) => which.has(index)))
  const warm = Array.from({ length: repeats }, () => timed(() => plan({ wanted, found, rules })).milliseconds)
  return {
    items,
    changes: which.size,
    coldMilliseconds: cold.milliseconds,
    listedMilliseconds: listed.milliseconds,
    warmMilliseconds: median(warm),
    heapMegabytes,
  }
}

/** Least squares for milliseconds = a + b·changes + c·items, each point weighted by the inverse of its value. */
function fitted(points: readonly Measured[], of: (one: Measured) => number): readonly [number, number, number] {
  const rows = points.map((one) => {
    const weight = 1 / Math.max(0.05, of(one))
    return { terms: [weight, one.changes * weight, one.items * weight] as const, value: of(one) * weight }
  })
  const matrix = [0, 1, 2].map((row) => [
    ...[0, 1, 2].map((column) => sum(rows.map(({ terms }) => (terms[row] ?? 0) * (terms[column] ?? 0)))),
    sum(rows.map(({ terms, value }) => (terms[row] ?? 0) * value)),
  ])
  return solved(matrix)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** Three equations with three unknowns, by elimination. */
function solved(matrix: number[][]): readonly [number, number, number] {
  const cell = (row: number, column: number) => matrix[row]?.[column] ?? 0
  for (let pivot = 0; pivot < 3; pivot++) {
    for (let row = 0; row < 3; row++) {
      if (row === pivot) continue
      const factor = cell(row, pivot) / cell(pivot, pivot)
      matrix[row] = [0, 1, 2, 3].map((column) => cell(row, column) - factor * cell(pivot, column))
    }
  }
  return [cell(0, 3) / cell(0, 0), cell(1, 3) / cell(1, 1), cell(2, 3) / cell(2, 2)]
}

/** What is aimed at for 100,000 assets of which 100 changed. */
const GOALS = { coldMilliseconds: 5000, listedMilliseconds: 1500, warmMilliseconds: 10, heapMegabytes: 300 }

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padStart(widths[column] ?? 0)).join('  ')).join('\n')
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
const fits = Object.fromEntries(fields.map((field) => [field, fitted(measured, (one) => one[field])]))

if (values.json) process.stdout.write(`${JSON.stringify({ measured, fits, goals: GOALS }, undefined, 2)}\n`)
else {
  const lines = measured.map((one) => [
    String(one.items),
    String(one.changes),
    one.coldMilliseconds.toFixed(0),
    one.listedMilliseconds.toFixed(0),
    one.warmMilliseconds.toFixed(2),
    one.heapMegabytes.toFixed(0),
  ])
  const goal = ['goal: 100000', '100', ...Object.values(GOALS).map(String)]
  process.stdout.write(
    `${table([['items', 'changes', 'cold ms', 'listed ms', 'warm ms', 'heap MB'], ...lines, goal])}\n\n`,
  )
  for (const field of fields) {
    const [a, b, c] = fits[field] ?? [0, 0, 0]
    process.stdout.write(`${field}: ${a.toFixed(2)} + ${b.toPrecision(3)}·changes + ${c.toPrecision(3)}·items\n`)
  }
  process.stdout.write(`measured in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
}
