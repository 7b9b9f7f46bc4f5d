import { setTimeout as sleep } from 'node:timers/promises'
import { type EmulatorOptions, startTestEmulator, type TestEmulator } from '../support/emulator.ts'

/** What dies at once: one region, both, or every process of the emulator. */
export type Victims = { readonly regions: readonly string[] } | 'everything'

/** An emulator whose processes are killed by signal, and which comes back on the same folder. */
export interface MortalEmulator {
  /** The emulator as it lives now. Another one after everything was killed. */
  readonly now: TestEmulator
  /** Sends SIGKILL to the processes, all in one instant, and resolves when they are gone. */
  kill(victims: Victims): Promise<void>
  /** Starts what was killed, and resolves when it answers. */
  revive(): Promise<void>
  /** Ends it and removes its folder. */
  end(): Promise<void>
}

const PATIENCE_MILLISECONDS = 20_000

/** Starts an emulator that can be killed. */
export async function startMortalEmulator(options: EmulatorOptions = {}): Promise<MortalEmulator> {
  let emulator = await startTestEmulator(options)
  let dead: Victims = { regions: [] }
  const { dir } = emulator

  async function kill(victims: Victims): Promise<void> {
    const { front, regions } = await emulator.processes()
    const named = victims === 'everything' ? [...regions.keys()] : victims.regions
    const pids = named.flatMap((name) => regions.get(name) ?? [])
    const all = victims === 'everything' ? [front, ...pids] : pids
    for (const pid of all) process.kill(pid, 'SIGKILL')
    dead = victims
    await Promise.all(all.map(gone))
  }

  async function revive(): Promise<void> {
    if (dead === 'everything') emulator = await startTestEmulator({ ...options, dir })
    else await Promise.all(dead.regions.map((name) => restarted(emulator, name)))
    dead = { regions: [] }
  }

  return {
    get now() {
      return emulator
    },
    kill,
    revive,
    end: () => emulator.stop(),
  }
}

/** The front learns of a death a moment after it; until then it takes a start for done. */
async function restarted(emulator: TestEmulator, region: string): Promise<void> {
  await until(`the front knows that ${region} is dead`, async () => {
    const { regions } = await emulator.processes()
    return !regions.has(region)
  })
  await emulator.region(region, 'start')
}

function gone(pid: number): Promise<void> {
  return until(`process ${pid} is gone`, () => !isAlive(pid))
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

/** Asks again until the answer is true, or fails after twenty seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It did not come true: ${what}`)
    await sleep(5)
  }
}
