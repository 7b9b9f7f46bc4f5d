import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './shim.ts'

const SHIM = fileURLToPath(new URL('./shim.ts', import.meta.url))
const MARK = 'AZUREML_PROCESS_MARK'
const GRACE_MILLISECONDS = 5000

/** How a command ended. `lost` means that nobody can say: its shim died. */
export type Ended =
  | { readonly is: 'exited'; readonly code: number }
  | { readonly is: 'signalled'; readonly signal: string }
  | { readonly is: 'unstartable'; readonly message: string }
  | { readonly is: 'lost' }

/** A command and everything it started. It dies with this process, even when this process is killed. */
export interface Group {
  /** Resolves when the command has ended and nothing of it runs any more. Never rejects. */
  readonly ended: Promise<Ended>
  /** Asks it to end (SIGTERM), and ends it (SIGKILL) where it is still there five seconds later. May be called twice. */
  terminate(): Promise<void>
  /** Ends it at once. May be called twice. */
  kill(): Promise<void>
}

/** Starts a command in a process group of its own, under a shim that watches over this process. */
export function launch(order: Omit<Order, 'mark'>): Group {
  const marked: Order = { ...order, env: { ...order.env, [MARK]: randomUUID() }, mark: MARK }
  const shim = spawn(process.execPath, [SHIM], {
    detached: true,
    cwd: order.cwd,
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = endOf(shim)
  say(shim, JSON.stringify(marked))
  return {
    ended,
    terminate: async () => {
      say(shim, 'terminate')
      const patience = new AbortController()
      const grown = sleep(GRACE_MILLISECONDS, 'late', { signal: patience.signal }).catch(() => 'done')
      if ((await Promise.race([ended, grown])) === 'late') say(shim, 'kill')
      patience.abort()
      await ended
    },
    kill: async () => {
      say(shim, 'kill')
      await ended
    },
  }
}

function say(shim: ChildProcess, line: string): void {
  if (shim.stdin?.writable) shim.stdin.write(`${line}\n`)
}

function endOf(shim: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    let group: number | undefined
    let told: Ended | undefined
    shim.stdin?.on('error', () => undefined)
    shim.once('error', (failure) => resolve({ is: 'unstartable', message: failure.message }))
    if (shim.stdout === null) return
    const lines = createInterface({ input: shim.stdout })
    lines.on('line', (line) => {
      const report: Report = JSON.parse(line)
      if (report.is === 'running') group = report.pid
      else told = endedBy(report)
    })
    // The lines end after the shim and all its reports: what was not told by now is not known.
    lines.once('close', () => {
      if (told === undefined && group !== undefined) killGroup(group)
      resolve(told ?? { is: 'lost' })
    })
  })
}

function endedBy(report: Exclude<Report, { is: 'running' }>): Ended {
  if (report.is === 'unstartable') return report
  if (report.signal !== null) return { is: 'signalled', signal: report.signal }
  return { is: 'exited', code: report.code ?? 0 }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
