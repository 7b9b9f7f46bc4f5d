import { isNode } from 'yaml'
import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { policyJsonSchema } from './policy-schema.ts'
import { at, dotted, type Path, type Source } from './policy-source.ts'

/** What the schema says against a value: where it stands, what is there, and what to write instead. */
export function explained(source: Source, issue: z.core.$ZodIssue): readonly string[] {
  const meant = issue.code === 'invalid_union' ? formMeant(issue) : undefined
  if (meant !== undefined) return meant.flatMap((one) => explained(source, one))
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
  const shown = isNode(value) || isHidden(issue.path) ? 'of another shape' : JSON.stringify(value)
  return [`${where} is ${shown}; ${fixFor(issue)}`]
}

/** Fields in which a secret may stand by mistake: what is there is not repeated. */
const HIDDEN: ReadonlySet<PropertyKey> = new Set(['webhook', 'bearer', 'password', 'token'])

function isHidden(path: Path): boolean {
  return path.some((part) => HIDDEN.has(part))
}

/** What is wrong with the one of several forms that was meant: the only one whose fields stand there. */
function formMeant({ path, errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  const fitting = errors.filter((issues) => issues.length > 0 && !issues.some(isOfAnotherForm))
  if (fitting.length !== 1) return undefined
  return fitting[0]?.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
}

function isOfAnotherForm({ code, path }: z.core.$ZodIssue): boolean {
  return code === 'unrecognized_keys' || (path.length === 0 && (code === 'invalid_type' || code === 'invalid_union'))
}

function fixFor(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `write one of ${issue.values.map(String).join(', ')}`
    case 'invalid_type':
      return hasOwnWords(issue) ? issue.message : `write ${article(issue.expected)}`
    case 'invalid_union': {
      const plain = issue.errors.flat().filter((one) => one.path.length === 0 && hasOwnWords(one))
      const names = namesAt(issue.path)
      const forms = names.length === 0 ? [] : [`write one of ${names.join(', ')}`]
      return [...plain.map(({ message }) => message), ...forms].join(', or ')
    }
    default:
      return issue.message
  }
}

/** Whether the schema says itself what to write. */
function hasOwnWords({ message }: z.core.$ZodIssue): boolean {
  return message.startsWith('write ')
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
  return [node, ...(node.anyOf ?? []).flatMap(branches)]
}
