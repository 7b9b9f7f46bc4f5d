import { spawn } from 'node:child_process'
import { openSync, readdirSync, readFileSync } from 'node:fs'

/*
 * Runs one command in a session of its own, and outlives nobody: when the pipe on standard input
 * ends, because the region ended it or died, everything the command started is killed.
 *
 * Standard input: one line of JSON (Order), then a line `terminate` or `kill` at any time.
 * Standard output: one line of JSON when the command runs, one when it has ended (Report).
 */

/** What the region asks the shim to run. */
export interface Order {
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** File that takes standard output and standard error. It is a file so that a busy job never blocks. */
  readonly log: string
  /** Variable of `env` whose value no other process has: whoever carries it belongs to this command. */
  readonly mark: string
}

export type Report =
  | { readonly is: 'running'; readonly pid: number }
  | { readonly is: 'ended'; readonly code: number | null; readonly signal: string | null }
  | { readonly is: 'unstartable'; readonly message: string }

function report(line: Report, then?: () => void): void {
  process.stdout.write(`${JSON.stringify(line)}\n`, then)
}

function sweep(order: Order, group: number): void {
  signal(-group, 'SIGKILL')
  const carried = `${order.mark}=${order.env[order.mark]}\0`
  // Processes that left the group still carry the mark. A fork may slip past one look, and a killed process needs
  // a moment to be gone, so it looks until it finds none.
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  for (let look = 0; look < 50; look++) {
    const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && carries(name, carried))
    if (found.length === 0) return
    for (const pid of found) signal(Number(pid), 'SIGKILL')
    Atomics.wait(nothing, 0, 0, 5)
  }
}

function carries(pid: string, carried: string): boolean {
  try {
    const alive = !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return alive && Number(pid) !== process.pid && `${readFileSync(`/proc/${pid}/environ`)}\0`.includes(carried)
  } catch {
    return false
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has gone already.
  }
}

function run(order: Order): { terminate(): void; kill(): void } {
  const log = openSync(order.log, 'a')
  const [file = '', ...args] = order.command
  const child = spawn(file, args, { cwd: order.cwd, env: order.env, detached: true, stdio: ['ignore', log, log] })
  const group = child.pid
  if (group === undefined) {
    child.once('error', (failure) => report({ is: 'unstartable', message: failure.message }, () => process.exit(0)))
    return { terminate: () => undefined, kill: () => undefined }
  }
  report({ is: 'running', pid: group })
  child.once('exit', (code, ended) => {
    sweep(order, group)
    report({ is: 'ended', code, signal: ended }, () => process.exit(0))
  })
  return { terminate: () => signal(-group, 'SIGTERM'), kill: () => sweep(order, group) }
}

function main(): void {
  let running: ReturnType<typeof run> | undefined
  let rest = ''
  function take(line: string): void {
    if (running === undefined) running = run(JSON.parse(line))
    else if (line === 'terminate') running.terminate()
    else running.kill()
  }
  function die(): void {
    running?.kill()
    process.exit(1)
  }
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
  process.stdin.once('end', die)
  process.stdin.once('error', die)
  process.stdout.once('error', die)
  process.once('SIGTERM', die)
  process.once('SIGINT', die)
}

if (import.meta.main) main()
