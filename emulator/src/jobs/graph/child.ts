import { createHash } from 'node:crypto'
import type { Region } from '../../region.ts'
import { type AnyJob, DEFAULT_OUTPUT, type JobInput, type JobOutput, type PipelineJob } from '../definition.ts'
import { durationOf } from '../duration.ts'
import { datastoreOf, given, invalid, objectOr, placeOf, textOr, textsOf, type Values, without } from '../fields.ts'
import type { Job } from '../records.ts'
import { storedStep, storedType } from '../stored/stored.ts'
import { sweepNode } from '../sweep/node.ts'
import { camel, inputOf, type Reference, type Resolve, replaced } from './bindings.ts'
import { type Component, componentOfNode, defaultsOf, requiredOf } from './component.ts'
import { componentIdOf, type Graph, type Node } from './graph.ts'
import { asCommand, broughtInputs } from './parallel.ts'

/** Names by which nodes call the artifacts of a job, an output that every job has without asking. */
const ARTIFACTS: readonly string[] = ['artifacts', DEFAULT_OUTPUT]

/** A node on its way to become a job. */
export interface Step {
  readonly region: Region
  readonly pipeline: Job<PipelineJob>
  readonly graph: Graph
  readonly node: Node
}

/** Name of the job of a node: one for each node of a pipeline, so that no node ever becomes two jobs. */
export function childName(pipeline: Pick<Job, 'name' | 'workspace'>, node: string): string {
  const text = `${pipeline.workspace.workspaceId}/${pipeline.name}/${node}`
  const hex = createHash('sha256').update(text.toLowerCase()).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** ARM id of the job of a node. */
export function childId(pipeline: Pick<Job, 'name' | 'workspace'>, node: string): string {
  return `${pipeline.workspace.id}/jobs/${childName(pipeline, node)}`
}

/** The properties with which the job of a node is submitted. All nodes it needs must have completed. */
export function childOf(step: Step): Values {
  const { region, pipeline, node } = step
  const component = componentOfNode(region, pipeline.workspace, node)
  const resolve = resolverOf(step)
  const own = replaced(without(node.fields, ['inputs', 'outputs']), resolve) as Values
  const { experimentName } = pipeline.definition
  const inputs = inputsOf(step, component, resolve)
  const common = {
    displayName: textOr(own['display_name'], node.name),
    description: own['comment'] ?? component['description'] ?? null,
    experimentName,
    parentJobName: pipeline.name,
    tags: textsOf(own['tags']),
    properties: { ...textsOf(own['properties']), ...traceOf(pipeline, node) },
    inputs,
    outputs: outputsOf(step, component),
  }
  switch (node.type) {
    case 'command':
      return { ...common, ...commandNode(own, component), computeId: computeOf(step, own) }
    case 'parallel': {
      const command = commandNode(own, asCommand(own, component))
      return { ...common, ...command, inputs: broughtInputs(inputs), computeId: computeOf(step, own) }
    }
    case 'pipeline':
      return { ...common, ...pipelineNode(step, component), computeId: null }
    case 'sweep':
      return { ...common, ...sweepNode(own, commandNode(own, component)), computeId: computeOf(step, own) }
    case 'stored':
      return { ...common, ...storedNode(node, own), computeId: computeOf(step, own) }
    default:
      throw node.type satisfies never
  }
}

/** The fields of a command that a node takes from its component, with what the node sets itself. */
export function commandNode(own: Values, component: Component): Values {
  const [limits, resources] = [objectOr(own['limits']), own['resources'] ?? component['resources']]
  const timeout = limits['timeout'] ?? objectOr(component['limits'])['timeout']
  return {
    jobType: 'Command',
    componentId: own['componentId'] ?? null,
    command: component['command'],
    codeId: plain(component['code']),
    environmentId: plain(own['environment'] ?? component['environment']),
    environmentVariables: {
      ...textsOf(component['environment_variables']),
      ...textsOf(own['environment_variables']),
    },
    resources: { ...countOf(given(camel(resources))) },
    distribution: own['distribution'] ?? component['distribution'] ?? null,
    identity: own['identity'] ?? null,
    limits: timeout == null ? null : { jobLimitsType: 'Command', timeout: durationOf(timeout) },
  }
}

/** What a reference stands for, in a pipeline some of whose nodes have completed. */
function resolverOf({ region, pipeline, graph }: Step): Resolve {
  const siblingOf = (node: string) =>
    region.resources.get(childId(pipeline, node))?.body['properties'] as AnyJob | undefined
  const resolve = (reference: Reference): JobInput | undefined => {
    if (reference.to === 'input') return pipeline.definition.inputs?.[reference.name]
    if (reference.to === 'output') return asInput(pipeline, reference.name)
    if (reference.side === 'outputs') {
      const definition = siblingOf(reference.node)
      const sibling = definition && { name: childName(pipeline, reference.node), definition }
      const input = asInput(sibling, ARTIFACTS.includes(reference.name) ? DEFAULT_OUTPUT : reference.name)
      if (input?.uri == null) throw invalid(`The node '${reference.node}' has no output '${reference.name}'.`)
      return input
    }
    const raw = objectOr(graph.nodes.get(reference.node)?.fields['inputs'])[reference.name]
    return inputOf(raw, resolve)
  }
  return resolve
}

function asInput(job: Pick<Job, 'name' | 'definition'> | undefined, output: string): JobInput | undefined {
  const described = job?.definition.outputs[output]
  if (job === undefined || described === undefined) return undefined
  return { jobInputType: described.jobOutputType, uri: placeOf(job, output) ?? null }
}

function inputsOf({ node }: Step, component: Component, resolve: Resolve): Record<string, JobInput> {
  const inputs: Record<string, JobInput> = defaultsOf(component)
  for (const [name, raw] of Object.entries(objectOr(node.fields['inputs']))) {
    const input = inputOf(raw, resolve)
    if (input !== undefined) inputs[name] = input
  }
  const drawn = objectOr(node.fields['search_space'])
  const lacking = requiredOf(component).find((name) => inputs[name] === undefined && drawn[name] === undefined)
  if (lacking !== undefined) throw invalid(`The node '${node.name}' lacks a value for its input '${lacking}'.`)
  return inputs
}

/** Every output of the component: where the pipeline or the node says, or, in the end, where the job of the node puts it. */
function outputsOf({ pipeline, node }: Step, component: Component): Record<string, JobOutput> {
  const outputs: Record<string, JobOutput> = {}
  for (const [name, declared] of Object.entries(objectOr(component['outputs']))) {
    if (ARTIFACTS.includes(name)) continue
    const raw = camel(objectOr(node.fields['outputs'])[name])
    const { type: _type, value, name: assetName, version: assetVersion, ...rest } = raw
    const shared = promoted(pipeline, value)
    const asset = given({
      assetName: rest['assetName'] ?? assetName,
      assetVersion: rest['assetVersion'] ?? assetVersion,
    })
    outputs[name] = {
      ...rest,
      jobOutputType: textOr(rest['jobOutputType'], textOr(objectOr(declared)['type'], 'uri_folder')),
      mode: textOr(rest['mode'], shared?.mode ?? 'ReadWriteMount'),
      // Trials must not write into each other's files: the pipeline learns later which was the best.
      uri: node.type === 'sweep' ? null : (shared?.uri ?? ownPlace(pipeline, node, { name, ...rest })),
      ...asset,
    }
  }
  return outputs
}

/** The output of the pipeline that an output of a node becomes. */
function promoted(pipeline: Job<PipelineJob>, value: unknown): JobOutput | undefined {
  const name = /^\s*\$\{\{\s*parent\.outputs\.([^\s}]+)\s*\}\}\s*$/.exec(String(value ?? ''))?.[1]
  const output = name === undefined ? undefined : pipeline.definition.outputs[name]
  return name === undefined || output === undefined ? undefined : { ...output, uri: placeOf(pipeline, name) ?? null }
}

