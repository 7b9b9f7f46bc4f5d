import { isUtf8 } from 'node:buffer'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseAllDocuments, visit } from 'yaml'
import { formatDuration } from '../core/duration.ts'
import { Fault } from '../core/errors.ts'
import { SUBNET } from '../core/place-names.ts'
import { isServer, nameOfSide, type Policy } from '../core/policy.ts'
import { explained } from './policy-mistakes.ts'
import { type KindsOf, unknownNames } from './policy-names.ts'
import { PolicySchema } from './policy-schema.ts'
import { at, dotted, type Source } from './policy-source.ts'

/**
 * Reads every protection of a file, in which several stand as documents apart by `---`, or of all `.yaml` files of
 * a folder.
 *
 * @throws Fault `policy/missing` where there is none, `policy/invalid` with every mistake: its line, what is written
 * there, and what to write instead
 */
export async function readPolicies(path: string, kindsOf: KindsOf): Promise<readonly Policy[]> {
  const files = await filesOf(path)
  const policies: Policy[] = []
  const mistakes: string[] = []
  const called = new Map<string, string>()
  for (const file of files) {
    const text = await textOf(file)
    const result = text === undefined ? notText(file) : readText(text, file, kindsOf)
    policies.push(...result.policies)
    mistakes.push(...result.mistakes, ...namesakes(result, called))
  }
  if (mistakes.length > 0) throw invalid(mistakes, path)
  if (policies.length === 0) throw missing(path, files)
  return policies
}

/** Protections that are called as one before them. `called` has where each name stands, and gets those of this file. */
function namesakes({ policies, places }: Reading, called: Map<string, string>): readonly string[] {
  return policies.flatMap(({ name }, index) => {
    const [here = '', before] = [places[index], called.get(name)]
    if (before === undefined) called.set(name, here)
    return before === undefined ? [] : [`${here}: name is "${name}", as in ${before}; give each protection its own`]
  })
}

/** The protections in one text. `file` is what messages call it. */
export function parsePolicies(text: string, file: string, kindsOf: KindsOf): readonly Policy[] {
  const { policies, mistakes } = readText(text, file, kindsOf)
  if (mistakes.length > 0) throw invalid(mistakes, file)
  return policies
}

async function filesOf(path: string): Promise<readonly string[]> {
  const about = await stat(path).catch(() => undefined)
  if (about === undefined) throw missing(path, [])
  if (!about.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => /\.ya?ml$/.test(name)).sort()
  return names.map((name) => join(path, name))
}

/** `undefined` where a file is no text in UTF-8. */
async function textOf(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch((thrown: unknown) => {
    // The system does not say which file it was.
    throw Object.assign(thrown as Error, { path: file })
  })
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function notText(file: string): Reading {
  return { policies: [], places: [], mistakes: [`${file}: it is not text in UTF-8; save it as that`] }
}

function missing(path: string, empty: readonly string[]): Fault {
  const write = empty.length === 0 ? '`holdfast init`' : '`holdfast init --force`, which replaces the empty file'
  return new Fault('policy/missing', `${path}: no protection stands there`, {
    facts: { path },
    hint: `Write one with ${write}, or name another file with --policy.`,
  })
}

function invalid(mistakes: readonly string[], path: string): Fault {
  return new Fault('policy/invalid', mistakes.join('\n'), {
    facts: { path, mistakes: mistakes.length },
    hint: 'Correct each line as it says and run the command again.',
  })
}

interface Reading {
  readonly policies: readonly Policy[]
  /** Where the name of each stands. */
  readonly places: readonly string[]
  readonly mistakes: readonly string[]
}

function readText(text: string, file: string, kindsOf: KindsOf): Reading {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const policies: Policy[] = []
  const places: string[] = []
  const mistakes: string[] = []
  for (const document of Array.isArray(documents) ? documents : []) {
    if (document.contents === null && document.errors.length === 0) continue
    const source: Source = { document, file, lineAt: (offset) => lines.linePos(offset).line }
    const found = mistakesOf(source, kindsOf)
    mistakes.push(...found)
    if (found.length > 0) continue
    policies.push(PolicySchema.parse(document.toJS()) as Policy)
    places.push(at(source, ['name']))
  }
  return { policies, places, mistakes }
}

function mistakesOf(source: Source, kindsOf: KindsOf): readonly string[] {
  const { document, file } = source
  if (document.errors.length > 0) {
    return document.errors.map((error) => `${file}:${source.lineAt(error.pos[0])}: this is not YAML: ${error.message}`)
  }
  const secrets = secretsIn(source)
  if (secrets.length > 0) return secrets
  const aliases = brokenAliases(source)
  if (aliases.length > 0) return aliases
  const result = PolicySchema.safeParse(document.toJS())
  if (!result.success) return result.error.issues.flatMap((issue) => explained(source, issue))
  const policy = result.data as Policy
  return [...unknownNames(source, policy, kindsOf(policy)), ...contradictions(source, policy)]
}

/** A value that begins with `*` refers to another one: mostly somebody meant a pattern. */
function brokenAliases({ document, file, lineAt }: Source): readonly string[] {
  const mistakes: string[] = []
  let first = 0
  visit(document, {
    Alias(_key, node) {
      const line = lineAt(node.range?.[0] ?? 0)
      first ||= line
      if (node.resolve(document) !== undefined) return
      mistakes.push(`${file}:${line}: *${node.source} refers to nothing; quote a value that begins with *`)
    },
  })
  if (mistakes.length > 0) return mistakes
  try {
    document.toJS()
    return []
  } catch (thrown) {
    return [
      `${file}:${first}: ${thrown instanceof Error ? thrown.message : String(thrown)}; write out what is referred to`,
    ]
  }
}

/** Signs of a secret in a value: it stands in the policy, and so in version control, by mistake. */
const SECRETS: readonly RegExp[] = [
  /[?&]sig=/i,
  /AccountKey=|SharedAccessKey=|InstrumentationKey=/i,
  /^[a-z][a-z0-9+.-]*:\/\/[^/@\s]+:[^/@\s]+@/i,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/,
  /^[A-Za-z0-9+/]{86}==$/,
  /^(?=.*~)[A-Za-z0-9~._-]{34,44}$/,
]

/** The values themselves are not repeated. */
function secretsIn({ document, file, lineAt }: Source): readonly string[] {
  const mistakes: string[] = []
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string' || !SECRETS.some((pattern) => pattern.test(String(node.value)))) return
      const line = lineAt(node.range?.[0] ?? 0)
      mistakes.push(
        `${file}:${line}: a secret stands here; take it out, change it, and let an identity sign in instead`,
      )
    },
  })
  return mistakes
}

