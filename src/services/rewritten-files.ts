import type { Place } from './service.ts'

/** Files whose text may name the workspace they were written in, by the last part of the name. */
const REWRITTEN = new Set(['MLmodel', 'MLTable'])
/** What is larger is no such file, whatever its name. */
const LARGEST = 1024 * 1024

/** True for files that are rewritten on the way, because their text may name the workspace they lie in. */
export function isRewritten(name: string, length: number): boolean {
  return length <= LARGEST && REWRITTEN.has(name.slice(name.lastIndexOf('/') + 1))
}

/**
 * The bytes as they must read at the target: references to the source place become references to the target.
 * `undefined` where nothing changes, or where the bytes are no text after all.
 */
export function rewritten(bytes: Buffer, from: Place, to: Place): Buffer | undefined {
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) return undefined
  const after = to.local(from.portable(text))
  return after === text ? undefined : Buffer.from(after)
}
