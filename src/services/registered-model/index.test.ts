import { expect, it } from 'vitest'
import { carriesBetweenServers, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'

const two = twoHistories()
const NAME = 'who’s “leaving”/now'

async function fill({ registry }: OneHistory) {
  const signal = AbortSignal.timeout(10_000)
  await registry.createModel({ name: NAME, description: 'Who leaves', tags: [{ key: 'team', value: 'crm' }] }, signal)
}

carriesBetweenServers(two, { kind: 'registered-model', fill })

it('carries a change of its description, and the removal of a tag', async () => {
  const { source, target, signal, carry } = two()
  await fill(source)
  await carry()
  await source.registry.describeModel(NAME, 'Who stays', signal)
  await source.registry.deleteModelTag(NAME, 'team', signal)
  await carry()
  expect(await target.registry.model(NAME, signal)).toMatchObject({ description: 'Who stays', tags: [] })
})

it('adds the tags that the other side has, and changes none, when both sides went on', async () => {
  const { source, target, signal, service, carry, items } = two()
  await fill(source)
  await carry()
  await source.registry.setModelTag(NAME, { key: 'team', value: 'sales' }, signal)
  await source.registry.setModelTag(NAME, { key: 'since', value: 'may' }, signal)
  const [theirs] = await items('registered-model', source)
  if (theirs === undefined) throw new Error('no model')
  await service('registered-model').mergeInto?.(target.place, theirs, { source: source.place, signal })
  const tags = (await target.registry.model(NAME, signal))?.tags
  expect(Object.fromEntries(tags?.map(({ key, value }) => [key, value]) ?? [])).toEqual({ team: 'crm', since: 'may' })
})
