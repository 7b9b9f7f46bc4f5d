import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { isFault } from '../core/errors.ts'
import { firstPolicy, firstServersPolicy } from './first-policy.ts'
import { parsePolicies } from './policy-file.ts'

const workspace = (name: string) =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/${name}`

const SERVERS = { path: 'holdfast.yaml', server: 'http://a:5000/', secondaryServer: 'http://b:5000' }

function written(name: string) {
  const text = firstPolicy({ path: 'holdfast.yaml', workspace: workspace(name), secondary: 'centralus' })
  return parsePolicies(text, 'holdfast.yaml', () => [])[0]
}

it('gives a protection a name that it can have, whatever the workspace is called', () => {
  expect(written('Churn_Prod')).toMatchObject({ name: 'churn-prod', primary: { workspace: workspace('Churn_Prod') } })
  expect(written('9_-')?.name).toBe('9--')
})

it('gives the standby a name that Azure takes, of the longest too', () => {
  const longest = 'a'.repeat(33)
  expect(written(longest)).toMatchObject({
    name: longest,
    secondary: { workspace: expect.stringMatching(/\/a{30}-dr$/) },
  })
  expect(written('a'.repeat(30))?.secondary).toMatchObject({ workspace: expect.stringMatching(/\/a{30}-dr$/) })
})

it('gives the standby a resource group that Azure takes, however the region is written and however long the primary’s is', () => {
  const longest = `/subscriptions/s/resourceGroups/${'g'.repeat(90)}/providers/Microsoft.MachineLearningServices/workspaces/churn`
  const text = firstPolicy({ path: 'holdfast.yaml', workspace: longest, secondary: 'Central US' })
  const [policy] = parsePolicies(text, 'holdfast.yaml', () => [])
  expect(policy?.secondary).toMatchObject({
    location: 'centralus',
    workspace: expect.stringMatching(/\/resourceGroups\/g{80}-centralus\//),
  })
})

it('tells an editor where the schema is, from wherever the policy stands', () => {
  for (const path of ['holdfast.yaml', 'docs/policies/churn.yaml', join(tmpdir(), 'holdfast.yaml')]) {
    const [, way = ''] =
      /^# yaml-language-server: \$schema=(\.\S+)\n/.exec(firstServersPolicy({ ...SERVERS, path })) ?? []
    expect(existsSync(resolve(dirname(path), way)), way).toBe(true)
  }
})

it('takes two servers, and says of an argument what to give', () => {
  const servers = SERVERS
  const [policy] = parsePolicies(firstServersPolicy({ ...servers, name: 'runs' }), 'f', () => [])
  expect(policy).toMatchObject({ name: 'runs', primary: { server: 'http://a:5000' } })
  for (const wrong of [
    { ...servers, name: 'A B' },
    { ...servers, server: 'foo' },
    { ...servers, secondaryServer: 'http://ada:hunter2@b' },
    { ...servers, secondaryServer: 'http://A:5000' },
  ]) {
    const thrown = thrownBy(() => firstServersPolicy(wrong))
    expect(isFault(thrown, 'usage/bad-argument') && thrown.hint).toMatch(/^Give /)
    expect(String(thrown)).not.toContain('hunter2')
  }
})

function thrownBy(act: () => unknown): unknown {
  try {
    return act()
  } catch (thrown) {
    return thrown
  }
}
