import { BadExpression } from '../violation.ts'
import { type Token, type TokenName, tokensOf } from './tokens.ts'

/** A parsed template expression. */
export type Node =
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'number'; readonly value: number }
  /** `name` is as written; a function of the template's own has its namespace before a dot. */
  | { readonly is: 'call'; readonly name: string; readonly args: readonly Node[] }
  | { readonly is: 'property'; readonly of: Node; readonly name: string }
  | { readonly is: 'index'; readonly of: Node; readonly by: Node }

const KEPT = 5000
/** Azure's limit of the length of one expression. */
const LONGEST = 24_576
/** Calls inside each other, and steps down one after the other. */
const DEEPEST = 128
const parsed = new Map<string, Node>()

/**
 * What a string of a template holds: an expression, or plain text.
 *
 * Text in brackets is an expression; two brackets at the start stand for one in plain text.
 */
export function expressionIn(text: string): Node | undefined {
  if (!isBracketed(text) || text.startsWith('[[')) return undefined
  const known = parsed.get(text)
  if (known !== undefined) return known
  const node = parse(text.slice(1, -1))
  if (parsed.size >= KEPT) parsed.clear()
  parsed.set(text, node)
  return node
}

/** Plain text as it is meant, for a string that holds no expression. */
export function plain(text: string): string {
  return isBracketed(text) && text.startsWith('[[') ? text.slice(1) : text
}

/** The opposite of {@link plain}: text that a later evaluation will read as this plain text. */
export function escaped(text: string): string {
  return isBracketed(text) ? `[${text}` : text
}

/** Every node of an expression, outermost first. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node
  if (node.is === 'call') for (const arg of node.args) yield* nodesOf(arg)
  if (node.is === 'property' || node.is === 'index') yield* nodesOf(node.of)
  if (node.is === 'index') yield* nodesOf(node.by)
}

function isBracketed(text: string): boolean {
  return text.length > 1 && text.startsWith('[') && text.endsWith(']')
}

/** Parses the inside of an expression. */
export function parse(source: string): Node {
  if (source.length > LONGEST) {
    throw new BadExpression(
      `The language expression length limit exceeded. Limit: '${LONGEST}' and actual: '${source.length}'.`,
    )
  }
  const parser = new Parser(source)
  const node = parser.value()
  parser.take('EndOfData')
  return node
}

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
    this.#tokens = tokensOf(source)
  }

  value(): Node {
    this.#deeper(++this.#depth)
    const node = this.#steps(this.#primary())
    this.#depth--
    return node
  }

  /** A value with the steps down from it. */
  #steps(from: Node): Node {
    let node = from
    for (let steps = 0; ; steps++) {
      this.#deeper(steps)
      if (this.#accept('Dot')) node = { is: 'property', of: node, name: this.take('Identifier').text }
      else if (this.#accept('LeftSquareBracket')) {
        node = { is: 'index', of: node, by: this.value() }
        this.take('RightSquareBracket')
      } else return node
    }
  }

  #deeper(depth: number): void {
    if (depth <= DEEPEST) return
    const start = this.#source.slice(0, 60)
    throw new BadExpression(`Unable to parse language expression '${start}…': it is nested deeper than ${DEEPEST}.`)
  }

  take(name: TokenName): Token {
    const token = this.#peek()
    if (token.name !== name) {
      throw new BadExpression(
        `Unable to parse language expression '${this.#source}': expected token '${name}' and actual '${token.name}'.`,
      )
    }
    this.#next++
    return token
  }

  #primary(): Node {
    const token = this.#peek()
    if (this.#accept('Literal')) return { is: 'text', value: token.text }
    if (this.#accept('Integer')) return { is: 'number', value: Number(token.text) }
    let name = this.take('Identifier').text
    while (this.#accept('Dot')) name += `.${this.take('Identifier').text}`
    this.take('LeftParenthesis')
    const args: Node[] = []
    if (this.#accept('RightParenthesis')) return { is: 'call', name, args }
    do args.push(this.value())
    while (this.#accept('Comma'))
    this.take('RightParenthesis')
    return { is: 'call', name, args }
  }

  #accept(name: TokenName): boolean {
    if (this.#peek().name !== name) return false
    this.#next++
    return true
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { name: 'EndOfData', text: '', position: this.#source.length }
  }
}
