import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const PATIENCE_MILLISECONDS = 20_000

/** An emulator in processes of its own, as a user starts it. */
export interface RunningEmulator {
  readonly dir: string
  readonly port: number
  readonly ca: string
  readonly process: ChildProcess
  /** URL of the proxy for a client of this name. */
  proxy(client: string): string
  /** Asks the control API; gives the parsed body and throws where the answer is not 200. */
  control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  /** Process of a region, or `undefined` where none lives. */
  pidOf(region: string): Promise<number | undefined>
  /** Ends the emulator in good order. The folder stays where `keep` is set, for a second run. */
  end(options?: { keep?: boolean }): Promise<void>
}

/** Starts an emulator and resolves when every region listens. It ends with this process at the latest. */
export async function runEmulator(
  options: { dir?: string; regions?: string; limits?: string } = {},
): Promise<RunningEmulator> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'emulator-')))
  const { regions = 'eastus2,centralus', limits } = options
  const limited = limits === undefined ? [] : ['--limits', limits]
  const child = spawn(process.execPath, [MAIN, '--dir', dir, '--regions', regions, '--tied', ...limited], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await Promise.race([once(child.stdout, 'data'), failsWhenEnded(child)])
  const facts = JSON.parse(await readFile(join(dir, 'emulator.json'), 'utf8')) as { port: number; ca: string }

  async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://127.0.0.1:${facts.port}/emulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const json = (await answer.json()) as Record<string, unknown>
    if (answer.status !== 200) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(json)}`)
    return json
  }

  async function end({ keep = false } = {}): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
    if (!keep) await rm(dir, { recursive: true, force: true })
  }

  async function pidOf(region: string): Promise<number | undefined> {
    const { regions: all } = (await control('GET', 'status')) as unknown as {
      regions: { name: string; pid?: number }[]
    }
    return all.find((one) => one.name === region)?.pid
  }

  const proxy = (client: string): string => `http://${client}:any@127.0.0.1:${facts.port}`
  return { dir, port: facts.port, ca: await readFile(facts.ca, 'utf8'), process: child, proxy, control, pidOf, end }
}

/** Asks again until the answer is true, or fails after twenty seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It did not come true: ${what}`)
    await sleep(20)
  }
}

/** True while a process of this id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function failsWhenEnded(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`The emulator ended with ${code} before it listened.`)
}
