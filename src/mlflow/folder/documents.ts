import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import { absentOrThrow, diskFault, syncFolders } from '../../disk/durable.ts'
import { type InTurn, turns } from '../../disk/turns.ts'
import { digestOf } from './names.ts'

/** Begins the names of files that are being written. */
export const UNFINISHED = '~'

/**
 * JSON documents in a folder, each with the SHA-256 of what it says. A document is replaced by one rename, on disk
 * before the next step, so a crash leaves the old one or the new one.
 */
export interface Documents {
  readonly folder: string
  /** `undefined` where there is none. One that is not as it was written is `blob/damaged`, by its path. */
  read(path: string): Promise<JsonObject | undefined>
  /** Makes a document of the one before. Changes of one document come one after the other; no change writes nothing. */
  change(
    path: string,
    become: (before: JsonObject | undefined) => Promise<JsonObject> | JsonObject,
  ): Promise<JsonObject>
  /** Writes a file whole, or leaves what was there. */
  write(path: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>
  /** The same, where its place is chosen when all bytes are on the disk. */
  place(choose: () => Promise<string> | string, placing: Placing): Promise<void>
  /** Lets works on one thing come one after the other. */
  readonly inTurn: InTurn
  /** Names of the folders in a folder, sorted. */
  foldersIn(path: string): Promise<readonly string[]>
}

export interface Placing {
  /** Folder in which the bytes wait. */
  readonly beside: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
}

/** Opens the documents below a folder, which comes to be with the first that is written. */
export function openDocuments(folder: string): Documents {
  const inTurn = turns()

  async function read(path: string): Promise<JsonObject | undefined> {
    const text = await readFile(join(folder, path), 'utf8').catch(absentOrThrow)
    return text === undefined ? undefined : contentOf(path, text)
  }

  async function write(path: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    await place(() => path, { beside: dirname(path), bytes, ...(signal === undefined ? {} : { signal }) })
  }

  async function place(choose: () => Promise<string> | string, { beside, bytes, signal }: Placing): Promise<void> {
    const fresh = join(folder, beside, `${UNFINISHED}${randomUUID()}`)
    try {
      await mkdir(dirname(fresh), { recursive: true })
      const options = signal === undefined ? {} : { signal }
      await pipeline(Readable.from(bytes), createWriteStream(fresh, { flags: 'wx', flush: true }), options)
      const whole = join(folder, await choose())
      await mkdir(dirname(whole), { recursive: true })
      await rename(fresh, whole)
      await syncFolders(dirname(whole), folder)
    } catch (thrown) {
      await rm(fresh, { force: true })
      throw signal?.aborted === true ? signal.reason : diskFault(beside, thrown)
    }
  }

  async function change(
    path: string,
    become: (before: JsonObject | undefined) => Promise<JsonObject> | JsonObject,
  ): Promise<JsonObject> {
    return inTurn(path, async () => {
      const before = await read(path)
      const after = await become(before)
      if (before === undefined || JSON.stringify(before) !== JSON.stringify(after)) await write(path, textOf(after))
      return after
    })
  }

  async function foldersIn(path: string): Promise<readonly string[]> {
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(absentOrThrow)
    return (entries ?? []).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
  }

  return { folder, read, change, write, place, inTurn, foldersIn }
}

async function* textOf(content: Json): AsyncIterable<Uint8Array> {
  const sha256 = digestOf(JSON.stringify(content))
  yield Buffer.from(`${JSON.stringify({ sha256, content }, undefined, 1)}\n`)
}

function contentOf(path: string, text: string): JsonObject {
  try {
    const { sha256, content } = JSON.parse(text) as { readonly sha256?: unknown; readonly content?: JsonObject }
    if (content !== undefined && sha256 === digestOf(JSON.stringify(content))) return content
  } catch {
    throw damaged(path, 'it is no JSON')
  }
  throw damaged(path, 'its content is not the one that its sha256 names')
}

export function damaged(path: string, how: string): Fault {
  return new Fault('blob/damaged', `${path} in the folder is damaged: ${how}`, {
    hint: 'Put it back from another copy of the folder, or delete what it belongs to and copy that again.',
  })
}
