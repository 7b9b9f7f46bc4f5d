import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { until } from '../run-emulator.ts'

/** A system call that touched a file or a connection, in the order in which it began. */
export interface Call {
  readonly name: string
  /** Path of the file, or `tcp` for a connection. */
  readonly on: string
  /** Everything between the brackets, with the first bytes of what was written. */
  readonly args: string
  readonly result: number
  /** Places in the trace at which it began and ended. Calls of different threads overlap. */
  readonly began: number
  readonly ended: number
}

/** What a process does while it is watched. */
export interface Trace {
  /** The calls since the last look that have ended, once one of them matches. */
  upTo(what: string, matches: (call: Call) => boolean): Promise<readonly Call[]>
  end(): Promise<void>
}

const CALLS = 'openat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2'

/** True if this machine has strace and lets it watch a process. */
export function canTrace(): boolean {
  return spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0
}

/** Watches all threads of a process until told to end. `file` takes the trace. */
export async function trace(pid: number, file: string): Promise<Trace> {
  const args = ['-f', '-yy', '-s', '512', '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', file, '-p', String(pid)]
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await until('strace has attached', () => said.includes('attached'))
  let seen = 0
  return {
    upTo: async (what, matches) => {
      let fresh: readonly Call[] = []
      await until(what, () => {
        const { calls, lines } = callsIn(readFileSync(file, 'utf8'), seen)
        fresh = calls
        if (!calls.some(matches)) return false
        seen = lines
        return true
      })
      return fresh
    },
    end: () => ended(child),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGINT')
  await gone
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<([^>]*(?:>[^>]*)?)>)?/
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)(?:<(.*)>)?/

/** Calls in the lines from `from` on. A call that another thread's line divides has a line for its begin and one for its end. */
function callsIn(text: string, from: number): { readonly calls: readonly Call[]; readonly lines: number } {
  const lines = text.split('\n').slice(0, -1)
  const open = new Map<string, { readonly args: string; readonly began: number }>()
  const calls: Call[] = []
  for (const [index, line] of lines.entries()) {
    const begun = BEGUN.exec(line)
    if (begun !== null) {
      open.set(`${begun[1]} ${begun[2]}`, { args: begun[3] ?? '', began: index })
      continue
    }
    const resumed = RESUMED.exec(line)
    const whole = resumed ?? WHOLE.exec(line)
    if (whole === null) continue
    const [, thread = '', name = '', rest = '', result, path] = whole
    const before = resumed === null ? { args: '', began: index } : open.get(`${thread} ${name}`)
    if (before === undefined) continue
    const args = `${before.args}${rest}`
    calls.push({ name, args, on: path ?? onOf(args), result: Number(result), began: before.began, ended: index })
  }
  return { calls: calls.filter(({ ended }) => ended >= from), lines: lines.length }
}

/** What the first argument, a descriptor with its path, stands for. */
function onOf(args: string): string {
  const inside = /^\d+<(.*?)>(?:,|$)/.exec(args)?.[1] ?? ''
  return inside.startsWith('TCP') ? 'tcp' : inside
}
