import { lstatSync, realpathSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fault } from '../core/errors.ts'
import type { ArtifactFile, Artifacts } from './artifacts.ts'
import { fileBytes, sourceBytes } from './source-bytes.ts'

/**
 * Files that a server keeps in folders of this machine (`file:` or a path) and does not hand out itself: read where
 * they are, and only below folders that a person named, because the place of a run's files is what a server says.
 */
export function localArtifacts(folders: readonly string[]): Artifacts {
  const permitted = folders.flatMap((folder) => realPath(folder) ?? [])

  function folderOf(root: string): string | undefined {
    const path = root.startsWith('file:') ? pathIn(root) : root
    return path !== undefined && isAbsolute(path) ? within(path, realPath(path) ?? comingPath(path)) : undefined
  }

  /** The path without links, if it is below a folder that was named. */
  function within(path: string, real = realPath(path)): string | undefined {
    const isBelow = permitted.some((folder) => real === folder || real?.startsWith(`${folder}${sep}`) === true)
    return isBelow ? real : undefined
  }

  async function* files(folder: string, signal: AbortSignal, below = ''): AsyncIterable<ArtifactFile> {
    const at = join(folder, below)
    const entries = await readdir(at, { withFileTypes: true }).catch(absentOrUnreadable(at))
    for (const entry of entries ?? []) {
      signal.throwIfAborted()
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) yield* files(folder, signal, path)
      else if (!entry.isFile()) throw noFile(join(folder, path))
      const file = join(folder, path)
      const found = entry.isFile() ? await stat(file).catch(absentOrUnreadable(file)) : undefined
      if (found !== undefined) yield { path, length: found.size }
    }
  }

  return {
    reaches: (root) => folderOf(root) !== undefined,
    files: (root, signal) => files(folderOf(root) ?? refuse(root), signal),
    read: (root, path, signal) => {
      const file = within(join(folderOf(root) ?? refuse(root), path))
      if (file === undefined) return Promise.resolve(undefined)
      const faultOf = (thrown: unknown) => (signal.aborted ? signal.reason : unreadable(file, thrown))
      return Promise.resolve(sourceBytes(fileBytes(file, signal), faultOf))
    },
    write: (root) => refuse(root),
  }
}

/** Artifacts of the first that reaches them; what none reaches is refused by the first. */
export function firstOf(first: Artifacts, ...others: readonly Artifacts[]): Artifacts {
  const of = (root: string) => [first, ...others].find((one) => one.reaches(root)) ?? first
  return {
    reaches: (root) => of(root).reaches(root),
    files: (root, signal) => of(root).files(root, signal),
    read: (root, path, signal) => of(root).read(root, path, signal),
    write: (root, path, content) => of(root).write(root, path, content),
    fetch: (root, path, from) => of(root).fetch?.(root, path, from) ?? Promise.resolve(false),
  }
}

function pathIn(uri: string): string | undefined {
  try {
    return fileURLToPath(uri)
  } catch {
    return undefined
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** The path that a folder will have which is not there yet: a server makes that of a run with its first file. */
function comingPath(path: string): string | undefined {
  const [above, name] = [dirname(path), basename(path)]
  const isLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined
  if (isLink || above === path || name === '..') return undefined
  const real = realPath(above) ?? comingPath(above)
  return real && join(real, name)
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { readonly code?: unknown }).code
}

/** For `catch`: `undefined` for what is gone meanwhile, as a file that was written for a moment. */
function absentOrUnreadable(path: string): (thrown: unknown) => undefined {
  return (thrown) => {
    if (codeOf(thrown) !== 'ENOENT') throw unreadable(path, thrown)
    return undefined
  }
}

/** Said of the file, and not of the place that was to get its bytes. */
function unreadable(path: string, thrown: unknown): Fault {
  return new Fault('azure/refused', `${path} cannot be read: ${String(codeOf(thrown) ?? thrown)}`, {
    hint: 'Give whoever runs this the right to read it, and run it again.',
    cause: thrown,
  })
}

function noFile(path: string): Fault {
  return new Fault('azure/refused', `${path} is neither a file nor a folder`, {
    hint: 'Put the file itself in place of the link.',
  })
}

function refuse(root: string): never {
  throw new Fault('azure/refused', `Nothing is read from or written to ${root} on this machine`, {
    hint: 'Name a folder above it with --files-below to read it.',
  })
}
