import { type Document, isMap, isNode, isScalar } from 'yaml'

/** One document of a policy file, and where its values stand. */
export interface Source {
  readonly document: Document
  readonly file: string
  lineAt(offset: number): number
}

/** Names and numbers that lead to a value. */
export type Path = readonly PropertyKey[]

/** `file:line` of the value at a path, or of the nearest thing around it. */
export function at({ document, file, lineAt }: Source, path: Path): string {
  for (let length = path.length; length >= 0; length--) {
    const parent: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair = isMap(parent) ? parent.items.find((one) => isScalar(one.key) && one.key.value === key) : undefined
    const node: unknown = pair?.key ?? (length === 0 ? parent : document.getIn(path.slice(0, length), true))
    if (isNode(node) && node.range != null) return `${file}:${lineAt(node.range[0])}`
  }
  return `${file}:1`
}

/** A path as people write it: `failover.vantagePoints.3`. */
export function dotted(path: Path): string {
  return path.length === 0 ? 'the document' : path.map((part) => (typeof part === 'number' ? part + 1 : part)).join('.')
}
