import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { BlobInfo, BlobStore } from '../blobs/blob-store.ts'
import { Fault } from '../core/errors.ts'
import { ORIGIN, ORIGIN_LENGTH, originOf, SHA256 } from './blob-origin.ts'
import { isRewritten, rewrittenText } from './rewritten-files.ts'
import type { Place } from './service.ts'

/** One end of a copy. */
export interface End {
  readonly place: Place
  readonly store: BlobStore
  readonly name: string
}

export interface Copied {
  readonly info: BlobInfo
  readonly bytes: number
}

/** Bytes at most that are held in memory to write a blob with its digest in one call. */
const WHOLE = 8 * 1024 * 1024

/**
 * Copies one blob in the version it has now, or `blob/changed` if it changes meanwhile; `undefined` if it is gone.
 * The replica says which version it is, so that the next pass on either side knows it without reading.
 */
export async function copyBlob(from: End, to: End, signal: AbortSignal): Promise<Copied | undefined> {
  const head = await from.store.head(from.name, signal)
  if (head === undefined) return undefined
  const reading = await from.store.get(from.name, { signal, etag: head.etag })
  if (reading === undefined) return undefined
  const metadata = { ...head.metadata, [ORIGIN]: originOf(head) }
  const contentType = head.contentType ?? 'application/octet-stream'

  if (isRewritten(from.name, head.length)) {
    const original = await buffer(reading.bytes)
    const text = Buffer.from(rewrittenText(original.toString('utf8'), from.place, to.place))
    const declared = {
      ...metadata,
      [ORIGIN_LENGTH]: String(head.metadata[ORIGIN_LENGTH] ?? head.length),
      [SHA256]: sha256(original),
    }
    const info = await to.store.put(to.name, text, { signal, contentType, metadata: declared })
    return { info, bytes: text.length }
  }
  if (head.length <= WHOLE) {
    const bytes = await buffer(reading.bytes)
    demandWhole(from.name, bytes.length, head.length)
    const info = await to.store.put(to.name, bytes, {
      signal,
      contentType,
      metadata: { ...metadata, [SHA256]: sha256(bytes) },
    })
    return { info, bytes: bytes.length }
  }
  const counter = counting()
  const info = await to.store.put(to.name, reading.bytes.pipe(counter.through), { signal, contentType, metadata })
  demandWhole(from.name, counter.bytes(), head.length)
  return { info, bytes: head.length }
}

function counting(): { through: Transform; bytes(): number } {
  let bytes = 0
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  return { through, bytes: () => bytes }
}

function demandWhole(name: string, got: number, length: number): void {
  if (got === length) return
  throw new Fault('blob/damaged', `${name} gave ${got} of ${length} bytes`, {
    facts: { got, length },
    hint: 'Run it again: nothing of it was published.',
  })
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
