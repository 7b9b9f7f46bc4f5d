import { UNFINISHED } from './documents.ts'
import { digestOf, fileName } from './names.ts'

/** A line of `files.jsonl`: what was written where. */
export interface Noted {
  readonly path: string
  /** Below `artifacts/`. */
  readonly file: string
  readonly length: number
  readonly sha256: string
}

/** What one `files.jsonl` says. */
export interface Notes {
  readonly all: readonly Noted[]
  /**
   * Where the file of a path is, or is to be: at the path itself as far as that is harmless, and where no other file is a
   * folder of it; otherwise under a name of ours.
   */
  fileOf(path: string): string
}

/** The notes of a folder, by the paths of their files. Nothing in them is ever changed, so they are read once. */
export interface FileNotes {
  at(path: string): Promise<Notes>
  /** Adds a line, which is on the disk when `append` is through with its text. One at a time for a file. */
  add(path: string, line: Noted, append: (text: string) => Promise<void>): Promise<void>
}

/** How the files themselves are reached. One that is not there is empty. */
export interface NoteFiles {
  size(path: string): Promise<number>
  text(path: string): Promise<string>
}

/** Runs whose notes are remembered: more than are worked on at once. */
const MOST_KEPT = 32

/** Reads notes, and remembers those of the last files for as long as these have the length that they are known to have. */
export function fileNotes({ size, text }: NoteFiles): FileNotes {
  const kept = new Map<string, KnownNotes>()

  async function known(path: string): Promise<KnownNotes> {
    const now = await size(path)
    const before = kept.get(path)
    if (before?.size() === now) return before
    const notes = knownNotes(now, now === 0 ? '' : await text(path))
    const [oldest] = kept.keys()
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    kept.set(path, notes)
    return notes
  }

  return {
    at: known,
    add: async (path, line, append) => {
      const notes = await known(path)
      const added = `${notes.isCut() ? '\n' : ''}${JSON.stringify(line)}\n`
      await append(added)
      notes.learn(line, Buffer.byteLength(added))
    },
  }
}

interface KnownNotes extends Notes {
  size(): number
  /** True where the last line has no end: a crash cut it off. */
  isCut(): boolean
  learn(line: Noted, bytes: number): void
}

function knownNotes(length: number, text: string): KnownNotes {
  const all: Noted[] = []
  const files = new Map<string, string>()
  /** In small letters: there are disks to which those are the same as large ones. */
  const [taken, folders] = [new Set<string>(), new Set<string>()]
  let [size, isCut] = [length, !['', '\n'].includes(text.slice(-1))]

  function note(line: Noted): void {
    all.push(line)
    if (!files.has(line.path)) files.set(line.path, line.file)
    const file = line.file.toLowerCase()
    taken.add(file)
    for (const folder of foldersOf(file)) folders.add(folder)
  }

  function isFree(file: string): boolean {
    return !taken.has(file) && !folders.has(file) && !foldersOf(file).some((folder) => taken.has(folder))
  }

  for (const line of text.split('\n').flatMap(noteIn)) note(line)
  return {
    all,
    size: () => size,
    isCut: () => isCut,
    fileOf: (path) => {
      const natural = path.split('/').map(fileName).join('/')
      return files.get(path) ?? (isFree(natural.toLowerCase()) ? natural : `${UNFINISHED}${digestOf(path)}`)
    },
    learn: (line, bytes) => {
      note(line)
      size += bytes
      isCut = false
    },
  }
}

/** `a/b/c` → `a`, `a/b`. */
function foldersOf(file: string): readonly string[] {
  const segments = file.split('/')
  return segments.slice(1).map((_, n) => segments.slice(0, n + 1).join('/'))
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
