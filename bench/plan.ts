import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { wholeNumber } from '../src/cli/arguments.ts'
import { benchmark } from './benchmark.ts'
import { table } from './emulator/figures.ts'
import { fitted } from './planning/fit.ts'
import type { Measured } from './planning/row.ts'

/** Measures what planning costs: `npm run bench`. See readme.md for what the numbers mean. */

const values = benchmark('bench', 'Measures what planning costs.')
  .option('--most-items <number>', 'leaves out what is larger', wholeNumber(1000, 1_000_000), 1_000_000)
  .option('--repeats <number>', 'warm plans of each row', wholeNumber(1, 10_000), 21)
  .option('--json', 'print for machines')
  .parse()
  .opts<{ readonly mostItems: number; readonly repeats: number; readonly json?: true }>()

/** What is aimed at, for so many assets and changes. */
const GOALS = { items: 100_000, changes: 100, coldMilliseconds: 3000, warmMilliseconds: 100, megabytes: 600 }
/** What a million assets that did not change may add to a warm plan, as a share of what it takes. */
const UNCHANGED_SHARE = 1 / 3
/** A million assets with their bodies are more than Node gives a process by itself on a small machine. */
const LARGE = { items: 1_000_000, flags: ['--max-old-space-size=8192'] } as const

const ROW = fileURLToPath(new URL('planning/row.ts', import.meta.url))

/** One row, in a process that has held nothing before. */
async function measured(items: number, changes: number): Promise<Measured> {
  const flags = ['--expose-gc', ...(items >= LARGE.items ? LARGE.flags : [])]
  const args = [...flags, ROW, String(items), String(changes), String(values.repeats)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as Measured
}

const most = values.mostItems
const began = performance.now()
const rows: Measured[] = []
for (const items of [1000, 10_000, 100_000, 1_000_000].filter((one) => one <= most))
  for (const changes of items < LARGE.items ? [10, 100, 1000] : [100]) rows.push(await measured(items, changes))

const fields = ['coldMilliseconds', 'listedMilliseconds', 'warmMilliseconds'] as const
const fits = Object.fromEntries(
  fields.map((field) => [field, fitted(rows.map((one) => ({ ...one, milliseconds: one[field] })))]),
)

/** Each goal with what was measured of it. */
function verdicts(): readonly (readonly [name: string, measured: number, most: number])[] {
  const goal = rows.find(({ items, changes }) => items === GOALS.items && changes === GOALS.changes)
  if (goal === undefined) return []
  const [, , unchanged = Number.NaN] = fits['warmMilliseconds'] ?? []
  return [
    ['cold, ms', goal.coldMilliseconds, GOALS.coldMilliseconds],
    ['warm, ms', goal.warmMilliseconds, GOALS.warmMilliseconds],
    ['peak, MB', goal.peakMegabytes, GOALS.megabytes],
    ['warm: a million that did not change, ms', unchanged * 1e6, goal.warmMilliseconds * UNCHANGED_SHARE],
  ]
}

if (values.json) process.stdout.write(`${JSON.stringify({ measured: rows, fits, goals: GOALS }, undefined, 2)}\n`)
else {
  const lines = rows.map((one) => [
    String(one.items),
    String(one.changes),
    one.coldMilliseconds.toFixed(0),
    one.listedMilliseconds.toFixed(0),
    one.warmMilliseconds.toFixed(2),
    one.heapMegabytes.toFixed(0),
    one.coldPeakMegabytes.toFixed(0),
    one.peakMegabytes.toFixed(0),
  ])
  const head = ['items', 'changes', 'cold ms', 'listed ms', 'warm ms', 'heap MB', 'cold peak MB', 'peak MB']
  process.stdout.write(`${table([head, ...lines])}\n\n`)
  for (const field of fields) {
    const [a, b, c] = fits[field] ?? [0, 0, 0]
    process.stdout.write(`${field}: ${a.toFixed(2)} + ${b.toPrecision(3)}·changes + ${c.toPrecision(3)}·items\n`)
  }
  const goals = verdicts().map(([name, is, limit]) => [
    name,
    is.toFixed(2),
    `≤ ${limit.toFixed(2)}`,
    is <= limit ? 'yes' : 'NO',
  ])
  process.stdout.write(
    `\n${table([[`${GOALS.items} of which ${GOALS.changes} changed`, 'is', 'goal', 'met'], ...goals])}\n`,
  )
  process.stdout.write(
    `measured in ${((performance.now() - began) / 1000).toFixed(0)} s; observing is measured by bench/sync.ts\n`,
  )
}
