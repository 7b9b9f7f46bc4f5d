import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ProxyAgent, request } from 'undici'
import { azureClient } from '../emulator/test/azure-client.ts'
import { AZURITE_VERSION, runAzurite } from '../emulator/test/peers/azurite.ts'
import { type RunningEmulator, runEmulator } from '../emulator/test/run-emulator.ts'
import { wholeNumber } from '../src/cli/arguments.ts'
import { benchmark } from './benchmark.ts'
import { fill, makeWorkspace, REGION } from './emulator/estate.ts'
import { memoryOf, memoryOfGroup, percentile, table } from './emulator/figures.ts'
import { startMlflowServer } from './mlflow-peers.ts'

/** Measures how long a region takes to its first answer, and what it holds while nothing is asked: `node bench/emulator-region.ts`. */

const IDLE_MILLISECONDS = 10_000
const PYTHON = fileURLToPath(new URL('../.venv/bin/python', import.meta.url))
const { count, repeats, python } = benchmark(
  'bench:region',
  'Measures how long a region takes to its first answer, and what it holds while nothing is asked.',
)
  .option('--count <number>', 'assets, jobs and runs of the store that is not new', wholeNumber(1, 10_000_000), 100_000)
  .option('--repeats <number>', 'starts', wholeNumber(1, 1000), 5)
  .option('--python <path>', 'a Python that has all of `mlflow`; without one that peer is left out', PYTHON)
  .parse()
  .opts<{ readonly count: number; readonly repeats: number; readonly python: string }>()
const HOLDFAST = fileURLToPath(new URL('../bin/holdfast.cjs', import.meta.url))
const emulator = await runEmulator({ regions: REGION })
const rows: string[][] = [['', 'first answer ms (median)', 'RSS MB', 'PSS MB']]
try {
  const client = azureClient(emulator, 'bench')
  rows.push(await measured('a new store', () => rmSync(join(emulator.dir, 'regions', REGION), { recursive: true })))
  await makeWorkspace(client)
  await emulator.control('POST', `regions/${REGION}/stop`)
  await fill(emulator.dir, { assets: count, runs: count, blobs: 0 })
  rows.push(await measured(`${count} assets, jobs and runs`, () => undefined))
  await client.close()
} finally {
  await emulator.end()
}
rows.push(await azurite())
if (existsSync(python)) rows.push(await mlflowServer(python))
rows.push(await localUp())
process.stdout.write(`${table(rows)}\ngoals: 1000 ms, 120 MB\n`)

/** Kills the region, prepares its folder and starts it, several times; then leaves it alone for a while. */
async function measured(name: string, prepare: () => void): Promise<string[]> {
  const times: number[] = []
  for (let n = 0; n < repeats; n++) {
    await emulator.control('POST', `regions/${REGION}/kill`)
    prepare()
    const began = performance.now()
    await emulator.control('POST', `regions/${REGION}/start`)
    await firstAnswer(emulator)
    times.push(performance.now() - began)
  }
  await sleep(IDLE_MILLISECONDS)
  return row(name, times, memoryOf((await emulator.pidOf(REGION)) ?? 0))
}

function row(name: string, times: readonly number[], memory?: ReturnType<typeof memoryOf>): string[] {
  process.stderr.write(`${name}: ${times.map((one) => one.toFixed(0)).join(', ')}\n`)
  return [name, ...[percentile(times, 0.5), memory?.rss, memory?.pss].map((one) => one?.toFixed(0) ?? '')]
}

/** Starts a peer several times on nothing, and leaves the last one alone for a while. */
async function ofPeer<Peer>(
  start: () => Promise<Peer>,
  end: (peer: Peer, isLast: boolean) => Promise<void>,
): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < repeats; n++) {
    const began = performance.now()
    const peer = await start()
    times.push(performance.now() - began)
    await end(peer, n === repeats - 1)
  }
  return times
}

async function azurite(): Promise<string[]> {
  const start = () => runAzurite({ account: 'peer', key: Buffer.alloc(64).toString('base64') })
  // The first of all may have to install it.
  await (await start()).end()
  let memory: ReturnType<typeof memoryOf> | undefined
  const times = await ofPeer(start, async (peer, isLast) => {
    if (isLast) await sleep(IDLE_MILLISECONDS)
    if (isLast) memory = memoryOf(peer.process.pid ?? 0)
    await peer.end()
  })
  return row(`Azurite ${AZURITE_VERSION}, blobs alone, until it listens`, times, memory)
}

async function mlflowServer(python: string): Promise<string[]> {
  let memory: ReturnType<typeof memoryOf> | undefined
  const times = await ofPeer(
    () => startMlflowServer(python, 1),
    async (peer, isLast) => {
      if (isLast) await sleep(IDLE_MILLISECONDS)
      if (isLast) memory = memoryOfGroup(peer.group)
      await peer.stop()
    },
  )
  return row('mlflow server with its workers, until it is healthy', times, memory)
}

/** The command as a user gives it, to its end: by then both regions listen. */
async function localUp(): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'local-up-'))
  const holdfast = (act: string) => promisify(execFile)(process.execPath, [HOLDFAST, 'local', act, '--dir', dir])
  const times = await ofPeer(
    () => holdfast('up'),
    async () => {
      await holdfast('down')
      rmSync(dir, { recursive: true, force: true })
    },
  )
  return row('holdfast local up, two regions on a new folder', times)
}

/** Asks a data plane of the region over the proxy and its TLS, as a client does. */
async function firstAnswer({ proxy, ca }: RunningEmulator): Promise<void> {
  const dispatcher = new ProxyAgent({ uri: proxy('bench'), requestTls: { ca } })
  const { statusCode, body } = await request(`https://${REGION}.api.azureml.ms/discovery`, { dispatcher })
  await body.dump()
  await dispatcher.destroy()
  if (statusCode !== 200) throw new Error(`The region answered ${statusCode}.`)
}
