import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { type EmulatedEstate, emulatedEstate, openShell, type Started } from '../support/protected-estate.ts'

// What `holdfast serve --json` writes to standard output is read by machines: nothing else may stand there.

const MINUTE = 60_000
/** What a log shipper, a terminal or a careless encoder would trip over. */
const ODD = 'größe 雪 🛟 "quoted" \\ \u2028 \u0007\nnext line'
const SECRET = 'hk-9f31c0d2a7'
const LEVELS = ['debug', 'info', 'warn', 'error']

type Line = Readonly<Record<string, unknown>>

const { policy, verb, started, close } = openShell('serve-log')
let site: EmulatedEstate
/** Refuses whatever it is told. */
const receiver = createServer((_, answer) => answer.writeHead(503).end())

beforeAll(async () => {
  site = await emulatedEstate()
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  process.env['HOLDFAST_TEST_HOOK'] =
    `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${SECRET}?sig=${SECRET}`
  await verb('init', '--workspace', site.estate.workspace)
  const plain = parse(readFileSync(policy, 'utf8')) as Readonly<Record<string, unknown>>
  const told = { notify: [{ webhook: { env: 'HOLDFAST_TEST_HOOK' } }], sync: { every: '1s' } }
  writeFileSync(policy, stringify({ ...plain, ...told }))
  await verb('apply')
}, 2 * MINUTE)

afterAll(async () => {
  close()
  await new Promise((resolve) => receiver.close(resolve))
  await site.close()
})

/** The lines of standard output alone. Throws where one is not one JSON object. */
function read(serve: Started): { text(): string; lines(): readonly Line[] } {
  const chunks: Buffer[] = []
  serve.stdout?.on('data', (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)))
  const text = () => Buffer.concat(chunks).toString('utf8')
  const whole = () => text().split('\n').slice(0, -1)
  return { text, lines: () => whole().map((line) => JSON.parse(line) as Line) }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + MINUTE
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`In a minute it was not so: ${what}`)
    await sleep(50)
  }
}

function expectLine(line: Line): void {
  expect(line).toMatchObject({
    is: expect.any(String),
    level: expect.any(String),
    message: expect.stringMatching(/\S/),
  })
  expect(LEVELS).toContain(line['level'])
  expect(new Date(String(line['at'])).toISOString()).toBe(line['at'])
}

/** Every value that opens something in the emulator or at the receiver. */
async function secrets(): Promise<readonly string[]> {
  const { subscription, group, storage, dataStorage } = site.estate
  const accounts = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Storage/storageAccounts`
  const found = [SECRET]
  for (const account of [storage, dataStorage]) {
    const { keys } = await site.cloud.arm('POST', `${accounts}/${account}/listKeys`)
    found.push(...(keys as readonly { value: string }[]).map(({ value }) => value))
  }
  return found
}

it(
  'is one JSON object a line, each with time, level and words; no secret; and nothing else',
  async () => {
    const serve = started('serve', '--json', '--level', 'debug', '--tick', '200', '--lease', '12000', '--call', '4000')
    const { text, lines } = read(serve)
    const has = (is: string) => lines().some((line) => line['is'] === is)
    await until(() => has('pass') && has('health') && has('decision'), 'it followed, watched and decided')
    await verb('pause', '--for', '1h', '--why', ODD)
    await until(() => has('word') && has('trouble'), 'it heard the word and could not tell the receiver')
    serve.kill('SIGTERM')
    await serve.over

    expect(text().endsWith('\n')).toBe(true)
    for (const line of lines()) expectLine(line)
    expect(lines().at(-1)).toMatchObject({ is: 'end', level: 'info' })
    expect(JSON.stringify(lines().find(({ is }) => is === 'word'))).toContain(JSON.stringify(ODD).slice(1, -1))
    const known = await secrets()
    expect(known.length).toBeGreaterThan(1)
    for (const secret of known) expect(serve.said()).not.toContain(secret)
    expect(serve.said()).not.toMatch(/eyJ[\w-]{8,}\.|Bearer (?!\*)/)
  },
  3 * MINUTE,
)

it(
  'goes on, and does what it is told, where nobody reads it any more',
  async () => {
    const serve = started('serve', '--json', '--level', 'debug', '--tick', '200', '--lease', '12000', '--call', '4000')
    const { lines } = read(serve)
    await until(() => lines().some((line) => line['is'] === 'pass'), 'it followed')
    serve.stdout?.destroy()
    expect((await verb('pause', '--for', '1h', '--why', 'nobody reads')).code).toBe(0)
    expect((await verb('resume')).code).toBe(0)
    expect(serve.exitCode).toBeNull()
    serve.kill('SIGTERM')
    expect(await serve.over).toBe(0)
  },
  3 * MINUTE,
)

it(
  'is one line too where it cannot begin',
  async () => {
    const serve = started('serve', '--json', '--lease', '3000', '--call', '4000')
    const { lines } = read(serve)
    expect(await serve.over).toBe(2)
    expect(lines()).toHaveLength(1)
    for (const line of lines()) expectLine(line)
    expect(lines()).toMatchObject([{ is: 'end', level: 'error', error: { code: 'usage/bad-argument' } }])
  },
  MINUTE,
)
