import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import type { Evidence } from '../../demo/evidence.ts'

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-journey-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Starts the demo as `npm run demo` does, with a folder of its own for everything temporary. */
function startDemo(name: string): { child: ChildProcess; temporary: string; evidence: string; said: () => string } {
  const temporary = mkdtempSync(join(scratch, `${name}-`))
  const evidence = join(temporary, 'evidence.json')
  const child = spawn(process.execPath, ['demo/main.ts', '--evidence', evidence], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const take = (chunk: Buffer) => {
    text += chunk.toString('utf8')
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return { child, temporary, evidence, said: () => text }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => (child.exitCode !== null ? resolve(child.exitCode) : child.once('exit', resolve)))
}

/** Processes whose command line or environment names the folder: everything that the demo started. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ['cmdline', 'environ'].some((file) => read(`/proc/${pid}/${file}`).includes(folder)))
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function until(test: () => boolean, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds
  while (!test() && Date.now() < deadline) await sleep(50)
  return test()
}

it('keeps the work of a lost region: nothing missing, nothing twice, the job goes on from its checkpoint', {
  timeout: 240_000,
}, async () => {
  const { child, temporary, evidence, said } = startDemo('whole')
  expect(await exitOf(child), said()).toBe(0)

  const found = JSON.parse(readFileSync(evidence, 'utf8')) as Evidence
  expect(found.audit.broken).toEqual([])
  expect(found.audit.silent).toEqual([])
  expect(found.audit.acknowledgements).toBeGreaterThan(80)
  expect(Object.keys(found.audit.compared)).toEqual(
    expect.arrayContaining(['models', 'run', 'blob', 'schedules', 'datastores']),
  )
  expect(found.jobs.submittedTwice).toEqual([])
  expect(Object.keys(found.jobs.resubmitted).sort()).toEqual(['daily-report', 'train-iris'])
  expect(found.jobs.ranAfterReturn).toEqual([])
  expect(found.training.firstResumedEpoch).toBe(found.training.verifiedCheckpointEpoch + 1)
  expect(found.training.firstResumedEpoch).toBeGreaterThan(1)
  expect(found.training.firstResumedEpoch).toBeLessThan(found.training.epochs)
  expect(found.training.sameModelAsUndisturbed).toBe(true)
  expect(found.pointer).toEqual({ before: 'churn', after: 'churn-dr' })
  expect(found.report.verified).toMatchObject({ missing: [], different: [] })
  expect(found.verdicts.filter(({ held }) => !held)).toEqual([])
  expect(await until(() => processesOf(temporary).length === 0, 5000), 'every process ended').toBe(true)
  expect(readdirSync(temporary).filter((name) => name.startsWith('holdfast-demo-'))).toEqual([])
})

for (const moment of ['Starting a local Azure', 'Holdfast protects it', 'A training job runs']) {
  it(`leaves no process behind when it is interrupted at “${moment}”`, { timeout: 120_000 }, async () => {
    const { child, temporary, said } = startDemo('interrupted')
    expect(await until(() => said().includes(moment), 60_000), said()).toBe(true)
    // Somewhere within the chapter, not at its edge.
    await sleep(700)
    child.kill('SIGINT')
    expect(await exitOf(child)).toBe(130)
    expect(await until(() => processesOf(temporary).length === 0, 10_000), processesOf(temporary).join(' ')).toBe(true)
  })
}
