/** Values nested deeper than this are refused: no request that Azure takes comes near it, and whatever walks a value may recurse. */
export const DEEPEST = 128

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b])
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d])

/** True where the text of a JSON value opens more than {@link DEEPEST} objects and arrays inside each other. */
export function isTooDeep(json: Uint8Array): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0
    if (byte === QUOTE) at = endOfText(json, at)
    else if (OPENING.has(byte)) {
      if (++depth > DEEPEST) return true
    } else if (CLOSING.has(byte)) depth--
  }
  return false
}

/** True where a value has more than {@link DEEPEST} objects and arrays inside each other. */
export function isNestedTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
    if (depth > DEEPEST) return true
  }
  return false
}

/** Place of the quote that ends the text which begins at `from`. */
function endOfText(json: Uint8Array, from: number): number {
  let end = json.indexOf(QUOTE, from + 1)
  while (end >= 0 && isEscaped(json, end)) end = json.indexOf(QUOTE, end + 1)
  return end < 0 ? json.length : end
}

function isEscaped(json: Uint8Array, at: number): boolean {
  let backslashes = 0
  while (json[at - 1 - backslashes] === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}