function ownPlace(pipeline: Job<PipelineJob>, node: Node, output: Values): string | null {
  if (typeof output['uri'] === 'string') return output['uri']
  const datastore = datastoreOf(pipeline.definition.settings)
  const end = output['jobOutputType'] === 'uri_file' ? '' : '/'
  return `azureml://datastores/${datastore}/paths/azureml/${childName(pipeline, node.name)}/${output['name']}${end}`
}

function computeOf({ pipeline }: Step, own: Values): unknown {
  const { settings, computeId } = pipeline.definition
  return own['computeId'] || settings['default_compute'] || computeId || null
}

/** The graph of the component, with what it inherits from the pipeline it is part of. */
function pipelineNode({ pipeline, node }: Step, component: Component): Values {
  const { settings } = pipeline.definition
  const inherited = ['default_compute', 'default_datastore', 'continue_on_step_failure', 'force_rerun']
  const passed = Object.fromEntries(inherited.flatMap((name) => (name in settings ? [[name, settings[name]]] : [])))
  return {
    jobType: 'Pipeline',
    componentId: componentIdOf(node),
    jobs: component['jobs'],
    settings: { ...passed, ...given(component['settings']) },
  }
}

/** A step of a type that is only kept. */
function storedNode(node: Node, own: Values): Values {
  const type = storedType(node.fields['type'])
  if (type === undefined) throw invalid(`The node '${node.name}' has no type that is known.`)
  return storedStep(own, type)
}

function traceOf(pipeline: Job<PipelineJob>, node: Node): Record<string, string> {
  return {
    'azureml.runsource': 'azureml.StepRun',
    'azureml.pipelinerunid': pipeline.name,
    'azureml.nodeid': node.name,
    'azureml.moduleName': moduleOf(node),
    'azureml.rootpipelinerunid': pipeline.definition.properties['azureml.rootpipelinerunid'] ?? pipeline.name,
  }
}

/** Some steps say all they do themselves, and name no component. */
function moduleOf(node: Node): string {
  if (node.type === 'stored' && node.fields['componentId'] == null) return node.name
  return componentIdOf(node).split('/').slice(-3).join(':').replace(':versions:', ':')
}

function plain(reference: unknown): unknown {
  return typeof reference === 'string' ? reference.replace(/^azureml:(?=\/(?!\/))/i, '') : (reference ?? null)
}

function countOf(resources: Values): Values {
  const count = resources['instanceCount']
  return count === undefined ? resources : { ...resources, instanceCount: Number(count) }
}
