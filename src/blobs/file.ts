import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../core/errors.ts'
import { absentOrThrow, diskFault, syncFolders } from '../disk/durable.ts'
import { turns } from '../disk/turns.ts'
import type { BlobInfo, BlobStore, Condition, Presentation, PutOptions } from './blob-store.ts'
import { changed } from './changed.ts'
import { ENTRY, folderOfPrefix, nameOfPath, pathOfName } from './file-names.ts'

/** What lies beside the bytes, and names them: it alone says which bytes count. */
interface Entry {
  readonly etag: string
  readonly length: number
  readonly modified: string
  readonly contentType?: string
  readonly md5: string
  readonly metadata: Readonly<Record<string, string>>
  readonly presentation?: Presentation
  /** File of the bytes, in the same folder. */
  readonly bytes: string
}

/**
 * Blobs in a folder. One process at a time writes to it.
 *
 * A write puts the bytes into a file of their own, then the entry beside it, and publishes the entry by one
 * rename, each on disk before the next. So a crash leaves the old blob or the new one, and a reader that has
 * begun goes on reading what it began with.
 */
export function fileStore(folder: string): BlobStore {
  /** Writers of one name come one after the other. */
  const inTurn = turns()

  async function* list(prefix: string, signal: AbortSignal): AsyncIterable<BlobInfo> {
    const names: string[] = []
    for await (const path of entriesBelow(folder, folderOfPrefix(prefix))) {
      const name = nameOfPath(path)
      if (name.startsWith(prefix)) names.push(name)
    }
    for (const name of names.sort()) {
      signal.throwIfAborted()
      const info = await head(name, signal)
      if (info !== undefined) yield info
    }
  }

  async function head(name: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    signal.throwIfAborted()
    const entry = await entryAt(join(folder, pathOfName(name)))
    return entry === undefined ? undefined : infoOf(name, entry)
  }

  async function get(
    name: string,
    { signal, etag }: { readonly signal: AbortSignal; readonly etag?: string },
  ): Promise<{ info: BlobInfo; bytes: Readable } | undefined> {
    const path = join(folder, pathOfName(name))
    for (;;) {
      signal.throwIfAborted()
      const entry = await entryAt(path)
      if (entry === undefined) return undefined
      if (etag !== undefined && entry.etag !== etag) throw changed(name)
      const file = await open(join(dirname(path), entry.bytes)).catch(absentOrThrow)
      // Its bytes went because a newer entry was published between the two readings.
      if (file === undefined && (await entryAt(path))?.etag !== entry.etag) continue
      if (file === undefined) throw damaged(name, 'its bytes are gone')
      const { size } = await file.stat()
      if (size !== entry.length) {
        await file.close()
        throw damaged(name, `it has ${size} of ${entry.length} bytes`)
      }
      return { info: infoOf(name, entry), bytes: createReadStream('', { fd: file, signal }) }
    }
  }

  async function put(name: string, bytes: Buffer | Readable, options: PutOptions): Promise<BlobInfo> {
    const path = join(folder, pathOfName(name))
    const own = `${path.slice(dirname(path).length + 1)}${randomUUID()}`
    const fresh = join(dirname(path), own)
    try {
      await mkdir(dirname(path), { recursive: true })
      const { length, md5 } = await writeBytes(fresh, bytes, options.signal)
      const { contentType, metadata = {}, presentation } = options
      const lowered = Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value])
      const entry: Entry = {
        etag: `"${randomUUID()}"`,
        length,
        modified: new Date().toISOString(),
        ...(contentType === undefined ? {} : { contentType }),
        md5,
        metadata: Object.fromEntries(lowered),
        ...(presentation === undefined ? {} : { presentation }),
        bytes: own,
      }
      await inTurn(name, () => publish(path, entry, options))
      return infoOf(name, entry)
    } catch (thrown) {
      await rm(fresh, { force: true })
      throw options.signal.aborted ? options.signal.reason : diskFault(name, thrown)
    }
  }

  async function publish(path: string, entry: Entry, condition: Condition): Promise<void> {
    const before = await entryAt(path)
    demand(path, before, condition)
    const fresh = `${join(dirname(path), entry.bytes)}.json`
    await writeBytes(fresh, Buffer.from(JSON.stringify(entry)), undefined)
    try {
      // A link refuses what is there already, so that of two processes one alone creates it.
      if (condition.absent === true) await link(fresh, path)
      else await rename(fresh, path)
    } catch (thrown) {
      throw (thrown as { code?: string }).code === 'EEXIST' ? changed(path) : thrown
    } finally {
      await rm(fresh, { force: true })
    }
    await syncFolders(dirname(path), folder)
    if (before !== undefined) await rm(join(dirname(path), before.bytes), { force: true })
  }

  async function remove(name: string, options: { readonly signal: AbortSignal } & Condition): Promise<void> {
    const path = join(folder, pathOfName(name))
    options.signal.throwIfAborted()
    await inTurn(name, async () => {
      const before = await entryAt(path)
      demand(name, before, options)
      if (before === undefined) return
      await rm(path, { force: true })
      await syncFolders(dirname(path), dirname(path))
      await rm(join(dirname(path), before.bytes), { force: true })
    })
  }

  return { list, head, get, put, remove }
}

async function* entriesBelow(root: string, folder: string): AsyncIterable<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(absentOrThrow)
  for (const entry of entries ?? []) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) yield* entriesBelow(root, path)
    else if (entry.name.endsWith(ENTRY)) yield path
  }
}

async function entryAt(path: string): Promise<Entry | undefined> {
  const text = await readFile(path, 'utf8').catch(absentOrThrow)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Entry
  } catch {
    throw damaged(path, 'its entry is no JSON')
  }
}

/** Writes a file of its own and leaves it on disk, not only in memory. */
async function writeBytes(
  path: string,
  bytes: Buffer | Readable,
  signal: AbortSignal | undefined,
): Promise<{ length: number; md5: string }> {
  const digest = createHash('md5')
  let length = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk)
      length += chunk.length
      done(null, chunk)
    },
  })
  const source = Buffer.isBuffer(bytes) ? Readable.from([bytes]) : bytes
  const target = createWriteStream(path, { flags: 'wx', flush: true })
  await pipeline(source, counter, target, signal === undefined ? {} : { signal })
  return { length, md5: digest.digest('base64') }
}

function demand(name: string, there: Entry | undefined, { etag, absent }: Condition): void {
  if (absent === true && there !== undefined) throw changed(name)
  if (etag !== undefined && there?.etag !== etag) throw changed(name)
}

function infoOf(name: string, entry: Entry): BlobInfo {
  const { etag, length, modified, contentType, md5, metadata, presentation = {} } = entry
  return { name, etag, length, modified: new Date(modified), contentType, md5, metadata, presentation }
}

function damaged(name: string, how: string): Fault {
  return new Fault('blob/damaged', `${name} is damaged: ${how}`, { hint: 'Write it again from its source.' })
}
