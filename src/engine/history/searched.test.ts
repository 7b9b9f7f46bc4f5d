import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import type { Tracking } from '../../mlflow/tracking.ts'
import { copyHistory } from './copy.ts'
import type { HistoryParts } from './parts.ts'
import { searchedRuns } from './searched.ts'
import { verifyHistory } from './verify.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(60_000)
const FIRST = "attributes.run_name = 'first'"

/** Two histories, of which the source finds what the search names and refuses all others. */
async function searchable() {
  const { source, target } = two()
  const [first, second] = [await makeRun(source, 'first'), await makeRun(source, 'second')]
  for (const [run, name] of [
    [first, 'of-first'],
    [second, 'of-second'],
  ] as const) {
    await makeLogged(source, run, name)
  }
  const { tracking } = source
  const runs: Tracking['runs'] = async function* (ids, to, filter) {
    if (filter !== undefined && filter !== FIRST) throw new Fault('azure/refused', 'it is no search')
    for await (const run of tracking.runs(ids, to)) {
      if (filter === undefined || run.info['run_name'] === 'first') yield run
    }
  }
  Object.assign(source, { tracking: { ...tracking, runs } })
  const names = async () => {
    const { id = '' } = (await target.tracking.experimentByName('churn', signal)) ?? {}
    const there = await Array.fromAsync(target.tracking.runs([id], signal))
    return there.map(({ info }) => info['run_name'])
  }
  const chosen = async (parts: HistoryParts, search: string): Promise<HistoryParts> => ({
    ...parts,
    filter: { ...parts.filter, runs: await searchedRuns(parts, search, signal) },
  })
  return { first, second, parts: copying(two()), names, chosen }
}

it('carries and compares the runs that a search finds, with what is theirs, and no others', async () => {
  const { parts, names, chosen } = await searchable()
  const found = await chosen(parts, FIRST)
  expect(await copyHistory(found, signal)).toMatchObject({
    troubles: [],
    tally: { runs: 1, loggedModels: 1 },
    counts: [{ source: 1, target: 1 }],
  })
  expect(await names()).toEqual(['first'])
  expect(await verifyHistory(found, signal)).toMatchObject({ runs: 1, differences: [], troubles: [] })
})

it('carries none where none is found, and not all', async () => {
  const { parts, second, names, chosen } = await searchable()
  const none = { ...parts, filter: { ...parts.filter, runs: new Set([second.info.run_id]) } }
  expect(await copyHistory(await chosen(none, FIRST), signal)).toMatchObject({ tally: { runs: 0, loggedModels: 0 } })
  expect(await names()).toEqual([])
})

it('says what is wrong with a search that the source refuses', async () => {
  const { parts } = await searchable()
  await expect(searchedRuns(parts, 'nonsense', signal)).rejects.toMatchObject({
    code: 'usage/bad-argument',
    message: expect.stringContaining('nonsense'),
  })
})

it('carries what is found in the other experiments where one may not be read, and names that', async () => {
  const { parts, chosen, names } = await searchable()
  const { tracking } = two().source
  const theirs = await tracking.createExperiment('theirs', [], signal)
  const runs: Tracking['runs'] = async function* (ids, to, filter) {
    if (ids.includes(theirs)) throw new Fault('azure/denied', 'theirs is not yours')
    yield* tracking.runs(ids, to, filter === undefined || filter === FIRST ? filter : undefined)
  }
  const forbidding = { ...parts, from: { ...parts.from, tracking: { ...tracking, runs } } }
  expect(await copyHistory(await chosen(forbidding, FIRST), signal)).toMatchObject({
    troubles: [{ subject: 'experiment theirs', code: 'azure/denied' }],
    tally: { runs: 1 },
  })
  expect(await names()).toEqual(['first'])
})
