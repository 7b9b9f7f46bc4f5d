import { expect, it } from 'vitest'
import { type Compute, Nodes } from './nodes.ts'

const cluster: Compute = { id: 'cluster', most: 2, least: 0, idleSeconds: 120, standing: false }
const HOUR_SECONDS = 3600

/** Whether a promise of nodes is kept at once, by the next turn of the event loop. */
async function atOnce(taken: Promise<void> | undefined): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))
  return Promise.race([taken?.then(() => true) ?? false, late])
}

it('gives no more nodes than there are, and gives them again when they come back', () => {
  const nodes = new Nodes(0)
  const { signal } = new AbortController()

  expect(nodes.take(cluster, 2, signal)).toBeDefined()
  expect(nodes.take(cluster, 1, signal)).toBeUndefined()
  nodes.release(cluster, 2, true)
  expect(nodes.take(cluster, 1, signal)).toBeDefined()
})

it('takes time to allocate a node, and none where one is idle', async () => {
  const nodes = new Nodes(HOUR_SECONDS)
  const first = new AbortController()
  const allocated = nodes.take(cluster, 1, first.signal)
  expect(await atOnce(allocated)).toBe(false)
  first.abort()
  await expect(allocated).rejects.toThrow()

  nodes.release(cluster, 1, true)

  expect(await atOnce(nodes.take(cluster, 1, new AbortController().signal))).toBe(true)
})

it('has no idle node after an allocation that was broken off', async () => {
  const nodes = new Nodes(HOUR_SECONDS)
  const [first, second] = [new AbortController(), new AbortController()]
  const broken = nodes.take(cluster, 1, first.signal)
  first.abort()
  await expect(broken).rejects.toThrow()

  nodes.release(cluster, 1, false)

  const again = nodes.take(cluster, 1, second.signal)
  expect(await atOnce(again)).toBe(false)
  second.abort()
  await expect(again).rejects.toThrow()
})

it('lets idle nodes go in time, except those that are to stay', async () => {
  const soon = { ...cluster, idleSeconds: 0 }
  const nodes = new Nodes(HOUR_SECONDS)
  const ended = new AbortController()
  const signals = { signal: ended.signal }
  for (const compute of [soon, { ...soon, id: 'kept', least: 1 }]) {
    nodes.take(compute, 1, signals.signal)?.catch(() => undefined)
    nodes.release(compute, 1, true)
  }
  const start = performance.now()
  while (performance.now() <= start) await new Promise((resolve) => setImmediate(resolve))

  const [gone, kept] = [
    nodes.take(soon, 1, ended.signal),
    nodes.take({ ...soon, id: 'kept', least: 1 }, 1, ended.signal),
  ]
  gone?.catch(() => undefined)
  expect([await atOnce(gone), await atOnce(kept)]).toEqual([false, true])
  ended.abort()
})

it('takes as long as any timer where an allocation is to take longer', async () => {
  const waiting = new AbortController()
  const allocated = new Nodes(10 ** 9).take(cluster, 1, waiting.signal)
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('not yet'), 20))
  expect(await Promise.race([allocated?.then(() => 'allocated'), late])).toBe('not yet')
  waiting.abort()
  await expect(allocated).rejects.toThrow()
})
