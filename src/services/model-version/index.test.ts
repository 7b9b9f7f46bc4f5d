import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeLogged,
  makeRun,
  type OneHistory,
  rootOf,
  twoHistories,
} from '../../../test/support/two-histories.ts'
import type { Address } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const version = { description: '', runId: '', runLink: '', modelId: '', tags: [] }

async function fill(history: OneHistory) {
  const run = await makeRun(history, 'first')
  const model = await makeLogged(history, run, 'lm')
  const { registry } = history
  await registry.createModel({ name: 'churn', description: '', tags: [] }, signal)
  const runId = run.info.run_id
  const tags = [{ key: 'n', value: '1' }]
  await registry.createVersion({ ...version, name: 'churn', source: `${rootOf(run)}/model`, runId, tags }, signal)
  for (const source of ['gone', 'gone too']) await registry.createVersion({ ...version, name: 'churn', source }, signal)
  const source = `models:/${model.id}`
  await registry.createVersion({ ...version, name: 'churn', source, modelId: model.id, description: 'four' }, signal)
  for (const number of ['2', '3']) await registry.deleteVersion({ name: 'churn', version: number }, signal)
  await registry.setStage({ name: 'churn', version: '4' }, 'Production', signal)
  return { run, model }
}

carriesBetweenServers(two, { kind: 'model-version', fill })

it('has the number that it has at its source, also after a gap, and says its source in the names of its side', async () => {
  const { source, target, carry } = two()
  const { run, model } = await fill(source)
  await carry()
  const versions = await target.registry.versions('churn', signal)
  expect(versions.map((one) => one.version)).toEqual(['1', '4'])
  const replica = target.census.byShared(run.info.run_id)
  expect(versions[0]).toMatchObject({ source: `${replica?.root}/model`, runId: replica?.id })
  expect(versions[1]?.source).not.toContain(model.id)
  expect(versions[1]).toMatchObject({ source: `models:/${versions[1]?.modelId}`, stage: 'Production' })
})

it('has another number where the registry does not give its own again, and is known by its own', async () => {
  const { source, target, carry, items } = two()
  await fill(source)
  await target.registry.createModel({ name: 'churn', description: '', tags: [] }, signal)
  for (const _ of [1, 2, 3, 4, 5])
    await target.registry.createVersion({ ...version, name: 'churn', source: 'x' }, signal)
  for (const number of ['1', '2', '3', '4', '5'])
    await target.registry.deleteVersion({ name: 'churn', version: number }, signal)
  await carry()
  expect((await target.registry.versions('churn', signal)).map((one) => one.version)).toEqual(['6', '7'])
  expect((await items('model-version', target)).map(({ address }) => address)).toEqual([
    'model-version/churn/1',
    'model-version/churn/4',
  ])
})

it('that both sides gave the same number is frozen apart, and can stand under a number of its own', async () => {
  const { source, target, service, carry, items } = two()
  await fill(source)
  await carry()
  await source.registry.createVersion({ ...version, name: 'churn', source: 'ours' }, signal)
  await target.registry.createVersion({ ...version, name: 'churn', source: 'theirs' }, signal)
  const five = async (one: OneHistory) =>
    (await items('model-version', one)).find(({ address }) => address === 'model-version/churn/5')
  const [ours, theirs] = [await five(source), await five(target)]
  const { frozen, converge } = service('model-version')
  if (ours === undefined || theirs === undefined) throw new Error('no version 5')
  expect(frozen?.(ours.body)).not.toEqual(frozen?.(theirs.body))
  const mapped = item('model-version/churn/5-1a2b3c4d' as Address, theirs.body, theirs.needs)
  for (const _ of [1, 2]) await converge(source.place, mapped, { source: target.place, signal })
  expect((await source.registry.versions('churn', signal)).map((one) => one.source).slice(-2)).toEqual([
    'ours',
    'theirs',
  ])
  expect((await items('model-version', source)).map(({ address }) => address)).toContain(mapped.address)
})

it('leaves no filler behind where its making was cut off', async () => {
  const { source, target, carry } = two()
  await fill(source)
  await target.registry.createModel({ name: 'churn', description: '', tags: [] }, signal)
  const tags = [{ key: 'holdfast.filler', value: 'true' }]
  await target.registry.createVersion({ ...version, name: 'churn', source: 'x', tags }, signal)
  await carry()
  const left = (await target.registry.versions('churn', signal)).filter((one) => one.source === 'x')
  expect(left).toEqual([])
})
