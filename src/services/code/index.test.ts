import { expect, it } from 'vitest'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { codes } from './index.ts'

const NAME = '0f9c2b44-3d1e-4a55-9a36-5f2a6b1c7d88'
const first = {
  properties: {
    codeUri: 'https://<<hf:account>>.blob.core.windows.net/azureml-blobstore-<<hf:guid>>/LocalUpload/abc/src',
    properties: { hash: 'aa11', hashVersion: '202208' },
    tags: { team: 'crm' },
    isAnonymous: true,
    isArchived: false,
  },
}

const { fresh } = conforms({
  service: codes,
  address: `code/${NAME}/1`,
  absent: `code/${NAME}/2`,
  first,
  second: { properties: { ...first.properties, description: 'Training' } },
  more: [['code/other/1', first]],
})

it('points to the same path in the storage of each side', async () => {
  const { service, source, target, signal } = await fresh()
  const wanted = item(`code/${NAME}/1`, first)
  await service.converge(source, wanted, { source: target, signal })
  const uri = source.local(first.properties.codeUri)
  expect(uri).toContain(source.storageAccount.split('/').at(-1))
  expect(target.local(first.properties.codeUri)).not.toBe(uri)
  expect((await service.read(source, wanted.address, { signal }))?.body).toEqual(first)
})
