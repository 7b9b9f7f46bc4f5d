import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AccountSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { Option } from 'commander'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { openCertificates } from '../emulator/src/certificates.ts'
import { azureClient } from '../emulator/test/azure-client.ts'
import { AZURITE_VERSION, type Azurite, runAzurite } from '../emulator/test/peers/azurite.ts'
import { runEmulator } from '../emulator/test/run-emulator.ts'
import { through } from '../emulator/test/storage-client.ts'
import { wholeNumber } from '../src/cli/arguments.ts'
import { benchmark, namesOf } from './benchmark.ts'
import { runSink } from './emulator/sink.ts'

/**
 * Measures the emulator's blobs beside Azurite's: `node bench/emulator-blobs.ts`. See readme.md for what the numbers mean.
 */

interface Options {
  readonly repeats: number
  readonly requests: number
  readonly mebibytes: number
  readonly largeRepeats: number
  readonly only: readonly string[]
  readonly json?: true
}

const SORTS = ['small', 'large']
const COUNT = wholeNumber(1, 1_000_000)
const { repeats, requests, mebibytes, largeRepeats, only, json } = benchmark(
  'bench:blobs',
  'Measures the emulator’s blobs beside Azurite’s.',
)
  .option('--repeats <number>', 'rounds of small blobs', COUNT, 5)
  .option('--requests <number>', 'small blobs of a round', COUNT, 3000)
  .option('--mebibytes <number>', 'length of the large blob', COUNT, 1024)
  .option('--large-repeats <number>', 'rounds of the large blob', COUNT, 3)
  .addOption(
    new Option('--only <sorts>', 'small, large, or both by comma').argParser(namesOf(SORTS)).default(SORTS, 'both'),
  )
  .option('--json', 'print for machines, a line for each comparison')
  .parse()
  .opts<Options>()

const ACCOUNT = 'benchacct'
const CALLERS = 32
const SMALL = 4096
const MIB = 1024 * 1024
/** The same for both sides. */
const LARGE = { blockSize: 8 * MIB, concurrency: 4 }
const GOAL = 2

/** One side: how its blobs are reached, and the process that serves them. */
interface Side {
  readonly name: string
  readonly origin: string
  readonly dispatcher: Dispatcher
  /** Query string that opens the account. */
  readonly sas: string
  readonly box: ContainerClient
  /** The processes that serve it; the first one holds the bytes. */
  readonly pids: readonly number[]
}

/** What is measured, in units a second. */
type Measure = (side: Side, round: number) => Promise<number>

async function each(count: number, work: (index: number) => Promise<void>): Promise<number> {
  let next = 0
  const began = performance.now()
  const caller = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return count / ((performance.now() - began) / 1000)
}

const bytes = randomBytes(SMALL)
const PUT = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2024-11-04', 'content-type': 'application/octet-stream' }

const puts: Measure = (side, round) =>
  each(requests, async (index) => {
    const answer = await request(`${side.origin}/box/small/${round}/${index}?${side.sas}`, {
      method: 'PUT',
      headers: PUT,
      body: bytes,
      dispatcher: side.dispatcher,
    })
    await answer.body.dump()
    if (answer.statusCode !== 201) throw new Error(`${side.name} answered ${answer.statusCode} to a put`)
  })

const gets: Measure = (side, round) =>
  each(requests, async (index) => {
    const answer = await request(`${side.origin}/box/small/${round}/${index}?${side.sas}`, {
      headers: { 'x-ms-version': '2024-11-04' },
      dispatcher: side.dispatcher,
    })
    const got = Buffer.from(await answer.body.arrayBuffer())
    if (!got.equals(bytes)) throw new Error(`${side.name} answered ${answer.statusCode} with other bytes`)
  })

const scratch = await mkdtemp(join(tmpdir(), 'bench-blobs-'))
const large = join(scratch, 'large')

const up: Measure = async (side) => {
  const began = performance.now()
  await side.box.getBlockBlobClient('large').uploadFile(large, { ...LARGE, maxSingleShotSize: LARGE.blockSize })
  return mebibytes / ((performance.now() - began) / 1000)
}

