import { notImplemented } from '../../refusal.ts'
import type { PipelineJob } from '../definition.ts'
import { invalid, objectOr, type Values } from '../fields.ts'
import { storedType } from '../stored/stored.ts'
import { referencesIn } from './bindings.ts'

const TYPES = ['command', 'parallel', 'pipeline', 'sweep'] as const

/** One step of a pipeline. */
export interface Node {
  readonly name: string
  readonly type: (typeof TYPES)[number] | 'stored'
  /** As the client wrote it. */
  readonly fields: Values
  /** Nodes that must have completed before. */
  readonly after: ReadonlySet<string>
}

/** The steps of a pipeline, and which of them frame the others. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, Node>
  /** Runs when all others have ended, whatever became of them. */
  readonly last: string | undefined
}

/** The graph of a pipeline job, or the refusal of one that has no order. */
export function graphOf(job: Pick<PipelineJob, 'jobs' | 'settings'>): Graph {
  const { on_init: first, on_finalize: last } = job.settings
  const nodes = new Map<string, Node>()
  for (const [name, fields] of Object.entries(job.jobs)) {
    const after = new Set(neededBy(fields))
    if (typeof first === 'string' && first !== name && name !== last) after.add(first)
    nodes.set(name, { name, type: typeOf(name, fields), fields, after })
  }
  for (const { name, after } of nodes.values()) {
    const unknown = [...after].find((needed) => !nodes.has(needed))
    if (unknown !== undefined) throw invalid(`The node '${name}' refers to the node '${unknown}', which is not there.`)
  }
  const ring = inRing(nodes)
  if (ring.length > 0) throw invalid(`The nodes ${ring.map((name) => `'${name}'`).join(', ')} wait for each other.`)
  return { nodes, last: typeof last === 'string' && nodes.has(last) ? last : undefined }
}

/** ARM id or name of the component that a node runs. */
export function componentIdOf(node: Pick<Node, 'name' | 'fields'>): string {
  const { fields, name } = node
  const id = fields['componentId'] ?? objectOr(fields['trial'])['componentId']
  if (typeof id === 'string') return id
  throw invalid(`The node '${name}' names no component.`)
}

function typeOf(name: string, fields: Values): Node['type'] {
  const type = String(fields['type'] ?? 'command').toLowerCase()
  const known = TYPES.find((one) => one === type) ?? (storedType(type) === undefined ? undefined : 'stored')
  if (known === undefined) throw notImplemented(`jobs_create_or_update with the node '${name}' of type ${type}`)
  return known
}

function neededBy(fields: Values): string[] {
  return referencesIn(fields).flatMap((reference) =>
    reference.to === 'node' && reference.side === 'outputs' ? [reference.node] : [],
  )
}

/** Nodes that never come to their turn. */
function inRing(nodes: ReadonlyMap<string, Node>): string[] {
  const waiting = new Map(nodes)
  for (let before = -1; before !== waiting.size; ) {
    before = waiting.size
    for (const { name, after } of [...waiting.values()]) {
      if (![...after].some((needed) => waiting.has(needed))) waiting.delete(name)
    }
  }
  return [...waiting.keys()]
}
