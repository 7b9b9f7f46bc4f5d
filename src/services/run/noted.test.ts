import { expect, it } from 'vitest'
import { makeRun, type OneHistory, servicesBetween, twoHistories } from '../../../test/support/two-histories.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const point = { key: 'loss', value: 0.5, timestamp: 1, step: 1 }

/** Names of the metrics that a list of a new process reads. */
async function readBy(history: OneHistory, other: OneHistory, afresh = false): Promise<readonly string[]> {
  const read: string[] = []
  const { tracking } = history
  const watched: OneHistory = {
    ...history,
    tracking: {
      ...tracking,
      history: (id, key, until) => {
        read.push(key)
        return tracking.history(id, key, until)
      },
    },
  }
  const runs = servicesBetween(watched, other).find(({ kind }) => kind === 'run')
  await Array.fromAsync(runs?.list(history.place, { signal, afresh }) ?? [])
  return read
}

it('of a run that is over are read by one process and noted for the next, until the run shows a change', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  await source.tracking.log(run.info.run_id, { metrics: [point] }, signal)
  expect(await readBy(source, target)).toEqual(['loss'])
  expect(await readBy(source, target)).toEqual([])
  expect(await readBy(source, target, true)).toEqual(['loss'])
  await source.tracking.log(run.info.run_id, { metrics: [{ ...point, step: 2 }] }, signal)
  expect(await readBy(source, target)).toEqual(['loss'])
})

it('of a run that is open are read each time', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  await source.tracking.log(run.info.run_id, { metrics: [point] }, signal)
  for (const _ of [1, 2]) expect(await readBy(source, target)).toEqual(['loss'])
})
