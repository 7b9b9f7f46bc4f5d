/** A string, a comment, a comma before the end of a list or an object, or a bare name of a property. */
const TOKEN =
  /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*[}\]])|[A-Za-z_$][\w$]*(?=\s*:)/g
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
    return JSON.parse(text.replace(TOKEN, strict))
  }
}

function strict(token: string): string {
  if (token.startsWith('"')) return token.replace(CONTROL, (one) => ESCAPED[one] ?? '')
  if (token.startsWith("'")) {
    const content = token
      .slice(1, -1)
      .replaceAll("\\'", "'")
      .replaceAll(/(?<!\\)"/g, '\\"')
    return `"${content.replace(CONTROL, (one) => ESCAPED[one] ?? '')}"`
  }
  return token.startsWith('/') || token === ',' ? ' ' : `"${token}"`
}
