import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { audit } from '../../demo/audit.ts'
import type { Cloud } from '../../demo/cloud.ts'
import { type Estate, logHistory, nightlySchedule, waitingJob } from '../../demo/estate.ts'
import { witness } from '../../demo/witness.ts'
import type { TestEmulator } from '../support/emulator.ts'
import { type EmulatedEstate, emulatedEstate, openShell } from '../support/protected-estate.ts'

// A side that is well is left and gone back to, as a person at a shell does it: the tests build on each other.

const JOB = 'night-report'
const MINUTE = 60_000

const { dir, policy, verb, asJson, started, close } = openShell('switchover')
let site: EmulatedEstate
let emulator: TestEmulator
let cloud: Cloud
let estate: Estate

beforeAll(async () => {
  site = await emulatedEstate()
  ;({ emulator, cloud, estate } = site)
  await logHistory(cloud, estate)
  const tomorrow = new Date(Date.now() + 1440 * MINUTE)
  await cloud.arm('PUT', `${estate.workspace}/schedules/nightly`, nightlySchedule(estate, tomorrow))
  await verb('init', '--workspace', estate.workspace)
  await verb('apply')
}, 120_000)

afterAll(async () => {
  close()
  await site.close()
})

async function submit(name: string, seconds: number): Promise<void> {
  const { properties } = waitingJob(estate) as { properties: object }
  const command = `node -e "setTimeout(() => undefined, ${seconds * 1000})"`
  await cloud.arm('PUT', `${estate.workspace}/jobs/${name}`, { properties: { ...properties, command } })
}

async function isEnabled(workspace: string): Promise<unknown> {
  const { properties } = await cloud.arm('GET', `${workspace}/schedules/nightly`)
  return (properties as { isEnabled: boolean }).isEnabled
}

function secondary(): string {
  return /workspace: (\S+churn-dr)/.exec(readFileSync(policy, 'utf8'))?.[1] ?? ''
}

/** What a side acknowledged until now, compared with the other without asking Holdfast. */
async function audited(from: string, to: string, location: string, other: string) {
  const side = async (workspace: string, at: string) => {
    const { workspaceId, storageAccount } = (await cloud.arm('GET', workspace))['properties'] as Record<string, string>
    return { workspace, workspaceId: workspaceId ?? '', storage: storageAccount?.split('/').at(-1) ?? '', location: at }
  }
  const request = { from: await side(from, location), to: await side(to, other), cloud, named: new Set<string>() }
  const lines = await witness(emulator.control, location)
  return audit({ ...request, lines, recoveryPoint: Date.now() })
}

it('is refused before the standby was ever in step', async () => {
  const refused = await verb('switchover')
  expect(refused).toMatchObject({ code: 50, err: expect.stringContaining('The secondary was never in step') })
})

it('shows the whole plan and what stands against it, and does nothing', async () => {
  await verb('sync')
  await submit(JOB, 300)
  const shown = await verb('switchover')
  expect(shown).toMatchObject({ code: 0, err: '' })
  expect(shown.out).toContain('the primary is active, the secondary would take over')
  expect(shown.out).toContain(
    `wait for the job that is under way, up to 30m; if one still runs then, go back (job ${JOB})`,
  )
  expect(shown.out).toContain('Nothing was done. `holdfast switchover --yes` does it.')
  expect(await asJson('switchover')).toMatchObject({ code: 0, value: { acted: false, underWay: [`job/${JOB}`] } })
  expect(await verb('failback')).toMatchObject({ code: 50, err: expect.stringContaining('primary is active already') })
})

it('is refused with the reason where the other region’s quota does not carry what must run there', async () => {
  const lack = /compute\/\S+ may take \d+ cores of \S+ in centralus, where the quota is 0 and 0 are free/
  await emulator.faults([{ is: 'quota', at: 'centralus', family: '*' }])
  try {
    expect(await verb('switchover', '--yes')).toMatchObject({ code: 50, err: expect.stringMatching(lack) })
    expect(await asJson('plan')).toMatchObject({ code: 0, value: { lacking: [expect.stringMatching(lack)] } })
    expect((await verb('plan')).out).toMatch(lack)
    expect((await verb('failover', '--even-if-healthy')).out).toMatch(lack)
  } finally {
    await emulator.faults([])
  }
  expect(await asJson('status')).toMatchObject({ value: { active: 'primary', epoch: 0 } })
  expect(await asJson('plan')).toMatchObject({ value: { lacking: [] } })
})

it('is held by a pause, which everybody sees and which ends', async () => {
  expect((await verb('pause', '--for', '2h', '--why', 'network work')).out).toMatch(/Paused by .* until .*network work/)
  expect((await verb('status')).out).toContain('network work')
  expect(await verb('switchover')).toMatchObject({ code: 50, err: expect.stringContaining('network work') })
  expect(await asJson('resume')).toMatchObject({ code: 0, value: { paused: null } })
  expect((await verb('resume')).out).toContain('It is not paused')
  await verb('pause', '--for', '1s')
  await sleep(1100)
  expect(await asJson('status')).toMatchObject({ value: { paused: null } })
})

it('goes back to where it was when a job does not end in time', async () => {
  const { code, value } = await asJson('switchover', '--yes', '--wait', '1s')
  expect(code).toBe(50)
  expect(value).toMatchObject({ report: { outcome: 'undone' }, error: { code: 'failover/refused' } })
  expect(await isEnabled(estate.workspace)).toBe(true)
  const { properties } = await cloud.arm('GET', `${estate.workspace}/jobs/${JOB}`)
  expect(properties).toMatchObject({ status: 'Running' })
})

