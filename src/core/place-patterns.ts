import { kindOfCollection, type PlaceNames, type Renaming, type Word, wordsOf } from './place-names.ts'

/** Starts every token. Where a user wrote it, it is followed by `!`, which no token has. */
const MARK = '<<hf'

/** A slash, also as it stands inside a query string. */
const SLASH = '(?:/|%2F)'
const NAME = '[A-Za-z0-9_.-]+'
const NAME_STARTS = '(?:(?<![A-Za-z0-9_-])|(?<=%2F))'
const NAME_ENDS = '(?![A-Za-z0-9_-])'
const HOST_STARTS = '(?<![a-z0-9-])'
const REGION_STARTS = '(?<=^|[^a-z0-9-]|(?:^|[^a-z0-9-])cert-)'

/** Hosts of Azure ML in which the label before this part is a location. */
const REGIONAL = String.raw`\.(?:[a-z0-9-]+\.)*(?:azureml\.(?:ms|net)|ml\.azure\.com|data\.azurecr\.io)${NAME_ENDS}`

/** A workspace, this one or another, that follows the host of a region in one URI. */
const WORKSPACE_PATH = `(?:/${NAME})*?/subscriptions/[^/\\s]+/resourceGroups/[^/\\s]+/(?:providers/[^/\\s]+/)?workspaces/${NAME}(?:/[A-Za-z]+/${NAME})?`

type Groups = Readonly<Record<string, string | undefined>>

/** One way to recognise a piece of text that names a place. */
interface Pattern {
  readonly source: string
  replace(match: string, groups: Groups): string
}

/** Test a text, piece by piece, in one pass. */
export type Rewrite = (text: string) => string

/** A token for a word of this side, or of its peer with the prefix `peer-`. */
export function token(word: string): string {
  return `${MARK}:${word}>>`
}

/**
 * What turns a place's names in a text into tokens.
 *
 * `peer` is the other side: where a text names it on purpose, that becomes a token too, which over there means this
 * side. Without it the copy of such a text would never be equal to its source.
 */
export function toTokens(names: PlaceNames, renaming: Renaming, peer?: PlaceNames): Rewrite {
  const rewrite: Rewrite = (text) => (isWorthTrying(text) ? text.replace(every, replaced) : text)
  const patterns: readonly Pattern[] = [
    { source: MARK, replace: (match) => `${match}!` },
    ...patternsOf(wordsOf(names), { prefix: '', rewrite, renaming }),
    ...(peer === undefined ? [] : patternsOf(wordsOf(peer), { prefix: 'peer-', rewrite })),
    {
      source: `(?<=azureml://datastores/)${NAME}`,
      replace: (match) => renaming.toPortable('datastore', match),
    },
  ]
  // Finding without groups, and then asking each pattern at the place that was found, takes a third of the time.
  const every = new RegExp(patterns.map(({ source }) => `(?:${withoutGroups(source)})`).join('|'), 'gi')
  const each = patterns.map((pattern) => ({ pattern, exactly: new RegExp(pattern.source, 'iy') }))
  const isWorthTrying = mayName(peer === undefined ? [wordsOf(names)] : [wordsOf(names), wordsOf(peer)])

  function replaced(match: string, offset: number, text: string): string {
    for (const { pattern, exactly } of each) {
      exactly.lastIndex = offset
      const found = exactly.exec(text)
      if (found !== null) return pattern.replace(match, found.groups ?? {})
    }
    return match
  }
  return rewrite
}

