import { expect, it } from 'vitest'
import { carriesBetweenServers, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { Address } from '../../core/model.ts'

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

it('follows an alias from one version to another, and its removal, the last one too', async () => {
  const { source, target, carry } = two()
  await fill(source)
  await carry()
  await source.registry.setAlias(NAME, { key: 'champion', value: '4' }, signal)
  await carry()
  expect(await aliases(target)).toEqual({ champion: '4', challenger: '4' })
  for (const alias of ['champion', 'challenger']) await source.registry.deleteAlias(NAME, alias, signal)
  await carry()
  expect(await aliases(target)).toEqual({})
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
  expect(await items('model-alias', target)).toHaveLength(1)
})

it('that both sides moved is named and stays, when both sides went on; what only theirs has is added', async () => {
  const { source, target, service, carry, items } = two()
  await fill(source)
  await carry()
  await source.registry.setAlias(NAME, { key: 'champion', value: '3' }, signal)
  await target.registry.setAlias(NAME, { key: 'champion', value: '4' }, signal)
  await target.registry.setAlias(NAME, { key: 'shadow', value: '3' }, signal)
  const [theirs] = await items('model-alias', target)
  if (theirs === undefined) throw new Error('no aliases')
  const merging = service('model-alias').mergeInto?.(source.place, theirs, { source: target.place, signal })
  await expect(merging).rejects.toMatchObject({
    code: 'sync/conflict',
    message: expect.stringContaining('champion means version 4 there and 3 here'),
  })
  expect(await aliases(source)).toEqual({ champion: '3', challenger: '4', shadow: '3' })
})

it('goes with its version where that gets a number of its own', () => {
  const { service } = two()
  const to = 'model-version/who%20leaves/4-1a2b3c4d' as Address
  const renames = new Map([['model-version/who%20leaves/4' as Address, to]])
  const body = { name: NAME, aliases: { champion: '1', challenger: '4' } }
  expect(service('model-alias').renamed?.(body, renames)).toEqual({
    name: NAME,
    aliases: { champion: '1', challenger: '4-1a2b3c4d' },
  })
})

it('names the version that is not there', async () => {
  const { source, target, service, items } = two()
  await fill(source)
  await target.registry.createModel({ name: NAME, description: '', tags: [] }, signal)
  const [wanted] = await items('model-alias', source)
  if (wanted === undefined) throw new Error('no aliases')
  const converging = service('model-alias').converge(target.place, wanted, { source: source.place, signal })
  await expect(converging).rejects.toMatchObject({ code: 'azure/changed' })
})
