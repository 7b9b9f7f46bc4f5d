import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenRegion, openRegion } from '../region.ts'
import type { CommandJob } from './definition.ts'

let marks = ''
let child: ChildProcess | undefined
let region: OpenRegion | undefined
let root = ''

beforeEach(() => {
  marks = mkdtempSync(join(tmpdir(), 'death-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await region?.close()
  region = undefined
  rmSync(marks, { recursive: true, force: true })
  if (root !== '') rmSync(root, { recursive: true, force: true })
})

async function until<T>(what: string, ask: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`it did not come to pass within 20 s: ${what}`)
    await sleep(25)
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(join(marks, file), 'utf8') || undefined
  } catch {
    return undefined
  }
}

function alive(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid.trim()}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A process with a region in which one job runs and one waits; resolves with the ARM id of the workspace. */
async function regionAtWork(): Promise<string> {
  const helper = new URL('./test-jobs.ts', import.meta.url).href
  const script = `
    import { renameSync, writeFileSync } from 'node:fs'
    import { JobRegion } from ${JSON.stringify(helper)}
    const at = new JobRegion()
    await at.open()
    await at.prepare()
    await at.submit('ran', 'echo $$ > ${marks}/pid.part; mv ${marks}/pid.part ${marks}/pid; sleep 600 & wait')
    await at.reaches('ran', 'Running')
    await at.submit('waits', 'echo done > ${marks}/waited')
    await at.reaches('waits', 'Queued')
    writeFileSync('${marks}/ready.part', JSON.stringify({ root: at.root, workspace: at.workspaceId }))
    renameSync('${marks}/ready.part', '${marks}/ready')`
  const env = { ...process.env, EMULATOR_ALLOCATION_SECONDS: '0.05' }
  child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'inherit', env })
  const ready = JSON.parse(await until('the region is at work', () => read('ready')))
  root = ready.root
  return ready.workspace
}

function job(name: string, workspace: string): CommandJob {
  if (region === undefined) throw new Error('the region is not open')
  return region.resources.need(`${workspace}/jobs/${name}`).body['properties'] as CommandJob
}

async function ends(name: string, workspace: string): Promise<string> {
  return until(`${name} ends`, () => {
    const { status } = job(name, workspace)
    return ['Completed', 'Failed', 'Canceled'].includes(status) ? status : undefined
  })
}

describe('when a region is killed', () => {
  it('every command of its jobs dies with it; what ran has failed, what waited starts after a whole allocation', async () => {
    const workspace = await regionAtWork()
    const pid = await until('the pid of the command', () => read('pid'))

    child?.kill('SIGKILL')

    await until('the command is gone', () => (alive(pid) ? undefined : true))
    const opened = await openRegion({ name: 'eastus2', root, allocationSeconds: 4 })
    region = opened
    expect(await ends('ran', workspace)).toBe('Failed')
    const run = opened.runs.need(workspace, 'ran')
    expect([run.status, run.end !== null]).toEqual(['Failed', true])
    expect(run.details.error).toMatchObject({ error: { code: 'JobNodeLost' } })
    expect([job('waits', workspace).status, read('waited')]).toEqual(['Queued', undefined])
    expect(await ends('waits', workspace)).toBe('Completed')
    // The folder goes after the end is known.
    const folders = () => readdirSync(join(opened.dir, 'jobs'))
    await until('the folders of ended jobs are gone', () => (folders().length === 0 ? true : undefined))
  })

  it('a job that waits can be cancelled before its new node comes', async () => {
    const workspace = await regionAtWork()
    child?.kill('SIGKILL')
    region = await openRegion({ name: 'eastus2', root, allocationSeconds: 3600 })
    const port = await region.listen()
    const audience = 'https://management.azure.com'
    const token = await region.tokens.issue({ subject: 'tester', audience, lifetimeSeconds: 60 })

    const answer = await post(port, `${workspace}/jobs/waits/cancel?api-version=2025-12-01`, token)

    expect(answer).toBe(202)
    expect(await ends('waits', workspace)).toBe('Canceled')
    expect(read('waited')).toBeUndefined()
  })
})

function post(port: number, path: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'management.azure.com', authorization: `Bearer ${token}` }
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path, headers }, (reply) => {
      reply.resume()
      reply.once('end', () => resolve(reply.statusCode ?? 0))
    })
    sent.once('error', reject)
    sent.end()
  })
}
