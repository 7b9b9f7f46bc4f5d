import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '../core/errors.ts'

/** Makes the names in a folder durable, and those of the folders above it up to `last`, which may be new. */
export async function syncFolders(folder: string, last: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const handle = await open(at)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (at === last || at === dirname(at)) return
  }
}

/** For `catch`: `undefined` where a path, or a folder of it, is not there. Throws anything else on. */
export function absentOrThrow(thrown: unknown): undefined {
  const { code } = thrown as { readonly code?: string }
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw thrown
}

/** `store/full` where a write found no room on the disk; otherwise what was thrown. */
export function diskFault(name: string, thrown: unknown): unknown {
  const { code } = thrown as { readonly code?: string }
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return thrown
  return new Fault('store/full', `There is no room left to write ${name}`, {
    hint: 'Make room on the disk and run it again: nothing of it was published, and it goes on where it was.',
    cause: thrown,
  })
}
