import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ProxyAgent, request } from 'undici'
import { SUBSCRIPTION } from '../emulator/src/tokens.ts'
import { type Answer, type AzureClient, azureClient } from '../emulator/test/azure-client.ts'
import { runEmulator } from '../emulator/test/run-emulator.ts'
import { wholeNumber } from '../src/cli/arguments.ts'
import { benchmark } from './benchmark.ts'
import { ACCOUNT, CONTAINER, FLEET, fill, makeWorkspace, REGION, WORKSPACE } from './emulator/estate.ts'
import { percentile, table } from './emulator/figures.ts'

/** Pages and looks through one large workspace: `node bench/emulator-scale.ts`. See readme.md for what the numbers mean. */

const GOAL_MILLISECONDS = 50
const LONGEST_WALK_MILLISECONDS = 8000
/** Calls of what finds nothing, and pages of what is not read in the order of an index. */
const REPEATS = 100
const {
  count,
  pages: most,
  json,
  dir,
} = benchmark('bench:scale', 'Pages and looks through one large workspace of the emulator.')
  .option('--count <number>', 'assets, jobs with their runs, and blobs', wholeNumber(1, 10_000_000), 100_000)
  .option(
    '--pages <number>',
    'most pages of one list; its last ones are read from the other end',
    wholeNumber(1, 1e6),
    400,
  )
  .option('--dir <folder>', 'a folder that is kept: filled by the first run, and only read by later ones')
  .option('--json', 'print for machines')
  .parse()
  .opts<{ readonly count: number; readonly pages: number; readonly json?: true; readonly dir?: string }>()
if (dir !== undefined) mkdirSync(dir, { recursive: true })
const isFilled = dir !== undefined && existsSync(join(dir, 'regions', REGION))
const measuredAt = Date.now()

