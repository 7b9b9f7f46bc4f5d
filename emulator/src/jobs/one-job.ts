import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { after } from '../long-timer.ts'
import type { Region } from '../region.ts'
import { bound, environmentOf } from './command-line.ts'
import type { Storage } from './data/storage.ts'
import type { CommandJob } from './definition.ts'
import { secondsOf } from './duration.ts'
import { registerOutputs } from './lineage.ts'
import { type Ended, type Group, launch } from './process/group.ts'
import type { Failure, Job, Records } from './records.ts'
import { RunLogs } from './run-logs.ts'
import { type Stage, setStage } from './stage.ts'

const CARRY_MILLISECONDS = 150
const LOG_MILLISECONDS = 1000
const TOKEN_SECONDS = 24 * 3600

/** What one job needs for its life on a node. */
export interface Life {
  readonly region: Region
  readonly storage: Storage
  readonly records: Records
  readonly job: Job<CommandJob>
  /** Folder that the job gets for itself; removed at the end. */
  readonly folder: string
  /** Aborts where the job is to be cancelled. */
  readonly cancelled: AbortSignal
  /** Aborts where the region closes: the command is killed and the job's state stays as it is. */
  readonly closing: AbortSignal
}

/** The end of a job for a reason that is not the command's own. */
class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code: string

  constructor(code: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.code = code
  }
}

/** How a job ends. */
interface Outcome {
  readonly status: 'Completed' | 'Failed' | 'Canceled'
  readonly failure?: Failure
}

class Gone extends Error {
  override readonly name = 'Gone'
}

/**
 * Takes a job whose nodes are allocated from `Queued` to its end.
 *
 * Resolves when the end is on disk, nothing of the job runs any more and its folder is gone.
 * Never rejects for what the job itself does wrong.
 */
