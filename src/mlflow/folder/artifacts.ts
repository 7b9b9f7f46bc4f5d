import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Fault } from '../../core/errors.ts'
import { absentOrThrow } from '../../disk/durable.ts'
import type { ArtifactFile, Artifacts } from '../artifacts.ts'
import { type Documents, damaged, UNFINISHED } from './documents.ts'
import { digestOf, fileName, pathOfRoot } from './names.ts'

/** A line of `files.jsonl`: what was written where. */
interface Noted {
  readonly path: string
  /** Below `artifacts/`. */
  readonly file: string
  readonly length: number
  readonly sha256: string
}

interface Notes {
  readonly size: number
  /** True where the last line has no end: a crash cut it off. */
  readonly isCut: boolean
  readonly all: readonly Noted[]
}

/** Runs whose notes are remembered: more than are worked on at once. */
const MOST_KEPT = 32

/** Whether the folder is read from, or may have been left in the middle of a copy into it. */
export type Side = 'source' | 'target'

/**
 * Files of runs and logged models. Each is noted with its sum in `files.jsonl` beside `artifacts/`, then put in its
 * place; so one that is not there was left by a copy that ended in between, and counts as damage where it is read from.
 */
export function folderArtifacts(documents: Documents, side: Side): Artifacts {
  const pathIn = (root: string) => pathOfRoot(root) ?? refuse(root)
  const placeOf = (root: string, { file }: Pick<Noted, 'file'>) => join(documents.folder, pathIn(root), file)

  const notesAt = notesIn((root) => join(documents.folder, notesOf(pathIn(root))))
  const notes = async (root: string) => (await notesAt(root)).all

  async function* files(root: string, signal: AbortSignal): AsyncIterable<ArtifactFile> {
    const last = new Map((await notes(root)).map((one) => [one.path, one]))
    for (const one of last.values()) {
      signal.throwIfAborted()
      const found = await stat(placeOf(root, one)).catch(absentOrThrow)
      if (found !== undefined) yield { path: one.path, length: found.size }
      else if (side === 'source') throw damaged(`${pathIn(root)}/${one.file}`, 'it is gone')
    }
    if (side === 'source') await demandNoted(root, new Set([...last.values()].map(({ file }) => file)))
  }

  /** A file is noted before it is put in its place: one that no line names had one that is lost. */
  async function demandNoted(root: string, noted: ReadonlySet<string>): Promise<void> {
    const place = join(documents.folder, pathIn(root))
    const entries = (await readdir(place, { recursive: true, withFileTypes: true }).catch(absentOrThrow)) ?? []
    for (const entry of entries) {
      const file = relative(place, join(entry.parentPath, entry.name)).split(sep).join('/')
      if (!entry.isFile() || entry.name.startsWith(UNFINISHED) || noted.has(file)) continue
      throw damaged(`${pathIn(root)}/${file}`, 'no line of `files.jsonl` is about it')
    }
  }

  async function read(root: string, path: string, signal: AbortSignal) {
    const own = (await notes(root)).filter((one) => one.path === path)
    const last = own.at(-1)
    if (last === undefined) return undefined
    if ((await stat(placeOf(root, last)).catch(absentOrThrow)) === undefined) return undefined
    const bytes = createReadStream(placeOf(root, last), { signal })
    return checked(bytes, { where: `${pathIn(root)}/${last.file}`, sums: own.map(({ sha256 }) => sha256) })
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
          const { all: noted, isCut } = await notesAt(root)
          const chosen = noted.find((one) => one.path === path)?.file ?? freeFile(path, noted)
          const line = { path, file: chosen, length, sha256: hash.digest('hex') }
          await append(join(documents.folder, notesOf(at)), `${isCut ? '\n' : ''}${JSON.stringify(line)}\n`)
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

/** Reads notes, and remembers those of the last roots. */
function notesIn(pathOf: (root: string) => string): (root: string) => Promise<Notes> {
  const kept = new Map<string, Notes>()

  /** Read again when the file has grown: nothing in it is ever changed. */
  async function notesAt(root: string): Promise<Notes> {
    const path = pathOf(root)
    const size = (await stat(path).catch(absentOrThrow))?.size ?? 0
    const before = kept.get(path)
    if (before?.size === size) return before
    const text = size === 0 ? '' : await readFile(path, 'utf8')
    const now = { size, isCut: !['', '\n'].includes(text.slice(-1)), all: text.split('\n').flatMap(noteIn) }
    const [oldest] = kept.keys()
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    kept.set(path, now)
    return now
  }

  return notesAt
}

/** `…/artifacts` → the notes beside it. */
function notesOf(path: string): string {
  return join(dirname(path), 'files.jsonl')
}

/** The path itself as far as it is harmless, and where no other file is a folder of it; otherwise a name of ours. */
function freeFile(path: string, noted: readonly Noted[]): string {
  const natural = path.split('/').map(fileName).join('/')
  const clashes = (file: string) => {
    const [one, other] = [file.toLowerCase(), natural.toLowerCase()]
    return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)
  }
  return noted.some(({ file }) => clashes(file)) ? `${UNFINISHED}${digestOf(path)}` : natural
}

/** A line that a crash cut off says nothing, and the file of it was not put in its place. */
function noteIn(line: string): readonly Noted[] {
  try {
    const { path, file, length, sha256 } = JSON.parse(line) as Noted
    const isWithin = typeof file === 'string' && file.split('/').every((one) => one !== '' && !one.startsWith('.'))
    return typeof path === 'string' && isWithin ? [{ path, file, length, sha256 }] : []
  } catch {
    return []
  }
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
