import { constants, createWriteStream } from 'node:fs'
import { lstat, mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Folder } from './folder.ts'

/** What a file looks like from outside: equal stamps mean that nobody touched it. */
interface Stamp {
  readonly text: string
  readonly size: number
  readonly modified: bigint
}

class Torn extends Error {
  override readonly name = 'Torn'
}

/**
 * Keeps a place in storage equal to a local folder that somebody else writes.
 *
 * A file goes up as a whole, once it has held still from one pass to the next; a file that
 * changes while it is read is left for a later pass, so storage never holds half of a write.
 * Files go up in the order in which they were last written, so that a pointer to a checkpoint
 * never arrives before the checkpoint. Symbolic links and empty folders are not carried.
 */
export class Mirror {
  readonly #local: string
  readonly #remote: Folder
  #before = new Map<string, Stamp>()
  #stored = new Map<string, string>()

  constructor(local: string, remote: Folder) {
    this.#local = local
    this.#remote = remote
  }

  /** Brings what is in storage into the folder. Returns the names that cannot be file names here. */
  async fetch(signal?: AbortSignal): Promise<readonly string[]> {
    const refused = await bring(this.#remote, this.#local, signal)
    for (const [name, stamp] of await scan(this.#local)) this.#stored.set(name, stamp.text)
    return refused
  }

  /** Carries what has come to rest since the last pass, and removes what was carried and is gone. */
  async pass(): Promise<void> {
    const now = await scan(this.#local)
    const before = this.#before
    this.#before = now
    await this.#carry(now, (name, stamp) => before.get(name)?.text === stamp.text)
  }

  /** Carries everything. For when nobody writes any more; somebody who still does is waited for only a few times. */
  async finish(): Promise<void> {
    for (let time = 0; time < 5; time++) {
      if (await this.#carry(await scan(this.#local), () => true)) return
    }
    throw new Error(`the files in ${this.#local} do not come to rest`)
  }

  /** False where a file changed while it was read. */
  async #carry(now: ReadonlyMap<string, Stamp>, rests: (name: string, stamp: Stamp) => boolean): Promise<boolean> {
    const changed = [...now].filter(([name, stamp]) => this.#stored.get(name) !== stamp.text)
    changed.sort(([, a], [, b]) => Number(a.modified - b.modified))
    for (const [name, stamp] of changed) {
      if (!rests(name, stamp)) continue
      if (!(await this.#upload(name, stamp))) return false
    }
    for (const name of this.#stored.keys()) {
      if (now.has(name)) continue
      await this.#remote.remove(name)
      this.#stored.delete(name)
    }
    return true
  }

  /** False where the file changed meanwhile: what was written after it must then wait, too. */
  async #upload(name: string, stamp: Stamp): Promise<boolean> {
    try {
      await this.#remote.write(name, Readable.from(wholeFile(join(this.#local, name), stamp)), stamp.size)
    } catch (failure) {
      if (failure instanceof Torn) return false
      throw failure
    }
    this.#stored.set(name, stamp.text)
    return true
  }
}

/** Brings every file of a place into a local folder. Returns the names that cannot be file names here. */
export async function bring(remote: Folder, local: string, signal?: AbortSignal): Promise<readonly string[]> {
  await mkdir(local, { recursive: true })
  const refused: string[] = []
  for await (const name of remote.list()) {
    signal?.throwIfAborted()
    const brought = isFileName(name) && (await bringFile(remote, name, join(local, name)).then(() => true, isNoPlace))
    if (!brought) refused.push(name)
  }
  return refused
}

/** Brings one file. */
export async function bringFile(remote: Folder, name: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await pipeline(await remote.read(name), createWriteStream(to))
}

/** False where a file stands where a folder must be, or the other way round: storage has both, a disk has not. */
function isNoPlace(failure: NodeJS.ErrnoException): false {
  if (['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(failure.code ?? '')) return false
  throw failure
}

function isFileName(name: string): boolean {
  const parts = name.split('/')
  return !name.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..')
}

/** The bytes of a file, ending in an error where they are not those of the stamp from first to last. */
async function* wholeFile(path: string, stamp: Stamp): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => {
    throw new Torn(path)
  })
  try {
    if (stampOf(await file.stat({ bigint: true })).text !== stamp.text) throw new Torn(path)
    yield* file.createReadStream({ autoClose: false })
    if (stampOf(await file.stat({ bigint: true })).text !== stamp.text) throw new Torn(path)
  } finally {
    await file.close()
  }
}

function stampOf(stat: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): Stamp {
  const text = `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
  return { text, size: Number(stat.size), modified: stat.mtimeNs }
}

async function scan(local: string): Promise<Map<string, Stamp>> {
  const found = new Map<string, Stamp>()
  await walk(local, '', found)
  return found
}

async function walk(local: string, below: string, found: Map<string, Stamp>): Promise<void> {
  const entries = await readdir(join(local, below), { withFileTypes: true }).catch(absent)
  for (const entry of entries ?? []) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) await walk(local, name, found)
    if (!entry.isFile()) continue
    const stat = await lstat(join(local, name), { bigint: true }).catch(absent)
    if (stat?.isFile()) found.set(name, stampOf(stat))
  }
}

/** Files may vanish while they are looked at; nothing else may go wrong. */
function absent(failure: NodeJS.ErrnoException): undefined {
  if (failure.code === 'ENOENT' || failure.code === 'ENOTDIR') return undefined
  throw failure
}
