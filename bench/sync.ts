import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { AZURE_LIMITS } from '../emulator/src/limits/table.ts'
import { wholeNumber } from '../src/cli/arguments.ts'
import { HOLDFAST, openStageAlone, type Stage } from '../test/crashes/stage.ts'
import { benchmark } from './benchmark.ts'
import { percentile, table } from './emulator/figures.ts'
import { changeSome, fillBoth, pagesOfBoth, protect } from './emulator/followed.ts'

/** Measures one pass under ARM's rate limits: `node bench/sync.ts`. See readme.md for what the numbers mean. */

const {
  assets,
  changes,
  latency: milliseconds,
  json,
} = benchmark('bench:sync', 'Measures one pass under ARM’s rate limits.')
  .option('--assets <number>', 'assets on each side', wholeNumber(1, 1_000_000), 20_000)
  .option('--changes <number>', 'how many of them are changed', wholeNumber(1, 1_000_000), 100)
  .option('--latency <milliseconds>', 'how long every call waits on its way', wholeNumber(0, 60_000), 30)
  .option('--json', 'print for machines')
  .parse()
  .opts<{ readonly assets: number; readonly changes: number; readonly latency: number; readonly json?: true }>()
/** At most so many times the calls that are required, and at least such a share of the rate that is permitted. */
const GOALS = { calls: 1.1, rate: 0.95 }

interface Measured {
  readonly seconds: number
  readonly steps: number
  readonly calls: number
  readonly required: number
  readonly reads: number
  /** Reads that ARM would have let in from the first to the last of them. */
  readonly permitted: number
  readonly refused: number
  /** Reads in a second, in the middle of the pass. */
  readonly steadily: number
  /** What of it was reading both sides. */
  readonly observing: { readonly calls: number; readonly seconds: number }
}

const stage = await openStageAlone({})
let measured: Measured
try {
  measured = await measure(stage)
} finally {
  await stage.end()
}
if (json) process.stdout.write(`${JSON.stringify({ assets, changes, milliseconds, ...measured, goals: GOALS })}\n`)
else tell(measured)

async function measure(at: Stage): Promise<Measured> {
  await protect(at)
  await fillBoth(at, assets)
  // Takes both sides into the ledger as they are.
  await at.verb('sync')
  await changeSome(at, assets, changes)
  // The pages of both sides' lists; then a reading and a writing for each change.
  const required = (await pagesOfBoth(at)) + 2 * changes
  await at.emulator.faults(onTheWay())
  await control(at, 'PUT', 'record', { everyCall: true })
  await control(at, 'PUT', 'limits', { limits: 'azure' })
  const began = performance.now()
  const { process: child, over } = at.start(['sync', '--json'])
  const facts = await text(child.stdout ?? Readable.from([]))
  const { code, said } = await over
  const seconds = (performance.now() - began) / 1000
  if (code !== 0) throw new Error(`holdfast sync ended with ${code}:\n${said}`)
  const { steps } = JSON.parse(facts) as { readonly steps: readonly unknown[] }
  if (steps.length !== changes)
    throw new Error(`${steps.length} steps for ${changes} changes:\n${facts.slice(0, 2000)}`)
  return { seconds, steps: steps.length, required, ...(await counted(at)) }
}

function onTheWay(): readonly Readonly<Record<string, unknown>>[] {
  const planes = ['blob', 'mlflow', 'history'].flatMap((plane) =>
    ['eastus2', 'centralus'].map((place) => ({ is: 'slow', at: place, plane, milliseconds })),
  )
  return [{ is: 'slow', at: 'arm', milliseconds }, ...planes]
}

/** What ARM's own record says of the pass. */
async function counted(at: Stage) {
  const count = async (query: string) => {
    const path = `counts/front?of=calls&plane=arm&client=${HOLDFAST}&${query}`
    const { counts } = (await control(at, 'GET', path)) as {
      counts: readonly { readonly count: number; readonly second?: string }[]
    }
    return { rows: counts, all: counts.reduce((sum, one) => sum + one.count, 0) }
  }
  const reads = await count('by=second&method=GET')
  const moments = reads.rows.map(({ second }) => Date.parse(`${second}Z`))
  const span = (Math.max(...moments) - Math.min(...moments)) / 1000 + 1
  const [first, write] = await Promise.all([firstOf(at, 'GET'), firstOf(at, 'PUT')])
  const { burst, perSecond } = AZURE_LIMITS.reads
  return {
    calls: (await count('by=method')).all,
    reads: reads.all,
    refused: (await count('by=status&status=429')).all,
    permitted: burst + perSecond * span,
    steadily: percentile(
      reads.rows.map((one) => one.count),
      0.5,
    ),
    observing: {
      calls: (await count(`by=method&until=${write}`)).all,
      seconds: (Date.parse(write) - Date.parse(first)) / 1000,
    },
  }
}

/** The instant of the first call of a method in the pass. */
async function firstOf(at: Stage, method: string): Promise<string> {
  const path = `activity/front?of=calls&plane=arm&client=${HOLDFAST}&method=${method}&limit=1`
  const { lines } = (await control(at, 'GET', path)) as { readonly lines: readonly { readonly at: string }[] }
  return lines[0]?.at ?? ''
}

async function control(at: Stage, method: string, path: string, body?: unknown): Promise<unknown> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(`${at.emulator.control}/emulator/${path}`, { method, ...sent })
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

function tell(one: Measured): void {
  const { seconds, steps, calls, required, reads, permitted, refused, steadily, observing } = one
  const more = calls / required
  const rate = reads / permitted
  const verdict = (met: boolean) => (met ? 'yes' : 'NO')
  const rows = [
    ['', 'made', 'required or permitted', 'ratio', 'goal', 'met'],
    ['calls of ARM', `${calls}`, `${required}`, more.toFixed(3), `≤ ${GOALS.calls}`, verdict(more <= GOALS.calls)],
    ['reads of ARM', `${reads}`, permitted.toFixed(0), rate.toFixed(3), `≥ ${GOALS.rate}`, verdict(rate >= GOALS.rate)],
  ]
  process.stdout.write(
    `${assets} assets, ${milliseconds} ms on the way, reads ${AZURE_LIMITS.reads.burst} + ${AZURE_LIMITS.reads.perSecond}/s: ` +
      `${steps} steps in ${seconds.toFixed(1)} s, ${steadily} reads in a usual second, ${refused} calls refused\n${table(rows)}\n` +
      `observing alone: ${observing.calls} calls in ${observing.seconds.toFixed(1)} s\n`,
  )
}
