import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeLogged,
  makeRun,
  type OneHistory,
  twoHistories,
} from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'

const two = twoHistories()

async function fill(history: OneHistory) {
  const signal = AbortSignal.timeout(10_000)
  const run = await makeRun(history, 'first')
  const model = await makeLogged(history, run, 'lm')
  const point = { key: 'accuracy', value: 0.75, timestamp: 1500, step: 4 }
  await history.tracking.log(run.info.run_id, { metrics: [{ ...point, about: { model_id: model.id } }] }, signal)
  return { run, model }
}

carriesBetweenServers(two, { kind: 'logged-model', fill })

it('keeps its own id and that of its run in each place, and the points about it once', async () => {
  const { source, target, signal, carry } = two()
  const { run, model } = await fill(source)
  await carry()
  const [experiment] = await Array.fromAsync(target.tracking.experiments(signal))
  const [replica] = await Array.fromAsync((await target.models.list([experiment?.id ?? ''], signal)) ?? [])
  expect(replica?.id).not.toBe(model.id)
  expect(replica?.runId).not.toBe(run.info.run_id)
  expect(replica?.metrics).toMatchObject([{ key: 'accuracy', value: 0.75, step: 4, runId: replica?.runId }])
  const points = await Array.fromAsync(target.tracking.history(replica?.runId ?? '', 'accuracy', signal))
  expect(points).toHaveLength(1)
})

it('adds the tags that the other side has, and changes none, when both sides went on', async () => {
  const { source, target, signal, service, carry, items } = two()
  const { model } = await fill(source)
  await carry()
  const [theirs] = await items('logged-model', target)
  await source.models.setTags(model.id, [{ key: 'a', value: 'ours' }], signal)
  if (theirs === undefined) throw new Error('no replica')
  const more = { ...theirs, body: { ...theirs.body, tags: { a: 'theirs', c: 'theirs' } } }
  await service('logged-model').mergeInto?.(source.place, more, { source: target.place, signal })
  const stands = await service('logged-model').read(source.place, theirs.address, { signal })
  expect(stands?.body['tags']).toEqual({ a: 'ours', c: 'theirs' })
})

it('is open until it is ready, and is said to be ready last', async () => {
  const { source, signal, service, items } = two()
  const run = await makeRun(source, 'first')
  const of = { experimentId: run.info.experiment_id, runId: run.info.run_id }
  await source.models.create({ ...of, name: 'lm', type: '', status: '', params: [], tags: [] }, signal)
  const [pending] = await items('logged-model', source)
  expect(service('logged-model').open?.(pending?.body ?? {})).toBe(true)
})

it('loses the tag that is taken away at its source', async () => {
  const { source, target, signal, carry, items } = two()
  const { model } = await fill(source)
  await carry()
  await source.models.deleteTag(model.id, 'a', signal)
  await carry()
  expect((await items('logged-model', target))[0]?.body['tags']).toEqual({})
  expect(await carry()).toEqual([])
})

it('is made once, though it was made before and nobody heard', async () => {
  const { source, target, signal, service, carry, items } = two()
  const run = await makeRun(source, 'first')
  await carry()
  await makeLogged(source, run, 'lm')
  const { models } = target
  const unheard: typeof models.create = async (...wanted) => {
    await models.create(...wanted)
    throw new Fault('azure/unreachable', 'it did not answer')
  }
  const [wanted] = await items('logged-model', source)
  if (wanted === undefined) throw new Error('no model')
  const converge = () => service('logged-model').converge(target.place, wanted, { source: source.place, signal })
  Object.assign(target, { models: { ...models, create: unheard } })
  await expect(converge()).rejects.toMatchObject({ code: 'azure/unreachable' })
  Object.assign(target, { models })
  await converge()
  expect(await items('logged-model', target)).toHaveLength(1)
})
