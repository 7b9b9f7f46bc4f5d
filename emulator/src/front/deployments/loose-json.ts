/** A string, space or a comment, a word, or any other letter. What is open at the end is open: nothing is read twice. */
const TOKEN =
  /(?<text>"(?:\\[\s\S]|[^"\\])*"?|'(?:\\[\s\S]|[^'\\])*'?)|(?<gap>\s+|\/\/[^\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*))|(?<word>[A-Za-z_$][\w$]*)|[\s\S]/g
/** What JSON forbids inside a string unless it is escaped. */
const CONTROL = /[\n\r\t]/g
const ESCAPED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Parses what Azure takes for JSON in a deployment: comments, bare and single-quoted names, trailing commas, strings of several lines.
 *
 * The Azure CLI writes the name `template` without quotes, and sends a template file as it stands (`JsonCTemplatePolicy`).
 */
export function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(strictly(text))
  }
}

/** The same text as JSON: without comments and commas before an end, and with double quotes around names and texts. */
function strictly(text: string): string {
  const strict: string[] = []
  /** The letter with which what comes next begins. */
  let next = ''
  for (const { 0: token, groups } of [...text.matchAll(TOKEN)].reverse()) {
    if (groups?.['gap'] !== undefined) strict.push(token.startsWith('/') ? ' ' : token)
    else if (groups?.['text'] !== undefined) strict.push(quoted(token))
    else if (groups?.['word'] !== undefined && next === ':') strict.push(`"${token}"`)
    else if (token !== ',' || !/[}\]]/.test(next)) strict.push(token)
    if (groups?.['gap'] === undefined) next = token.charAt(0)
  }
  return strict.reverse().join('')
}

function quoted(token: string): string {
  if (token.startsWith('"')) return token.replace(CONTROL, (one) => ESCAPED[one] ?? '')
  if (token === "'" || !token.endsWith("'")) return token
  const content = token
    .slice(1, -1)
    .replaceAll("\\'", "'")
    .replaceAll(/(?<!\\)"/g, '\\"')
  return `"${content.replace(CONTROL, (one) => ESCAPED[one] ?? '')}"`
}
