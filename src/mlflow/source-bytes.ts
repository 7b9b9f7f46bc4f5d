import { createReadStream } from 'node:fs'

/**
 * The same bytes. What keeps the source from giving more of them is thrown as `faultOf` has it; what their reader throws
 * into them is the reader's own, and passes as it is: who carries bytes between two places must not mix up the two.
 */
export async function* sourceBytes(
  bytes: AsyncIterable<Uint8Array>,
  faultOf: (thrown: unknown) => unknown,
): AsyncIterable<Uint8Array> {
  const rest = bytes[Symbol.asyncIterator]()
  const next = () => rest.next().catch((thrown: unknown) => Promise.reject(faultOf(thrown)))
  try {
    for (let one = await next(); one.done !== true; one = await next()) yield one.value
  } finally {
    await rest.return?.()
  }
}

/**
 * Bytes of a file, which is opened when the first of them is asked for: until then nobody would hear that it cannot be
 * opened, or that it is to be left, and that would end the process.
 */
export function fileBytes(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => createReadStream(path, { signal })[Symbol.asyncIterator]() }
}
