import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite.ts'

const dir = mkdtempSync(join(tmpdir(), 'holdfast-resolve-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const workspace = (name: string) =>
  `/subscriptions/5f0c6f4e-0000-4000-8000-000000000001/resourceGroups/churn-rg/providers/Microsoft.MachineLearningServices/workspaces/${name}`

beforeAll(async () => {
  const sides = `primary: { workspace: ${workspace('churn')} }\nsecondary: { location: centralus, workspace: ${workspace('churn-dr')} }\n`
  writeFileSync(join(dir, 'holdfast.yaml'), `name: churn\n${sides}`)
  const store = openSqliteStore(join(dir, '.holdfast', 'churn', 'store.db'))
  const lease = await store.acquire('churn', 'test', 60_000)
  if ('held' in lease) throw new Error('held')
  await store.setFact(lease, 'conflicts', {
    'component/prepare': 'both sides changed it',
    'datastore/lake': 'both sides changed it',
  })
  await store.release(lease)
  await store.close()
})

function resolve(...things: readonly string[]) {
  const args = ['src/main.ts', '--json', 'resolve', ...things, '--policy', join(dir, 'holdfast.yaml')]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, facts: JSON.parse(stdout) }
}

it('lists what waits for a person, and takes a person’s word on it', () => {
  expect(Object.keys(resolve().facts.conflicts)).toEqual(['component/prepare', 'datastore/lake'])
  expect(resolve('component/prepare').facts).toMatchObject({ settled: ['component/prepare'] })
  expect(Object.keys(resolve().facts.conflicts)).toEqual(['datastore/lake'])
})

it('settles nothing where one of the names is no conflict', () => {
  expect(resolve('datastore/lake', 'model/none')).toMatchObject({
    status: 2,
    facts: { error: { code: 'usage/bad-argument' } },
  })
  expect(Object.keys(resolve().facts.conflicts)).toEqual(['datastore/lake'])
})

it('keeps what was settled before until a pass has carried it', async () => {
  expect(resolve('datastore/lake').facts).toMatchObject({ settled: ['datastore/lake'], left: {} })
  const store = openSqliteStore(join(dir, '.holdfast', 'churn', 'store.db'))
  expect(await store.fact('churn', 'settled')).toEqual({ 'component/prepare': true, 'datastore/lake': true })
  await store.close()
})
