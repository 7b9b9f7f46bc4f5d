import { isTerminal, type Status } from '../definition.ts'
import type { Graph, Node } from './graph.ts'

/** What is to be done with the nodes of a pipeline now. */
export interface Decision {
  readonly start: readonly Node[]
  /** Names of nodes whose jobs are to be cancelled. */
  readonly stop: readonly string[]
  /** How the pipeline ends, where it ends now. */
  readonly end?: 'Completed' | 'Failed'
  /** Nodes that failed or were cancelled. */
  readonly failed: readonly string[]
}

/**
 * Decides from the statuses of its nodes alone how a pipeline goes on.
 *
 * `status` gives `undefined` for a node without a job. Where a node fails, the rest is cancelled; with
 * `continueOnFailure` only what needs the failed node never runs. A pipeline with a failed node fails.
 */
export function decide(
  { nodes, last }: Graph,
  status: (node: string) => Status | undefined,
  continueOnFailure: boolean,
): Decision {
  const all = [...nodes.values()]
  const failed = all.filter(({ name }) => ['Failed', 'Canceled'].includes(status(name) ?? '')).map(({ name }) => name)
  const ending = failed.length > 0 && !continueOnFailure
  const blocked = blockedBy(all, new Set(failed))
  const open = all.filter(({ name }) => isOpen(status(name)))
  const ready = all.filter(
    ({ name, after }) =>
      name !== last &&
      !ending &&
      status(name) === undefined &&
      !blocked.has(name) &&
      [...after].every((needed) => status(needed) === 'Completed'),
  )
  const stop = ending ? open.filter(({ name }) => name !== last && status(name) !== 'CancelRequested') : []
  if (ready.length > 0 || open.length > 0) return { start: ready, stop: stop.map(({ name }) => name), failed }
  const finalizer = last === undefined || status(last) !== undefined ? undefined : nodes.get(last)
  if (finalizer !== undefined) return { start: [finalizer], stop: [], failed }
  return { start: [], stop: [], failed, end: failed.length > 0 ? 'Failed' : 'Completed' }
}

function isOpen(status: Status | undefined): boolean {
  return status !== undefined && !isTerminal(status)
}

/** The nodes that need, however indirectly, one of these. */
function blockedBy(all: readonly Node[], failed: ReadonlySet<string>): ReadonlySet<string> {
  const blocked = new Set<string>()
  for (let before = -1; before !== blocked.size; ) {
    before = blocked.size
    for (const { name, after } of all) {
      if ([...after].some((needed) => failed.has(needed) || blocked.has(needed))) blocked.add(name)
    }
  }
  return blocked
}
