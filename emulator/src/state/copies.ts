import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What SQLite keeps beside a store. */
export const BESIDE_STORE = ['-wal', '-shm'] as const

/** Copies a store that nobody writes to, as one file that is whole and durable. */
export async function copyStore(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  await copyFile(`${from}-wal`, `${to}-wal`).catch(unlessAbsent)
  const copy = new DatabaseSync(to)
  try {
    // Brings what is only in the log into the file. The last to close it takes the log away.
    copy.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    copy.close()
  }
  await syncToDisk(to)
}

/**
 * Gives the files of a folder a second name in another, which is made. Files that go meanwhile are left out.
 *
 * For files that are written once: both names stand for the same bytes. Where they cannot, the bytes are copied.
 */
export async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    await link(join(from, name), join(to, name))
      .catch(() => copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE))
      .catch(unlessAbsent)
  }
  await syncToDisk(to)
}

/** Makes a file's bytes, or a folder's names, outlast a power cut. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 })
}

function unlessAbsent(failure: NodeJS.ErrnoException): void {
  if (failure.code !== 'ENOENT') throw failure
}
