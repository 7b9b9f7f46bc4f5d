import { createHash, type Hash, randomUUID } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { makeDurableFolder } from '../state/durable-folder.ts'
import { Crc64 } from './crc64.ts'

/** Bytes that are on disk for good, or small enough to go into the database with the row that names them. */
export interface Content {
  readonly length: number
  /** SHA-256 in hex. */
  readonly sha256: string
  /** MD5 in base64, where it was asked for. */
  readonly md5: string | null
  /** CRC-64 of Azure Storage in base64, where it was asked for. */
  readonly crc64: string | null
  /** Name of the file that holds the bytes, or `null` where {@link data} does. */
  readonly file: string | null
  readonly data: Uint8Array | null
}

/** A run of bytes of a blob: in a file, at hand, or to be loaded when its turn comes. */
export interface Piece extends Pick<Content, 'length' | 'file' | 'data'> {
  readonly load?: () => Uint8Array
}

export interface Digests {
  readonly md5?: boolean
  readonly crc64?: boolean
}

/** At most this many bytes live in the database, where they share the group commit. */
export const INLINE = 64 * 1024
const BATCH = 1024 * 1024
const READ = 512 * 1024
/** After this many bytes the disk is set to work, so that little is left for the end. */
const SYNC_EVERY = 8 * BATCH

/**
 * The bytes of a region's blobs, in files with random names under one folder.
 *
 * {@link receive} resolves once the bytes and the folder that names them are on disk; a crash
 * before a row refers to them leaves a file that {@link sweep} removes at the next start.
 */
export class Contents {
  readonly #dir: string
  readonly #pins = new Map<string, number>()
  readonly #doomed = new Set<string>()
  #folder: Promise<FileHandle> | undefined
  #syncing: Promise<void> | undefined
  #nextSync: Promise<void> | undefined

  constructor(dir: string) {
    this.#dir = dir
    makeDurableFolder(dir)
  }

