import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import type { Tracking } from '../../mlflow/tracking.ts'
import { copyHistory } from './copy.ts'
import { lastPass } from './last-pass.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

it('what a target takes under no name is told by each copy, and only the first of them is not whole', async () => {
  const { source, target } = two()
  const { run_id: id } = (await makeRun(source, 'first')).info
  const metrics = ['a', 'b'].map((key) => ({ key, value: 1, timestamp: 1, step: 0 }))
  await source.tracking.log(id, { metrics }, signal)
  const { tracking } = target
  const log: Tracking['log'] = async (run, batch, until) => {
    if (batch.metrics?.some(({ key }) => /(^|\.)b$/.test(key))) throw new Fault('azure/refused', 'too many metrics')
    return tracking.log(run, batch, until)
  }
  Object.assign(target, { tracking: { ...tracking, log } })
  const both = copying(two())
  const told = [{ subject: expect.stringContaining(id), message: expect.stringContaining('under no name: b') }]
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: told, tally: { runs: 1 } })
  expect(await lastPass(both, signal)).toBeUndefined()
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: told, tally: { unchanged: 1 } })
  expect(await lastPass(both, signal)).toBeDefined()

  Object.assign(target, { tracking })
  await source.tracking.log(id, { tags: [{ key: 'more', value: 'yes' }] }, signal)
  for (const _ of ['with it', 'without a word']) expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
})
