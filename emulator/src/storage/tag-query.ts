import { Refusal } from '../refusal.ts'

/** Asks a blob's tags; `@container` asks for the name of its container. */
export interface TagQuery {
  /** Keys that the expression names, in order. */
  readonly keys: readonly string[]
  holds(tags: Readonly<Record<string, string>>, container: string): boolean
}

const OPERATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  '=': (value, wanted) => value === wanted,
  '<>': (value, wanted) => value !== wanted,
  '>=': (value, wanted) => value >= wanted,
  '<=': (value, wanted) => value <= wanted,
  '>': (value, wanted) => value > wanted,
  '<': (value, wanted) => value < wanted,
}
/** Only in a condition on one blob; finding knows neither. */
const OF_CONDITIONS = /^(or|<>)$/i
const CONTAINER = '@container'
const TOKEN = /\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|(@container|[\w]+)|(<>|>=|<=|=|<|>))/y

interface Term {
  readonly key: string
  readonly operator: string
  readonly wanted: string
}

/**
 * Reads an expression over tags: terms `key = 'value'` joined by AND, and in a condition by OR as well.
 *
 * The grammar is that of the vendor's pages "Find Blobs by Tags" and "Specifying conditional headers".
 */
export function parseTagQuery(text: string, use: 'find' | 'condition'): TagQuery {
  const tokens = tokensOf(text)
  const anyOf: Term[][] = [[]]
  while (tokens.length > 0) {
    const [key, operator, value] = tokens.splice(0, 3)
    if (key?.is !== 'name' || operator?.is !== 'operator' || value?.is !== 'value') throw badQuery(text)
    if (use === 'find' && OF_CONDITIONS.test(operator.text)) throw badQuery(text)
    anyOf.at(-1)?.push({ key: key.text, operator: operator.text, wanted: value.text })
    const joint = tokens.shift()
    if (joint === undefined) break
    if (/^or$/i.test(joint.text) && use === 'condition') anyOf.push([])
    else if (!/^and$/i.test(joint.text)) throw badQuery(text)
    if (tokens.length === 0) throw badQuery(text)
  }
  if (anyOf.some((terms) => terms.length === 0)) throw badQuery(text)
  const keys = anyOf.flat().map(({ key }) => key)
  return {
    keys: [...new Set(keys)].filter((key) => key !== CONTAINER),
    holds: (tags, container) => anyOf.some((terms) => terms.every((term) => holds(term, tags, container))),
  }
}

function holds({ key, operator, wanted }: Term, tags: Readonly<Record<string, string>>, container: string): boolean {
  const value = key === CONTAINER ? container : tags[key]
  // A tag that is not there differs from everything and is in no order to anything.
  if (value === undefined) return operator === '<>'
  return OPERATORS[operator]?.(value, wanted) === true
}

interface Token {
  readonly is: 'name' | 'value' | 'operator'
  readonly text: string
}

function tokensOf(text: string): Token[] {
  const pattern = new RegExp(TOKEN)
  const tokens: Token[] = []
  while (pattern.lastIndex < text.trimEnd().length) {
    const found = pattern.exec(text)
    if (found === null) throw badQuery(text)
    const [, quoted, value, bare, operator] = found
    if (value !== undefined) tokens.push({ is: 'value', text: value.replaceAll("''", "'") })
    else if (operator !== undefined) tokens.push({ is: 'operator', text: operator })
    else tokens.push({ is: 'name', text: bare ?? quoted?.replaceAll('""', '"') ?? '' })
  }
  return tokens
}

function badQuery(text: string): Refusal {
  return new Refusal(400, 'InvalidQueryParameterValue', `The expression over tags is not valid: ${text.slice(0, 200)}`)
}
