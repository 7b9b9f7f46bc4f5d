import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Cloud } from '../../demo/cloud.ts'
import { type Estate, waitingJob } from '../../demo/estate.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { holdfast } from '../support/command-line.ts'
import type { TestEmulator } from '../support/emulator.ts'
import { type EmulatedEstate, emulatedEstate, openShell } from '../support/protected-estate.ts'

// One protection from its first line to the way back, as a person at a shell takes it: the tests build on each other.

const JOB = 'night-report'

const { dir, policy, verb, asJson, started, close } = openShell('cli')
let site: EmulatedEstate
let emulator: TestEmulator
let cloud: Cloud
let estate: Estate
let container: string

beforeAll(async () => {
  site = await emulatedEstate()
  ;({ emulator, cloud, estate } = site)
  const { workspaceId } = (await cloud.arm('GET', estate.workspace))['properties'] as { workspaceId: string }
  container = `azureml-blobstore-${workspaceId}`
  await cloud.putBlob(estate.storage, `${container}/models/gr%C3%B6%C3%9Fe%201/w.json`, '{}')
})

afterAll(async () => {
  close()
  await site.close()
})

/** Types of what the journal has, in order. */
async function journal(): Promise<readonly string[]> {
  const store = openSqliteStore(join(dir, '.holdfast', 'churn', 'store.db'))
  const records = await Array.fromAsync(store.read('churn'))
  await store.close()
  return records.map(({ type }) => type)
}

async function recorded(type: string, already = 0): Promise<void> {
  while ((await journal()).filter((one) => one === type).length <= already) await sleep(20)
}

it('begins with a file and the rights that it takes, and says what comes first', async () => {
  const init = await holdfast('init', '--workspace', estate.workspace, '--policy', policy)
  expect(init).toMatchObject({ code: 0, err: '' })
  expect(init.out).toMatch(/replicate +Reader +Contributor/)
  expect(await holdfast('init', '--workspace', estate.workspace, '--policy', policy)).toMatchObject({ code: 2 })
  expect((await verb('status')).out).toContain('No recovery point yet: run `holdfast sync`.')
  expect(await verb('plan')).toMatchObject({ code: 3, err: expect.stringContaining('Make it with `holdfast apply`.') })
  const gone = join(dir, 'gone.yaml')
  writeFileSync(gone, readFileSync(policy, 'utf8').replace(`${estate.workspace}\n`, `${estate.workspace}-gone\n`))
  expect(await holdfast('inventory', '--policy', gone)).toMatchObject({
    code: 3,
    err: expect.stringContaining('Look at `primary.workspace` in the policy.'),
  })
  const failover = await verb('failover')
  expect(failover).toMatchObject({ code: 50, err: expect.stringContaining('The secondary was never in step') })
})

it('makes the standby, shows what it would carry in words, and carries it', async () => {
  expect(await verb('apply')).toMatchObject({ code: 0, err: '' })
  const shown = await verb('plan', '--all')
  expect(shown.out).toContain('+ blob/azureml-blobstore-‹guid›/models/größe 1/w.json\n')
  const exact = 'blob/azureml-blobstore-%3C%3Chf%3Aguid%3E%3E/models%2Fgr%C3%B6%C3%9Fe%201%2Fw.json'
  expect((await asJson('plan')).value['steps']).toContainEqual({ do: 'create', address: exact })
  expect(await asJson('sync')).toMatchObject({ code: 0, value: { failed: [], recoveryPoint: expect.any(String) } })
  expect((await verb('sync')).out).toMatch(/^Nothing to do: \d+ items are the same on both sides\.\n/)
  expect((await verb('status')).out).toMatch(/recovery point .* old, objective 5m/)
})

it('takes an address back as it showed it, to leave a thing alone', async () => {
  await cloud.putBlob(estate.storage, `${container}/notes/a%20b.txt`, 'new')
  const address = 'blob/azureml-blobstore-‹guid›/notes/a b.txt'
  expect((await verb('plan')).out).toContain(`+ ${address}\n`)
  const other = join(dir, 'other.yaml')
  const text = readFileSync(policy, 'utf8').replace('every: 1m', `every: 1m\n  exclude: ["${address}"]`)
  writeFileSync(other, text)
  expect((await holdfast('plan', '--policy', other)).out).toContain('Nothing to do.\n')
})

