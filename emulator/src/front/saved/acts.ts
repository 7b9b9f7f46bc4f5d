import type { Doors } from '../doors.ts'
import type { RegionProcesses } from '../region-processes.ts'
import type { Turns } from '../turns.ts'
import type { Worlds } from '../worlds.ts'
import type { SavedState, SavedStates } from './saved-states.ts'
import { cleanUp, decide, layOut, takeOver } from './taking-over.ts'

/** What can be done with saved states while the emulator runs. */
export interface SavedActs {
  list(): readonly SavedState[]
  /** Saves what is acknowledged at one instant. What is under way goes on; writes wait meanwhile. */
  save(name: string, replace: boolean): Promise<void>
  /** Puts a saved state in the place of what is there. Faults end, and every region runs then. */
  load(name: string): Promise<void>
  remove(name: string): Promise<void>
}

export interface SavedParts {
  readonly options: { readonly dir: string; broken(): void }
  readonly saved: SavedStates
  readonly processes: RegionProcesses
  readonly worlds: Worlds
  readonly doors: Doors
  readonly turns: Turns
}

export function savedActs(parts: SavedParts): SavedActs {
  const { saved, turns } = parts
  return {
    list: () => saved.list(),
    save: (name, replace) => turns.alone(() => save(parts, name, replace)),
    load: (name) => turns.alone(() => load(parts, name)),
    remove: (name) => turns.alone(() => saved.remove(name)),
  }
}

async function save({ saved, processes, worlds }: SavedParts, name: string, replace: boolean): Promise<void> {
  saved.admit(name, replace)
  const { db, conditions } = worlds.now
  await processes.holding(async () => {
    db.hold()
    try {
      await saved.save(name, conditions.clockShiftMilliseconds())
    } finally {
      db.release()
    }
  })
}

async function load({ options, saved, processes, worlds, doors }: SavedParts, name: string): Promise<void> {
  const { dir } = options
  await saved.copyTo(name, await layOut(dir))
  try {
    doors.hangUp()
    await worlds.exchange(async () => {
      await processes.close()
      await decide(dir)
      await takeOver(dir)
    })
    await doors.keep()
  } catch (failure) {
    options.broken()
    const why = failure instanceof Error ? failure.message : String(failure)
    throw new Error(`${name} was not loaded to the end: ${why}. The emulator ends, and its next start goes on.`)
  }
  try {
    await processes.open()
  } finally {
    worlds.now.start()
    await cleanUp(dir)
  }
}
