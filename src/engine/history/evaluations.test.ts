import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { JsonObject } from '../../core/model.ts'
import { copyHistory } from './copy.ts'
import type { HistoryFilter } from './parts.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

function record(inputs: string, expectations: JsonObject | null = null) {
  return { inputs, outputs: null, expectations, tags: null, source: null }
}

async function said({ evaluations }: OneHistory) {
  const [dataset] = (await evaluations.list([], signal)) ?? []
  if (dataset === undefined) throw new Error('no dataset')
  const records = (await Array.fromAsync(evaluations.records(dataset.id, signal))).map(({ says }) => says)
  const experiments = await evaluations.experimentsOf(dataset.id, signal)
  return {
    ...dataset,
    experiments,
    records: records.toSorted((one, other) => (String(one.inputs) < String(other.inputs) ? -1 : 1)),
  }
}

/** A dataset of two experiments, and its copy. */
async function copied() {
  const { source, target } = two()
  const experimentIds = [
    await source.tracking.createExperiment('churn', [], signal),
    await source.tracking.createExperiment('served', [], signal),
  ]
  const tags = { team: 'crm', who: 'ada' }
  const { id } = await source.evaluations.create({ name: 'questions', tags, experimentIds }, signal)
  await source.evaluations.put(id, [record('q1', { a: 1, b: 2 }), record('q2'), record('q3')], signal)
  const both = copying(two())
  const copy = async (filter: Partial<HistoryFilter> = {}) => {
    const carried = await copyHistory({ ...both, filter: { ...both.filter, ...filter } }, signal)
    expect(carried.troubles).toEqual([])
  }
  await copy()
  expect((await said(target)).records).toEqual((await said(source)).records)
  const remove = async (...inputs: readonly string[]) => {
    const all = await Array.fromAsync(source.evaluations.records(id, signal))
    const ids = all.flatMap((one) => (inputs.includes(String(one.says.inputs)) ? [one.id] : []))
    await source.evaluations.removeRecords(id, ids, signal)
  }
  return { source, target, id, experimentIds, copy, remove }
}

it('loses what is taken away at its source: records, what one said, tags, experiments', async () => {
  const { source, target, id, experimentIds, copy, remove } = await copied()
  await remove('q1', 'q2')
  await source.evaluations.put(id, [record('q1', { b: 3 })], signal)
  await source.evaluations.deleteTag(id, 'who', signal)
  await source.evaluations.removeExperiments(id, experimentIds.slice(1), signal)
  await copy()
  const there = await said(target)
  expect(there.records).toEqual([record('q1', { b: 3 }), record('q3')])
  expect(there.tags).toEqual({ team: 'crm', 'holdfast.source_dataset_id': id })
  expect(there.experiments).toHaveLength(1)
})

it('keeps what others have added or changed there', async () => {
  const { source, target, id, copy, remove } = await copied()
  const { id: there } = await said(target)
  await target.evaluations.put(there, [record('theirs'), record('q2', { more: true })], signal)
  await target.evaluations.setTags(there, { mine: 'x' }, signal)
  await remove('q2', 'q3')
  await source.evaluations.deleteTag(id, 'who', signal)
  await copy()
  const now = await said(target)
  expect(now.records).toEqual([record('q1', { a: 1, b: 2 }), record('q2', { more: true }), record('theirs')])
  expect(now.tags).toMatchObject({ mine: 'x', team: 'crm' })
})

it('stays in an experiment that the copy does not choose', async () => {
  const { source, target, id, copy, remove } = await copied()
  await remove('q2')
  await copy({ experiments: ['churn'] })
  expect((await said(target)).experiments).toHaveLength(2)
  expect((await said(target)).records).toHaveLength(2)
  // And what is taken out of one that it does choose goes, though another copy did not look at it.
  await source.evaluations.removeExperiments(id, (await said(source)).experiments.slice(1), signal)
  await copy()
  expect((await said(target)).experiments).toHaveLength(1)
})

it('gets the experiment that an earlier copy did not choose', async () => {
  const { source, target } = two()
  const experimentIds = [
    await source.tracking.createExperiment('churn', [], signal),
    await source.tracking.createExperiment('served', [], signal),
  ]
  await source.evaluations.create({ name: 'questions', tags: {}, experimentIds }, signal)
  const both = copying(two())
  await copyHistory({ ...both, filter: { ...both.filter, experiments: ['churn'] } }, signal)
  expect((await said(target)).experiments).toHaveLength(1)
  await copyHistory(both, signal)
  expect((await said(target)).experiments).toHaveLength(2)
})

// Guards: nothing is deleted because of an incomplete list.
it('loses no record where the list of its source breaks off', async () => {
  const { source, target, id } = await copied()
  const { evaluations } = source
  await evaluations.put(id, [record('q0')], signal)
  const broken = async function* (of: string) {
    for await (const one of evaluations.records(of, signal)) {
      yield one
      throw new Error('it broke off')
    }
  }
  const both = copying(two())
  both.ledger.put(`evaluation-dataset/${id}`, JSON.stringify({ records: await digests(target) }))
  Object.assign(both.from, { evaluations: { ...evaluations, records: broken } })
  const { troubles } = await copyHistory(both, signal)
  expect(troubles).toMatchObject([{ message: 'it broke off' }])
  expect((await said(target)).records).toHaveLength(3)
})

async function digests({ evaluations }: OneHistory): Promise<readonly string[]> {
  const { id } = await said({ evaluations } as OneHistory)
  return (await Array.fromAsync(evaluations.records(id, signal))).map(({ digest }) => digest)
}
