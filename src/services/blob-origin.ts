import type { BlobInfo } from '../blobs/blob-store.ts'

/**
 * Metadata that a replica carries: which version of the bytes it is. A blob without it is an original and its own
 * ETag is its origin. So the same bytes have the same origin on both sides, in whichever direction they went.
 */
export const ORIGIN = 'holdfast_origin'
/** Length at the origin, where the replica's bytes are a declared rewrite. */
export const ORIGIN_LENGTH = 'holdfast_origin_length'
/** SHA-256 of the bytes at the origin. */
export const SHA256 = 'holdfast_sha256'

/** Holdfast's own container: it is never a part of what is protected. */
export const OWN_CONTAINER = 'holdfast'

/** Which version of the bytes a blob is, the same on both sides. */
export function originOf(info: BlobInfo): string {
  return info.metadata[ORIGIN] ?? info.etag
}
