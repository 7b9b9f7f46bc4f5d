import { invalid } from './answers.ts'

export type Comparator =
  | '='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | 'LIKE'
  | 'ILIKE'
  | 'IN'
  | 'NOT IN'
  | 'IS NULL'
  | 'IS NOT NULL'

/** What stands on the right of a comparator. `quoted` tells `'1'` from `1`. */
export type Operand =
  | { readonly is: 'number'; readonly value: number; readonly text: string }
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'list'; readonly values: readonly string[]; readonly numbers: boolean; readonly text: string }
  | { readonly is: 'word'; readonly text: string }
  | { readonly is: 'nothing' }

/** One comparison of a filter: `metrics.loss < 0.5`. A name without a dot is an attribute. */
export interface Comparison {
  readonly entity: string | undefined
  readonly key: string
  readonly comparator: Comparator
  /** The comparator as the filter has it: `like`. */
  readonly written: string
  readonly operand: Operand
}

interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'operator' | 'punctuation'
  readonly text: string
}

const TOKEN =
  /\s*(?:(?<string>'(?:[^'\\]|''|\\.)*')|(?<name>(?:[A-Za-z_]\w*|"[^"]*"|`[^`]*`)(?:\.(?:\w+|"[^"]*"|`[^`]*`))*)|(?<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?<operator><=|>=|!=|<>|=|<|>)|(?<punctuation>[(),;]))/uy

/** SQLite nests a condition for each comparison, joins a table for each item of an order, and bounds both. */
const MOST_COMPARISONS = 200
const MOST_ORDERINGS = 50

/**
 * Reads MLflow's filter language: comparisons joined by AND, nothing else. No parentheses but those of
 * a list, no OR. An empty filter has no comparisons; one of nothing but blanks is none. Refuses one of more than
 * {@link MOST_COMPARISONS}.
 */
export function parseFilter(filter: string | undefined): Comparison[] {
  if (filter === undefined || filter === '') return []
  const text = filter.trim()
  if (text === '') throw invalid(`Invalid filter '${filter}'. Could not be parsed.`)
  const tokens = tokensOf(text)
  const end = tokens.findIndex(({ text: token }) => token === ';')
  if (end >= 0 && end < tokens.length - 1 && end > 0) {
    throw invalid(
      `Search filter contained multiple expression ${JSON.stringify(text)}. Provide AND-ed expression list.`,
    )
  }
  const clauses = clausesOf(tokens)
  if (clauses.length > MOST_COMPARISONS) {
    throw invalid(`The filter has ${clauses.length} comparisons, and the limit is ${MOST_COMPARISONS}.`)
  }
  return clauses.map((clause) => comparisonOf(clause))
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(text)?.groups
    const found = Object.entries(groups ?? {}).find(([, value]) => value !== undefined)
    if (found === undefined) {
      if (text.slice(at).trim() === '') break
      throw invalid(`Invalid clause(s) in filter string: '${text.slice(at).trim()}'`)
    }
    tokens.push({ kind: found[0] as Token['kind'], text: found[1] ?? '' })
  }
  return tokens
}

function clausesOf(tokens: readonly Token[]): Token[][] {
  const clauses: Token[][] = [[]]
  for (const token of tokens) {
    if (token.kind === 'name' && token.text.toUpperCase() === 'AND') clauses.push([])
    else clauses.at(-1)?.push(token)
  }
  // The real server takes `a = 'b' AND` as if the last word were not there.
  if (clauses.length > 1 && clauses.at(-1)?.length === 0) clauses.pop()
  return clauses
}

function comparisonOf(clause: readonly Token[]): Comparison {
  const [name, ...rest] = clause
  if (name?.kind !== 'name') throw badClause(clause)
  const { comparator, used } = comparatorOf(rest, clause)
  const right = rest.slice(used)
  const operand: Operand = comparator.startsWith('IS') ? nothing(right, clause) : operandOf(right, comparator, clause)
  const written = rest
    .slice(0, used)
    .map((token) => token.text)
    .join(' ')
  return { ...identifierOf(name.text), comparator, written, operand }
}

