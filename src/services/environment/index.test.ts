import { expect, it } from 'vitest'
import type { Address } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { environments } from './index.ts'

const first = {
  properties: {
    image: 'mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest',
    condaFile: 'name: train\ndependencies:\n  - python=3.11\n  - pip\n',
    osType: 'Linux',
    tags: { team: 'crm' },
    isAnonymous: false,
    isArchived: false,
  },
}

const { fresh, world } = conforms({
  service: environments,
  address: 'environment/train/7',
  absent: 'environment/train/8',
  first,
  second: { properties: { ...first.properties, description: 'For training' } },
  more: [['environment/score/1', first]],
})

it('leaves out what the vendor keeps in every workspace', async () => {
  const { service, source, target, signal } = await fresh()
  const path = `${target.workspace}/environments/AzureML-sklearn-1.5/versions/3`
  await world().arm.put(path, { properties: { image: 'mcr.microsoft.com/x:3' } }, { signal, apiVersion: '2025-12-01' })
  await service.converge(target, item('environment/train/7', first), { source, signal })
  await service.converge(target, item('environment/azureml-train/1', first), { source, signal })
  const listed: Address[] = []
  for await (const one of service.list(target, { signal })) listed.push(one.address)
  expect(listed.sort()).toEqual([
    'environment/azureml-train',
    'environment/azureml-train/1',
    'environment/train',
    'environment/train/7',
  ])
})

it('does not compare which version is the latest, which Azure tells among its properties', async () => {
  const { service, target, signal } = await fresh()
  const put = (version: string, properties: Readonly<Record<string, string>>) =>
    world().arm.put(
      `${target.workspace}/environments/train/versions/${version}`,
      { properties: { ...first.properties, properties } },
      { signal, apiVersion: '2025-12-01' },
    )
  await put('1', { 'azureml.labels': 'latest', from: 'crm' })
  await put('2', { 'azureml.labels': 'latest' })
  const [one, two] = [
    await service.read(target, 'environment/train/1', { signal }),
    await service.read(target, 'environment/train/2', { signal }),
  ]
  expect(one?.body).toEqual({ properties: { ...first.properties, properties: { from: 'crm' } } })
  expect(two?.body).toEqual(first)
})
