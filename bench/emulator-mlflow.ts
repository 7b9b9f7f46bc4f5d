import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wholeNumber } from '../src/cli/arguments.ts'
import { benchmark } from './benchmark.ts'
import { quantile, rateOf, send, type Target, table } from './load.ts'
import { startEmulator, startMlflowServer } from './mlflow-peers.ts'
import { measureSearches, seedRuns } from './mlflow-searches.ts'

/** Measures the emulator's tracking API beside MLflow's own server. See readme.md for what the numbers mean. */

const root = fileURLToPath(new URL('..', import.meta.url))
interface Options {
  readonly python: string
  readonly clients: number
  readonly repeats: number
  readonly seconds: number
  readonly runs: number
  readonly searchesOnly?: true
}

const { python, clients, repeats, seconds, runs, searchesOnly } = benchmark(
  'bench:mlflow',
  'Measures the emulator’s tracking API beside MLflow’s own server.',
)
  .option('--python <path>', 'a Python that has all of `mlflow`', join(root, '.venv', 'bin', 'python'))
  .option('--clients <number>', 'clients at once', wholeNumber(1, 1000), 16)
  .option('--repeats <number>', 'turns', wholeNumber(1, 1000), 5)
  .option('--seconds <number>', 'length of a turn', wholeNumber(1, 3600), 2)
  .option('--runs <number>', 'runs that are searched; 0 leaves searching out', wholeNumber(0, 10_000_000), 100_000)
  .option('--searches-only', 'leave the peer out')
  .parse()
  .opts<Options>()
const milliseconds = seconds * 1000

/** What each client does again and again. */
interface Work {
  readonly name: string
  /** Gets what the calls need ready, and gives the call. */
  prepare(target: Target): Promise<(client: number, turn: number) => Promise<unknown>>
}

const CREATION: Work = {
  name: 'runs/create, 5 tags',
  prepare: async (target) => {
    const experiment = await newExperiment(target)
    const tags = Array.from({ length: 5 }, (_, index) => ({ key: `tag${index}`, value: `value ${index}` }))
    return (client, turn) =>
      send(target, 'POST', 'runs/create', {
        experiment_id: experiment,
        run_name: `run-${client}-${turn}`,
        start_time: Date.now(),
        tags,
      })
  },
}

/** Batches of one run for each client; every point is at a step of its own. */
function batches(keys: number, steps: number): Work {
  return {
    name: `log-batch, ${keys * steps} points of ${keys} metrics`,
    prepare: async (target) => {
      const runs = await Promise.all(Array.from({ length: clients }, () => newRun(target)))
      return (client, turn) => {
        const metrics = Array.from({ length: keys * steps }, (_, index) => {
          const step = turn * steps + Math.floor(index / keys)
          return { key: `metric${index % keys}`, value: Math.sin(step), timestamp: 1_700_000_000_000 + step, step }
        })
        return send(target, 'POST', 'runs/log-batch', { run_id: runs[client], metrics })
      }
    },
  }
}

const WORKS: readonly Work[] = [CREATION, batches(1, 1), batches(10, 1), batches(20, 10)]

async function newExperiment(target: Target): Promise<string> {
  const made = await send(target, 'POST', 'experiments/create', { name: `bench ${performance.now()} ${Math.random()}` })
  return (made as { experiment_id: string }).experiment_id
}

async function newRun(target: Target): Promise<string> {
  const body = { experiment_id: '0', start_time: Date.now() }
  const made = await send(target, 'POST', 'runs/create', body)
  return (made as { run: { info: { run_id: string } } }).run.info.run_id
}

/** Medians of each work on both, taken in turns so that what disturbs one disturbs the other. */
async function compare(ours: Target, theirs: Target): Promise<string> {
  const rows: string[][] = [['calls a second', ours.name, theirs.name, 'ratio', 'lowest ratio of a turn']]
  for (const work of WORKS) {
    const calls = new Map<Target, Awaited<ReturnType<Work['prepare']>>>()
    for (const target of [ours, theirs]) calls.set(target, await work.prepare(target))
    const rates = new Map<Target, number[]>([
      [ours, []],
      [theirs, []],
    ])
    // The first turn is thrown away: it opens the connections.
    for (let turn = 0; turn <= repeats; turn++) {
      for (const [target, call] of calls) {
        const rate = await rateOf(clients, milliseconds, (client, at) => call(client, at + turn * 1_000_000))
        if (turn > 0) rates.get(target)?.push(rate)
      }
    }
    const [own, peer] = [rates.get(ours) ?? [], rates.get(theirs) ?? []]
    const ratio = quantile(own, 0.5) / quantile(peer, 0.5)
    const lowest = Math.min(...own.map((rate, index) => rate / (peer[index] ?? Number.NaN)))
    rows.push([
      work.name,
      quantile(own, 0.5).toFixed(0),
      quantile(peer, 0.5).toFixed(0),
      ratio.toFixed(1),
      lowest.toFixed(1),
    ])
  }
  return table(rows)
}

async function main(): Promise<void> {
  const ours = await startEmulator(clients)
  process.stdout.write(`${ours.settings}\n`)
  try {
    if (searchesOnly !== true) {
      if (!existsSync(python)) throw new Error(`${python} is not there; --python names one that has mlflow`)
      const theirs = await startMlflowServer(python, clients)
      process.stdout.write(`${theirs.settings}\n${clients} clients, ${repeats} turns of ${seconds} s each\n\n`)
      try {
        process.stdout.write(`${await compare(ours.target, theirs.target)}\n\n`)
      } finally {
        await theirs.stop()
      }
    }
    if (runs === 0) return
    const seeded = await seedRuns(ours.store, ours.workspace, runs)
    process.stdout.write(`${runs} runs were written into its store in ${(seeded.milliseconds / 1000).toFixed(0)} s\n\n`)
    process.stdout.write(`${table(await measureSearches(ours.target, seeded))}\n`)
  } finally {
    await ours.stop()
  }
}

await main()
