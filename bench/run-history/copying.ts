import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantile, send, type Target, table } from '../load.ts'
import { delayed, measuredRoundTrip } from './delay.ts'
import { recorder, replay } from './replay.ts'
import { changeRuns, SHAPE, seed } from './seed.ts'
import { type HistoryServer, startServers } from './servers.ts'
import { holdfast, peer, type Ran, type Tool } from './tools.ts'

export interface CopyOptions {
  readonly python: string
  readonly runs: number
  readonly repeats: number
  /** Round trips in milliseconds. */
  readonly delays: readonly number[]
  /** Also the peer with --use-threads. */
  readonly threads: boolean
  readonly say: (text: string) => void
}

const EXPERIMENT = 'bench'
/** Runs at once with which the servers are asked again: the best of them counts. */
const WIDTHS = [4, 8, 16]

/** First copies of an experiment by each tool in turns, and what the servers can do at most. */
export async function measureCopies(options: CopyOptions): Promise<void> {
  const { python, runs, repeats, delays, say } = options
  const tools = await toolsOf(options)
  const [from, to] = await startServers(python)
  try {
    say(`${from.settings}\n`)
    await seed(from, EXPERIMENT, runs)
    const { metrics, points, params, tags, files } = SHAPE
    say(`${runs} runs, each ${metrics} metrics × ${points} points, ${params} params, ${tags} tags, ${files} files;`)
    say(` ${repeats} turns\n`)
    for (const delay of delays) {
      say(`\n${delay === 0 ? 'No added latency' : await calibrated(delay)}\n`)
      const took = await inTurns({ tools, repeats, delay, from, to })
      say(`${comparison(took)}\n`)
      if (delay === 0) say(await ceiling({ from, to, runs, best: quantile(took.get('holdfast') ?? [], 0.5) }))
    }
  } finally {
    await Promise.all([from.stop(), to.stop()])
  }
}

async function toolsOf({ threads }: CopyOptions): Promise<ReadonlyMap<string, Tool>> {
  const plain = new Map([
    ['holdfast', holdfast],
    ['mlflow-export-import', await peer(false)],
  ])
  return threads ? plain.set('mlflow-export-import --use-threads', await peer(true)) : plain
}

async function calibrated(delay: number): Promise<string> {
  const measured = await measuredRoundTrip(delay)
  if (Math.abs(measured - delay) > delay * 0.1) return `${delay} ms round trip wanted, ${measured.toFixed(1)} ms made`
  return `${measured.toFixed(1)} ms round trip, measured`
}

interface Turns {
  readonly tools: ReadonlyMap<string, Tool>
  readonly repeats: number
  readonly delay: number
  readonly from: HistoryServer
  readonly to: HistoryServer
}

/** Seconds of each tool; every copy goes into an empty server. */
async function inTurns({ tools, repeats, delay, from, to }: Turns): Promise<ReadonlyMap<string, number[]>> {
  const took = new Map<string, number[]>()
  const ways = delay === 0 ? [] : [await delayed(from.target.base, delay), await delayed(to.target.base, delay)]
  const [source = from.target, target = to.target] = ways
  try {
    for (let turn = 0; turn < repeats; turn++) {
      for (const [name, tool] of tools) {
        await to.empty()
        const ran = await tool({ from: source.base, to: target.base, experiment: EXPERIMENT })
        await demandCopied(from.target, to.target, ran)
        took.set(name, [...(took.get(name) ?? []), ran.seconds])
      }
    }
  } finally {
    for (const way of ways) way.stop()
  }
  return took
}

/** A tool that carried fewer runs than there are was not fast. */
async function demandCopied(from: Target, to: Target, { output }: Ran): Promise<void> {
  const [wanted, found] = [await countRuns(from), await countRuns(to)]
  if (wanted !== found) throw new Error(`${found} of ${wanted} runs arrived: ${output.slice(-2000)}`)
}

async function countRuns(target: Target): Promise<number> {
  const { experiment } = (await send(
    target,
    'GET',
    `experiments/get-by-name?experiment_name=${encodeURIComponent(EXPERIMENT)}`,
  )) as { experiment: { experiment_id: string } }
  let [count, token] = [0, '']
  do {
    const body = { experiment_ids: [experiment.experiment_id], max_results: 1000, page_token: token }
    const page = (await send(target, 'POST', 'runs/search', body)) as { runs?: unknown[]; next_page_token?: string }
    count += page.runs?.length ?? 0
    token = page.next_page_token ?? ''
  } while (token !== '')
  return count
}

