import { setTimeout as sleep } from 'node:timers/promises'
import { wholeNumber } from '../src/cli/arguments.ts'
import { leaseOf, openPair, type Pair, until } from '../test/controllers/pair.ts'
import { benchmark } from './benchmark.ts'
import { percentile, table } from './emulator/figures.ts'

/** Measures how long a failover stands still when the controller that carries it out is killed: `node bench/takeover.ts`. */

const { rounds, lease, json } = benchmark(
  'bench:takeover',
  'Measures how long a failover stands still when the controller that carries it out is killed.',
)
  .option('--rounds <number>', 'controllers that are killed', wholeNumber(1, 10_000), 20)
  .option('--lease <milliseconds>', 'lease of a controller', wholeNumber(1000, 3_600_000), 2000)
  .option('--json', 'print for machines')
  .parse()
  .opts<{ readonly rounds: number; readonly lease: number; readonly json?: true }>()
const GOAL_MILLISECONDS = 2500
/** A phase reads this and waits for it, so that the failover is under way in every round. */
const HELD = { is: 'hang', at: 'centralus', plane: 'arm', route: 'GET **/datastores' }

const pair = await openPair({ lease, call: Math.floor(lease / 3), tick: 100 })
try {
  const times = await measured(pair)
  const [p50, p95, most] = [percentile(times, 0.5), percentile(times, 0.95), Math.max(...times)]
  const rows = [['lease ms', 'rounds', 'p50 ms', 'p95 ms', 'most ms']]
  rows.push([lease, rounds, p50, p95, most].map((one) => one.toFixed(0)))
  process.stdout.write(
    json
      ? `${JSON.stringify({ lease, rounds, p50, p95, most })}\n`
      : `${table(rows)}\ngoal: p50 ${GOAL_MILLISECONDS} ms at a lease of 2000 ms\n`,
  )
} finally {
  await pair.end()
}

/** From each kill of the active controller to the first record of the one that goes on. */
async function measured(at: Pair): Promise<readonly number[]> {
  const first = await at.controller('c0')
  const living = new Map([[first.child.pid, first.child]])
  await at.emulator.faults([HELD])
  await at.emulator.region('eastus2', 'kill')
  const times: number[] = []
  for (let n = 1; n <= rounds; n++) {
    const next = await at.controller(`c${n}`)
    living.set(next.child.pid, next.child)
    await phaseBegun(at, 0)
    // At any time of its renewals.
    await sleep(Math.random() * lease)
    // On a busy machine a controller may have lost the lease without being killed.
    const { pid, epoch } = leaseOf(at)
    const killed = performance.now()
    living.get(pid)?.kill('SIGKILL')
    await phaseBegun(at, epoch)
    times.push(performance.now() - killed)
    living.delete(pid)
  }
  return times
}

/** Waits for a phase that was begun in a later epoch, and gives the epoch of the last. */
function phaseBegun(at: Pair, after: number): Promise<number> {
  return until(`a phase begins after epoch ${after}`, async () => {
    const last = (await at.journal('failover/phase-begun')).at(-1)
    return last !== undefined && last.epoch > after ? last.epoch : undefined
  })
}