/** What a pair with a tracking server asks for beside what any pair does. */
function unfit(source: Source, { primary, secondary, failover, pointer }: Policy): readonly string[] {
  if (!isServer(primary) && !isServer(secondary)) return []
  const mistakes: string[] = []
  if (isServer(primary) !== isServer(secondary)) {
    const field = isServer(secondary) ? 'server' : 'workspace'
    mistakes.push(
      `${at(source, ['secondary', field])}: secondary.${field} stands beside another kind of side; name two servers or two workspaces. \`holdfast history copy\` carries between a server and a workspace`,
    )
  }
  if (failover.mode === 'automatic' && pointer.length === 0) {
    mistakes.push(
      `${at(source, ['failover', 'mode'])}: failover.mode is "automatic", no pointer is named, and nothing can stop those who write to a tracking server; name what they read its URI from under \`pointer\``,
    )
  }
  if (failover.vantagePoints.length > 0 && failover.outside === undefined) {
    mistakes.push(
      `${at(source, ['failover'])}: failover.outside is missing; write a URL that depends on neither server, by which a vantage point knows that it is not cut off itself`,
    )
  }
  return mistakes
}

/** What is wrong with who watches: names that cannot be told apart, and too few hosts to be believed without a person. */
function unfitPoints(source: Source, { failover }: Policy): readonly string[] {
  const { mode, vantagePoints, demo } = failover
  const names = vantagePoints.map(({ name }) => name)
  // What was seen is kept by name: what one says would count for all that are called as it is.
  const mistakes = names.flatMap((name, index) => {
    if (names.indexOf(name) === index) return []
    const path = ['failover', 'vantagePoints', index, 'name']
    return [`${at(source, path)}: ${dotted(path)} is "${name}", as another is called; give each point its own name`]
  })
  const hosts = new Set(vantagePoints.map((point) => (demo ? point.name : point.host)))
  if (mode === 'automatic' && hosts.size < 3) {
    mistakes.push(
      `${at(source, ['failover', 'mode'])}: failover.mode is "automatic" with vantage points on ${hosts.size} hosts; name at least three on hosts of their own, or write \`mode: approval\``,
    )
  }
  return mistakes
}

/** What no single field can say. */
function contradictions(source: Source, policy: Policy): readonly string[] {
  const mistakes: string[] = []
  if (nameOfSide(policy.primary).toLowerCase() === nameOfSide(policy.secondary).toLowerCase()) {
    const field = isServer(policy.secondary) ? 'server' : 'workspace'
    mistakes.push(`${at(source, ['secondary', field])}: secondary.${field} is the primary; name another ${field}`)
  }
  mistakes.push(...unfit(source, policy))
  mistakes.push(...unfitPoints(source, policy))
  mistakes.push(...unfitMappings(source, policy))
  mistakes.push(...hasty(source, policy))
  return mistakes
}

/** Two rounds of the vantage points, at their usual pace of five seconds. */
const NOT_HASTY = 10_000

/** A region that is lost by the word of one round would be left for a blip. */
function hasty(source: Source, { failover: { mode, demo, after } }: Policy): readonly string[] {
  if (mode !== 'automatic' || demo || after >= NOT_HASTY) return []
  const written = `failover.after is ${formatDuration(after)} and failover.mode "automatic"`
  return [
    `${at(source, ['failover', 'after'])}: ${written}; write at least ${formatDuration(NOT_HASTY)}, several rounds of the vantage points`,
  ]
}

function unfitMappings(source: Source, { mappings }: Policy): readonly string[] {
  const mistakes: string[] = []
  for (const [kind, names] of Object.entries(mappings)) {
    const where = `${at(source, ['mappings', kind])}: mappings.${kind}`
    const targets = Object.values(names)
    const twice = targets.find((target, index) => targets.indexOf(target) !== index)
    if (twice !== undefined) mistakes.push(`${where} leads to "${twice}" twice; give each its own name`)
    const strange =
      kind === 'subnet'
        ? Object.entries(names)
            .flat()
            .find((id) => !SUBNET.test(id))
        : undefined
    if (strange !== undefined) {
      mistakes.push(
        `${where} has "${strange}", which is no id of a subnet; write /subscriptions/…/virtualNetworks/…/subnets/…`,
      )
    }
  }
  return mistakes
}
