/** A word that begins as an address does and has something percent-encoded in it. */
const ENCODED = /(?<=^|[\s(“"'`])[a-z][a-z-]*\/[^\s]*%[0-9A-Fa-f]{2}[^\s]*/g
const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g
/** What would steer a terminal or turn its text around stays encoded. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu
const TOKEN = /<<hf:([a-z-]+)>>/g

/**
 * Addresses as people read them, alone or inside a sentence: names are decoded, and what differs by side stands as
 * `‹guid›`. What is shown is also a selector that means the same address; programs get the exact one by `--json`.
 */
export function readable(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(ENCODED, (word) => word.replace(ESCAPES, decoded).replace(TOKEN, '‹$1›'))
}

function decoded(escapes: string): string {
  try {
    return decodeURIComponent(escapes).replace(STEERING, encodeURIComponent)
  } catch {
    // It was never encoded: it means itself.
    return escapes
  }
}

/** A text that somebody chose, with what would steer a terminal or turn the text around encoded. */
export function unsteered(text: string): string {
  return text.replace(STEERING, (one) => (one === '\n' ? one : encodeURIComponent(one)))
}
