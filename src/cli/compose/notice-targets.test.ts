import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import type { Notice } from '../../core/notice.ts'
import { noticeTargets } from './notice-targets.ts'

const NOTICE: Notice = {
  id: 'holdfast-churn-7',
  protection: 'churn',
  at: '2030-01-01T06:00:00.000Z',
  is: 'failover/begun',
  severity: 'critical',
  sentence: 'Failover f1 begins',
}

const dir = mkdtempSync(join(tmpdir(), 'holdfast-notices-'))
let server: Server
let url: string
let status = 200
let more: Record<string, string> = {}
let heard: { headers: NodeJS.Dict<string | string[]>; body: unknown; path: string }[] = []
beforeEach(async () => {
  status = 200
  more = {}
  heard = []
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    heard.push({
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
      path: request.url ?? '',
    })
    response.writeHead(status, more).end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function send(...targets: Parameters<typeof noticeTargets>[0]): Promise<void> {
  for (const target of noticeTargets(targets, dir)) await target.send(NOTICE, AbortSignal.timeout(5000))
}

it('tells a webhook the whole notice, under its id', async () => {
  await send({ webhook: `${url}/plain`, format: 'json' })
  expect(heard).toMatchObject([{ path: '/plain', body: NOTICE, headers: { 'idempotency-key': NOTICE.id } }])
})

it('speaks to Slack in text and to Teams in an adaptive card', async () => {
  await send({ webhook: url, format: 'slack' }, { webhook: url, format: 'teams' })
  expect(heard[0]?.body).toEqual({ text: '🔴 churn: Failover f1 begins' })
  expect(heard[1]?.body).toMatchObject({
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: { type: 'AdaptiveCard' } }],
  })
})

it('writes a line to a file beside the policy for each notice', async () => {
  await send({ file: 'notices/log.jsonl' })
  await send({ file: 'notices/log.jsonl' })
  const lines = readFileSync(join(dir, 'notices', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual([NOTICE, NOTICE])
})

it('leaves half a line that a full disk or a crash left alone, and tells the notice in one of its own', async () => {
  const path = join(dir, 'torn.jsonl')
  writeFileSync(path, `${JSON.stringify(NOTICE)}\n{"id":"holdf`)
  await send({ file: 'torn.jsonl' })
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  expect(lines.map((line) => (line.endsWith('}') ? JSON.parse(line) : line))).toEqual([NOTICE, '{"id":"holdf', NOTICE])
})

it('says what a webhook answered that did not take it, and follows it nowhere', async () => {
  for (status of [302, 308, 429, 500]) {
    more = { location: `${url}/elsewhere` }
    await expect(send({ webhook: `${url}/hook`, format: 'json' })).rejects.toThrow(`answered ${status}`)
  }
  expect(heard.map(({ path }) => path)).toEqual(['/hook', '/hook', '/hook', '/hook'])
})

it('guards I7: takes URL and token from where they stand, and tells neither when it fails', async () => {
  process.env['HOLDFAST_TEST_HOOK'] = `${url}/services/T0/s3cret`
  writeFileSync(join(dir, 'holdfast.yaml.token'), 'b34rer\n')
  const target = {
    webhook: { env: 'HOLDFAST_TEST_HOOK' },
    format: 'json',
    bearer: { file: 'holdfast.yaml.token' },
  } as const
  await send(target)
  expect(heard[0]).toMatchObject({ path: '/services/T0/s3cret', headers: { authorization: 'Bearer b34rer' } })
  status = 500
  const failures: string[] = []
  const attempt = () => send(target).catch((thrown: unknown) => failures.push(JSON.stringify(thrown) + String(thrown)))
  await attempt()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await attempt()
  delete process.env['HOLDFAST_TEST_HOOK']
  await attempt()
  expect(failures).toHaveLength(3)
  expect(failures.join()).not.toMatch(/s3cret|b34rer/)
  const names = noticeTargets([target, { webhook: `${url}/x`, format: 'json' }], dir).map(({ name }) => name)
  expect(names).toEqual(['webhook $HOLDFAST_TEST_HOOK', `webhook ${new URL(url).host}`])
})
