import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** The processes of one demo: whatever ends it, none of them outlives it. */
export interface Processes {
  /** Runs a verb of holdfast to its end and gives what it printed to standard output. Throws with what it said where it fails. */
  verb(...args: readonly string[]): Promise<string>
  /** Runs a verb that goes on, and hands out the lines it prints. */
  service(name: string, args: readonly string[], line: (text: string) => void): ChildProcess
  /** Ends all of them and waits. */
  end(): Promise<void>
}

const PATIENCE_MILLISECONDS = 5000

export function processes(options: {
  cwd: string
  environment(client: string): Readonly<Record<string, string>>
}): Processes {
  const { cwd, environment } = options
  const running = new Set<ChildProcess>()

  function start(client: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...process.env, ...environment(client), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }

  async function verb(...args: readonly string[]): Promise<string> {
    const child = start('holdfast', args)
    const [answered, said]: [Buffer[], Buffer[]] = [[], []]
    child.stdout?.on('data', (chunk: Buffer) => answered.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    if (code === 0) return Buffer.concat(answered).toString('utf8')
    throw new Error(
      `holdfast ${args.join(' ')} ended with ${code}:\n${Buffer.concat([...answered, ...said]).toString('utf8')}`,
    )
  }

  function service(name: string, args: readonly string[], line: (text: string) => void): ChildProcess {
    const child = start(name, args)
    if (child.stdout !== null) createInterface(child.stdout).on('line', line)
    child.stderr?.pipe(createWriteStream(`${cwd}/${name}.log`))
    return child
  }

  async function end(): Promise<void> {
    const open = [...running]
    for (const child of open) child.kill('SIGTERM')
    const last = setTimeout(() => {
      for (const child of open) child.kill('SIGKILL')
    }, PATIENCE_MILLISECONDS)
    await Promise.all(
      open.map((child) =>
        child.exitCode === null && child.signalCode === null
          ? new Promise((resolve) => child.once('exit', resolve))
          : undefined,
      ),
    )
    clearTimeout(last)
  }

  return { verb, service, end }
}