it('is ended by Ctrl-C, goes back when that is wanted, and everything acts as before', async () => {
  const waiting = started('switchover', '--yes')
  while (!waiting.said().includes('quiesce')) await sleep(50)
  waiting.kill('SIGINT')
  expect(await waiting.over, waiting.said()).toBe(130)
  const held = { code: 41, err: expect.stringContaining('`holdfast switchover --yes`') }
  expect(await verb('sync')).toMatchObject(held)
  const other = await verb('failback', '--yes')
  expect(other).toMatchObject({ code: 50, err: expect.stringContaining('to the secondary is under way') })
  expect(await asJson('switchover', '--undo')).toMatchObject({ code: 0, value: { report: { outcome: 'undone' } } })
  expect(await isEnabled(estate.workspace)).toBe(true)
})

it('leaves a side that is well and loses nothing that it acknowledged', { timeout: 120_000 }, async () => {
  const { code, value } = await asJson('switchover', '--yes', '--jobs', 'resubmit')
  expect(code).toBe(0)
  expect(value).toMatchObject({
    acted: true,
    report: { move: 'switchover', from: 'primary', to: 'secondary', outcome: 'done', loss: [], returned: [] },
  })
  const found = await audited(estate.workspace, secondary(), 'eastus2', 'centralus')
  expect(found.acknowledgements).toBeGreaterThan(50)
  expect(found.broken).toEqual([])
  const submissions = (await emulator.activity('centralus')).filter(
    ({ method, target }) => method === 'PUT' && target.includes(`/jobs/${JOB}-f`),
  )
  expect(submissions).toHaveLength(1)
  expect([await isEnabled(estate.workspace), await isEnabled(secondary())]).toEqual([false, true])
  expect(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'))).toMatchObject({ workspace_name: 'churn-dr' })
  expect(await asJson('sync')).toMatchObject({ code: 0 })
})

it('fails back through a controller that holds the lease, when it is asked', { timeout: 120_000 }, async () => {
  await cloud.arm('POST', `${secondary()}/jobs/${await resubmitted()}/cancel`)
  const points = await watched()
  const serve = started('serve', '--json', '--listen', '127.0.0.1:0')
  while (!serve.said().includes('The secondary is active and well')) await sleep(100)
  const [url] = /http:\/\/127\S+/.exec(serve.said()) ?? []
  expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ ok: true, reason: null })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('holdfast_active{protection="churn",side="secondary"} 1\n')
  expect(metrics).toContain('holdfast_plane_up{protection="churn",side="primary",plane="control"} 1\n')
  expect(metrics).toMatch(/^holdfast_refused_items\{protection="churn"\} 0$/m)
  expect(metrics).toMatch(/^holdfast_recovery_point_age_seconds\{protection="churn"\} \d/m)
  const { code, out, err } = await verb('failback', '--yes')
  expect(code, `${out}${err}${serve.said()}`).toBe(0)
  expect(out).toContain('Switchover f')
  serve.kill('SIGINT')
  await serve.over
  for (const point of points) point.kill('SIGTERM')
  expect((await asJson('report')).value).toMatchObject({ move: 'switchover', to: 'primary', outcome: 'done', loss: [] })
  expect((await verb('drift', '--exit-code')).code).toBe(0)
  const found = await audited(secondary(), estate.workspace, 'centralus', 'eastus2')
  // The marks by which a replica tells where it came from are the standby's own, and stay there.
  expect(found.broken.filter(({ why }) => !why.includes('holdfast.source'))).toEqual([])
  expect(await isEnabled(estate.workspace)).toBe(true)
  expect(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'))).toMatchObject({ workspace_name: 'churn' })
})

async function resubmitted(): Promise<string> {
  const { value } = await asJson('report')
  return (value['jobs'] as { as: string }[])[0]?.as ?? ''
}

/** Three vantage points on this machine, each a vote, and a policy that names them. */
async function watched(): Promise<readonly ChildProcess[]> {
  const names = ['one', 'two', 'three']
  const points = names.map((name) => started('vantage', '--name', name, '--listen', '127.0.0.1:0', '--every', '500'))
  const urls = await Promise.all(points.map(listening))
  const listed = names.map((name, index) => `    - { name: ${name}, url: "${urls[index]}" }`).join('\n')
  const text = readFileSync(policy, 'utf8').replace(/failover:[^\n]*\n(?: .*\n)*/, '')
  writeFileSync(policy, `${text}\nfailover:\n  demo: true\n  vantagePoints:\n${listed}\n`)
  return points
}

async function listening(point: ReturnType<typeof started>): Promise<string> {
  while (!/http:\S+/.test(point.said())) await sleep(50)
  return /http:\S+/.exec(point.said())?.[0] ?? ''
}

it('gives a switchover up whose side is lost in the middle, and fails over instead', { timeout: 120_000 }, async () => {
  expect((await verb('sync')).code).toBe(0)
  await submit('last-report', 300)
  const waiting = started('switchover', '--yes')
  while (!waiting.said().includes('done  quiesce') && waiting.exitCode === null) await sleep(50)
  waiting.kill('SIGINT')
  expect(await waiting.over, waiting.said()).toBe(130)
  await emulator.region('eastus2', 'kill')
  const { code, value } = await asJson('failover', '--yes', '--accept-loss', '1h')
  expect(code).toBe(0)
  expect(value).toMatchObject({ report: { move: 'failover', to: 'secondary', outcome: 'done' } })
  expect(await isEnabled(secondary())).toBe(true)
})
