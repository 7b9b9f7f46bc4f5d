import { describe, expect, it } from 'vitest'
import { httpTracking, workspaceTracking } from './http-tracking.ts'
import type { Answer, Request } from './tracking.ts'

const signal = AbortSignal.timeout(10_000)

/** A server that answers by rule, and what it was asked. */
function server(answer: (request: Request) => Partial<Answer>) {
  const asked: Request[] = []
  const tracking = httpTracking(async (request) => {
    asked.push(request)
    return { status: 200, body: {}, ...answer(request) }
  })
  return { tracking, asked }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('lists', () => {
  it('go on to the last page', async () => {
    const pages: Record<string, Answer['body']> = {
      '': { metrics: [{ key: 'a', value: 1, timestamp: '1', step: '0' }], next_page_token: 'two' },
      two: { metrics: [{ key: 'a', value: 'NaN', timestamp: 2, model_id: 'm' }], next_page_token: '' },
    }
    const { tracking } = server(({ query }) => ({ body: pages[String(query?.['page_token'] ?? '')] ?? {} }))
    expect(await all(tracking.history('r', 'a', signal))).toEqual([
      { key: 'a', value: 1, timestamp: 1, step: 0 },
      { key: 'a', value: 'NaN', timestamp: 2, step: 0, about: { model_id: 'm' } },
    ])
  })

  it('that come round again are refused, not cut off', async () => {
    const { tracking } = server(() => ({ body: { experiments: [], next_page_token: 'same' } }))
    await expect(all(tracking.experiments(signal))).rejects.toMatchObject({ code: 'observe/incomplete' })
  })

  it('of runs name at most a hundred experiments at a time', async () => {
    const { tracking, asked } = server(() => ({}))
    const ids = Array.from({ length: 250 }, (_, n) => String(n))
    await all(tracking.runs(ids, signal))
    const named = asked.map(({ body }) => body?.['experiment_ids'] as readonly string[])
    expect(named.map(({ length }) => length)).toEqual([100, 100, 50])
    expect(named.flat()).toEqual(ids)
  })
})

describe('writes', () => {
  it('that append are marked never to be sent twice, and others are not', async () => {
    const run = { info: { run_id: 'r', experiment_id: 'e', status: 'RUNNING' } }
    const { tracking, asked } = server(() => ({ body: { run } }))
    await tracking.log('r', { metrics: [{ key: 'a', value: 1, timestamp: 1, step: 0 }] }, signal)
    await tracking.createRun({ experiment_id: 'e' }, signal)
    await tracking.log('r', { tags: [{ key: 'a', value: 'b' }] }, signal)
    expect(asked.map(({ path, once }) => [path, once ?? false])).toEqual([
      ['runs/log-batch', true],
      ['runs/create', true],
      ['runs/log-batch', false],
    ])
  })

  it('of an experiment that is there already give its id', async () => {
    const there = { experiment: { experiment_id: '7', name: 'x', lifecycle_stage: 'active' } }
    const { tracking } = server(({ path }) =>
      path === 'experiments/create'
        ? { status: 400, body: { error_code: 'RESOURCE_ALREADY_EXISTS' } }
        : { body: there },
    )
    expect(await tracking.createExperiment('x', [], signal)).toBe('7')
  })

  it('of points hold no more of them than the place takes', async () => {
    const metrics = Array.from({ length: 1100 }, (_, step) => ({ key: 'a', value: 1, timestamp: 1, step }))
    const sizesOf = async (open: typeof workspaceTracking) => {
      const sizes: number[] = []
      const tracking = open(async ({ body }) => {
        const { metrics: sent } = body as { readonly metrics: readonly unknown[] }
        sizes.push(sent.length)
        return { status: 200, body: {} }
      })
      await tracking.log('r', { metrics }, signal)
      return sizes
    }
    expect(await sizesOf(httpTracking)).toEqual([1000, 100])
    expect(await sizesOf(workspaceTracking)).toEqual([250, 250, 250, 250, 100])
  })

  it('that delete or restore an experiment are done where nobody heard that they were', async () => {
    const answers = (stage: string) =>
      server(({ method }) =>
        method === 'GET'
          ? { body: { experiment: { experiment_id: '7', name: 'x', lifecycle_stage: stage } } }
          : { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST' } },
      )
    await answers('active').tracking.setExperimentDeleted('7', false, signal)
    await answers('deleted').tracking.setExperimentDeleted('7', true, signal)
    const refused = answers('active').tracking.setExperimentDeleted('7', true, signal)
    await expect(refused).rejects.toMatchObject({ code: 'azure/refused' })
  })

  it('that take away what is gone are done', async () => {
    const { tracking } = server(() => ({ status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST' } }))
    await tracking.deleteTag('r', 'gone', signal)
    expect(await tracking.run('none', signal)).toBeUndefined()
  })
})

it('tells a refusal from a limit, a denial and a failing server', async () => {
  const codes: readonly (readonly [number, string])[] = [
    [400, 'azure/refused'],
    [403, 'azure/denied'],
    [429, 'azure/throttled'],
    [501, 'azure/refused'],
    [503, 'azure/unreachable'],
  ]
  for (const [status, code] of codes) {
    const { tracking } = server(() => ({ status, body: { error_code: 'X', message: 'because' } }))
    await expect(tracking.updateRun('r', {}, signal)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('because'),
      facts: { status, vendorCode: 'X' },
    })
  }
})