/** Splits `params.lr`, also with quotes around either part, into entity and key. */
export function identifierOf(text: string): { entity: string | undefined; key: string } {
  const quoted = /^["`]/.test(text)
  const dot = quoted ? -1 : text.indexOf('.')
  if (dot < 0) return { entity: undefined, key: unquoted(text) }
  return { entity: text.slice(0, dot), key: unquoted(text.slice(dot + 1)) }
}

function comparatorOf(rest: readonly Token[], clause: readonly Token[]): { comparator: Comparator; used: number } {
  const [first, second, third] = rest.map(({ text }) => text.toUpperCase())
  if (first === '<>') throw invalid("Invalid comparator '<>'")
  if (rest[0]?.kind === 'operator') return { comparator: first as Comparator, used: 1 }
  if (first === 'LIKE' || first === 'ILIKE' || first === 'IN') return { comparator: first, used: 1 }
  if (first === 'NOT' && second === 'IN') return { comparator: 'NOT IN', used: 2 }
  if (first === 'IS' && second === 'NULL') return { comparator: 'IS NULL', used: 2 }
  if (first === 'IS' && second === 'NOT' && third === 'NULL') return { comparator: 'IS NOT NULL', used: 3 }
  throw badClause(clause)
}

function nothing(right: readonly Token[], clause: readonly Token[]): Operand {
  if (right.length > 0) throw badClause(clause)
  return { is: 'nothing' }
}

function operandOf(right: readonly Token[], comparator: Comparator, clause: readonly Token[]): Operand {
  const [first] = right
  if (first?.text === '(') return listOf(right, clause)
  if (right.length !== 1 || first === undefined || comparator.endsWith('IN')) throw badClause(clause)
  if (first.kind === 'string') return { is: 'text', value: first.text.slice(1, -1) }
  if (first.kind === 'number') return { is: 'number', value: Number(first.text), text: first.text }
  if (first.kind !== 'name') throw badClause(clause)
  return /^"[^"]*"$/.test(first.text)
    ? { is: 'text', value: first.text.slice(1, -1) }
    : { is: 'word', text: first.text }
}

function listOf(right: readonly Token[], clause: readonly Token[]): Operand {
  if (right.at(-1)?.text !== ')') throw badClause(clause)
  const values: string[] = []
  const inside = right.slice(1, -1)
  for (const [index, token] of inside.entries()) {
    const comma = index % 2 === 1
    if (comma !== (token.text === ',')) throw badClause(clause)
    if (!comma) values.push(listed(token, clause))
  }
  if (values.length === 0) throw invalid('A list of a filter has at least one quoted text; this one is empty.')
  const numbers = inside.some(({ kind }) => kind === 'number')
  const text = `(${inside.map((token) => token.text).join('')})`
  return { is: 'list', values, numbers, text }
}

/** The text of one value of a list: numbers are left to whoever knows what they are compared with. */
function listed({ kind, text }: Token, clause: readonly Token[]): string {
  if (kind === 'number') return text
  if (kind === 'string' || /^"[^"]*"$/.test(text)) return text.slice(1, -1)
  throw badClause(clause)
}

function badClause(clause: readonly Token[]): Error {
  return invalid(`Invalid clause(s) in filter string: ${clause.map(({ text }) => `'${text}'`).join(', ')}`)
}

/** The text without the backquotes or double quotes around it. */
function unquoted(text: string): string {
  return /^(?:"[^"]*"|`[^`]*`)$/.test(text) ? text.slice(1, -1) : text
}

/** One item of `order_by`: `metrics.loss DESC`. */
export interface Ordering {
  readonly entity: string | undefined
  readonly key: string
  readonly descending: boolean
}

/** Reads `order_by`. Refuses one of more than {@link MOST_ORDERINGS} items. */
export function parseOrder(orderBy: readonly string[]): readonly Ordering[] {
  if (orderBy.length > MOST_ORDERINGS) {
    throw invalid(`order_by has ${orderBy.length} items, and the limit is ${MOST_ORDERINGS}.`)
  }
  return orderBy.map(parseOrdering)
}

/** Reads one item of `order_by`. */
export function parseOrdering(text: string): Ordering {
  const found = /^\s*(?<name>(?:\w+\.)?(?:[\w.]+|"[^"]*"|`[^`]*`))(?:\s+(?<way>asc|desc))?\s*$/i.exec(text)?.groups
  if (found?.['name'] === undefined) throw invalid(`Invalid ordering key in order_by clause '${text}'.`)
  return { ...identifierOf(found['name']), descending: found['way']?.toLowerCase() === 'desc' }
}
