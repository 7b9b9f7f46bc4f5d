import type { Stats } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { absentOrThrow, syncFolders } from './durable.ts'
import { turns } from './turns.ts'

const inTurn = turns()

/**
 * Changes the text of a small file that others read, in one step: nobody sees a half of it, and a link, an owner and
 * rights stay as they are. Gives whether anything was changed.
 *
 * A file system that is gone may never answer. It is waited for no longer than the signal says, and what answers later
 * changes nothing any more.
 */
export function rewriteFile(
  path: string,
  signal: AbortSignal,
  rewrite: (before: string | undefined) => string | undefined,
): Promise<boolean> {
  return unlessAborted(
    signal,
    inTurn(path, async () => {
      signal.throwIfAborted()
      const before = await readFile(path, 'utf8').catch(absentOrThrow)
      const text = rewrite(before)
      if (text === undefined || text === before) return false
      await replace(path, text, signal)
      return true
    }),
  )
}

async function replace(path: string, text: string, signal: AbortSignal): Promise<void> {
  const there = (await realpath(path).catch(absentOrThrow)) ?? path
  await mkdir(dirname(there), { recursive: true })
  const known = await stat(there).catch(absentOrThrow)
  const fresh = `${there}.holdfast-${process.pid}`
  try {
    const file = await open(fresh, 'w', known === undefined ? 0o666 : 0o600)
    try {
      await file.writeFile(text)
      if (known !== undefined) await makeLike(file, known)
      await file.sync()
    } finally {
      await file.close()
    }
    signal.throwIfAborted()
    await rename(fresh, there)
    await syncFolders(dirname(there), dirname(there))
  } finally {
    await rm(fresh, { force: true })
  }
}

/** Gives a file the owner and the rights of the one whose place it takes, as far as this user may. */
async function makeLike(file: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const own = await file.stat()
  if (own.uid !== uid || own.gid !== gid) {
    await file.chown(uid, gid).catch(unlessForbidden)
    if (own.gid !== gid) await file.chown(own.uid, gid).catch(unlessForbidden)
  }
  await file.chmod(mode & 0o777)
}

function unlessForbidden(thrown: unknown): void {
  if ((thrown as { readonly code?: string }).code !== 'EPERM') throw thrown
}

async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
