import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { AnyJob, JobOutput, PipelineJob, Status } from '../definition.ts'
import { objectOr, placeOf } from '../fields.ts'
import { registerOutputs } from '../lineage.ts'
import type { Advance, Failure, Job, Records } from '../records.ts'
import { store } from '../submission.ts'
import { onlyReference } from './bindings.ts'
import { childId, childName, childOf } from './child.ts'
import { decide } from './decide.ts'
import { type Graph, graphOf, type Node } from './graph.ts'

interface Scene {
  readonly region: Region
  readonly records: Records
  readonly pipeline: Job<PipelineJob>
  readonly graph: Graph
}

/**
 * Brings a pipeline forward by what its nodes have come to: jobs for nodes whose turn it is, cancellations, its end.
 *
 * Only inside a write. It may be called at any time and any number of times: everything is read from the store.
 */
export function advancePipeline(region: Region, records: Records, pipeline: Job<PipelineJob>): Advance {
  const scene = { region, records, pipeline, graph: graphOf(pipeline.definition) }
  const { settings } = pipeline.definition
  const continues = String(settings['continue_on_step_failure'] ?? false).toLowerCase() === 'true'
  const broken = new Map<string, string>()
  const status = (node: string) => (broken.has(node) ? 'Failed' : statusOf(scene, node))
  const made: string[] = []
  for (;;) {
    const decision = decide(scene.graph, status, continues)
    // A node that cannot even be made has failed: what that means for the others is decided again.
    const before = broken.size
    for (const node of decision.start) {
      const child = start(scene, node, broken)
      if (child !== undefined) made.push(child)
    }
    if (broken.size > before) continue
    if (decision.end !== undefined) end(scene, decision.end, failureOf(decision.failed, broken))
    return { made, stop: decision.stop.map((node) => childId(pipeline, node)) }
  }
}

/** ARM ids of the jobs that the nodes of a pipeline have become so far. */
export function stepsOf(region: Region, pipeline: Job<PipelineJob>): { readonly node: string; readonly id: string }[] {
  return Object.keys(pipeline.definition.jobs)
    .map((node) => ({ node, id: childId(pipeline, node) }))
    .filter(({ id }) => region.resources.get(id) !== undefined)
}

/** Makes the job of a node. Where it cannot be made, the reason is kept in `broken`. */
function start({ region, pipeline, graph }: Scene, node: Node, broken: Map<string, string>): string | undefined {
  const id = childId(pipeline, node.name)
  try {
    const sent = childOf({ region, pipeline, graph, node })
    store(region, { id, sent, by: region.resources.need(pipeline.id).createdBy, checked: true })
    return id
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure
    broken.set(node.name, failure.message)
    return undefined
  }
}

function statusOf({ region, pipeline }: Scene, node: string): Status | undefined {
  return childIn(region, pipeline, node)?.status
}

function childIn(region: Region, pipeline: Job<PipelineJob>, node: string): AnyJob | undefined {
  return region.resources.get(childId(pipeline, node))?.body['properties'] as AnyJob | undefined
}

function end({ region, records, pipeline }: Scene, status: 'Completed' | 'Failed', failure: Failure | undefined): void {
  if (status === 'Completed') {
    records.noteNow(pipeline.id, { outputs: outputsOf(region, pipeline) })
    registerOutputs(region, records.get(pipeline.id) ?? pipeline)
  }
  records.moveNow(pipeline.id, ['NotStarted', 'Running'], status, failure)
}

function failureOf(failed: readonly string[], broken: ReadonlyMap<string, string>): Failure | undefined {
  if (failed.length === 0) return undefined
  const reasons = [...broken.values()].map((reason) => ` ${reason}`).join('')
  const nodes = failed.map((name) => `'${name}'`).join(', ')
  return { code: 'UserError', message: `Pipeline has failed child jobs. Failed nodes: ${nodes}.${reasons}` }
}

/** Outputs of the pipeline that the job of a node has put elsewhere: a sweep's best trial is known at the end only. */
function outputsOf(region: Region, pipeline: Job<PipelineJob>): Record<string, JobOutput> {
  const outputs: Record<string, JobOutput> = {}
  for (const [node, fields] of Object.entries(pipeline.definition.jobs)) {
    for (const [name, raw] of Object.entries(objectOr(fields['outputs']))) {
      const reference = onlyReference(objectOr(raw)['value'])
      const held = reference?.to === 'output' ? pipeline.definition.outputs[reference.name] : undefined
      const definition = childIn(region, pipeline, node)
      const uri = definition && placeOf({ name: childName(pipeline, node), definition }, name)
      if (reference === undefined || held === undefined || uri === undefined) continue
      if (uri !== placeOf(pipeline, reference.name)) outputs[reference.name] = { ...held, uri }
    }
  }
  return outputs
}
