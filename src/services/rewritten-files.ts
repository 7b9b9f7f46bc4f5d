import type { Place } from './service.ts'

/** Files whose text may name the workspace they were written in, by the last part of the name. */
const REWRITTEN = new Set(['MLmodel', 'MLTable'])
/** What is larger is no such file, whatever its name. */
const LARGEST = 1024 * 1024

/** True for files that are rewritten on the way, because their text may name the workspace they lie in. */
export function isRewritten(name: string, length: number): boolean {
  return length <= LARGEST && REWRITTEN.has(name.slice(name.lastIndexOf('/') + 1))
}

/** The text as it must read at the target: references to the source place become references to the target. */
export function rewrittenText(text: string, from: Place, to: Place): string {
  return to.local(from.portable(text))
}
