import { expect, it } from 'vitest'
import { parsePolicies } from '../policy-file.ts'
import { kindsOf } from './kinds.ts'

const ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces'
const WORKSPACES = `name: churn\nprimary: { workspace: ${ID}/churn }\nsecondary: { workspace: ${ID}/churn-dr, location: centralus }\n`
const SERVERS = 'name: runs\nprimary: { server: "http://a" }\nsecondary: { server: "http://b" }\n'

it('lets a policy name what the registry has for such a pair, and nothing else', () => {
  const leaving = (pair: string, kind: string) => () =>
    parsePolicies(`${pair}sync: { exclude: [${kind}] }`, 'f', kindsOf)
  expect(leaving(WORKSPACES, 'compute/gpu')).not.toThrow()
  expect(leaving(SERVERS, 'trace')).not.toThrow()
  expect(leaving(WORKSPACES, 'trace')).toThrow('sync.exclude.1')
  expect(leaving(SERVERS, 'compute/gpu')).toThrow('sync.exclude.1')
})
