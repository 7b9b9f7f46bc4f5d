import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml'
import type { z } from 'zod'
import { Fault } from '../core/errors.ts'
import { SUBNET } from '../core/place-names.ts'
import { isServer, nameOfSide, type Policy } from '../core/policy.ts'
import { PolicySchema, policyJsonSchema } from './policy-schema.ts'

/**
 * Reads every protection of a file, in which several stand as documents apart by `---`, or of all `.yaml` files of
 * a folder.
 *
 * @throws Fault `policy/missing` where there is none, `policy/invalid` with every mistake: its line, what is written
 * there, and what to write instead
 */
export async function readPolicies(path: string): Promise<readonly Policy[]> {
  const files = await filesOf(path)
  const policies: Policy[] = []
  const mistakes: string[] = []
  for (const file of files) {
    const result = readText(await readFile(file, 'utf8'), file)
    policies.push(...result.policies)
    mistakes.push(...result.mistakes)
  }
  const names = policies.map((policy) => policy.name)
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index))) {
    mistakes.push(`${path}: two protections have the name ${name}; give one of them another`)
  }
  if (mistakes.length > 0) throw invalid(mistakes, path)
  if (policies.length === 0) throw missing(path)
  return policies
}

/** The protections in one text. `file` is what messages call it. */
export function parsePolicies(text: string, file: string): readonly Policy[] {
  const { policies, mistakes } = readText(text, file)
  if (mistakes.length > 0) throw invalid(mistakes, file)
  return policies
}

async function filesOf(path: string): Promise<readonly string[]> {
  const about = await stat(path).catch(() => undefined)
  if (about === undefined) throw missing(path)
  if (!about.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => /\.ya?ml$/.test(name)).sort()
  return names.map((name) => join(path, name))
}

function missing(path: string): Fault {
  return new Fault('policy/missing', `${path}: no protection stands there`, {
    facts: { path },
    hint: 'Write one with `holdfast init`, or name another file with --policy.',
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
  readonly mistakes: readonly string[]
}

function readText(text: string, file: string): Reading {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const policies: Policy[] = []
  const mistakes: string[] = []
  for (const document of Array.isArray(documents) ? documents : []) {
    if (document.contents === null && document.errors.length === 0) continue
    const source: Source = { document, file, lineAt: (offset) => lines.linePos(offset).line }
    const found = mistakesOf(source)
    if (found.length > 0) mistakes.push(...found)
    else policies.push(PolicySchema.parse(document.toJS()) as Policy)
  }
  return { policies, mistakes }
}

interface Source {
  readonly document: Document
  readonly file: string
  lineAt(offset: number): number
}

type Path = readonly PropertyKey[]

function mistakesOf(source: Source): readonly string[] {
  const { document, file } = source
  if (document.errors.length > 0) {
    return document.errors.map((error) => `${file}:${source.lineAt(error.pos[0])}: this is not YAML: ${error.message}`)
  }
  const secrets = secretsIn(source)
  if (secrets.length > 0) return secrets
  const result = PolicySchema.safeParse(document.toJS())
  if (!result.success) return result.error.issues.flatMap((issue) => explained(source, issue))
  return contradictions(source, result.data as Policy)
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

function explained(source: Source, issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const near = nearest(key, namesAt(issue.path))
      const fix = near === undefined ? `write one of ${namesAt(issue.path).join(', ')}` : `did you mean ${near}?`
      return `${at(source, [...issue.path, key])}: ${dotted([...issue.path, key])} is not known here; ${fix}`
    })
  }
  const value = source.document.getIn(issue.path)
  const where = `${at(source, issue.path)}: ${dotted(issue.path)}`
  if (value === undefined) return [`${where} is missing; ${fixFor(issue)}`]
  const shown = isNode(value) ? '' : ` ${JSON.stringify(value)}`
  return [`${where} is${shown || ' of another shape'}; ${fixFor(issue)}`]
}

function fixFor(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `write one of ${issue.values.map(String).join(', ')}`
    case 'invalid_type':
      return issue.path.at(-1) === 'workspace' ? 'write the ARM id of a workspace' : `write ${article(issue.expected)}`
    case 'invalid_union': {
      const names = namesAt(issue.path)
      return names.length === 0
        ? 'write one of the forms in schema/holdfast.schema.json'
        : `write one of ${names.join(', ')}`
    }
    default:
      return issue.message
  }
}

function article(type: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    object: 'fields, each on a line of its own',
    array: 'a list',
    record: 'fields, each on a line of its own',
    boolean: 'true or false',
    int: 'a whole number',
    number: 'a number',
  }
  return words[type] ?? `a value of type ${type}`
}

/** `file:line` of the value at a path, or of the nearest thing around it. */
function at({ document, file, lineAt }: Source, path: Path): string {
  for (let length = path.length; length >= 0; length--) {
    const parent: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair = isMap(parent) ? parent.items.find((one) => isScalar(one.key) && one.key.value === key) : undefined
    const node: unknown = pair?.key ?? (length === 0 ? parent : document.getIn(path.slice(0, length), true))
    if (isNode(node) && node.range != null) return `${file}:${lineAt(node.range[0])}`
  }
  return `${file}:1`
}

function dotted(path: Path): string {
  return path.length === 0 ? 'the document' : path.map((part) => (typeof part === 'number' ? part + 1 : part)).join('.')
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
}

/** The names that may stand at a path. */
function namesAt(path: Path): readonly string[] {
  let nodes: readonly SchemaNode[] = [policyJsonSchema() as SchemaNode]
  for (const part of path) {
    nodes = nodes
      .flatMap((node) => branches(node))
      .flatMap((node) => {
        const next = typeof part === 'number' ? node.items : node.properties?.[String(part)]
        return next === undefined ? [] : [next]
      })
  }
  return [...new Set(nodes.flatMap(branches).flatMap((node) => Object.keys(node.properties ?? {})))]
}

function branches(node: SchemaNode): readonly SchemaNode[] {
  return [node, ...(node.anyOf ?? [])]
}

/** The one of some names that was probably meant. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((one) => ({ one, distance: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.one : undefined
}

/** Levenshtein's, with one row kept. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let left = 1; left <= one.length; left++) {
    const next = [left]
    for (let right = 1; right <= other.length; right++) {
      const same = one[left - 1] === other[right - 1] ? 0 : 1
      next.push(Math.min((row[right] ?? 0) + 1, (next[right - 1] ?? 0) + 1, (row[right - 1] ?? 0) + same))
    }
    row = next
  }
  return row[other.length] ?? 0
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
  return mistakes
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
