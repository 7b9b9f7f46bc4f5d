import { expect, it } from 'vitest'
import { keyOf } from './files-below.ts'

const connection = 'DefaultEndpointsProtocol=https;AccountName=One;AccountKey=a2V5PQ==;EndpointSuffix=core.windows.net'

it.each([
  ['of the account that a connection string names', 'one', { AZURE_STORAGE_CONNECTION_STRING: connection }, 'a2V5PQ=='],
  ['of no other account by it', 'two', { AZURE_STORAGE_CONNECTION_STRING: connection }, undefined],
  ['of any account by a key alone', 'two', { AZURE_STORAGE_ACCESS_KEY: 'a2V5' }, 'a2V5'],
  ['of none where the environment has none', 'one', { AZURE_STORAGE_ACCESS_KEY: '' }, undefined],
])('takes the key %s', (_, account, env, accountKey) => {
  expect(keyOf(account, env)).toEqual(accountKey === undefined ? undefined : { accountKey })
})
