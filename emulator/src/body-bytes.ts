import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

/** A body is read to its end to be refused, up to so many times its limit. */
const DRAINED = 8

/** All bytes of a stream; `undefined` where there are more than `limit`. */
export async function bytesWithin(stream: AsyncIterable<Buffer>, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    // Read on and keep nothing: on a connection with half of a body in it, the next request would wait for ever.
    else if (size > DRAINED * limit) break
  }
  return size > limit ? undefined : Buffer.concat(chunks)
}

/** The whole body, read past the activity log: it may hold secrets. Refuses one over `limit` bytes. */
export async function unloggedBody(call: Call, limit: number): Promise<Buffer> {
  const bytes = await bytesWithin(call.body, limit)
  if (bytes !== undefined) return bytes
  const message = `The request content size exceeds the maximum size of ${limit} bytes.`
  throw new Refusal(413, 'RequestContentTooLarge', message)
}
