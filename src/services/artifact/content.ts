import { createHash } from 'node:crypto'
import type { HistoryNames } from '../history-names.ts'

/** The one file of MLflow's model format that names the run and the model it is of. */
const NAMING = 'MLmodel'
/** No description of a model is longer: what is goes as it is. */
const MOST_NAMING = 4 * 1024 * 1024

/** What a file is on both sides. */
export interface Sum {
  readonly length: number
  readonly sha256: string
}

/** Names by which a file is read, and those in which it is to be written, if it is. */
export interface Naming {
  readonly from: HistoryNames
  readonly to?: HistoryNames
  readonly signal: AbortSignal
}

/** Bytes on their way, and what they come to once they have passed. */
export interface Passing {
  readonly bytes: AsyncIterable<Uint8Array>
  sum(): Sum
}

/** True for a file that names the run and the model it is of. */
export function isNaming(path: string): boolean {
  return path === NAMING || path.endsWith(`/${NAMING}`)
}

/** Passes a file on. A description of a model is said in the target's names; its sum is that of the portable text. */
export function passing(path: string, bytes: AsyncIterable<Uint8Array>, naming: Naming): Passing {
  const hash = createHash('sha256')
  let length = 0
  const count = (chunk: Uint8Array) => {
    hash.update(chunk)
    length += chunk.byteLength
  }
  async function* through(): AsyncIterable<Uint8Array> {
    const isSaidInNames = isNaming(path)
    const source = isSaidInNames ? whole(bytes) : bytes
    for await (const chunk of source) {
      const text = isSaidInNames ? textIn(chunk) : undefined
      if (text === undefined) {
        count(chunk)
        yield chunk
      } else {
        const portable = await naming.from.portable(text, naming.signal)
        count(Buffer.from(portable))
        yield naming.to === undefined ? chunk : Buffer.from(await naming.to.local(portable, naming.signal))
      }
    }
  }
  return { bytes: through(), sum: () => ({ length, sha256: hash.copy().digest('hex') }) }
}

/** Reads a file to its end, for what it comes to. */
export async function sumOf(path: string, bytes: AsyncIterable<Uint8Array>, naming: Naming): Promise<Sum> {
  const read = passing(path, bytes, naming)
  for await (const _ of read.bytes);
  return read.sum()
}

/** One chunk, unless it is longer than any description. */
async function* whole(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  let isLong = false
  for await (const chunk of bytes) {
    length += chunk.byteLength
    if (isLong) yield chunk
    else chunks.push(chunk)
    if (isLong || length <= MOST_NAMING) continue
    isLong = true
    yield* chunks.splice(0)
  }
  if (!isLong) yield Buffer.concat(chunks)
}

/** `undefined` for what is no text, or is too long to be a description. */
function textIn(chunk: Uint8Array): string | undefined {
  const bytes = Buffer.from(chunk)
  if (bytes.byteLength > MOST_NAMING) return undefined
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined
}
