import { type Answer, ChaosClient, type Message, STORAGE_AUDIENCE } from '../../../test/chaos/client.ts'
import { makeSite, vaultOf } from '../../../test/chaos/site.ts'
import type { Site } from '../../../test/chaos/things/thing.ts'
import { type Random, randomOf } from '../../../test/simulation/random.ts'
import { startTestEmulator, type TestEmulator } from '../../../test/support/emulator.ts'
import { bodyFor } from './bodies.ts'
import { pathValue, someBody, someOf, someQuery } from './grammar.ts'
import { type FuzzRoute, fuzzRoutes } from './routes.ts'
import { wrongWith } from './shapes.ts'

/** A request whose answer was not as it must be. */
export interface Finding {
  readonly request: string
  readonly wrong: string
}

export interface Fuzzing {
  readonly seed: number
  /** Ends after so many requests to each route, or after so many seconds. */
  readonly each: number
  readonly seconds: number
  readonly progress?: (done: number, of: number) => void
}

export interface Fuzzed {
  readonly requests: number
  readonly routes: number
  readonly findings: readonly Finding[]
}

const AT_ONCE = 8
const REGION = 'eastus2'
const MOST_FINDINGS = 40

/** Sends mutated requests to every route of a real emulator, and gives what was not as it must be. */
export async function fuzz({ seed, each, seconds, progress }: Fuzzing): Promise<Fuzzed> {
  const emulator = await startTestEmulator({ regions: [REGION], env: { EMULATOR_ALLOCATION_SECONDS: '86400' } })
  const client = new ChaosClient('fuzz', emulator)
  try {
    const site = await makeSite(client, emulator.subscription, REGION)
    const routes = await fuzzRoutes({ ...site, vault: nameIn(vaultOf(site)) })
    const all = Array.from({ length: each }, () => routes).flat()
    const before = await emulator.processes()
    const deadline = Date.now() + seconds * 1000
    const findings: Finding[] = []
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < all.length && Date.now() < deadline && findings.length < MOST_FINDINGS) {
        const at = next++
        findings.push(...(await tried({ client, site, route: all[at], random: randomOf(seed * 1_000_003 + at) })))
        client.forget()
        progress?.(next, all.length)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    return { requests: next, routes: routes.length, findings: [...findings, ...(await deaths(emulator, before))] }
  } finally {
    await client.close()
    await emulator.stop()
  }
}

interface Attempt {
  readonly client: ChaosClient
  readonly site: Site
  readonly route: FuzzRoute | undefined
  readonly random: Random
}

async function tried({ client, site, route, random }: Attempt): Promise<readonly Finding[]> {
  if (route === undefined) return []
  const { method, face } = route
  const url = urlOf(random, route, site)
  const message = messageFor(random, route, { site, url })
  const found = (wrong: string): readonly Finding[] => [{ request: told(method, url, message), wrong }]
  let answer: Answer
  try {
    answer = await client.send(method, url, { ...message, reads: true })
  } catch (failure) {
    return found(`no answer: ${failure instanceof Error ? failure.message : String(failure)}`)
  }
  const wrong = wrongWith(face, method, answer)
  return wrong === undefined ? [] : found(wrong)
}

function urlOf(random: Random, { face, host, path }: FuzzRoute, site: Site): string {
  const fixed = {
    ...{ s: site.subscription, subscriptionId: site.subscription },
    ...{ g: nameIn(site.group), resourceGroupName: nameIn(site.group) },
    ...{ w: nameIn(site.workspace), workspaceName: nameIn(site.workspace) },
    a: site.account,
  }
  const whole = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => pathValue(random, name, fixed))
  const version = face === 'arm' && !random.chance(0.02) ? ['api-version=2025-12-01'] : []
  const query = [...version, ...someQuery(random)].join('&')
  return `https://${host}${whole}${query === '' ? '' : `${whole.includes('?') ? '&' : '?'}${query}`}`
}

function nameIn(path: string): string {
  return path.split('/').at(-1) ?? ''
}

