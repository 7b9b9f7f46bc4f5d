const BARE_WORD = /NaN|Infinity/
const WORD_OR_STRING = /("(?:[^"\\]|\\.)*")|(NaN|-?Infinity)/g
const LONG_NUMBER = /[:[,]\s*-?\d{16}/

/**
 * JSON as servers that are written in Python send it, to the digit: NaN and the infinities, which JSON does not know, and
 * whole numbers that a number of JavaScript would round come as text, which servers take too. Throws `SyntaxError`.
 */
export function readJson(text: string): unknown {
  const parse = (json: string): unknown => (LONG_NUMBER.test(json) ? JSON.parse(json, exactly) : JSON.parse(json))
  try {
    return parse(text)
  } catch (thrown) {
    if (!BARE_WORD.test(text)) throw thrown
    return parse(text.replace(WORD_OR_STRING, (_, string?: string, word?: string) => string ?? `"${word}"`))
  }
}

function exactly(_key: string, value: unknown, { source }: { readonly source?: string } = {}): unknown {
  const isInexact = typeof value === 'number' && source !== undefined && /^-?\d{16,}$/.test(source)
  return isInexact && !Number.isSafeInteger(value) ? source : value
}
