import { expect, it } from 'vitest'
import { carriesBetweenServers, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { Json, JsonObject } from '../../core/model.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

function record(inputs: Json, expectations: JsonObject | null = null, tags: JsonObject | null = null) {
  return { inputs, outputs: null, expectations, tags, source: null }
}

async function fill({ tracking, evaluations }: OneHistory) {
  const experimentIds = [await tracking.createExperiment('churn', [], signal)]
  experimentIds.push(await tracking.createExperiment('served', [], signal))
  const { id } = await evaluations.create(
    { name: 'questions', tags: { team: 'crm', who: 'ada' }, experimentIds },
    signal,
  )
  await evaluations.put(id, [record('q1', { a: 1, b: 2 }), record('q2')], signal)
  await evaluations.create({ name: 'empty', tags: {}, experimentIds: [] }, signal)
  return { id, experimentIds }
}

async function said({ evaluations }: OneHistory, name = 'questions') {
  const dataset = (await evaluations.list([], signal))?.find((one) => one.name === name)
  if (dataset === undefined) throw new Error(`no ${name}`)
  const records = (await Array.fromAsync(evaluations.records(dataset.id, signal))).map(({ says }) => says)
  return { ...dataset, records: records.toSorted((one, other) => (String(one.inputs) < String(other.inputs) ? -1 : 1)) }
}

carriesBetweenServers(two, { kind: 'evaluation-dataset', fill })

it('follows every change: records, what they say no more, tags, experiments', async () => {
  const { source, target, carry } = two()
  const { id, experimentIds } = await fill(source)
  await carry()
  const [first, second] = await Array.fromAsync(source.evaluations.records(id, signal))
  await source.evaluations.removeRecords(id, [first?.id ?? '', second?.id ?? ''], signal)
  await source.evaluations.put(id, [record('q1', { b: 3 }, { t: 1 }), record('q3')], signal)
  await source.evaluations.deleteTag(id, 'who', signal)
  await source.evaluations.setTags(id, { team: 'ops' }, signal)
  await source.evaluations.removeExperiments(id, experimentIds.slice(1), signal)
  expect(await carry()).toEqual([`evaluation-dataset/${id}`])
  const there = await said(target)
  expect(there.records).toEqual([record('q1', { b: 3 }, { t: 1 }), record('q3')])
  expect(there.tags).toEqual({ team: 'ops', 'holdfast.source_dataset_id': id })
  expect(await target.evaluations.experimentsOf(there.id, signal)).toHaveLength(1)
  expect(await carry()).toEqual([])
})

it('sees a record that went, though nothing came', async () => {
  const { source, target, carry } = two()
  const { id } = await fill(source)
  await carry()
  const [first] = await Array.fromAsync(source.evaluations.records(id, signal))
  await source.evaluations.removeRecords(id, [first?.id ?? ''], signal)
  await carry()
  expect((await said(target)).records).toEqual([record('q2')])
})

// Guards: nothing is deleted because of an incomplete list.
it('loses no record where the list of its source breaks off', async () => {
  const { source, target, carry, items, service } = two()
  const { id } = await fill(source)
  await carry()
  await source.evaluations.put(id, [record('q0')], signal)
  const [wanted] = (await items('evaluation-dataset', source)).filter((one) => one.address.endsWith(id))
  if (wanted === undefined) throw new Error('no dataset')
  const { evaluations } = source
  const broken = async function* (of: string) {
    for await (const one of evaluations.records(of, signal)) {
      yield one
      throw new Error('it broke off')
    }
  }
  Object.assign(source, { evaluations: { ...evaluations, records: broken } })
  const converging = service('evaluation-dataset').converge(target.place, wanted, { source: source.place, signal })
  await expect(converging).rejects.toThrow('it broke off')
  expect((await said(target)).records.map(({ inputs }) => inputs)).toEqual(expect.arrayContaining(['q1', 'q2']))
})

it('gets what only the other side has, when both went on, and keeps what it says itself', async () => {
  const { source, target, service, carry, items } = two()
  const { id } = await fill(source)
  await carry()
  const there = (await said(target)).id
  await target.evaluations.put(there, [record('q1', { a: 'theirs', c: 'more' }), record('late')], signal)
  await target.evaluations.setTags(there, { team: 'theirs', why: 'x' }, signal)
  await source.evaluations.put(id, [record('q1', { a: 'ours' }), record('ours')], signal)
  const [theirs] = (await items('evaluation-dataset', target)).filter((one) => one.address.endsWith(id))
  if (theirs === undefined) throw new Error('no dataset')
  for (const _ of [1, 2]) {
    await service('evaluation-dataset').mergeInto?.(source.place, theirs, { source: target.place, signal })
    const ours = await said(source)
    expect(ours.tags).toEqual({ team: 'crm', who: 'ada', why: 'x' })
    const q1 = record('q1', { a: 'ours', b: 2, c: 'more' }, {})
    expect(ours.records).toEqual([record('late'), record('ours'), q1, record('q2')])
  }
})

it('goes with its records where it is removed, twice without complaint', async () => {
  const { source, target, service, carry, items } = two()
  await fill(source)
  await carry()
  for (const { address } of await items('evaluation-dataset', source)) {
    for (const _ of [1, 2]) await service('evaluation-dataset').remove(target.place, address, { signal })
  }
  expect(await target.evaluations.list([], signal)).toEqual([])
})

it('is read again when its server says something else of it, and not before', async () => {
  const { source, items } = two()
  const { id } = await fill(source)
  const read: string[] = []
  const { evaluations } = source
  const records = (of: string) => {
    read.push(of)
    return evaluations.records(of, signal)
  }
  Object.assign(source, { evaluations: { ...evaluations, records } })
  for (const _ of [1, 2]) await items('evaluation-dataset', source)
  expect(read.splice(0)).toHaveLength(2)
  await evaluations.put(id, [record('q9')], signal)
  await items('evaluation-dataset', source)
  expect(read).toEqual([id])
})
