import { BadExpression } from '../violation.ts'

/** Names of tokens as they stand in Resource Manager's messages. */
export type TokenName =
  | 'Identifier'
  | 'Literal'
  | 'Integer'
  | 'LeftParenthesis'
  | 'RightParenthesis'
  | 'LeftSquareBracket'
  | 'RightSquareBracket'
  | 'Comma'
  | 'Dot'
  | 'EndOfData'

export interface Token {
  readonly name: TokenName
  /** The identifier, the digits, or the literal with its quotes and escapes resolved. */
  readonly text: string
  readonly position: number
}

const MARKS: Readonly<Record<string, TokenName>> = {
  '(': 'LeftParenthesis',
  ')': 'RightParenthesis',
  '[': 'LeftSquareBracket',
  ']': 'RightSquareBracket',
  ',': 'Comma',
  '.': 'Dot',
}

const SPACE = /\s*/y
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y
const INTEGER = /[-+]?[0-9]+/y
const LITERAL = /'((?:[^']|'')*)'/y

/** Splits the inside of an expression, without its outer brackets, into tokens that end with `EndOfData`. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = []
  let position = skip(source, 0)
  while (position < source.length) {
    const { token, end } = tokenAt(source, position)
    tokens.push(token)
    position = skip(source, end)
  }
  return [...tokens, { name: 'EndOfData', text: '', position }]
}

function tokenAt(source: string, position: number): { token: Token; end: number } {
  const mark = MARKS[source.charAt(position)]
  if (mark !== undefined) return { token: { name: mark, text: source.charAt(position), position }, end: position + 1 }
  const identifier = match(IDENTIFIER, source, position)
  if (identifier !== undefined) return found('Identifier', identifier[0], identifier[0].length, position)
  const integer = match(INTEGER, source, position)
  if (integer !== undefined) return found('Integer', integer[0], integer[0].length, position)
  const literal = match(LITERAL, source, position)
  if (literal !== undefined) {
    return found('Literal', (literal[1] ?? '').replaceAll("''", "'"), literal[0].length, position)
  }
  const unexpected = source.charAt(position)
  throw new BadExpression(
    `The language expression '${source}' is not valid: the string character '${unexpected}' at position '${position}' is not expected.`,
  )
}

function found(name: TokenName, text: string, length: number, position: number): { token: Token; end: number } {
  return { token: { name, text, position }, end: position + length }
}

function skip(source: string, position: number): number {
  return position + (match(SPACE, source, position)?.[0].length ?? 0)
}

function match(pattern: RegExp, source: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position
  return pattern.exec(source) ?? undefined
}
