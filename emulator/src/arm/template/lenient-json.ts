import type { Json } from './json.ts'

/** A text in quotes of either kind, a comment, a bare word, a number, or any other single character. */
const PIECES = /"(?:[^"\\]|\\.)*"|'((?:[^'\\]|\\.)*)'|\/\/.*|\/\*[\s\S]*?\*\/|[A-Za-z_$][\w$]*|[\d.][\w.+-]*|[\s\S]/g
const WORDS = new Set(['true', 'false', 'null'])

/**
 * Reads JSON as the service does: texts may stand in single quotes, names without any, truth values in any case,
 * fractions without a digit before the point, and comments anywhere.
 *
 * @throws SyntaxError
 */
export function parseLenient(text: string): Json {
  try {
    return JSON.parse(text)
  } catch (strict) {
    try {
      return JSON.parse(text.replace(PIECES, strictPiece))
    } catch {
      throw strict
    }
  }
}

function strictPiece(piece: string, single: string | undefined): string {
  if (single !== undefined) return JSON.stringify(single.replaceAll("\\'", "'").replaceAll('\\\\', '\\'))
  if (/^\/[/*]/.test(piece)) return ' '
  if (piece.startsWith('.')) return `0${piece}`
  if (!/^[A-Za-z_$]/.test(piece)) return piece
  const word = piece.toLowerCase()
  return WORDS.has(word) ? word : JSON.stringify(piece)
}