it('names where the sides differ, field by field, and says so to scripts', async () => {
  await verb('sync')
  expect(await verb('drift', '--exit-code')).toMatchObject({ code: 0, out: expect.stringContaining('are the same') })
  const { secondary } = parse(readFileSync(policy, 'utf8')) as {
    secondary: { workspace: string }
  }
  const model = `${secondary.workspace}/models/churn/versions/3`
  const { properties } = (await cloud.arm('GET', model)) as { properties: Record<string, unknown> }
  await cloud.arm('PUT', model, { properties: { ...properties, tags: { stage: 'test' } } })
  const drift = await verb('drift', '--exit-code')
  expect(drift.code).toBe(25)
  expect(drift.out).toMatch(/^different +model\/churn\/3\n +.*stage: "prod" in eastus2, "test" in centralus$/m)
  const { value } = await asJson('drift')
  expect(value).toMatchObject({ from: { location: 'eastus2', incomplete: {} }, to: { incomplete: {} } })
  expect(value['differences']).toMatchObject([{ address: 'model/churn/3', is: 'different', next: 'update' }])
  expect((await verb('sync')).out).toContain('Carried 1 model.')
})

it.each([
  { code: 0, args: ['status'] },
  { code: 0, args: ['loss'] },
  { code: 0, args: ['inventory'] },
  { code: 0, args: ['plan'] },
  { code: 0, args: ['drift'] },
  { code: 0, args: ['config', '--file', '-'] },
  { code: 2, args: ['report'] },
  { code: 2, args: ['inventory', '--kind', 'modle'] },
  { code: 50, args: ['failover'] },
])('ends with $code and prints one JSON value and nothing else for $args', async ({ code, args }) => {
  const ended = await asJson(...args)
  expect(ended.code).toBe(code)
  expect('error' in ended.value).toBe(code !== 0)
})

it('says who holds the lease', async () => {
  const store = openSqliteStore(join(dir, '.holdfast', 'churn', 'store.db'))
  const lease = await store.acquire('churn', 'elsewhere/1', 60_000)
  const held = await verb('sync')
  expect(held.code).toBe(41)
  expect(held.err).toMatch(/elsewhere\/1 holds the lease of churn for another \d+ s/)
  const serve = started('serve')
  while (!serve.said().includes('elsewhere/1\n') && serve.exitCode === null) await sleep(50)
  expect(serve.said()).toContain('stands by: the lease is that of elsewhere/1\n')
  serve.kill('SIGINT')
  expect(await serve.over).toBe(0)
  if (!('held' in lease)) await store.release(lease)
  await store.close()
})

it('ends a sync in order at Ctrl-C, and goes on with it', async () => {
  for (let n = 0; n < 24; n++) await cloud.putBlob(estate.storage, `${container}/many/${n}`, String(n))
  await emulator.faults([{ is: 'slow', at: 'centralus', plane: 'blob', milliseconds: 150 }])
  const before = (await journal()).filter((type) => type === 'step/done').length
  const sync = started('sync')
  await recorded('step/done', before)
  sync.kill('SIGINT')
  expect(await sync.over).toBe(130)
  await emulator.faults([])
  const again = await asJson('sync')
  expect(again).toMatchObject({ code: 0, value: { failed: [], stuck: [] } })
  expect((await verb('drift')).out).toContain('are the same')
})

it('leaves a side that is well only when it is told to', async () => {
  const { properties } = waitingJob(estate) as { properties: object }
  const command = 'node -e "setTimeout(() => undefined, 120_000)"'
  await cloud.arm('PUT', `${estate.workspace}/jobs/${JOB}`, { properties: { ...properties, command } })
  expect((await verb('sync')).code).toBe(0)
  const refused = await verb('failover', '--yes')
  expect(refused).toMatchObject({ code: 50, err: expect.stringContaining('--even-if-healthy') })
  expect(refused.err).toContain('The primary is active and well')
})

it('shows what a failover would do and lose, and does nothing', async () => {
  await emulator.region('eastus2', 'kill')
  const shown = await verb('failover')
  expect(shown.code).toBe(0)
  expect(shown.out).toContain('Nothing of the primary answers')
  expect(shown.out).toMatch(/Loss: at most \d+/)
  expect(shown.out).toContain(`resubmit  1 job: ${JOB}\n`)
  expect(shown.out).toContain('Nothing was done.')
  const refused = await verb('failover', '--yes', '--accept-loss', '1ms')
  expect(refused).toMatchObject({ code: 50, err: expect.stringMatching(/accept the loss with --accept-loss \d+m/) })
  expect(await journal()).not.toContain('failover/begun')
})

