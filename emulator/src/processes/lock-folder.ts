import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDurableFolder } from '../state/durable-folder.ts'

export interface FolderLock {
  release(): void
}

/** Locks of this process: one that was collected as garbage would be free again. */
const held = new Set<DatabaseSync>()

/**
 * Takes a folder for this process alone, waiting up to `waitMilliseconds` for its holder to end.
 *
 * The lock is SQLite's own on a file in the folder, so the kernel frees it when the process dies.
 */
export function lockFolder(dir: string, waitMilliseconds = 0): FolderLock {
  makeDurableFolder(dir)
  const lock = new DatabaseSync(join(dir, 'lock.db'))
  try {
    lock.exec(`PRAGMA busy_timeout=${waitMilliseconds}; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE`)
  } catch (failure) {
    lock.close()
    throw new Error(`The folder ${dir} is in use by another emulator.`, { cause: failure })
  }
  held.add(lock)
  return {
    release: () => {
      held.delete(lock)
      lock.close()
    },
  }
}
