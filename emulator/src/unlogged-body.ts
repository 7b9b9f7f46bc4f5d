import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

/** The whole body, read past the activity log: it may hold secrets. Refuses one over `limit` bytes. */
export async function unloggedBody(call: Call, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of call.body) {
    size += chunk.length
    if (size > limit) {
      const message = `The request content size exceeds the maximum size of ${limit} bytes.`
      throw new Refusal(413, 'RequestContentTooLarge', message)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