function withoutGroups(source: string): string {
  return source.replace(/\(\?<[A-Za-z]\w*>/g, '(?:')
}

/** What turns tokens back into the names of a place. Throws through `missing` for a word that the place has no text for. */
export function fromTokens(
  names: PlaceNames,
  renaming: Renaming,
  more: { readonly peer?: PlaceNames | undefined; missing(word: string): Error },
): Rewrite {
  const texts = new Map<string, string>(wordsOf(names))
  for (const [word, text] of more.peer === undefined ? [] : wordsOf(more.peer)) texts.set(`peer-${word}`, text)
  const tokens = new RegExp(
    `${MARK}(?:(?<escaped>!)|:(?<word>[a-z-]+?)(?<encoded>-encoded)?>>` +
      `(?:(?<sep>${SLASH})(?<collection>[A-Za-z]+)(?<sep2>${SLASH})(?<name>${NAME}))?)` +
      `|(?<=azureml://datastores/)(?<short>${NAME})`,
    'gi',
  )
  return (text) =>
    text.replace(tokens, (match: string, ...rest: readonly unknown[]) => {
      const groups = rest.at(-1) as Groups
      if (groups['escaped'] !== undefined) return match.slice(0, -1)
      if (groups['short'] !== undefined) return renaming.toLocal('datastore', match)
      const word = groups['word'] ?? ''
      const plain = texts.get(word)
      if (plain === undefined) throw more.missing(word)
      const head = groups['encoded'] === undefined ? plain : plain.replaceAll('/', '%2F')
      const tail = match.slice(match.indexOf('>>') + 2)
      return head + (isWorkspace(word) ? renamedTail(tail, groups, (kind, name) => renaming.toLocal(kind, name)) : tail)
    })
}

function isWorkspace(word: string): boolean {
  return word === 'workspace' || word === 'workspace-path'
}

/** `/computes/gpu` with the name as it is on the other end. */
function renamedTail(tail: string, groups: Groups, renamed: Renaming['toLocal']): string {
  const { collection, name, sep, sep2 } = groups
  const kind = kindOfCollection(collection ?? '')
  if (kind === undefined || name === undefined) return tail
  return `${sep}${collection}${sep2}${renamed(kind, name)}`
}

interface Making {
  readonly prefix: '' | 'peer-'
  readonly rewrite: Rewrite
  readonly renaming?: Renaming
}

function patternsOf(words: ReadonlyMap<Word, string>, making: Making): readonly Pattern[] {
  const patterns: Pattern[] = []
  const add = (word: Word, source: (text: string) => string) => {
    const text = words.get(word)
    if (text === undefined) return
    patterns.push({ source: source(text), replace: (match) => tokenFor(making.prefix + word, match) })
  }
  const workspace = words.get('workspace')
  const location = words.get('location')
  if (workspace !== undefined) patterns.push(workspacePattern(workspace, making))
  for (const id of ['account-id', 'vault-id', 'registry-id', 'insights-id'] as const) {
    add(id, (text) => `${NAME_STARTS}${path(text)}${NAME_ENDS}`)
  }
  add('group-path', (text) => `${NAME_STARTS}${path(text)}(?![A-Za-z0-9_.()-]|${SLASH})`)
  add('account', (text) => String.raw`${HOST_STARTS}${escaped(text)}(?=\.(?:blob|dfs|file|queue|table|web)\.)`)
  add('vault', (text) => String.raw`${HOST_STARTS}${escaped(text)}(?=\.vault\.)`)
  add('registry', (text) => String.raw`${HOST_STARTS}${escaped(text)}(?=\.(?:[a-z0-9]+\.data\.)?azurecr\.)`)
  add('guid', (text) => `(?<![0-9a-f])${escaped(text)}(?![0-9a-f])`)
  if (location !== undefined) patterns.push(regionPattern(location, making))
  // Asset ids by GUID name the location as well: azureml://locations/{location}/workspaces/{guid}/models/…
  const guid = escaped(words.get('guid') ?? '')
  add('location', (text) => `(?<=azureml://locations?/)${escaped(text)}(?=/workspaces/${guid}(?![0-9a-f]))`)
  return patterns
}

/** The workspace by its ARM id or by the shorter path in `azureml://` URIs, and the name of what stands in it. */
function workspacePattern(workspace: string, { prefix, renaming }: Making): Pattern {
  const [, subscription = '', , group = '', , , , name = ''] = workspace.split('/')
  const head = path(`subscriptions/${subscription}/resourceGroups/${group}/`)
  const provider = path('providers/Microsoft.MachineLearningServices/')
  const tail = `(?:(?<sep>${SLASH})(?<collection>[A-Za-z]+)(?<sep2>${SLASH})(?<name>${NAME}))?`
  return {
    source: `${NAME_STARTS}(?<whole>${head}(?<provider>${provider})?${path(`workspaces/${name}`)})${NAME_ENDS}${tail}`,
    replace(match, groups) {
      const whole = groups['whole'] ?? match
      const rest = match.slice(whole.length)
      const word = `${prefix}${groups['provider'] === undefined ? 'workspace-path' : 'workspace'}`
      const toPortable = renaming?.toPortable
      return tokenFor(word, whole) + (toPortable === undefined ? rest : renamedTail(rest, groups, toPortable))
    },
  }
}

/** The location in a host of Azure ML, unless a workspace that is none of ours follows in the same URI. */
function regionPattern(location: string, { prefix, rewrite }: Making): Pattern {
  return {
    source: `${REGION_STARTS}${escaped(location)}(?<host>${REGIONAL})(?<path>${WORKSPACE_PATH})?`,
    replace(match, { host, path: rest }) {
      if (rest === undefined) return token(`${prefix}location`) + host
      const ours = rewrite(rest)
      const head = match.slice(0, match.length - rest.length)
      return ours === rest || !/<<hf:(?:peer-)?workspace/.test(ours)
        ? head + ours
        : token(`${prefix}location`) + host + ours
    },
  }
}

function tokenFor(word: string, match: string): string {
  return token(/%2F/i.test(match) ? `${word}-encoded` : word)
}

function path(text: string): string {
  return text.split('/').map(escaped).join(SLASH)
}

/** The text as a pattern that matches it and nothing else. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** Most texts name no place. This tells those that may, much faster than trying every pattern at every position. */
function mayName(sides: readonly ReadonlyMap<Word, string>[]): (text: string) => boolean {
  const literal = ['guid', 'location', 'account', 'vault', 'registry'] as const
  const known = sides.flatMap((words) => literal.flatMap((word) => words.get(word)?.toLowerCase() ?? []))
  const anchors = [...new Set([MARK, 'subscriptions', 'azureml://datastores/', ...known])]
  return (text) => {
    const lower = text.toLowerCase()
    return anchors.some((anchor) => lower.includes(anchor))
  }
}
