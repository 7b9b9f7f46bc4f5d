import { Refusal } from '../refusal.ts'

/** A comparison of an OData filter: `tags/owner eq 'me'`. */
export interface Clause {
  readonly name: string
  /** What stands behind the slash. */
  readonly key: string | undefined
  /** In lower case. */
  readonly operator: string
  /** As it was written, with its quotes. */
  readonly literal: string
}

/** SQLite nests a condition for each clause, and bounds how deep. */
const MOST_CLAUSES = 200
const LONGEST = 65_536
/** A text in quotes, a run of other letters, or white space: each begins with a letter that none of the others does. */
const WORD = /(?<text>'(?:[^']|'')*')|(?<word>[^\s']+)|(?<space>\s+)/y
const OPERATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'gt', 'ge', 'lt', 'le'])

/**
 * The comparisons of a filter, which are joined by `and`. Parentheses around them count for nothing, since nothing else
 * joins them. Reads each letter once. Refuses what is no comparison, and more than {@link MOST_CLAUSES},
 * or one of more than {@link LONGEST} characters.
 */
export function clausesOf(filter: string): readonly Clause[] {
  if (filter.length > LONGEST) throw unreadable(`of ${filter.length} characters`, `The limit is ${LONGEST}.`)
  const clauses: string[][] = [[]]
  for (const word of wordsOf(filter)) {
    if (word.toLowerCase() === 'and') clauses.push([])
    else clauses.at(-1)?.push(word)
  }
  const filled = clauses.filter((words) => words.length > 0)
  if (filled.length <= MOST_CLAUSES) return filled.map(clauseOf)
  throw unreadable(`of ${filled.length} comparisons`, `The limit is ${MOST_CLAUSES}.`)
}

function wordsOf(filter: string): readonly string[] {
  const words: string[] = []
  let open = false
  WORD.lastIndex = 0
  while (WORD.lastIndex < filter.length) {
    const at = WORD.lastIndex
    const found = WORD.exec(filter)?.groups
    if (found === undefined) throw unreadable(`'${filter.slice(at)}'`)
    const { text, word, space } = found
    // What follows without a space belongs to the word before.
    if (space === undefined && open) words.push(`${words.pop() ?? ''}${text ?? word ?? ''}`)
    else if (space === undefined) words.push(text ?? word ?? '')
    open = space === undefined
  }
  return words
}

function clauseOf(words: readonly string[]): Clause {
  const inside = withoutParentheses(words)
  const [path = '', operator = '', literal = '', ...rest] = inside
  const [, name, key] = /^([\w.]+)(?:\/(\S+))?$/.exec(path) ?? []
  const known = OPERATORS.has(operator.toLowerCase())
  const closed = literal !== '' && (!literal.startsWith("'") || /^'(?:[^']|'')*'$/.test(literal))
  if (name === undefined || !known || !closed || rest.length > 0) throw unreadable(`'${words.join(' ')}'`)
  return { name, key, operator: operator.toLowerCase(), literal }
}

/** The words of a clause without parentheses before the first and behind the last. */
function withoutParentheses(words: readonly string[]): readonly string[] {
  const first = words.findIndex((word) => !/^\(+$/.test(word))
  const last = words.findLastIndex((word) => endOf(word) !== '')
  if (first < 0 || last < first) return []
  const inside = words.slice(first, last + 1)
  inside[0] = inside[0]?.replace(/^\(+/, '') ?? ''
  inside[inside.length - 1] = endOf(inside.at(-1) ?? '')
  return inside
}

/** A word without the parentheses at its end. */
function endOf(word: string): string {
  let end = word.length
  while (word[end - 1] === ')') end--
  return word.slice(0, end)
}

/** The refusal of run history for a filter or order, as `what` names it. */
export function unreadable(what: string, hint = ''): Refusal {
  return new Refusal(400, 'UserError', `The filter or order ${what} is not understood. ${hint}`.trim())
}
