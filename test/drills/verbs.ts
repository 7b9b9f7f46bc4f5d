import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Printed } from './transcript.ts'

/** Verbs of Holdfast as processes, in one folder. */
export interface Verbs {
  /** Runs a verb to its end; `out` is its standard output alone. */
  run(args: readonly string[]): Promise<Printed & { readonly out: string }>
  /** Starts a verb that goes on. */
  start(args: readonly string[]): void
  /** Waits until a verb that goes on has said these words. */
  until(verb: string, words: string): Promise<Printed>
  /** Variables for all that are started from now on. */
  setEnvironment(env: Readonly<Record<string, string>>): void
  /** Ends those that go on. */
  end(): void
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const MOST_MILLISECONDS = 120_000
const PLAIN = { NO_COLOR: '1', EMULATOR_ALLOCATION_SECONDS: '0', COLUMNS: '120' }

interface Running {
  readonly child: ChildProcess
  readonly over: Promise<number | null>
  said: string
  out: string
}

export function verbsIn(dir: string): Verbs {
  const background = new Map<string, Running>()
  let env: Readonly<Record<string, string>> = {}

  function started(args: readonly string[]): Running {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: dir,
      env: { ...process.env, ...env, ...PLAIN },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const over = new Promise<number | null>((resolve) => child.once('close', resolve))
    const running: Running = { child, over, said: '', out: '' }
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      running.said += text
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      running.said += text
      running.out += text
    })
    return running
  }

  async function run(args: readonly string[]) {
    const running = started(args)
    const late = setTimeout(() => running.child.kill('SIGKILL'), MOST_MILLISECONDS)
    const code = (await running.over) ?? 137
    clearTimeout(late)
    return { text: running.said, out: running.out, code }
  }

  async function until(verb: string, words: string): Promise<Printed> {
    const deadline = Date.now() + MOST_MILLISECONDS
    while (!background.get(verb)?.said.includes(words)) {
      if (Date.now() > deadline) return { text: `${verb} said:\n${background.get(verb)?.said}\n`, code: 1 }
      await sleep(50)
    }
    return { text: '', code: 0 }
  }

  return {
    run,
    until,
    start: (args) => void background.set(args[0] ?? '', started(args)),
    setEnvironment: (given) => {
      env = given
    },
    end: () => {
      for (const { child } of background.values()) child.kill('SIGKILL')
    },
  }
}
