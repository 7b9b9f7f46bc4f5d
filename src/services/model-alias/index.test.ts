import { expect, it } from 'vitest'
import { carriesBetweenServers, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { Address, Item } from '../../core/model.ts'

const two = twoHistories()
const NAME = 'who leaves'
const signal = AbortSignal.timeout(30_000)
const version = { name: NAME, description: '', runId: '', runLink: '', modelId: '', source: 'x', tags: [] }

async function fill({ registry }: OneHistory) {
  await registry.createModel({ name: NAME, description: '', tags: [] }, signal)
  for (const _ of [1, 2, 3, 4]) await registry.createVersion(version, signal)
  await registry.deleteVersion({ name: NAME, version: '2' }, signal)
  await registry.setAlias(NAME, { key: 'champion', value: '1' }, signal)
  await registry.setAlias(NAME, { key: 'challenger', value: '4' }, signal)
}

async function aliases({ registry }: OneHistory): Promise<Readonly<Record<string, string>>> {
  const all = (await registry.model(NAME, signal))?.aliases ?? []
  return Object.fromEntries(all.map(({ key, value }) => [key, value]))
}

carriesBetweenServers(two, { kind: 'model-alias', fill })

async function itemOf(history: OneHistory, alias: string): Promise<Item> {
  const found = (await two().items('model-alias', history)).find(({ address }) => address.endsWith(`/${alias}`))
  if (found === undefined) throw new Error(`no ${alias}`)
  return found
}

it('follows an alias from one version to another, and goes twice without complaint', async () => {
  const { source, target, service, carry } = two()
  await fill(source)
  await carry()
  await source.registry.setAlias(NAME, { key: 'champion', value: '4' }, signal)
  expect(await carry()).toEqual(['model-alias/who%20leaves/champion'])
  expect(await aliases(target)).toEqual({ champion: '4', challenger: '4' })
  const { address } = await itemOf(target, 'challenger')
  for (const _ of [1, 2]) await service('model-alias').remove(target.place, address, { signal })
  expect(await aliases(target)).toEqual({ champion: '4' })
})

it('means the replica where that has another number', async () => {
  const { source, target, carry } = two()
  await fill(source)
  await target.registry.createModel({ name: NAME, description: '', tags: [] }, signal)
  for (const _ of [1, 2, 3, 4, 5]) await target.registry.createVersion(version, signal)
  for (const number of ['1', '2', '3', '4', '5']) {
    await target.registry.deleteVersion({ name: NAME, version: number }, signal)
  }
  await carry()
  const versions = await target.registry.versions(NAME, signal)
  expect(versions.map((one) => one.version)).toEqual(['6', '7', '8'])
  expect(await aliases(target)).toEqual({ champion: '6', challenger: '8' })
})

it('of a version that is gone is none', async () => {
  const { source, target, carry, items } = two()
  await fill(source)
  await source.registry.setAlias(NAME, { key: 'stale', value: '2' }, signal)
  await carry()
  expect(await aliases(target)).toEqual({ champion: '1', challenger: '4' })
  expect(await items('model-alias', source)).toHaveLength(2)
})

it('that both sides moved is named and stays, when both sides went on; one that only theirs has is added', async () => {
  const { source, target, service, carry } = two()
  await fill(source)
  await carry()
  await source.registry.setAlias(NAME, { key: 'champion', value: '3' }, signal)
  await target.registry.setAlias(NAME, { key: 'champion', value: '4' }, signal)
  await target.registry.setAlias(NAME, { key: 'shadow', value: '3' }, signal)
  const merge = async (alias: string) =>
    service('model-alias').mergeInto?.(source.place, await itemOf(target, alias), { source: target.place, signal })
  await merge('shadow')
  await expect(merge('champion')).rejects.toMatchObject({
    code: 'sync/conflict',
    message: expect.stringContaining('champion means version 4 there and 3 here'),
  })
  expect(await aliases(source)).toEqual({ champion: '3', challenger: '4', shadow: '3' })
})

it('goes with its version where that gets a number of its own', () => {
  const { service } = two()
  const to = 'model-version/who%20leaves/4-1a2b3c4d' as Address
  const renames = new Map([['model-version/who%20leaves/4' as Address, to]])
  const body = { name: NAME, alias: 'challenger', version: '4' }
  expect(service('model-alias').renamed?.(body, renames)).toEqual({ ...body, version: '4-1a2b3c4d' })
  expect(service('model-alias').renamed?.({ ...body, version: '1' }, renames)).toEqual({ ...body, version: '1' })
})

it('names the version that is not there', async () => {
  const { source, target, service } = two()
  await fill(source)
  await target.registry.createModel({ name: NAME, description: '', tags: [] }, signal)
  const wanted = await itemOf(source, 'champion')
  const converging = service('model-alias').converge(target.place, wanted, { source: source.place, signal })
  await expect(converging).rejects.toMatchObject({ code: 'azure/changed' })
})
