import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { facts, holdfast } from '../support/command-line.ts'

const WORKSPACE = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces'

let dir: string
let state: string
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
  state = join(dir, '.holdfast', 'churn')
  mkdirSync(state, { recursive: true })
  writeFileSync(
    join(dir, 'holdfast.yaml'),
    `name: churn\nprimary: { workspace: ${WORKSPACE}/churn }\nsecondary: { location: centralus, workspace: ${WORKSPACE}/churn-dr }\n`,
  )
  await write(['step/begun', 'step/done', 'step/failed'])
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function write(types: readonly string[]): Promise<void> {
  const store = openSqliteStore(join(state, 'store.db'))
  const lease = await store.acquire('churn', 'a', 60_000)
  if ('held' in lease) throw new Error('held')
  const body = { address: 'model/gr%C3%B6%C3%9Fe/3' }
  await store.append(
    lease,
    types.map((type) => ({ run: 'sync-1', type, body })),
  )
  await store.release(lease)
  await store.close()
}

function harm(sql: string): void {
  const sqlite = new DatabaseSync(join(state, 'store.db'))
  sqlite.exec(sql)
  sqlite.close()
}

const audit = (...args: readonly string[]) => holdfast('audit', ...args, '--policy', join(dir, 'holdfast.yaml'))
const auditFacts = (...args: readonly string[]) => facts('audit', ...args, '--policy', join(dir, 'holdfast.yaml'))

it('lists what was done in words, the latest last, and only what is asked for', async () => {
  const whole = await audit()
  expect(whole).toMatchObject({ code: 0, err: '' })
  expect(whole.out).toMatch(/^3 +\S+ +1 +sync-1 +step\/failed +model\/größe\/3$/m)
  const types = async (...args: readonly string[]) =>
    ((await auditFacts(...args)).value['records'] as { type: string }[]).map(({ type }) => type)
  expect(await types('--last', '2')).toEqual(['step/done', 'step/failed'])
  expect(await types('--type', 'step/f')).toEqual(['step/failed'])
  expect(await types('--text', 'größe')).toHaveLength(3)
  expect(await types('--text', 'elsewhere')).toEqual([])
  expect(await types('--since', '2100-01-01')).toEqual([])
  expect((await audit('--since', 'soon')).code).toBe(2)
})

it('verifies a journal that is as it was written, and gives the head to be kept', async () => {
  const { value } = await auditFacts('verify')
  const head = (await audit('head')).out.trim()
  expect(value).toMatchObject({ records: 3, head: { seq: 3 } })
  await write(['step/done'])
  expect(await audit('verify', '--head', head)).toMatchObject({ code: 0 })
  expect((await audit('verify', '--head', '3:abc')).code).toBe(2)
})

it('names the first record that was changed', async () => {
  harm(`UPDATE journal SET type = 'step/dome' WHERE seq = 2`)
  const { code, value } = await auditFacts('verify')
  expect(code).toBe(42)
  expect(value).toMatchObject({ error: { code: 'store/damaged', facts: { seq: 2 } } })
})

it('finds what was changed beside the journal: lease, facts, and words that wait', async () => {
  const store = openSqliteStore(join(state, 'store.db'))
  const lease = await store.acquire('churn', 'a', 60_000)
  if ('held' in lease) throw new Error('held')
  await store.setFact(lease, 'roles', { active: 'secondary', epoch: 2, failover: 'f1' })
  await store.leave('churn', { id: 'w1', is: 'pause', by: 'ada', body: {} })
  await store.release(lease)
  await store.close()
  const kept = `${state}.kept`
  cpSync(state, kept, { recursive: true })
  expect(await audit('verify')).toMatchObject({ code: 0 })
  for (const sql of [
    `UPDATE facts SET value = replace(value, 'secondary', 'primary')`,
    'DELETE FROM facts',
    'UPDATE leases SET epoch = 99',
    'DELETE FROM leases',
    `UPDATE words SET word = replace(word, 'ada', 'eve')`,
  ]) {
    rmSync(state, { recursive: true })
    cpSync(kept, state, { recursive: true })
    harm(sql)
    expect([sql, (await audit('verify')).code]).toEqual([sql, 42])
  }
})

it('finds that the end was cut off or written anew, by the head that is kept beside it or elsewhere', async () => {
  const head = (await audit('head')).out.trim()
  harm('DELETE FROM journal WHERE seq = 3')
  expect(await audit('verify')).toMatchObject({
    code: 42,
    err: expect.stringContaining('ends with record 2: it was cut off'),
  })
  await expect(write(['step/done'])).rejects.toMatchObject({ code: 'store/damaged' })
  rmSync(join(state, 'store.db-head.churn'))
  const cutOff = await audit('verify', '--head', head)
  expect(cutOff).toMatchObject({ code: 42, err: expect.stringContaining('has only 2 records: it was cut off') })
  await write(['step/done', 'step/done'])
  expect(await audit('verify')).toMatchObject({ code: 0 })
  expect((await audit('verify', '--head', head)).err).toContain('has another one in its place: it was written anew')
})