it('carries a failover on that was interrupted, and resubmits once', async () => {
  const failover = started('failover', '--yes')
  await recorded('failover/phase-begun', 1)
  failover.kill('SIGINT')
  expect(await failover.over).toBe(130)
  expect(await verb('sync')).toMatchObject({ code: 41, err: expect.stringContaining('has begun and not ended') })
  expect((await verb('failover')).out).toContain('is under way')
  const { code, value } = await asJson('failover', '--yes')
  expect(code).toBe(0)
  expect(value).toMatchObject({ acted: true, report: { from: 'primary', to: 'secondary', outcome: 'done' } })
  const submissions = (await emulator.activity('centralus')).filter(
    ({ method, target }) => method === 'PUT' && target.includes(`/jobs/${JOB}-f`),
  )
  expect(submissions).toHaveLength(1)
  const standby = /workspace: (\S+churn-dr)/.exec(readFileSync(policy, 'utf8'))?.[1] ?? ''
  const closed = await cloud.mlflow(standby, 'GET', `mlflow/runs/get?run_id=${JOB}`)
  const { info, data } = closed['run'] as { info: { status: string }; data: { tags: { key: string; value: string }[] } }
  expect(info.status).toBe('KILLED')
  const successor = data.tags.find(({ key }) => key === 'holdfast.resubmitted_as')?.value
  expect(submissions[0]?.target).toContain(`/jobs/${successor}`)
  expect((await journal()).filter((type) => type === 'failover/begun')).toHaveLength(1)
  expect(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'))).toMatchObject({ workspace_name: 'churn-dr' })
  expect((await verb('status')).out).toContain('churn: the secondary is active')
})

it('takes the other side back before anything else is done with it', async () => {
  expect(await verb('failover', '--yes')).toMatchObject({
    code: 50,
    err: expect.stringContaining('was not taken back'),
  })
  const away = await verb('sync')
  expect(away.code).not.toBe(0)
  expect(away.err).toContain('The primary cannot be fenced yet')
  await emulator.region('eastus2', 'start')
  const back = await verb('sync')
  expect(back.out).toContain('The primary is back since failover f')
  expect((await asJson('report')).value).toMatchObject({ outcome: 'done', returned: expect.any(Array) })
})

it('asks the controller that holds the lease, which goes by what it sees itself', async () => {
  const serve = started('serve', '--tick', '200', '--lease', '6000', '--call', '2000')
  while (!serve.said().includes('holds the lease') && serve.exitCode === null) await sleep(50)
  // It has no vantage points, and looks at both sides from where it runs.
  expect(await verb('failover', '--yes')).toMatchObject({
    code: 50,
    err: expect.stringContaining('The secondary is active and well'),
  })
  const { code, value } = await asJson('failover', '--yes', '--even-if-healthy')
  expect(code).toBe(0)
  expect(value).toMatchObject({ report: { from: 'secondary', to: 'primary', outcome: 'done' } })
  while (!serve.said().includes('the other side is back') && serve.exitCode === null) await sleep(50)
  // As where its terminal is closed: it gives its lease back.
  serve.kill('SIGHUP')
  expect(await serve.over).toBe(0)
  expect(serve.said()).not.toContain('trouble')
})

it('leaves a side on purpose', async () => {
  expect((await verb('sync')).code).toBe(0)
  const { code, value } = await asJson('failover', '--yes', '--even-if-healthy')
  expect(code).toBe(0)
  expect(value).toMatchObject({
    report: { from: 'primary', to: 'secondary', outcome: 'done', loss: expect.any(Array) },
  })
  expect(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'))).toMatchObject({ workspace_name: 'churn-dr' })
})

it('does not carry on what was begun before its side was well again', async () => {
  const store = openSqliteStore(join(dir, '.holdfast', 'churn', 'store.db'))
  const lease = await store.acquire('churn', 'test', 5000)
  if ('held' in lease) throw new Error('the lease is held')
  const body = {
    id: 'f0',
    from: 'secondary',
    to: 'primary',
    epoch: lease.epoch,
    reason: '',
    recoveryPoint: 0,
    silent: true,
  }
  await store.append(lease, [{ run: 'f0', type: 'failover/begun', body }])
  await store.release(lease)
  expect(await verb('failover', '--yes')).toMatchObject({ code: 50, err: expect.stringContaining('has been done yet') })
  const again = await store.acquire('churn', 'test', 5000)
  if ('held' in again) throw new Error('the lease is held')
  await store.append(again, [{ run: 'f0', type: 'failover/ended', body: { id: 'f0', outcome: 'abandoned' } }])
  await store.release(again)
  await store.close()
})