function comparison(took: ReadonlyMap<string, readonly number[]>): string {
  const own = took.get('holdfast') ?? []
  const rows = [...took].map(([name, seconds]) => {
    const ratios = seconds.map((one, turn) => one / (own[turn] ?? Number.NaN))
    const ratio = quantile(seconds, 0.5) / quantile(own, 0.5)
    return [name, quantile(seconds, 0.5).toFixed(2), ratio.toFixed(2), Math.min(...ratios).toFixed(2)]
  })
  return table([['', 'seconds, median', 'times holdfast', 'lowest of a turn'], ...rows])
}

interface Ceiling {
  readonly from: HistoryServer
  readonly to: HistoryServer
  readonly runs: number
  /** Seconds of Holdfast. */
  readonly best: number
}

/** What both servers do at most on this machine: the calls of Holdfast, sent again by a client that does nothing else. */
async function ceiling({ from, to, runs, best }: Ceiling): Promise<string> {
  await to.empty()
  const recording = await recorder(from.target.base, to.target.base)
  await holdfast({ from: recording.from, to: recording.to, experiment: EXPERIMENT })
  recording.stop()
  const { calls } = recording
  const rates: number[] = []
  for (const width of WIDTHS) {
    await to.empty()
    // The ids of experiments of an empty server are those of the one that was recorded.
    await send(to.target, 'POST', 'experiments/create', { name: EXPERIMENT })
    rates.push(await replay(calls, { source: from.target.base, target: to.target.base, width }))
  }
  const most = Math.max(...rates)
  const share = ((runs / best / most) * 100).toFixed(0)
  const a = (side: string) => (calls.filter((one) => one.side === side).length / runs).toFixed(1)
  return [
    `Calls a run: ${a('source')} to the source, ${a('target')} to the target.`,
    `Sent again with nothing computed between them, ${WIDTHS.join(', ')} runs at once: ${rates.map((rate) => rate.toFixed(2)).join(', ')} runs/s.`,
    `Holdfast carries ${(runs / best).toFixed(2)} runs/s, ${share} % of what both servers do at most on this machine.\n`,
  ].join('\n')
}

/** The second copy after one run in a hundred changed. The peer copies everything again, into a server that has it. */
export async function measureAgain(options: CopyOptions): Promise<void> {
  const { python, runs, repeats, say } = options
  const again = await peer(false)
  const [from, to] = await startServers(python)
  const state = await mkdtemp(join(tmpdir(), 'bench-history-state-'))
  try {
    const ids = await seed(from, EXPERIMENT, runs)
    const ends = { from: from.target.base, to: to.target.base, experiment: EXPERIMENT }
    const first = await holdfast({ ...ends, state })
    await demandCopied(from.target, to.target, first)
    const few = Math.max(1, Math.round(runs / 100))
    const [full, last]: [number[], number[]] = [[], []]
    for (let turn = 0; turn < repeats; turn++) {
      for (const [seconds, more] of [
        [full, []],
        [last, ['--since', 'last']],
      ] as const) {
        await changeRuns(from.target, ids.slice(turn * few, (turn + 1) * few))
        const ran = await holdfast({ ...ends, state, more })
        await demandCopied(from.target, to.target, ran)
        seconds.push(ran.seconds)
      }
    }
    const peerTook = await again(ends)
    const doubled = (await countRuns(to.target)) - runs
    const ratio = (own: number[]) => (peerTook.seconds / quantile(own, 0.5)).toFixed(0)
    say(`${runs} runs, ${few} changed, ${repeats} turns of Holdfast, one of the peer\n`)
    say(`first copy by Holdfast ${first.seconds.toFixed(1)} s\n`)
    say(
      `again ${quantile(full, 0.5).toFixed(2)} s, with --since last ${quantile(last, 0.5).toFixed(2)} s, no duplicate\n`,
    )
    say(`mlflow-export-import again ${peerTook.seconds.toFixed(1)} s with ${doubled} duplicates: `)
    say(`${ratio(full)} and ${ratio(last)} times as long\n`)
  } finally {
    await Promise.all([from.stop(), to.stop()])
    await rm(state, { recursive: true, force: true })
  }
}
