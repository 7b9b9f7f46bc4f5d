import { afterAll, afterEach, beforeAll, beforeEach, expect, it, type MockInstance, vi } from 'vitest'
import type { Status } from './definition.ts'
import { JobRegion } from './test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()
let said: MockInstance<typeof process.stderr.write>

beforeAll(async () => {
  await at.open()
  await at.prepare()
})
afterAll(() => at.end())

beforeEach(() => {
  said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => said.mockRestore())

/** Nothing that brings a job to one status can be written any more, as on a disk that has just become full. */
function fill(status: Status): void {
  at.region.db.migrate(`CREATE TEMP TRIGGER fullDisk BEFORE UPDATE ON main.resources
    WHEN instr(new.body, '"status":"${status}"') BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`)
}

/** Waits until the failure is told on standard error, makes room again, and starts the region anew. */
async function recover(): Promise<void> {
  await vi.waitFor(() => expect(said.mock.calls.flat().join('')).toContain('disk is full'), 10_000)
  at.region.db.migrate('DROP TRIGGER temp.fullDisk')
  await at.reopen()
}

it('lets a job that cannot be queued wait for the next start', async () => {
  fill('Queued')
  expect((await at.submit('queued', 'true')).status).toBe(201)
  await recover()
  expect(await at.reaches('queued', 'Completed', 'Failed', 'Canceled')).toBe('Completed')
})

it('lets a job that does not run here wait for the next start to fail', async () => {
  fill('Failed')
  await at.made('jobs/kept', {
    jobType: 'Spark',
    codeId: null,
    entry: { sparkJobEntryType: 'SparkJobPythonEntry', file: 'a.py' },
    resources: { instanceType: 'standard_e4s_v3', runtimeVersion: '3.4' },
  })
  await recover()
  expect(await at.reaches('kept', 'Failed')).toBe('Failed')
})

it('ends a job at the next start whose cancellation could not be written', async () => {
  await at.submit('canceled', 'exec sleep 600')
  await at.reaches('canceled', 'Running')
  fill('Canceled')
  expect((await at.ask('POST', at.at('jobs/canceled/cancel'))).status).toBe(202)
  await recover()
  expect(await at.reaches('canceled', 'Canceled', 'Failed')).toBe('Canceled')
})

it('goes on with the deletion of a workspace whose job could not be ended', async () => {
  await at.submit('last', 'exec sleep 600')
  await at.reaches('last', 'Running')
  fill('Canceled')
  expect((await at.ask('DELETE', at.workspaceId)).status).toBe(202)
  await recover()
  const gone = async () => ((await at.ask('GET', at.workspaceId)).status === 404 ? true : undefined)
  expect(await at.until('the workspace is gone', gone)).toBe(true)
})
