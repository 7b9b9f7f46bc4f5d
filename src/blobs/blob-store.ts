import type { Readable } from 'node:stream'

export interface BlobInfo {
  readonly name: string
  /** Changes with every write. Opaque; equal only to itself. */
  readonly etag: string
  readonly length: number
  readonly modified: Date
  readonly contentType: string | undefined
  /** MD5 in base64 as the store keeps it, where it does. */
  readonly md5: string | undefined
  /** User metadata, keys in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  readonly presentation: Presentation
}

/** How the bytes of a blob are to be read, beside their type: whoever is not told `gzip` reads something else. */
export interface Presentation {
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly contentDisposition?: string
  readonly cacheControl?: string
}

/** Makes a write or a read conditional. `etag: undefined` with `absent` false means: whatever is there. */
export interface Condition {
  /** Only if the blob has this ETag. */
  readonly etag?: string
  /** Only if there is no blob. */
  readonly absent?: boolean
}

/**
 * Bytes by name in one container. Every implementation passes `conformance.ts`.
 *
 * Absence is `undefined`; a condition that does not hold throws `blob/changed`; anything else that
 * cannot be had throws an `azure/…` or `store/…` fault. All methods may be called at once and again.
 */
export interface BlobStore {
  /** Every blob under a prefix, by name, to the last page, or a fault: never a part of the list. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<BlobInfo>
  head(name: string, signal: AbortSignal): Promise<BlobInfo | undefined>
  /** The bytes and what they were when the reading began. A change in the middle fails the stream with `blob/changed`. */
  get(
    name: string,
    options: { readonly signal: AbortSignal; readonly etag?: string },
  ): Promise<{ info: BlobInfo; bytes: Readable } | undefined>
  /** Durable when it resolves. Never leaves a half-written blob. */
  put(name: string, bytes: Buffer | Readable, options: PutOptions): Promise<BlobInfo>
  remove(name: string, options: { readonly signal: AbortSignal } & Condition): Promise<void>
  /**
   * Lets the store fetch the bytes itself, so that they do not pass through here. `undefined` where it cannot
   * take them from that store, and then nothing was written: read there and put here. Throws `blob/changed`
   * where the source is no longer what `etag` names.
   */
  copyFrom?(name: string, source: CopySource, options: PutOptions): Promise<BlobInfo | undefined>
}

/** One version of a blob in another store. */
export interface CopySource {
  readonly store: BlobStore
  readonly name: string
  readonly etag: string
  readonly length: number
}

export interface PutOptions extends Condition {
  readonly signal: AbortSignal
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly presentation?: Presentation
}
