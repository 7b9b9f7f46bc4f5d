import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ProxyAgent, request } from 'undici'
import { azureClient } from '../emulator/test/azure-client.ts'
import { type RunningEmulator, runEmulator } from '../emulator/test/run-emulator.ts'
import { fill, makeWorkspace, REGION } from './emulator/estate.ts'
import { memoryOf, percentile, table } from './emulator/figures.ts'

/** Measures how long a region takes to its first answer, and what it holds while nothing is asked: `node bench/emulator-region.ts`. */

const IDLE_MILLISECONDS = 10_000
const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, repeats: { type: 'string', default: '5' } },
})
const emulator = await runEmulator({ regions: REGION })
const rows: string[][] = [['', 'first answer ms (median)', 'RSS MB', 'PSS MB']]
try {
  const client = azureClient(emulator, 'bench')
  rows.push(await measured('a new store', () => rmSync(join(emulator.dir, 'regions', REGION), { recursive: true })))
  await makeWorkspace(client)
  await emulator.control('POST', `regions/${REGION}/stop`)
  const count = Number(values.count)
  await fill(emulator.dir, { assets: count, runs: count, blobs: 0 })
  rows.push(await measured(`${count} assets, jobs and runs`, () => undefined))
  await client.close()
} finally {
  await emulator.end()
}
process.stdout.write(`${table(rows)}\ngoals: 1000 ms, 120 MB\n`)

/** Kills the region, prepares its folder and starts it, several times; then leaves it alone for a while. */
async function measured(name: string, prepare: () => void): Promise<string[]> {
  const times: number[] = []
  for (let n = 0; n < Number(values.repeats); n++) {
    await emulator.control('POST', `regions/${REGION}/kill`)
    prepare()
    const began = performance.now()
    await emulator.control('POST', `regions/${REGION}/start`)
    await firstAnswer(emulator)
    times.push(performance.now() - began)
  }
  await sleep(IDLE_MILLISECONDS)
  const { rss, pss } = memoryOf((await emulator.pidOf(REGION)) ?? 0)
  return [name, ...[percentile(times, 0.5), rss, pss].map((one) => one.toFixed(0))]
}

/** Asks a data plane of the region over the proxy and its TLS, as a client does. */
async function firstAnswer({ proxy, ca }: RunningEmulator): Promise<void> {
  const dispatcher = new ProxyAgent({ uri: proxy('bench'), requestTls: { ca } })
  const { statusCode, body } = await request(`https://${REGION}.api.azureml.ms/discovery`, { dispatcher })
  await body.dump()
  await dispatcher.destroy()
  if (statusCode !== 200) throw new Error(`The region answered ${statusCode}.`)
}
