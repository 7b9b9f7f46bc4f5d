import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { copyHistory } from './copy.ts'
import { foresee } from './foresee.ts'
import type { HistoryFilter } from './parts.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

/** Three runs, of which one was carried. What `late` names began after the others. */
async function partly() {
  const { source, target } = two()
  const [first, , late] = [
    await makeRun(source, 'first'),
    await makeRun(source, 'second'),
    await makeRun(source, 'late'),
  ]
  await source.tracking.updateRun(late.info.run_id, { start_time: 5000, end_time: 6000 }, signal)
  const both = copying(two())
  const of = (filter: Partial<HistoryFilter>) => ({ ...both, filter: { ...both.filter, ...filter } })
  await copyHistory(of({ runs: new Set([first.info.run_id]) }), signal)
  const before = await target.kept()
  return { first, late, before, foreseen: (filter: Partial<HistoryFilter>) => foresee(of(filter), signal) }
}

it('counts the runs that are chosen, and of these the ones that the target does not have', async () => {
  const { first, late, before, foreseen } = await partly()
  const counts = async (filter: Partial<HistoryFilter>) => {
    const { runs, toMake } = await foreseen(filter)
    return [runs, toMake.get('churn')]
  }
  expect(await counts({})).toEqual([3, 2])
  expect(await counts({ since: 4000 })).toEqual([1, 1])
  expect(await counts({ runs: new Set([first.info.run_id]) })).toEqual([1, 0])
  expect(await counts({ runs: new Set([first.info.run_id, late.info.run_id]) })).toEqual([2, 1])
  expect(await two().target.kept()).toEqual(before)
})

it('names what was asked for and is not there', async () => {
  const { foreseen } = await partly()
  expect(await foreseen({ experiments: ['chum'] })).toMatchObject({
    runs: 0,
    troubles: [{ subject: 'experiment chum', code: 'sync/loss' }],
  })
})
