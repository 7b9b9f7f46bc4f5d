import { XMLParser } from 'fast-xml-parser'
import { Refusal } from '../refusal.ts'

const DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'

/** An element with its content, which is XML already. */
export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`
}

/** An element with text in it; nothing where there is none to tell. */
export function optional(name: string, value: string | number | boolean | null | undefined): string {
  if (value === undefined || value === null) return ''
  return element(name, typeof value === 'string' ? escaped(value) : String(value))
}

export function document(content: string): string {
  return `${DECLARATION}${content}`
}

/** Text for an element or an attribute. */
export function escaped(value: string): string {
  return /[&<>"']/.test(value) ? value.replace(/[&<>"']/g, (one) => ENTITIES[one] ?? one) : value
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** A name as the content of an element. One that XML cannot hold is percent-encoded and says so. */
export function nameElement(tag: string, name: string): string {
  return isXml(name)
    ? element(tag, escaped(name))
    : `<${tag} Encoded="true">${escaped(encodeURIComponent(name))}</${tag}>`
}

function isXml(name: string): boolean {
  for (const one of name) {
    const code = one.codePointAt(0) ?? 0
    const control = code < 0x20 && code !== 0x9 && code !== 0xa && code !== 0xd
    if (control || code === 0xfffe || code === 0xffff || (code >= 0xd800 && code <= 0xdfff)) return false
  }
  return true
}

/** An element of a parsed body: its name, and its children or its text. */
export interface Node {
  readonly name: string
  readonly text: string
  readonly children: readonly Node[]
}

const parser = new XMLParser({
  preserveOrder: true,
  parseTagValue: false,
  ignoreAttributes: true,
  trimValues: false,
  ignoreDeclaration: true,
})

/** The root element of a body, with the order of its children kept. Refuses what is not XML. */
export function parseXml(text: string): Node {
  try {
    const roots = nodes(parser.parse(text.replace(/^\uFEFF/, ''), true))
    if (roots.length !== 1 || roots[0] === undefined) throw new Error('there is no root element')
    return roots[0]
  } catch {
    throw new Refusal(400, 'InvalidXmlDocument', 'XML specified is not syntactically valid.')
  }
}

/** Children of that name. */
export function childrenOf(node: Node | undefined, name: string): readonly Node[] {
  return node?.children.filter((child) => child.name === name) ?? []
}

/** Text of the first child of that name; empty where there is none. */
export function textOf(node: Node | undefined, name: string): string {
  return childrenOf(node, name)[0]?.text ?? ''
}

function nodes(parsed: readonly Record<string, unknown>[]): Node[] {
  return parsed.flatMap((entry) => {
    const [name] = Object.keys(entry)
    if (name === undefined || name === '#text' || name.startsWith('?')) return []
    const inner = entry[name] as readonly Record<string, unknown>[]
    const text = inner.map((child) => String(child['#text'] ?? '')).join('')
    return [{ name, text, children: nodes(inner) }]
  })
}
