import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { whole } from './azure-body.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const asked = {
  method: 'GET',
  url: 'https://a.blob.core.windows.net/c/b',
  signal: new AbortController().signal,
} as const

it('waits for whoever reads a body slowly', async () => {
  const found: string[] = []
  for await (const chunk of whole(Readable.from([Buffer.from('a'), Buffer.from('b')]), 2, asked)) {
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    found.push(String(chunk))
  }
  expect(found).toEqual(['a', 'b'])
})

it('ends one that brings nothing while somebody waits for it', async () => {
  const body = new Readable({ read: () => undefined })
  const reading = Array.fromAsync(whole(body, 1, asked))
  const failed = expect(reading).rejects.toMatchObject({
    code: 'azure/unreachable',
    message: expect.stringContaining('no byte'),
  })
  await vi.advanceTimersByTimeAsync(60_000)
  await failed
})

it('takes no body for whole that is shorter than was said', async () => {
  const reading = Array.fromAsync(whole(Readable.from([Buffer.from('a')]), 2, asked))
  await expect(reading).rejects.toMatchObject({ code: 'azure/unreachable' })
})

it('keeps a failure that comes before anybody reads for whoever does', async () => {
  const body = new Readable({ read: () => undefined })
  const reading = whole(body, 1, asked)
  body.destroy(new Error('reset'))
  await new Promise((resolve) => setImmediate(resolve))
  await expect(Array.fromAsync(reading)).rejects.toMatchObject({ message: expect.stringContaining('reset') })
})
