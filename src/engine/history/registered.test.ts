import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { twoHistories } from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import type { ModelRegistry } from '../../mlflow/registry.ts'
import { copyHistory } from './copy.ts'
import { verifyHistory } from './verify.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const NONE = { runId: '', runLink: '', modelId: '', description: '', tags: [] }

/** A server that looks for the version that another one is a copy of, as MLflow's does. */
function looking(registry: ModelRegistry): ModelRegistry {
  return {
    ...registry,
    createVersion: async (wanted, until) => {
      const [, name, number] = /^models:\/([^/]+)\/(\d+)$/.exec(wanted.source) ?? []
      const all = name === undefined ? [] : await registry.versions(name, until).catch(() => [])
      if (name !== undefined && !all.some(({ version }) => version === number)) {
        const message = `create was answered 500: Unable to fetch model from model URI source artifact location`
        throw new Fault('azure/unreachable', message, { facts: { status: 500, vendorCode: 'INTERNAL_ERROR' } })
      }
      return registry.createVersion(wanted, until)
    },
  }
}

it('carries a version whose source is a version that is gone, and those that come after it', async () => {
  const { source, target } = two()
  for (const name of ['a promoted', 'trained'])
    await source.registry.createModel({ name, description: '', tags: [] }, signal)
  const trained = { ...NONE, name: 'trained', source: 's3://bucket/model' }
  for (const _ of [1, 2]) await source.registry.createVersion(trained, signal)
  for (const number of [1, 2]) {
    await source.registry.createVersion({ ...NONE, name: 'a promoted', source: `models:/trained/${number}` }, signal)
  }
  await source.registry.setAlias('a promoted', { key: 'live', value: '2' }, signal)
  await source.registry.deleteVersion({ name: 'trained', version: '1' }, signal)
  Object.assign(target, { registry: looking(target.registry) })
  const both = copying(two())
  for (const _ of ['first', 'again']) expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  const sources = (await target.registry.versions('a promoted', signal)).map((one) => [one.version, one.source])
  expect(sources).toEqual([
    ['1', 'holdfast:/models:/trained/1'],
    ['2', 'models:/trained/2'],
  ])
  expect((await target.registry.model('a promoted', signal))?.aliases).toEqual([{ key: 'live', value: '2' }])
  expect(await verifyHistory(both, signal)).toMatchObject({ differences: [], troubles: [] })
})

it('keeps the source of a version that waits for one which waits for another in its turn', async () => {
  const { source, target } = two()
  const chain = ['a', 'b', 'c', 'd']
  for (const name of chain) await source.registry.createModel({ name, description: '', tags: [] }, signal)
  for (const [n, name] of chain.entries()) {
    const next = chain[n + 1]
    await source.registry.createVersion(
      { ...NONE, name, source: next ? `models:/${next}/1` : 's3://bucket/model' },
      signal,
    )
  }
  Object.assign(target, { registry: looking(target.registry) })
  expect(await copyHistory(copying(two()), signal)).toMatchObject({ troubles: [], tally: { versions: 4 } })
  const [first] = await target.registry.versions('a', signal)
  expect(first?.source).toBe('models:/b/1')
})

it('ends soon where the target does not answer any more', async () => {
  const { source, target } = two()
  for (let n = 0; n < 20; n++) await source.registry.createModel({ name: `m${n}`, description: '', tags: [] }, signal)
  let asked = 0
  const createModel = () => {
    asked += 1
    return Promise.reject(new Fault('azure/unreachable', 'it did not answer'))
  }
  Object.assign(target, { registry: { ...target.registry, createModel } })
  await expect(copyHistory(copying(two()), signal)).rejects.toMatchObject({ code: 'azure/unreachable' })
  expect(asked).toBeLessThan(20)
})