interface Measured {
  readonly operation: string
  readonly calls: number
  readonly things: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const emulator = await runEmulator({ regions: REGION, ...(dir === undefined ? {} : { dir }) })
let measured: readonly Measured[] = []
let filling = 0
try {
  const client = azureClient(emulator, 'bench')
  if (!isFilled) {
    await makeWorkspace(client)
    await emulator.control('POST', `regions/${REGION}/stop`)
    filling = await fill(emulator.dir, { assets: count, runs: count, blobs: count })
    await emulator.control('POST', `regions/${REGION}/start`)
  }
  measured = await everything(client)
  await client.close()
} finally {
  await emulator.end({ keep: dir !== undefined })
}

if (json) process.stdout.write(`${JSON.stringify({ count, filling, measured, goal: GOAL_MILLISECONDS })}\n`)
else {
  const rows = measured.map(({ operation, calls, things, p50, p99, max }) => [
    operation,
    String(calls),
    String(things),
    ...[p50, p99, max].map((one) => one.toFixed(1)),
    p99 <= GOAL_MILLISECONDS ? 'within' : 'over',
  ])
  process.stdout.write(
    `${count} assets, ${count} jobs with their runs, ${count} blobs; filled in ${filling.toFixed(0)} s\n`,
  )
  process.stdout.write(
    `${table([['', 'calls', 'things', 'p50 ms', 'p99 ms', 'max ms', `goal ${GOAL_MILLISECONDS}`], ...rows])}\n`,
  )
}

async function everything(client: AzureClient): Promise<readonly Measured[]> {
  const found: Measured[] = []
  const versions = `${WORKSPACE}/models/${FLEET}/versions`
  const lists: readonly (readonly [name: string, path: string])[] = [
    ['model containers', `${WORKSPACE}/models`],
    ['environment containers', `${WORKSPACE}/environments`],
    ['versions of one model', versions],
    ['… oldest first', `${versions}?$orderBy=createdtime asc`],
    ['… by change', `${versions}?$orderBy=modifiedtime desc`],
    ['… all, with archived', `${versions}?listViewType=All`],
    ['… archived alone', `${versions}?listViewType=ArchivedOnly`],
    ['… one a page', `${versions}?$top=1`],
    ['jobs', `${WORKSPACE}/jobs`],
    ['… with a rare tag', `${WORKSPACE}/jobs?tag=rare`],
    ['… of a type that none has', `${WORKSPACE}/jobs?jobType=Sweep`],
    ['versions with one tag of one value', `${versions}?tags=n=5`],
  ]
  // What compiles while the first calls are made is not the store's.
  await walk(client, versions, 30)
  for (const [name, path] of lists) found.push(summed(name, await walk(client, path, most)))
  // The list has six pages.
  const thousands: Timed[] = []
  for (let n = 0; n < REPEATS / 5; n++) thousands.push(...(await walk(client, `${WORKSPACE}/data?$top=1000`, most)))
  found.push(summed('data containers, 1000 a page', thousands))
  found.push(summed('one model', await repeated(300, () => client.arm('GET', `${WORKSPACE}/models/${FLEET}`))))
  const one = (n: number) => `${versions}/${1 + ((n * 7919) % Math.floor(count / 5))}`
  found.push(summed('one version', await repeated(300, (n) => client.arm('GET', one(n)))))
  // A number that was removed cannot be used again, also in a folder that is kept.
  const added = (n: number) => `${versions}/new-${measuredAt}-${n}`
  const put = (n: number) => client.arm('PUT', added(n), { properties: { modelUri: `azureml://x/${n}` } })
  found.push(summed('a new version', await repeated(100, put)))
  found.push(summed('delete a version', await repeated(100, (n) => client.arm('DELETE', added(n)))))
  found.push(...(await history(client)))
  found.push(...(await blobs(client)))
  return found
}

/** True where a list has taken what one list may take of the whole. */
function isLong(all: readonly Timed[]): boolean {
  return all.reduce((sum, { milliseconds }) => sum + milliseconds, 0) > LONGEST_WALK_MILLISECONDS
}

interface Timed {
  readonly milliseconds: number
  readonly things: number
}

async function repeated(times: number, call: (n: number) => Promise<Answer>): Promise<readonly Timed[]> {
  const all: Timed[] = []
  for (let n = 0; n < times; n++) all.push(await timed(async () => thingsIn(await call(n))))
  return all
}

async function timed(work: () => Promise<number>): Promise<Timed> {
  const began = performance.now()
  const things = await work()
  return { things, milliseconds: performance.now() - began }
}

function thingsIn({ status, body }: Answer): number {
  if (status >= 300) throw new Error(`answered ${status}: ${JSON.stringify(body)}`)
  return Array.isArray(body['value']) ? body['value'].length : 1
}

/** Follows the links of a list over ARM, each page timed. */
async function walk(client: AzureClient, first: string, pages: number): Promise<readonly Timed[]> {
  const headers = { authorization: `Bearer ${await client.signIn()}` }
  const all: Timed[] = []
  let call = () => client.arm('GET', first)
  for (let isMore = true; isMore && all.length < pages && !isLong(all); ) {
    let next: unknown
    all.push(
      await timed(async () => {
        const answer = await call()
        next = answer.body['nextLink']
        return thingsIn(answer)
      }),
    )
    isMore = typeof next === 'string'
    call = () => client.send('GET', String(next), { headers })
  }
  return all
}

async function history(client: AzureClient): Promise<readonly Measured[]> {
  const authorization = `Bearer ${await client.signIn()}`
  const url = `https://${REGION}.api.azureml.ms/history/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}/runs:query`
  const search = async (body: object, pages: number): Promise<readonly Timed[]> => {
    const all: Timed[] = []
    let continuationToken: unknown
    do {
      all.push(
        await timed(async () => {
          const answer = await client.send('POST', url, {
            body: { ...body, continuationToken },
            headers: { authorization },
          })
          continuationToken = answer.body['continuationToken']
          return thingsIn(answer)
        }),
      )
    } while (typeof continuationToken === 'string' && all.length < pages && !isLong(all))
    return all
  }
  const many = async (body: object) => {
    const all: Timed[] = []
    for (let n = 0; n < REPEATS; n++) all.push(...(await search(body, 1)))
    return all
  }
  return [
    summed('runs of run history', await search({ top: 100 }, most * 3)),
    summed('… newest start first', await search({ top: 100, orderBy: 'startTimeUtc desc' }, most * 3)),
    summed('… with one status', await search({ top: 100, filter: "status eq 'Completed'" }, most)),
    summed('… that are none', await search({ top: 100, filter: "status eq 'Failed'" }, 1)),
    summed('… of a type that none has', await many({ top: 100, filter: "runType eq 'azureml.PipelineRun'" })),
    summed('… with a property that none has', await many({ top: 100, filter: "properties/x eq 'y'" })),
    summed('… newest change first', await search({ top: 100, orderBy: 'lastModifiedUtc desc' }, REPEATS)),
    summed('… by end', await search({ top: 100, orderBy: 'endTimeUtc' }, REPEATS)),
    summed('… by status', await search({ top: 100, orderBy: 'status' }, REPEATS)),
    summed('… 1000 a page', await search({ top: 1000 }, REPEATS)),
  ]
}

async function blobs(client: AzureClient): Promise<readonly Measured[]> {
  const dispatcher = new ProxyAgent({ uri: emulator.proxy('bench'), requestTls: { ca: emulator.ca } })
  const headers = {
    authorization: `Bearer ${await client.signIn('https://storage.azure.com')}`,
    'x-ms-version': '2021-12-02',
  }
  const list = async (query: string): Promise<readonly Timed[]> => {
    const all: Timed[] = []
    let marker = ''
    do {
      const url = `https://${ACCOUNT}.blob.core.windows.net/${CONTAINER}?restype=container&comp=list${query}&marker=${encodeURIComponent(marker)}`
      all.push(
        await timed(async () => {
          const text = await (await request(url, { headers, dispatcher })).body.text()
          marker = /<NextMarker>(.*?)<\/NextMarker>/.exec(text)?.[1] ?? ''
          return text.split('<Name>').length - 1
        }),
      )
    } while (marker !== '' && all.length < most && !isLong(all))
    return all
  }
  const found = [
    summed('blobs, 100 a page', await list('&maxresults=100')),
    summed('blobs, 5000 a page', await list('')),
    summed('blobs by folder', await list('&delimiter=/&prefix=folder/')),
    summed('blobs of one folder', await list('&prefix=folder/42/&maxresults=100')),
  ]
  await dispatcher.destroy()
  return found
}

function summed(operation: string, all: readonly Timed[]): Measured {
  if (process.stderr.isTTY) process.stderr.write(`${operation}\n`)
  const milliseconds = all.map((one) => one.milliseconds)
  return {
    operation,
    calls: all.length,
    things: all.reduce((sum, { things }) => sum + things, 0),
    p50: percentile(milliseconds, 0.5),
    p99: percentile(milliseconds, 0.99),
    max: Math.max(...milliseconds),
  }
}
