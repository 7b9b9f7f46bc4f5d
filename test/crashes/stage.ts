import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { type Cloud, openCloud } from '../../demo/cloud.ts'
import { startTestEmulator, type TestEmulator } from '../support/emulator.ts'

/** A moment of a story: folders of the emulator and of the protection, as they were when everything stood still. */
export interface Moment {
  readonly emulator: string
  readonly protection: string
}

/** The end of a verb: its code is `null` where it was killed. */
export interface Over {
  readonly code: number | null
  readonly said: string
}

/** A verb that was started. */
export interface Started {
  readonly process: ChildProcess
  readonly over: Promise<Over>
}

/** An emulator and a protection, on copies of a moment or new. */
export interface Stage {
  readonly dir: string
  readonly emulator: TestEmulator
  /** The team and its auditor, who know nothing of Holdfast. */
  readonly cloud: Cloud
  /** Starts a verb of the protection in a process of its own. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Started
  /** Runs a verb to its end, and gives what it printed. Throws where it fails. */
  verb(...args: readonly string[]): Promise<string>
  /** The store of the protection, opened beside whoever uses it. */
  openStore(): DatabaseSync
  /** Ends everything; keeps the moment under a path, where one is given. */
  end(keep?: Moment): Promise<void>
}

/** Name by which the emulator knows the verbs that are started here. */
export const HOLDFAST = 'holdfast'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Sets a stage. `env` is the emulator's. */
export async function openStage(at?: Moment, env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-crash-'))
  if (at !== undefined) await cp(at.protection, dir, { recursive: true })
  const cloudDir = await mkdtemp(join(tmpdir(), 'holdfast-emulator-'))
  if (at !== undefined) await cp(at.emulator, cloudDir, { recursive: true })
  const emulator = await startTestEmulator({ env, dir: cloudDir })
  const environment = async (client: string) => {
    const answer = await fetch(`${emulator.control}/emulator/env?client=${client}`)
    return { ...emulator.env, ...((await answer.json()) as Record<string, string>) }
  }
  const cloud = openCloud(await environment('team'))
  const own = await environment(HOLDFAST)
  const alive = new Set<ChildProcess>()

  function start(args: readonly string[], more: Readonly<Record<string, string>> = {}): Started {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: dir,
      env: { ...process.env, ...own, NO_COLOR: '1', ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    alive.add(child)
    const said: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
    const over = new Promise<Over>((resolve) =>
      child.once('close', (code) => {
        alive.delete(child)
        resolve({ code, said: Buffer.concat(said).toString('utf8') })
      }),
    )
    return { process: child, over }
  }

  async function verb(...args: readonly string[]): Promise<string> {
    const { code, said } = await start(args).over
    if (code !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${code}:\n${said}`)
    return said
  }

  async function end(keep?: Moment): Promise<void> {
    for (const child of alive) child.kill('SIGKILL')
    await cloud.close()
    await emulator.stop(keep?.emulator)
    if (keep !== undefined) await cp(dir, keep.protection, { recursive: true })
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }

  const openStore = () => new DatabaseSync(join(dir, '.holdfast', 'churn', 'store.db'))
  return { dir, emulator, cloud, start, verb, openStore, end }
}
