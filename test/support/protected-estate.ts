import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cloud, openCloud } from '../../demo/cloud.ts'
import { deployWorkspace, type Estate, estateOf, registerAssets } from '../../demo/estate.ts'
import { type Ended, facts, holdfast } from './command-line.ts'
import { startTestEmulator, type TestEmulator } from './emulator.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A workspace with assets in an emulator of two regions, which this process is signed in to. */
export interface EmulatedEstate {
  readonly emulator: TestEmulator
  readonly cloud: Cloud
  readonly estate: Estate
  close(): Promise<void>
}

export async function emulatedEstate(): Promise<EmulatedEstate> {
  const emulator = await startTestEmulator({ env: { EMULATOR_ALLOCATION_SECONDS: '0' } })
  Object.assign(process.env, emulator.env)
  const cloud = openCloud(emulator.env)
  const estate = estateOf(emulator.subscription)
  await deployWorkspace(cloud, estate)
  await registerAssets(cloud, estate)
  const close = async () => {
    await cloud.close()
    await emulator.stop()
  }
  return { emulator, cloud, estate, close }
}

/** A verb as a process of its own: its exit code when it is over, and what it said so far. */
export type Started = ChildProcess & { readonly over: Promise<number | null>; said(): string }

/** A person at a shell, in a folder with the policy of one protection. */
export interface Shell {
  readonly dir: string
  readonly policy: string
  verb(...args: readonly string[]): Promise<Ended>
  asJson: typeof facts
  started(...args: readonly string[]): Started
  /** Kills what was started and goes on, and removes the folder. */
  close(): void
}

export function openShell(name: string): Shell {
  const dir = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
  const policy = join(dir, 'holdfast.yaml')
  const children = new Set<ChildProcess>()
  return {
    dir,
    policy,
    verb: (...args) => holdfast(...args, '--policy', policy),
    asJson: (...args) => facts(...args, '--policy', policy),
    started: (...args) => {
      const child = spawn(process.execPath, [MAIN, ...args, '--policy', policy], { stdio: ['ignore', 'pipe', 'pipe'] })
      children.add(child)
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text
        })
      const over = new Promise<number | null>((resolve) => child.once('close', resolve))
      return Object.assign(child, { over, said: () => said })
    },
    close: () => {
      for (const child of children) child.kill('SIGKILL')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
