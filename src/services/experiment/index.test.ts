import { expect, it } from 'vitest'
import { listed, reachOf, sync } from '../../../test/support/reach.ts'
import { conforms } from '../conformance.ts'
import { experiments } from './index.ts'

const first = { name: 'churn', deleted: false, tags: { team: 'crm', 'mlflow.note.content': 'Who leaves' } }

const { fresh, world } = conforms({
  service: () => experiments(reachOf(world()).trackingOf),
  address: 'experiment/churn',
  absent: 'experiment/none',
  first,
  second: { name: 'churn', deleted: false, tags: { team: 'sales' } },
  more: [
    ['experiment/old', { name: 'old', deleted: true, tags: {} }],
    ['experiment/a%20b%2Fc', { name: 'a b/c', deleted: false, tags: { 'odd key': '' } }],
  ],
})

it('carries deleted experiments, tagged or not, and restores them', async () => {
  const { service, source, target, signal } = await fresh()
  const there = reachOf(world()).trackingOf(source)
  const id = await there.createExperiment('gone', [{ key: 'why', value: 'a trial' }], signal)
  await there.setExperimentDeleted(id, true, signal)
  await sync(service, target, { source, signal })
  expect((await service.read(target, 'experiment/gone', { signal }))?.body).toEqual({
    name: 'gone',
    deleted: true,
    tags: { why: 'a trial' },
  })
  await there.setExperimentDeleted(id, false, signal)
  await there.setExperimentTag(id, { key: 'why', value: 'no trial' }, signal)
  await sync(service, target, { source, signal })
  expect((await service.read(target, 'experiment/gone', { signal }))?.body).toMatchObject({
    deleted: false,
    tags: { why: 'no trial' },
  })
  expect(await sync(service, target, { source, signal })).toEqual([])
})

it('changes the tags of a deleted experiment, which stays deleted', async () => {
  const { service, source, target, signal } = await fresh()
  const [there, here] = [source, target].map((place) => reachOf(world()).trackingOf(place))
  const id = await there?.createExperiment('gone', [], signal)
  await there?.setExperimentTag(id ?? '', { key: 'new', value: 'yes' }, signal)
  await there?.setExperimentDeleted(id ?? '', true, signal)
  const replica = await here?.createExperiment('gone', [], signal)
  await here?.setExperimentDeleted(replica ?? '', true, signal)
  await sync(service, target, { source, signal })
  expect((await service.read(target, 'experiment/gone', { signal }))?.body).toEqual({
    name: 'gone',
    deleted: true,
    tags: { new: 'yes' },
  })
})

it('adds what the other side has and changes nothing, when both sides went on', async () => {
  const { service, source, target, signal } = await fresh()
  const [theirs, ours] = [source, target].map((place) => reachOf(world()).trackingOf(place))
  await theirs?.createExperiment(
    'both',
    [
      { key: 'a', value: 'theirs' },
      { key: 'b', value: 'theirs' },
    ],
    signal,
  )
  await ours?.createExperiment(
    'both',
    [
      { key: 'a', value: 'ours' },
      { key: 'c', value: 'ours' },
    ],
    signal,
  )
  await theirs?.createExperiment('only theirs', [], signal)
  for (const item of await listed(service, source, signal)) {
    await service.mergeInto?.(target, item, { source, signal })
    await service.mergeInto?.(target, item, { source, signal })
  }
  expect((await service.read(target, 'experiment/both', { signal }))?.body['tags']).toEqual({
    a: 'ours',
    b: 'theirs',
    c: 'ours',
  })
  expect(await service.read(target, 'experiment/only%20theirs', { signal })).toBeDefined()
})
