import { expect, it } from 'vitest'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { dataAssets } from './index.ts'

const first = {
  properties: {
    dataType: 'uri_folder',
    dataUri: 'azureml://<<hf:workspace-path>>/datastores/workspaceblobstore/paths/customers/2026/',
    description: 'Customers',
    tags: { owner: 'crm' },
    isAnonymous: false,
    isArchived: false,
  },
}

const { fresh } = conforms({
  service: dataAssets,
  address: 'data/customers/2026-11',
  absent: 'data/customers/none',
  first,
  second: { properties: { ...first.properties, description: 'Customers of November' } },
  more: [
    ['data/customers', { properties: { dataType: 'uri_folder', isArchived: false, tags: { a: 'b' } } }],
    ['data/customers/2026-12', first],
  ],
})

it('leaves an isolated account as it is', async () => {
  const { service, source, target, signal } = await fresh()
  const dataUri = 'https://lake.blob.core.windows.net/raw/customers.csv'
  const wanted = item('data/raw/1', { properties: { ...first.properties, dataType: 'uri_file', dataUri } })
  const stands = await service.converge(target, wanted, { source, signal })
  expect(stands.digest).toBe(wanted.digest)
  expect(target.local(stands.body)).toEqual(stands.body)
})

it('calls another place for the data another thing', async () => {
  const { service } = await fresh()
  const moved = { properties: { ...first.properties, dataUri: 'https://lake.blob.core.windows.net/x' } }
  expect(service.frozen?.(moved)).not.toEqual(service.frozen?.(first))
})
