import type { Workspace } from '../../ml/workspace-of.ts'
import type { Region } from '../../region.ts'
import { checkRunnable, type Runnable } from '../command.ts'
import type { PipelineJob } from '../definition.ts'
import { datastoreOf, fieldsOf, invalid, objectOr, outputsOf, type Values, type Wanted } from '../fields.ts'
import { needTarget } from '../stored/stored.ts'
import { parseSpace, spaceOfNode } from '../sweep/space.ts'
import { onlyReference } from './bindings.ts'
import { commandNode } from './child.ts'
import { type Component, componentOf, componentOfNode, defaultsOf } from './component.ts'
import { graphOf, type Node } from './graph.ts'
import { asCommand } from './parallel.ts'

const DEEPEST = 10

/** A pipeline job as Azure shows it before it starts. Its nodes come with it, from a component, or from another job. */
export function pipelineOf(region: Region, wanted: Wanted): PipelineJob {
  const { workspace, name } = wanted
  const sent = { ...sourceOf(region, wanted), ...wanted.sent }
  const component = typeof sent['componentId'] === 'string' ? componentOf(region, workspace, sent['componentId']) : {}
  const own = objectOr(sent['jobs'])
  const jobs = (Object.keys(own).length > 0 ? own : objectOr(component['jobs'])) as PipelineJob['jobs']
  if (Object.keys(jobs).length === 0) throw invalid("The field 'properties.jobs' is required.")
  const settings = { ...objectOr(component['settings']), ...objectOr(sent['settings']) }
  const fields = fieldsOf(region, { ...wanted, sent })
  return {
    ...fields,
    jobType: 'Pipeline',
    jobs,
    settings,
    inputs: { ...defaultsOf(component), ...fields.inputs },
    outputs: outputsOf(name, sent['outputs'], datastoreOf(settings)),
    properties: {
      'azureml.runsource': 'azureml.PipelineRun',
      'azureml.pipelineComponent': 'pipelinerun',
      ...fields.properties,
    },
  }
}

/** What a schedule's pipeline takes from the job it was made of. */
function sourceOf(region: Region, { workspace, sent }: Wanted): Values {
  const source = sent['sourceJobId']
  if (typeof source !== 'string' || source === '') return {}
  const id = source.startsWith('/') ? source : `${workspace.id}/jobs/${source.replace(/^azureml:/, '')}`
  const found = objectOr(region.resources.get(id)?.body['properties'])
  if (found['jobType'] !== 'Pipeline') throw invalid(`The pipeline job '${source}' was not found.`)
  const { jobs, settings, inputs, computeId, componentId } = found
  return { jobs, settings, inputs, computeId, componentId, outputs: namesOnly(found['outputs']) }
}

/** Outputs without the places where the job of which they were put them. */
function namesOnly(outputs: unknown): Values {
  return Object.fromEntries(
    Object.entries(objectOr(outputs)).map(([name, output]) => [name, { ...objectOr(output), uri: null }]),
  )
}

/** Refuses a pipeline with a node that could never run. */
export function checkPipeline(region: Region, workspace: Workspace, job: PipelineJob): void {
  checkGraph({ region, workspace, job, depth: 0 })
}

interface Check {
  readonly region: Region
  readonly workspace: Workspace
  readonly job: Pick<PipelineJob, 'jobs' | 'settings' | 'computeId'>
  readonly depth: number
}

function checkGraph({ region, workspace, job, depth }: Check): void {
  if (depth > DEEPEST) throw invalid(`The pipeline is nested more than ${DEEPEST} deep.`)
  for (const node of graphOf(job).nodes.values()) {
    const component = componentOfNode(region, workspace, node)
    if (node.type === 'stored') {
      needTarget(region, workspace, targetOf(job, node))
    } else if (node.type === 'pipeline') {
      const jobs = objectOr(component['jobs']) as PipelineJob['jobs']
      const settings = { ...job.settings, ...objectOr(component['settings']), on_init: null, on_finalize: null }
      checkGraph({ region, workspace, job: { ...job, jobs, settings }, depth: depth + 1 })
    } else {
      checkRunnable(region, workspace, runnableOf(job, node, component))
      if (node.type === 'sweep') parseSpace(spaceOfNode(node.fields))
    }
  }
}

/** The compute of a node, where it is known before anything has run. */
function targetOf(job: Check['job'], node: Node): string | null {
  const compute = node.fields['computeId'] || job.settings['default_compute'] || job.computeId
  return typeof compute === 'string' && onlyReference(compute) === undefined ? compute : null
}

/** The command of a node as far as it is known before anything has run. */
function runnableOf(job: Check['job'], node: Node, component: Component): Runnable {
  const does = node.type === 'parallel' ? asCommand(node.fields, component) : component
  const { command, codeId, environmentId, resources } = commandNode(node.fields, does)
  if (typeof command !== 'string') throw invalid(`The component of the node '${node.name}' holds no command.`)
  const count = Number(objectOr(resources)['instanceCount'] ?? 1)
  return {
    command,
    environmentId: String(environmentId),
    codeId: typeof codeId === 'string' ? codeId : null,
    computeId: targetOf(job, node),
    resources: { instanceCount: Number.isNaN(count) ? 1 : count },
  }
}