const down: Measure = async (side) => {
  const target = join(scratch, 'down')
  const began = performance.now()
  const answer = await side.box.getBlockBlobClient('large').download()
  let length = 0
  for await (const chunk of answer.readableStreamBody ?? []) length += chunk.length
  const rate = mebibytes / ((performance.now() - began) / 1000)
  await rm(target, { force: true })
  if (length !== mebibytes * MIB) throw new Error(`${side.name} gave back ${length} bytes`)
  return rate
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Most memory that a process has held so far, in MB. */
async function peak(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
}

const TICK_MILLISECONDS = 10

/** Milliseconds that the processes have computed so far. */
async function computed(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')))
  const ticks = stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
  return ticks.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0) * TICK_MILLISECONDS
}

function sideOf(
  name: string,
  origin: string,
  how: { key: string; dispatcher: Dispatcher; pids: readonly number[] },
): Side {
  const options = { httpClient: through(how.dispatcher), retryOptions: { maxTries: 1 } }
  const credential = new StorageSharedKeyCredential(ACCOUNT, how.key)
  const service = new BlobServiceClient(origin, credential, options)
  const permissions = AccountSASPermissions.parse('rwc')
  const grant = { permissions, services: 'b', resourceTypes: 'co', expiresOn: new Date(Date.now() + 3600_000) }
  const sas = generateAccountSASQueryParameters(grant, credential).toString()
  return { name, origin, sas, box: service.getContainerClient('box'), dispatcher: how.dispatcher, pids: how.pids }
}

const emulator = await runEmulator({ regions: 'eastus2' })
const ending: (() => Promise<unknown>)[] = [() => rm(scratch, { recursive: true, force: true }), () => emulator.end()]

async function ours(): Promise<Side> {
  const azure = azureClient(emulator, 'bench')
  ending.push(() => azure.close())
  await azure.arm('PUT', '/resourceGroups/bench', { location: 'eastus2' })
  const path = `/resourceGroups/bench/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
  await azure.arm('PUT', path, {
    location: 'eastus2',
    sku: { name: 'Standard_LRS' },
    kind: 'StorageV2',
    properties: {},
  })
  const { keys } = (await azure.arm('POST', `${path}/listKeys`)).body as { keys: { value: string }[] }
  const dispatcher = new ProxyAgent({ uri: emulator.proxy('bench'), requestTls: { ca: emulator.ca } })
  ending.push(() => dispatcher.destroy())
  const pids = [(await emulator.pidOf('eastus2')) ?? 0, emulator.process.pid ?? 0]
  return sideOf('emulator', `https://${ACCOUNT}.blob.core.windows.net`, { key: keys[0]?.value ?? '', dispatcher, pids })
}

async function theirs(scheme: 'https' | 'http'): Promise<Side> {
  const key = randomBytes(64).toString('base64')
  const certificates = await openCertificates(emulator.dir)
  const host = `${ACCOUNT}.blob.core.windows.net`
  const identity = scheme === 'https' ? { identity: await certificates.pemFor(host) } : {}
  const azurite: Azurite = await runAzurite({ account: ACCOUNT, key, ...identity })
  const dispatcher = direct()
  ending.push(azurite.end)
  return sideOf(`Azurite ${AZURITE_VERSION} ${scheme}`, `${scheme}://${host}:${azurite.port}`, {
    key,
    dispatcher,
    pids: [azurite.process.pid ?? 0],
  })
}

/** Finds every host on this machine. */
function direct(): Dispatcher {
  const lookup: LookupFunction = (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }])
  const dispatcher = new Agent({ connect: { ca: emulator.ca, lookup } })
  ending.push(() => dispatcher.destroy())
  return dispatcher
}

/** What keeps nothing, and so is as fast as the client. */
async function nothing(): Promise<Side> {
  const host = `${ACCOUNT}.blob.core.windows.net`
  const sink = await runSink(await (await openCertificates(emulator.dir)).pemFor(host))
  ending.push(async () => sink.end())
  const key = randomBytes(64).toString('base64')
  return sideOf('a sink, https', `https://${host}:${sink.port}`, { key, dispatcher: direct(), pids: [sink.pid] })
}

interface Row {
  readonly what: string
  readonly unit: string
  readonly side: string
  readonly median: number
  /** Milliseconds that its processes computed for one unit. */
  readonly computed: number
  /** The emulator's rate by this one's, and this one's processor time by the emulator's. */
  readonly ratio: number
  readonly computedRatio: number
}

