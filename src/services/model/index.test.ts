import { describe, expect, it } from 'vitest'
import { Fault } from '../../core/errors.ts'
import type { Address } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { models } from './index.ts'

const URI = 'azureml://<<hf:workspace-path>>/datastores/workspaceblobstore/paths/models/churn/'
const first = {
  properties: {
    modelUri: URI,
    modelType: 'mlflow_model',
    description: 'Who leaves',
    tags: { team: 'crm' },
    properties: { 'azureml.hash': 'abc' },
    isAnonymous: false,
    isArchived: false,
    flavors: { sklearn: { data: { sklearn_version: '1.5' } } },
    jobName: 'train-7',
  },
}

const { fresh, world } = conforms({
  service: models,
  address: 'model/churn/1',
  absent: 'model/none/9',
  first,
  second: { properties: { ...first.properties, tags: { team: 'crm', stage: 'live' }, stage: 'Production' } },
  more: [
    ['model/churn', { properties: { description: 'All of them', isArchived: false } }],
    ['model/churn/10', first],
    ['model/churn/2', first],
  ],
})

it('tells versions in the order of their creation, after their container', async () => {
  const { service, source, target, signal } = await fresh()
  for (const version of ['3', '10', '2']) {
    await service.converge(target, item(`model/churn/${version}`, first), { source, signal })
  }
  const listed: (readonly [Address, number | undefined])[] = []
  for await (const one of service.list(target, { signal })) listed.push([one.address, one.order])
  expect(listed).toEqual([
    ['model/churn', undefined],
    ['model/churn/3', 0],
    ['model/churn/10', 1],
    ['model/churn/2', 2],
  ])
})

it('needs its container and the datastore that holds it', async () => {
  const { service, source, target, signal } = await fresh()
  await service.converge(target, item('model/churn/1', first), { source, signal })
  expect((await service.read(target, 'model/churn/1', { signal }))?.needs).toEqual([
    'model/churn',
    'datastore/workspaceblobstore',
  ])
})

it('never overwrites other content under the same name and version', async () => {
  const { service, source, target, signal } = await fresh()
  await service.converge(target, item('model/churn/1', first), { source, signal })
  const before = await world().writes(target)
  const other = { properties: { ...first.properties, modelUri: `${URI}other/` } }
  const converging = service.converge(target, item('model/churn/1', other), { source, signal })
  await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'sync/conflict' }))
  expect(await world().writes(target)).toEqual(before)
})

it('lists what is archived', async () => {
  const { service, source, target, signal } = await fresh()
  const archived = service.archived?.(first) ?? {}
  await service.converge(target, item('model/churn/1', archived), { source, signal })
  await service.converge(target, item('model/churn', { properties: { isArchived: true } }), { source, signal })
  const listed: Address[] = []
  for await (const one of service.list(target, { signal })) listed.push(one.address)
  expect(listed).toEqual(['model/churn', 'model/churn/1'])
})

it('marks a replica with where it came from', async () => {
  const { service, source, target, signal } = await fresh()
  const wanted = item('model/churn/1', first)
  await service.converge(target, wanted, { source, signal })
  const raw = await world().arm.get(`${target.workspace}/models/churn/versions/1`, { signal, apiVersion: '2025-12-01' })
  expect(raw?.['properties']).toMatchObject({
    tags: { team: 'crm', 'holdfast.source': source.workspaceGuid, 'holdfast.digest': wanted.digest },
  })
})

describe('a list during which versions are not found', () => {
  const notFound = new Fault('azure/refused', 'It was not found', { facts: { status: 404 } })

  async function during(gone: (path: string) => boolean) {
    const { service, source, target, signal } = await fresh()
    await service.converge(target, item('model/churn/1', first), { source, signal })
    const { arm } = world()
    const cut = models({
      ...arm,
      get: (path, options) => (gone(path) ? Promise.resolve(undefined) : arm.get(path, options)),
      pages: async function* (path, options) {
        if (path.endsWith('/versions')) throw notFound
        yield* arm.pages(path, options)
      },
    })
    return (await Array.fromAsync(cut.list(target, { signal }))).map((one) => one.address)
  }

  it('guards I5: did not come to its end where the workspace is gone', async () => {
    await expect(during(() => true)).rejects.toMatchObject({ code: 'observe/incomplete' })
  })

  it('leaves out a container that was removed meanwhile, and knows one that has no version', async () => {
    expect(await during((path) => path.endsWith('/models/churn'))).toEqual([])
    expect(await during(() => false)).toEqual(['model/churn'])
  })
})
