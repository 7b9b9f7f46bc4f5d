import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { BlobInfo, BlobStore, PutOptions } from '../blobs/blob-store.ts'
import { Fault } from '../core/errors.ts'
import { ORIGIN, ORIGIN_LENGTH, originOf, SHA256 } from './blob-origin.ts'
import { isRewritten, rewritten } from './rewritten-files.ts'
import type { Place } from './service.ts'

/** One end of a copy. */
export interface End {
  readonly place: Place
  readonly store: BlobStore
  readonly name: string
}

/** Bytes at most that are held in memory to write a blob with its digest in one call. */
const WHOLE = 8 * 1024 * 1024

/**
 * Copies one blob in the version it has now, or `blob/changed` if it changes meanwhile; `undefined` if it is gone.
 * The replica says which version it is, so that the next pass on either side knows it without reading. Returns what
 * stands at the target then. `length` is the one it had when it was last seen.
 */
export async function copyBlob(from: End, to: End, { length, signal }: Copying): Promise<BlobInfo | undefined> {
  if (length > WHOLE) {
    const head = await from.store.head(from.name, signal)
    return head === undefined ? undefined : copyLarge({ from, to }, head, optionsOf(head, signal))
  }
  const reading = await from.store.get(from.name, { signal })
  if (reading === undefined) return undefined
  const { info, bytes } = reading
  if (info.length <= WHOLE) return copySmall({ from, to }, reading, optionsOf(info, signal))
  // It has grown. One turn of the loop ends the reading, where `destroy` would leave one that has not begun open.
  for await (const _ of bytes) break
  return copyLarge({ from, to }, info, optionsOf(info, signal))
}

export interface Copying {
  readonly length: number
  readonly signal: AbortSignal
}

function optionsOf(info: BlobInfo, signal: AbortSignal): Options {
  const metadata = { ...info.metadata, [ORIGIN]: originOf(info) }
  const { contentType = 'application/octet-stream', presentation } = info
  return { signal, contentType, metadata, presentation }
}

interface Ends {
  readonly from: End
  readonly to: End
}

type Options = PutOptions & Required<Pick<PutOptions, 'metadata'>>

interface Reading {
  readonly info: BlobInfo
  readonly bytes: Readable
}

async function copySmall({ from, to }: Ends, { info, bytes }: Reading, options: Options): Promise<BlobInfo> {
  const original = await buffer(bytes)
  if (original.length !== info.length) throw short(from.name, original.length, info.length)
  const digest = createHash('sha256').update(original).digest('hex')
  // A replica that goes on keeps the digest of its own original.
  const kept = info.metadata[ORIGIN] === undefined ? digest : (info.metadata[SHA256] ?? digest)
  const marks = { ...options.metadata, [SHA256]: kept }
  const text = isRewritten(from.name, info.length) ? rewritten(original, from.place, to.place) : undefined
  if (text === undefined) return to.store.put(to.name, original, { ...options, metadata: marks })
  const declared = { ...marks, [ORIGIN_LENGTH]: info.metadata[ORIGIN_LENGTH] ?? String(info.length) }
  return to.store.put(to.name, text, { ...options, metadata: declared })
}

/** Large bytes pass from store to store where the stores can, else through here as a stream. */
async function copyLarge({ from, to }: Ends, head: BlobInfo, options: Options): Promise<BlobInfo | undefined> {
  const { name, store } = from
  const fetched = await to.store.copyFrom?.(to.name, { store, name, etag: head.etag, length: head.length }, options)
  if (fetched !== undefined) return fetched
  const reading = await store.get(name, { signal: options.signal, etag: head.etag })
  if (reading === undefined) return undefined
  const through = counting(name, head.length)
  // A failure of the source ends the target's write: `pipeline` hands it on, and `put` meets it.
  pipeline(reading.bytes, through, () => undefined)
  try {
    return await to.store.put(to.name, through, options)
  } finally {
    through.destroy()
  }
}

/** Hands bytes on and fails at the end if they were fewer or more than promised, before anything is published. */
function counting(name: string, length: number): Transform {
  let got = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      got += chunk.length
      done(null, chunk)
    },
    flush(done) {
      done(got === length ? null : short(name, got, length))
    },
  })
}

function short(name: string, got: number, length: number): Fault {
  return new Fault('blob/damaged', `${name} gave ${got} of ${length} bytes`, {
    facts: { got, length },
    hint: 'Run it again: nothing of it was published.',
  })
}
