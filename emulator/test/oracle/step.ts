import type { StorageSharedKeyCredential } from '@azure/storage-blob'
import { type BlobServiceClient, RestError, type StoragePipelineOptions } from '@azure/storage-blob'

/** A blob service under test, with everything a client of it has. */
export interface Place {
  readonly account: string
  readonly credential: StorageSharedKeyCredential
  /** Options for any client class of the vendor's package. */
  readonly options: StoragePipelineOptions
  /** Signed with the account's key. */
  readonly service: BlobServiceClient
  /** Signed in with a token. */
  readonly signedIn: BlobServiceClient
}

/** A few requests under one name. What they answer is compared, refusals too. */
export type Step = readonly [name: string, run: (place: Place) => Promise<void>]

/** The value of a call, or `undefined` where the service refused it: that is an answer as good as any. */
export async function ask<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (failure) {
    if (failure instanceof RestError && failure.statusCode !== undefined) return undefined
    throw failure
  }
}

/** Every entry of a listing, whose pages are compared as they come. */
export async function each(pages: AsyncIterable<unknown>): Promise<void> {
  const all: unknown[] = []
  await ask(
    (async () => {
      for await (const page of pages) all.push(page)
    })(),
  )
}

/** An id of a lease, the same on both sides. */
export function leaseId(digit: number): string {
  const one = String(digit)
  return `${one.repeat(8)}-0000-4000-8000-${one.repeat(12)}`
}