const WITH_BODY = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])
const BLOB_HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ['x-ms-blob-type', ['BlockBlob', 'AppendBlob', 'PageBlob', 'x']],
  ['x-ms-lease-action', ['acquire', 'break', 'change', 'renew', 'release', 'x']],
  ['x-ms-lease-duration', ['-1', '15', '0', 'x', '99999999999']],
  ['x-ms-proposed-lease-id', ['10000000-0000-4000-8000-000000000001', 'x']],
  ['x-ms-lease-id', ['10000000-0000-4000-8000-000000000001', 'x']],
  ['x-ms-range', ['bytes=0-1', 'bytes=-5', 'bytes=9-1', 'x', 'bytes=99999999999999999999-']],
  ['if-match', ['*', '"0x1"', 'x']],
  ['if-none-match', ['*', 'x']],
  ['if-modified-since', ['x', 'Thu, 01 Jan 1970 00:00:00 GMT']],
  [
    'x-ms-copy-source',
    ['https://chaoseastus2.blob.core.windows.net/chaos/b', 'file:///etc/passwd', 'x', 'https://example.org/x'],
  ],
  ['x-ms-tags', ['a=b', '%zz', '=']],
  ['x-ms-meta-a', ['b', 'x'.repeat(9000)]],
  ['x-ms-access-tier', ['Hot', 'x']],
  ['content-md5', ['x', 'AAAAAAAAAAAAAAAAAAAAAA==']],
  ['x-ms-blob-condition-appendpos', ['0', 'x', '-1']],
]

function messageFor(random: Random, route: FuzzRoute, about: { site: Site; url: string }): Message {
  const { method, face } = route
  const hasBody = WITH_BODY.has(method)
  if (face === 'signin') {
    const form = Object.fromEntries(
      ['grant_type', 'client_id', 'client_secret', 'scope', 'resource'].map((name) => [
        name,
        pathValue(random, name, {}),
      ]),
    )
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: someOf(random, ['', 'Basic %', 'Basic JXp6Og==']),
    }
    return { headers, ...(hasBody ? { body: new URLSearchParams(form).toString() } : {}) }
  }
  if (face === 'blob') {
    const headers = Object.fromEntries(
      BLOB_HEADERS.filter(() => random.chance(0.2)).map(([name, values]) => [name, someOf(random, values)]),
    )
    return { audience: STORAGE_AUDIENCE, headers, ...(hasBody ? { body: someXml(random) } : {}) }
  }
  if (face === 'vault') {
    const body = someBody(random, { value: 'x', contentType: 't', tags: { a: 'b' }, attributes: { enabled: true } })
    return { audience: 'https://vault.azure.net', ...(hasBody ? { body } : {}) }
  }
  const { workspace, region } = about.site
  const seed = bodyFor(new URL(about.url).pathname, { workspace, region, runId: 'run-1' }) ?? {}
  const conditions = random.chance(0.1) ? { 'if-match': someOf(random, ['*', '"x"']) } : {}
  const type = { 'content-type': random.chance(0.05) ? 'text/plain; charset=odd' : 'application/json' }
  return { headers: { ...conditions, ...type }, ...(hasBody ? { body: someBody(random, seed) } : {}) }
}

function someXml(random: Random): Buffer {
  const texts = [
    '<?xml version="1.0"?><BlockList><Latest>YQ==</Latest></BlockList>',
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><BlockList><Latest>&a;</Latest></BlockList>',
    '<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>',
    '<SignedIdentifiers><SignedIdentifier><Id>a</Id></SignedIdentifier></SignedIdentifiers>',
    '<KeyInfo><Start>x</Start><Expiry>y</Expiry></KeyInfo>',
    '<StorageServiceProperties/>',
    '<a>'.repeat(5000),
    'bytes',
    '',
  ]
  return Buffer.from(someOf(random, texts))
}

function told(method: string, url: string, { body, headers }: Message): string {
  const text = body === undefined ? '' : Buffer.from(body as Buffer).toString('utf8')
  return `${method} ${url.slice(0, 600)} ${JSON.stringify(headers ?? {})} ${text.slice(0, 1500)}`
}

/** Processes that are not those of the start: one that ended and one that came instead are both wrong. */
async function deaths(
  emulator: TestEmulator,
  before: Awaited<ReturnType<TestEmulator['processes']>>,
): Promise<readonly Finding[]> {
  const now = await emulator.processes()
  const same = now.front === before.front && now.regions.get(REGION) === before.regions.get(REGION)
  return same ? [] : [{ request: 'all of them', wrong: `a process ended by itself: ${emulator.said()}` }]
}