/** Both sides in turn, as often as asked, after a round that is thrown away. */
async function compare(
  sides: readonly Side[],
  what: string,
  how: { unit: string; units: number; of: Measure; repeats: number },
): Promise<Row[]> {
  const taken = new Map(sides.map((side) => [side.name, [] as { rate: number; computed: number }[]]))
  for (let round = 0; round <= how.repeats; round++) {
    for (const side of sides) {
      const before = await computed(side.pids)
      const rate = await how.of(side, round)
      const each = ((await computed(side.pids)) - before) / how.units
      if (round > 0) taken.get(side.name)?.push({ rate, computed: each })
    }
  }
  const of = (name: string, field: 'rate' | 'computed') => median((taken.get(name) ?? []).map((one) => one[field]))
  const own = sides[0]?.name ?? ''
  return sides.map(({ name }) => ({
    what,
    unit: how.unit,
    side: name,
    median: of(name, 'rate'),
    computed: of(name, 'computed'),
    ratio: of(own, 'rate') / of(name, 'rate'),
    computedRatio: of(name, 'computed') / of(own, 'computed'),
  }))
}

async function makeLarge(): Promise<void> {
  const file = await open(large, 'w')
  const chunk = randomBytes(MIB)
  for (let index = 0; index < mebibytes; index++) {
    chunk.writeUInt32LE(index)
    await file.write(chunk)
  }
  await file.close()
}

interface Memory {
  readonly side: string
  /** Most that the process which holds the bytes has held so far, in MB. */
  readonly peak: number
}

/** Everything that is compared, in order. */
function comparisons(): readonly { what: string; unit: string; units: number; of: Measure; repeats: number }[] {
  const small = { unit: '/s', units: requests, repeats }
  const whole = { unit: 'MiB/s', units: mebibytes, repeats: largeRepeats }
  return [
    ...(only.includes('small')
      ? [
          { what: '4 KiB put, 32 callers', ...small, of: puts },
          { what: '4 KiB get, 32 callers', ...small, of: gets },
        ]
      : []),
    ...(only.includes('large')
      ? [
          { what: `${mebibytes} MiB up`, ...whole, of: up },
          { what: `${mebibytes} MiB down`, ...whole, of: down },
        ]
      : []),
  ]
}

async function main(): Promise<void> {
  const sides = [await ours(), await theirs('https'), await theirs('http')]
  for (const { box } of sides) await box.create()
  if (only.includes('large')) await makeLarge()
  const withSink = [...sides, await nothing()]
  for (const { what, ...how } of comparisons()) {
    const compared = how.of === up ? withSink : sides
    const rows = await compare(compared, what, how)
    const memory = await Promise.all(
      compared.map(async ({ name, pids }) => ({ side: name, peak: await peak(pids[0] ?? 0) })),
    )
    if (json) process.stdout.write(`${JSON.stringify({ rows, memory, goal: GOAL })}\n`)
    else print(rows, memory)
  }
}

/** A line for each side, as soon as a comparison is through. */
function print(rows: readonly Row[], memory: readonly Memory[]): void {
  for (const [index, { what, unit, side, median: rate, computed: each, ratio, computedRatio }] of rows.entries()) {
    const told = `${rate.toFixed(0).padStart(6)} ${unit.padEnd(6)} ${each.toFixed(2).padStart(7)} ms computed each`
    const held = `${(memory[index]?.peak ?? 0).toFixed(0).padStart(5)} MB at most so far`
    const compared =
      index === 0 ? '' : `  emulator: ${ratio.toFixed(2)} × as fast, ${computedRatio.toFixed(2)} × less computed`
    process.stdout.write(`${what.padEnd(24)} ${side.padEnd(22)} ${told} ${held}${compared}\n`)
  }
}

process.once('SIGTERM', () => process.exit(1))
try {
  await main()
  const promise = 'The emulator answers a write once it is synced; Azurite does not sync.'
  if (!json) process.stdout.write(`goal: ${GOAL} against Azurite over https. ${promise}\n`)
} finally {
  for (const end of ending.reverse()) await end()
}