  /**
   * Takes a body in. Memory does not follow its size. A body that breaks off leaves nothing.
   *
   * The bytes of a request are used up: nobody else may have kept a chunk of them.
   */
  async receive(body: Uint8Array | Readable, digests: Digests = {}): Promise<Content> {
    const sums = new Sums(digests)
    if (body instanceof Uint8Array && body.length <= INLINE) {
      sums.add(body)
      return { ...sums.done(), file: null, data: body }
    }
    const source = body instanceof Uint8Array ? Readable.from([body]) : body
    const held: Uint8Array[] = []
    let size = 0
    let writer: Writer | undefined
    try {
      for await (const chunk of source as AsyncIterable<Uint8Array>) {
        sums.add(chunk)
        held.push(chunk)
        size += chunk.length
        if (size <= (writer === undefined ? INLINE : BATCH)) continue
        writer ??= await Writer.create(this.#dir, body instanceof IncomingMessage)
        await writer.add(held.splice(0))
        size = 0
      }
      if (writer === undefined) return { ...sums.done(), file: null, data: Buffer.concat(held) }
      await writer.add(held)
      await writer.finish()
      await this.#syncFolder()
    } catch (failure) {
      await writer?.abandon()
      throw failure
    }
    return { ...sums.done(), file: writer.name, data: null }
  }

  /** Bytes `from` up to but not including `to` of pieces in a row. The files stay readable until the stream ends. */
  stream(pieces: readonly Piece[], from: number, to: number): Readable {
    const files = pieces.flatMap((piece) => (piece.file === null ? [] : [piece.file]))
    for (const file of files) this.#pins.set(file, (this.#pins.get(file) ?? 0) + 1)
    const stream = Readable.from(this.#chunks(pieces, from, to), { objectMode: false, highWaterMark: READ })
    stream.once('close', () => {
      for (const file of files) this.#unpin(file)
    })
    return stream
  }

  /** Removes a file that no row refers to, once nobody reads it any more. */
  discard(file: string): void {
    if (this.#pins.has(file)) this.#doomed.add(file)
    else void rm(join(this.#dir, file), { force: true }).catch(() => undefined)
  }

  /** Removes what a crash left behind: every file that is not in use. Only before the first request. */
  sweep(inUse: ReadonlySet<string>): void {
    for (const file of readdirSync(this.#dir)) {
      if (!inUse.has(file)) rmSync(join(this.#dir, file), { force: true })
    }
  }

  async close(): Promise<void> {
    await this.#syncing
    const folder = await this.#folder
    await folder?.close()
  }

  async *#chunks(pieces: readonly Piece[], from: number, to: number): AsyncGenerator<Uint8Array> {
    let start = 0
    for (const piece of pieces) {
      const first = Math.max(from - start, 0)
      const last = Math.min(to - start, piece.length)
      start += piece.length
      if (first >= last) continue
      if (piece.file !== null) yield* readFile(join(this.#dir, piece.file), first, last)
      else yield (piece.data ?? piece.load?.() ?? Buffer.alloc(0)).subarray(first, last)
    }
  }

  #unpin(file: string): void {
    const left = (this.#pins.get(file) ?? 1) - 1
    if (left > 0) this.#pins.set(file, left)
    else {
      this.#pins.delete(file)
      if (this.#doomed.delete(file)) this.discard(file)
    }
  }

  /** One fsync of the folder serves every file that was complete before it began. */
  #syncFolder(): Promise<void> {
    if (this.#syncing === undefined) {
      this.#syncing = this.#sync().finally(() => {
        this.#syncing = undefined
      })
      return this.#syncing
    }
    this.#nextSync ??= this.#syncing
      .catch(() => undefined)
      .then(() => {
        this.#nextSync = undefined
        return this.#syncFolder()
      })
    return this.#nextSync
  }

  async #sync(): Promise<void> {
    this.#folder ??= open(this.#dir, 'r')
    await (await this.#folder).sync()
  }
}

/** Bytes at hand with their digests, for the one who stores them elsewhere. */
export function summed(bytes: Uint8Array, digests: Digests): Content & { readonly data: Uint8Array } {
  const sums = new Sums(digests)
  sums.add(bytes)
  return { ...sums.done(), file: null, data: bytes }
}

class Sums {
  readonly #sha256: Hash = createHash('sha256')
  readonly #md5: Hash | undefined
  readonly #crc64: Crc64 | undefined
  #length = 0

  constructor(digests: Digests) {
    this.#md5 = digests.md5 === true ? createHash('md5') : undefined
    this.#crc64 = digests.crc64 === true ? new Crc64() : undefined
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length
    this.#sha256.update(chunk)
    this.#md5?.update(chunk)
    this.#crc64?.update(chunk)
  }

  done(): Pick<Content, 'length' | 'sha256' | 'md5' | 'crc64'> {
    return {
      length: this.#length,
      sha256: this.#sha256.digest('hex'),
      md5: this.#md5?.digest('base64') ?? null,
      crc64: this.#crc64?.digest() ?? null,
    }
  }
}

/** Writes a new file in batches; one batch is on its way to disk while the next one is gathered. */
class Writer {
  readonly name: string
  readonly #path: string
  readonly #handle: FileHandle
  readonly #usesUp: boolean
  #writing: Promise<unknown> = Promise.resolve()
  #syncing: Promise<unknown> = Promise.resolve()
  #unsynced = 0

  private constructor(path: string, handle: FileHandle, usesUp: boolean) {
    this.name = basename(path)
    this.#path = path
    this.#handle = handle
    this.#usesUp = usesUp
  }

  /** Makes a file with a random name. With `usesUp`, chunks are emptied once they are written. */
  static async create(dir: string, usesUp: boolean): Promise<Writer> {
    const path = join(dir, randomUUID())
    return new Writer(path, await open(path, 'wx'), usesUp)
  }

  async add(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#writing
    this.#writing = chunks.length === 0 ? Promise.resolve() : this.#write(chunks)
    // The failure is met by the next call; without this it would count as unhandled until then.
    this.#writing.catch(() => undefined)
    this.#unsynced += chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if (this.#unsynced >= SYNC_EVERY) this.#startSync()
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    await writeAll(this.#handle, chunks)
    if (this.#usesUp) for (const chunk of chunks) giveBack(chunk)
  }

  /** A failed sync is never asked for again: the second one may succeed although the bytes are lost. */
  #startSync(): void {
    this.#unsynced = 0
    this.#syncing = Promise.all([this.#syncing, this.#handle.datasync()])
    this.#syncing.catch(() => undefined)
  }

  async finish(): Promise<void> {
    await this.#writing
    await this.#syncing
    await this.#handle.datasync()
    await this.#handle.close()
  }

  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined)
    await this.#syncing.catch(() => undefined)
    await this.#handle.close().catch(() => undefined)
    await rm(this.#path, { force: true })
  }
}

/**
 * Frees the memory of a chunk at once, and leaves the chunk empty.
 *
 * It is outside of the heap, and a large body leaves so much of it that the collector would go through the whole heap
 * again and again: a quarter of the processor time of an upload.
 */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** `writev` may write less than it was given: what is left is written in turn. */
async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const wanted = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const { bytesWritten } = await handle.writev(chunks)
  if (bytesWritten < wanted) await handle.writeFile(Buffer.concat(chunks).subarray(bytesWritten))
}

async function* readFile(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r')
  try {
    for (let at = from; at < to; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ, to - at))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) throw new Error(`${path} is shorter than its row says`)
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
}