export async function runJob(life: Life): Promise<void> {
  const { region, records, job, folder, cancelled, closing } = life
  if (!(await records.move(job.id, ['Queued'], 'Preparing'))) return
  const logs = new RunLogs(region, job, folder)
  try {
    await mkdir(folder, { recursive: true })
    await logs.open()
    const end = await ended(life, logs)
    if (closing.aborted) return
    await logs.copy()
    await finish(life, end)
  } catch (thrown) {
    if (closing.aborted || thrown instanceof Gone) return
    const stopped = thrown instanceof Stopped ? thrown : new Stopped('JobPreparationFailed', thrown)
    const failure = { code: stopped.code, message: stopped.message }
    const end: Outcome = cancelled.aborted ? { status: 'Canceled' } : { status: 'Failed', failure }
    await logs.say(failure.message).then(
      () => logs.copy(),
      () => undefined,
    )
    await finish(life, end)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function finish({ region, records, job, cancelled }: Life, end: Outcome): Promise<void> {
  const { status, failure } = cancelled.aborted ? { status: 'Canceled' as const } : end
  await region.db.write(() => {
    const ended = records.moveNow(job.id, ['CancelRequested', 'Preparing', 'Running', 'Finalizing'], status, failure)
    if (ended && status === 'Completed') registerOutputs(region, job)
  })
}

/** Runs the command with everything around it. Resolves with how the job is to end. */
async function ended(life: Life, logs: RunLogs): Promise<Outcome> {
  const { region, storage, records, job, folder, cancelled, closing } = life
  const say = (line: string) => logs.say(line)
  await say(`Preparing the job ${job.name}.`)
  const stage = await setStage({ region, storage, job, folder, signal: AbortSignal.any([cancelled, closing]), say })
  AbortSignal.any([cancelled, closing]).throwIfAborted()
  const env = await environment(life, stage)
  if (!(await records.move(job.id, ['Preparing'], 'Running'))) throw new Gone()
  const command = bound(job.definition.command, stage.bindings)
  await say(`Running: ${command}`)
  const group = launch({ command: [shell(), '-c', command], cwd: stage.cwd, env, log: logs.output })
  const timedOut = limited(life, group)
  const carrying = carry(stage, group.ended, async () => {
    if (records.get(job.id) === undefined) await group.kill()
    await logs.copy()
  })
  const end = await group.ended
  const troubles = await carrying
  if (closing.aborted) return { status: 'Failed' }
  await say(`The command ended: ${JSON.stringify(end)}`)
  await records.move(job.id, ['Running'], 'Finalizing')
  for (const trouble of troubles) await say(trouble)
  await carryRest(stage)
  if (timedOut()) return { status: 'Canceled', failure: timeout(job) }
  const failure = failureOf(end)
  return failure === undefined ? { status: 'Completed' } : { status: 'Failed', failure }
}

async function environment({ region, job }: Life, stage: Stage): Promise<Record<string, string>> {
  const token = await region.tokens.issue({
    subject: `job-${job.name}`,
    audience: 'https://management.azure.com',
    lifetimeSeconds: TOKEN_SECONDS,
  })
  const run = region.runs.need(job.workspace.id, job.name)
  const { name, workspace, definition } = job
  return environmentOf(region, {
    name,
    workspace,
    token,
    job: definition,
    experimentId: run.experimentId,
    home: stage.home,
    bindings: stage.bindings,
  })
}

function shell(): string {
  return existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh'
}

/** Ends the group where the job is cancelled, the region closes or its time is over. Tells whether it was the time. */
function limited({ job, cancelled, closing }: Life, group: Group): () => boolean {
  let over = false
  const seconds = secondsOf(job.definition.limits?.timeout)
  const timeIsOver = () => {
    over = true
    void group.terminate()
  }
  const endTimer = seconds === undefined ? undefined : after(seconds * 1000, timeIsOver)
  const terminate = () => void group.terminate()
  const kill = () => void group.kill()
  cancelled.addEventListener('abort', terminate)
  closing.addEventListener('abort', kill)
  if (cancelled.aborted) terminate()
  if (closing.aborted) kill()
  void group.ended.then(() => {
    endTimer?.()
    cancelled.removeEventListener('abort', terminate)
    closing.removeEventListener('abort', kill)
  })
  return () => over
}

/** Carries outputs to storage, and does what is to be done each second, until the command has ended. Resolves with what went wrong meanwhile. */
async function carry(stage: Stage, end: Promise<Ended>, eachSecond: () => Promise<void>): Promise<ReadonlySet<string>> {
  const troubles = new Set<string>()
  const stop = new AbortController()
  void end.then(() => stop.abort())
  const again = async (milliseconds: number, work: () => Promise<void>) => {
    while (!stop.signal.aborted) {
      const began = performance.now()
      await work().catch((failure) => troubles.add(`While the command ran: ${failure}`))
      // A large tree must not keep the region busy with looking at it.
      const rest = Math.max(milliseconds, 5 * (performance.now() - began))
      await sleep(rest, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  const passes = async () => {
    for (const mirror of stage.mounted) await mirror.pass()
  }
  await Promise.all([again(CARRY_MILLISECONDS, passes), again(LOG_MILLISECONDS, eachSecond)])
  return troubles
}

async function carryRest(stage: Stage): Promise<void> {
  try {
    for (const mirror of [...stage.mounted, ...stage.uploaded]) await mirror.finish()
  } catch (failure) {
    throw new Stopped('OutputUploadFailed', failure)
  }
}

function failureOf(end: Ended): Failure | undefined {
  switch (end.is) {
    case 'exited':
      if (end.code === 0) return undefined
      return { code: 'UserError', message: `Execution failed. User process exited with status code ${end.code}.` }
    case 'signalled':
      return { code: 'UserError', message: `Execution failed. User process was ended by the signal ${end.signal}.` }
    case 'unstartable':
      return { code: 'JobPreparationFailed', message: `The command cannot be started: ${end.message}` }
    case 'lost':
      return { code: 'JobNodeLost', message: 'The node of the job was lost.' }
    default:
      return end satisfies never
  }
}

function timeout(job: Job<CommandJob>): Failure {
  return { code: 'JobTimeout', message: `The job ran longer than its limit of ${job.definition.limits?.timeout}.` }
}
