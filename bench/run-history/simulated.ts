import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { quantile, table } from '../load.ts'
import { holdfast, type Ran } from './tools.ts'

/** Parts of the benchmark in which a generated server stands for one that nobody could fill. */
export interface SimulatedOptions {
  readonly repeats: number
  /** Runs of the small and of the large history. */
  readonly histories: readonly number[]
  /** Runs that are carried under a limit, each of five batches. */
  readonly limitedRuns: number
  readonly say: (text: string) => void
}

const GENERATED = 'A generated server stands in on both sides, in processes of their own.\n'
const CHANGED = 100
const LIMITS = { 'log-batch': 47, search: 7 } as const
/** Runs of a page of a search. */
const PAGE = 1000
/** Pages that are searched under the limit. */
const PAGES = 300

interface Generated {
  readonly uri: string
  counts(): Promise<Readonly<Record<string, Count>>>
  stop(): void
}

interface Count {
  readonly taken: number
  readonly refused: number
  /** Milliseconds since 1970. */
  readonly first: number
  readonly last: number
}

async function generated(...args: readonly string[]): Promise<Generated> {
  const program = fileURLToPath(new URL('generated.ts', import.meta.url))
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const uri = String(line).trim()
  return {
    uri,
    counts: async () => (await (await fetch(`${uri}/counts`)).json()) as Record<string, Count>,
    stop: () => child.stdin.end(),
  }
}

/** What 100 changed runs cost in histories of different lengths. */
export async function measureGrowth({ repeats, histories, say }: SimulatedOptions): Promise<void> {
  say(GENERATED)
  const took = new Map<number, (Ran & { readonly calls: number })[]>(histories.map((runs) => [runs, []]))
  // In turns, so that what disturbs one disturbs the other.
  for (let turn = 0; turn < repeats; turn++) {
    for (const [runs, all] of took) all.push(await recentCopy(runs))
  }
  const seconds = (all: readonly Ran[]) => all.map((one) => one.seconds)
  const medians = [...took.values()].map((all) => quantile(seconds(all), 0.5))
  const rows = [['runs there', `seconds for ${CHANGED} changed, median`, 'least', 'calls to the source', 'peak MB']]
  for (const [runs, all] of took) {
    const median = quantile(seconds(all), 0.5).toFixed(2)
    const least = Math.min(...seconds(all)).toFixed(2)
    rows.push([String(runs), median, least, String(all[0]?.calls), mostOf(all)])
  }
  say(`${table(rows)}\n`)
  say(`The largest costs ${((medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN)).toFixed(2)} times as much\n`)
}

/** One pass `--since last` over a history that was carried before, as its ledger says. */
async function recentCopy(runs: number): Promise<Ran & { readonly calls: number }> {
  const from = await generated('--runs', String(runs), '--recent', String(CHANGED))
  const to = await generated('--runs', String(runs), '--replica')
  const state = await mkdtemp(join(tmpdir(), 'bench-history-state-'))
  try {
    fillLedger(state, { from: from.uri, to: to.uri, runs })
    const more = ['--since', 'last']
    const ran = await holdfast({ from: from.uri, to: to.uri, experiment: 'bench', state, more })
    const carried = Number(/"runs": (\d+)/.exec(ran.output)?.[1])
    if (carried !== CHANGED) throw new Error(`${carried} runs were carried, not ${CHANGED}: ${ran.output}`)
    const counts = await from.counts()
    return { ...ran, calls: Object.values(counts).reduce((sum, { taken }) => sum + taken, 0) }
  } finally {
    from.stop()
    to.stop()
    await rm(state, { recursive: true, force: true })
  }
}

/** The notes that a first copy would have left: a pass that ended, and where each run is. */
function fillLedger(state: string, { from, to, runs }: { from: string; to: string; runs: number }): void {
  const pair = createHash('sha256').update(`${from}\n${to}`).digest('hex').slice(0, 16)
  mkdirSync(state, { recursive: true })
  const database = new DatabaseSync(join(state, `${pair}.db`))
  database.exec('CREATE TABLE carried (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID; BEGIN')
  const put = database.prepare('INSERT INTO carried VALUES (?, ?)')
  put.run('pass/["bench"]', String(Date.now() - 600_000))
  const id = (prefix: string, number: number) => prefix + number.toString(16).padStart(31, '0')
  for (let run = 0; run < runs; run++) {
    put.run(`replica/${id('a', run)}`, id('b', run))
    put.run(`run/${id('a', run)}`, '0'.repeat(64))
  }
  database.exec('COMMIT')
  database.close()
}

/** How much of what a limit permits is used, and how many calls it refuses. */
export async function measureLimits({ limitedRuns, say }: SimulatedOptions): Promise<void> {
  say(`${GENERATED}The buckets hold what a second permits; a refusal says Retry-After: 1.\n`)
  const tell = (name: string, count: Count | undefined, perSecond: number) =>
    say(
      `${table([
        ['', 'permitted a second', 'taken', 'of what was permitted', 'refused'],
        [name, ...used(count, perSecond)],
      ])}\n`,
    )
  const source = await generated('--runs', String(limitedRuns), '--metrics', '20', '--points', '200')
  const limited = await generated('--log-batch', String(LIMITS['log-batch']))
  await holdfast({ from: source.uri, to: limited.uri, experiment: 'bench' })
  tell('log-batch', (await limited.counts())['runs/log-batch'], LIMITS['log-batch'])
  source.stop()
  limited.stop()

  const searched = await generated('--runs', String(PAGES * PAGE), '--search', String(LIMITS.search))
  const empty = await generated()
  await holdfast({ from: searched.uri, to: empty.uri, experiment: 'bench', more: ['--dry-run'] })
  tell('searches', (await searched.counts())['runs/search'], LIMITS.search)
  searched.stop()
  empty.stop()
}

/** Between the first call and the last. */
function used(count: Count | undefined, perSecond: number): readonly string[] {
  if (count === undefined) throw new Error('no such call was made')
  const { taken, refused, first, last } = count
  // The bucket was full at first.
  const permitted = perSecond * ((last - first) / 1000 + 1)
  const share = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`
  return [String(perSecond), String(taken), share(taken, permitted), share(refused, taken + refused)]
}

/** The most that Holdfast has resident, by the length of the history. */
export async function measureMemory({ histories, say }: SimulatedOptions): Promise<void> {
  say(GENERATED)
  const rows = [['', 'seconds', 'peak MB']]
  for (const runs of histories) {
    const [from, to] = [await generated('--runs', String(runs)), await generated('--runs', String(runs), '--replica')]
    const ran = await holdfast({ from: from.uri, to: to.uri, experiment: 'bench', more: ['--dry-run'] })
    rows.push([`both sides of ${runs} runs are learned`, ran.seconds.toFixed(1), ran.peakMegabytes.toFixed(0)])
    from.stop()
    to.stop()
  }
  const long = await generated('--runs', '2', '--metrics', '4', '--points', '100000')
  const empty = await generated()
  const ran = await holdfast({ from: long.uri, to: empty.uri, experiment: 'bench' })
  rows.push(['2 runs, 4 metrics × 100,000 points', ran.seconds.toFixed(1), ran.peakMegabytes.toFixed(0)])
  long.stop()
  empty.stop()
  say(`${table(rows)}\n`)
}

function mostOf(took: readonly Ran[]): string {
  return Math.max(...took.map(({ peakMegabytes }) => peakMegabytes)).toFixed(0)
}
