import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Fault } from '../../core/errors.ts'
import { absentOrThrow } from '../../disk/durable.ts'
import type { ArtifactFile, Artifacts } from '../artifacts.ts'
import { fileBytes, sourceBytes } from '../source-bytes.ts'
import { type Documents, damaged, UNFINISHED } from './documents.ts'
import { fileNotes, type Noted, type NoteFiles } from './file-notes.ts'
import { pathOfRoot } from './names.ts'

const NOTES_ON_DISK: NoteFiles = {
  size: async (path) => (await stat(path).catch(absentOrThrow))?.size ?? 0,
  text: (path) => readFile(path, 'utf8'),
}

/** Whether the folder is read from, or may have been left in the middle of a copy into it. */
export type Side = 'source' | 'target'

/**
 * Files of runs and logged models. Each is noted with its sum in `files.jsonl` beside `artifacts/`, then put in its
 * place; so one that is not there was left by a copy that ended in between, and counts as damage where it is read from.
 */
export function folderArtifacts(documents: Documents, side: Side): Artifacts {
  const pathIn = (root: string) => pathOfRoot(root) ?? refuse(root)
  const placeOf = (root: string, { file }: Pick<Noted, 'file'>) => join(documents.folder, pathIn(root), file)

  const known = fileNotes(NOTES_ON_DISK)
  const pathOfNotes = (root: string) => join(documents.folder, notesOf(pathIn(root)))
  const notes = async (root: string) => (await known.at(pathOfNotes(root))).all

  async function* files(root: string, signal: AbortSignal): AsyncIterable<ArtifactFile> {
    const last = new Map((await notes(root)).map((one) => [one.path, one]))
    for (const one of last.values()) {
      signal.throwIfAborted()
      const found = await stat(placeOf(root, one)).catch(absentOrThrow)
      if (found !== undefined) yield { path: one.path, length: found.size }
      else if (side === 'source') throw damaged(`${pathIn(root)}/${one.file}`, 'it is gone')
    }
    if (side !== 'source') return
    await demandNoted(documents.folder, pathIn(root), new Set([...last.values()].map(({ file }) => file)))
  }

  async function read(root: string, path: string, signal: AbortSignal) {
    const own = (await notes(root)).filter((one) => one.path === path)
    const last = own.at(-1)
    if (last === undefined) return undefined
    if ((await stat(placeOf(root, last)).catch(absentOrThrow)) === undefined) return undefined
    const where = `${pathIn(root)}/${last.file}`
    const faultOf = (thrown: unknown) => (signal.aborted ? signal.reason : damaged(where, String(thrown)))
    const bytes = sourceBytes(fileBytes(placeOf(root, last), signal), faultOf)
    return checked(bytes, { where, sums: own.map(({ sha256 }) => sha256) })
  }

  async function write(
    root: string,
    path: string,
    { bytes, signal }: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
  ): Promise<void> {
    const at = pathIn(root)
    const hash = createHash('sha256')
    let length = 0
    // Noted when the bytes are all on the disk, and before they are put in their place: whoever reads the file
    // then finds the sum of the old bytes or of the new ones.
    await documents.place(
      async () => {
        const file = await documents.inTurn(at, async () => {
          const chosen = (await known.at(pathOfNotes(root))).fileOf(path)
          const line = { path, file: chosen, length, sha256: hash.digest('hex') }
          await known.add(pathOfNotes(root), line, (text) => append(pathOfNotes(root), text))
          return chosen
        })
        return `${at}/${file}`
      },
      { beside: at, bytes: counting(), signal },
    )

    async function* counting(): AsyncIterable<Uint8Array> {
      for await (const chunk of bytes) {
        hash.update(chunk)
        length += chunk.byteLength
        yield chunk
      }
    }
  }

  return { reaches: (root) => pathOfRoot(root) !== undefined, files, read, write }
}

/** A file is noted before it is put in its place: one that no line names had one that is lost. */
async function demandNoted(folder: string, at: string, noted: ReadonlySet<string>): Promise<void> {
  const place = join(folder, at)
  const entries = (await readdir(place, { recursive: true, withFileTypes: true }).catch(absentOrThrow)) ?? []
  for (const entry of entries) {
    const file = relative(place, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (!entry.isFile() || entry.name.startsWith(UNFINISHED) || noted.has(file)) continue
    throw damaged(`${at}/${file}`, 'no line of `files.jsonl` is about it')
  }
}

/** `…/artifacts` → the notes beside it. */
function notesOf(path: string): string {
  return join(dirname(path), 'files.jsonl')
}

async function append(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a')
  try {
    await file.appendFile(line)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function* checked(
  bytes: AsyncIterable<Uint8Array>,
  { where, sums }: { readonly where: string; readonly sums: readonly string[] },
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
  if (!sums.includes(hash.digest('hex'))) throw damaged(where, 'its bytes are not those that were written')
}

function refuse(root: string): never {
  throw new Fault('azure/refused', `${root || 'No place'} is not in the folder`, {
    hint: 'Carry this storage by its own means.',
  })
}
