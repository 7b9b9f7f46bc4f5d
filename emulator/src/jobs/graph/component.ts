import { registryAsset } from '../../ml/registries/references.ts'
import type { Workspace } from '../../ml/workspace-of.ts'
import type { Region } from '../../region.ts'
import { isOfWorkspace } from '../data/locations.ts'
import { invalid, objectOr, type Values } from '../fields.ts'
import { componentIdOf, type Node } from './graph.ts'

/** What the body of a component says: inputs, outputs, and a command or a graph. Names of fields are in snake case. */
export type Component = Values

/** The component with this ARM id, or with this name and version (`azureml:name:version`). */
export function componentOf(region: Region, workspace: Workspace, reference: string): Component {
  const plain = reference.replace(/^azureml:/i, '')
  const short = /^([^/:@]+):([^/:@]+)$/.exec(plain)
  const id = short === null ? plain : `${workspace.id}/components/${short[1]}/versions/${short[2]}`
  const ofRegistry = /^azureml:\/\/registries\//i.test(reference)
  const found = ofRegistry || !isOfWorkspace(id, workspace) ? undefined : region.resources.get(id)?.body['properties']
  const properties = objectOr(ofRegistry ? registryAsset(region, reference) : found)
  if (properties['componentSpec'] === undefined) throw invalid(`The component '${reference}' was not found.`)
  return objectOr(properties['componentSpec'])
}

/** The component that a node runs; an empty one for a step that says all it does itself, as those of AutoML do. */
export function componentOfNode(region: Region, workspace: Workspace, node: Node): Component {
  const alone = node.type === 'stored' && node.fields['componentId'] == null
  return alone ? {} : componentOf(region, workspace, componentIdOf(node))
}

/** The values that a component gives its inputs where nobody else does. */
export function defaultsOf(component: Component): Record<string, { jobInputType: 'literal'; value: string }> {
  const defaults: Record<string, { jobInputType: 'literal'; value: string }> = {}
  for (const [name, input] of Object.entries(objectOr(component['inputs']))) {
    const value = objectOr(input)['default']
    if (value !== undefined && value !== null) defaults[name] = { jobInputType: 'literal', value: String(value) }
  }
  return defaults
}

/** Names of the inputs without which a component does not run. */
export function requiredOf(component: Component): string[] {
  return Object.entries(objectOr(component['inputs']))
    .filter(([, input]) => objectOr(input)['optional'] !== true && objectOr(input)['default'] === undefined)
    .map(([name]) => name)
}
