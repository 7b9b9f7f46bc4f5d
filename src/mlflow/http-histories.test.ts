import { expect, it } from 'vitest'
import { searchOf } from './call.ts'
import { httpHistories, POINTS_AN_ANSWER } from './http-histories.ts'
import type { Answer, Request } from './tracking.ts'

const signal = AbortSignal.timeout(10_000)

interface Row {
  readonly key: string
  readonly value: number | string
  readonly timestamp: number
  readonly step: number
}

/** A server that has these points of a metric by run, looks them up in a table, and keeps what it was asked. */
function table(points: Readonly<Record<string, readonly Row[]>>, answer?: (request: Request) => Partial<Answer>) {
  const asked: Request[] = []
  const ask = httpHistories(async (request) => {
    asked.push(request)
    if (answer !== undefined) return { status: 200, body: {}, ...answer(request) }
    const ids = [...new Set(request.query?.['run_id'] ?? [])]
    const metrics = ids.flatMap((id) => (points[id] ?? []).map((point) => ({ ...point, run_id: id })))
    return { status: 200, body: { metrics: metrics.slice(0, Number(request.query?.['max_results'])) } }
  })
  return { asked, read: (ids: readonly string[], key = 'loss') => ask(ids, key, signal) }
}

function rows(count: number): readonly Row[] {
  return Array.from({ length: count }, (_, step) => ({ key: 'loss', value: step / 3, timestamp: 1000 + step, step }))
}

it('gives each run its points, in the order of the server, in one call', async () => {
  const odd = [...rows(2), { key: 'loss', value: 'NaN', timestamp: 1, step: -1 }]
  const { asked, read } = table({ a: rows(3), b: odd })
  expect([...(await read(['b', 'a']))]).toEqual([
    ['b', odd],
    ['a', rows(3)],
  ])
  expect(asked).toHaveLength(1)
})

it('leaves a run out of which nothing was said', async () => {
  expect([...(await table({ a: rows(3) }).read(['a', 'b'])).keys()]).toEqual(['a'])
})

it('believes no answer that may be cut off', async () => {
  const { asked, read } = table({ a: rows(POINTS_AN_ANSWER - 1), b: rows(1) })
  expect((await read(['a', 'b'])).size).toBe(0)
  // A shorter answer from the same server is believed.
  expect((await read(['b'])).size).toBe(1)
  expect(asked).toHaveLength(2)
})

it('believes no answer that mixes keys, as databases do that take large and small letters for the same', async () => {
  const { read } = table({ a: rows(1), b: rows(1).map((row) => ({ ...row, key: 'Loss' })) })
  expect((await read(['a', 'b'])).size).toBe(0)
})

it.each([
  ['does not have the call', { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND' } }],
  ['answers with a page for people', { status: 200, body: { message: '<!doctype html>' } }],
  ['does not let us', { status: 403, body: {} }],
])('asks a server once that %s', async (_, answer) => {
  const { asked, read } = table({}, () => answer)
  for (const id of ['a', 'b', 'c']) expect((await read([id, 'd'])).size).toBe(0)
  expect(asked).toHaveLength(1)
})

it('does not believe a server that goes through its runs one by one, for it leaves out what points are about', async () => {
  const { asked, read } = table({}, ({ query }) => ({
    body: { metrics: [...(query?.['run_id'] ?? [])].flatMap((id) => rows(2).map((row) => ({ ...row, run_id: id }))) },
  }))
  expect((await read(['a', 'b'])).size).toBe(0)
  expect((await read(['c', 'd'])).size).toBe(0)
  expect(asked).toHaveLength(1)
})

it('asks again where it had no answer, and throws nothing', async () => {
  let tried = 0
  const read = httpHistories(async () => {
    tried += 1
    if (tried === 1) throw new Error('reset')
    if (tried === 2) return { status: 503, body: {} }
    return { status: 200, body: { metrics: rows(2).map((row) => ({ ...row, run_id: 'a' })) } }
  })
  const sizes = []
  for (const _ of [1, 2, 3]) sizes.push((await read(['a'], 'loss', signal)).size)
  expect(sizes).toEqual([0, 0, 1])
})

it('ends where it is told to', async () => {
  const read = httpHistories(() => Promise.reject(new Error('aborted')))
  await expect(read(['a'], 'loss', AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
})

it.each(['loss', 'ü'.repeat(250), '損失/'.repeat(60)])(
  'names no more runs than a server takes, key %s',
  async (key) => {
    const ids = Array.from({ length: 250 }, (_, n) => String(n).padStart(32, '0'))
    const { asked, read } = table(Object.fromEntries(ids.map((id) => [id, rows(2).map((row) => ({ ...row, key }))])))
    expect([...(await read(ids, key)).keys()]).toEqual(ids)
    for (const { path, query } of asked) {
      expect(query?.['run_id']?.length).toBeLessThanOrEqual(100)
      expect(`GET ${path}${searchOf(query)} HTTP/1.1`.length).toBeLessThan(4094)
    }
  },
)
