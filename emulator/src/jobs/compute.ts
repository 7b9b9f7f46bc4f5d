import type { Resource } from '../arm/resources.ts'
import type { Workspace } from '../ml/workspace-of.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { isOfWorkspace } from './data/locations.ts'
import type { CommandJob } from './definition.ts'
import { secondsOf } from './duration.ts'
import type { Compute } from './nodes.ts'

/** Nodes of all jobs of a region that name no compute. */
const SERVERLESS_NODES = 8
const IDLE_SECONDS = 120

/** The compute a job asks for, as it is now; `undefined` where it is not there, or is of a type that runs no jobs here. */
export function computeOf(
  region: Region,
  workspace: Workspace,
  job: Pick<CommandJob, 'computeId'>,
): Compute | undefined {
  const { computeId } = job
  if (computeId == null || computeId === '' || /(^|\/)serverless$/i.test(computeId)) {
    return { id: 'serverless', most: SERVERLESS_NODES, least: 0, idleSeconds: IDLE_SECONDS, standing: false }
  }
  const found = computeIn(region, workspace, computeId)
  if (found === undefined) return undefined
  const { computeType, properties } = found.body['properties'] as {
    readonly computeType: string
    readonly properties?: { readonly scaleSettings?: Scale }
  }
  const name = found.id.toLowerCase()
  if (computeType === 'ComputeInstance')
    return { id: name, most: 1, least: 1, idleSeconds: IDLE_SECONDS, standing: true }
  if (computeType !== 'AmlCompute') return undefined
  const scale = properties?.scaleSettings ?? {}
  return {
    id: name,
    most: scale.maxNodeCount ?? 1,
    least: scale.minNodeCount ?? 0,
    idleSeconds: secondsOf(scale.nodeIdleTimeBeforeScaleDown) ?? IDLE_SECONDS,
    standing: false,
  }
}

/** The compute of that name or id, if it is one of the workspace. */
function computeIn(region: Region, workspace: Workspace, computeId: string): Resource | undefined {
  const id = idOf(workspace, computeId)
  return isOfWorkspace(id, workspace) ? region.resources.get(id) : undefined
}

function idOf(workspace: Workspace, computeId: string): string {
  const plain = computeId.replace(/^azureml:/i, '')
  return plain.startsWith('/') ? plain : `${workspace.id}/computes/${plain}`
}

interface Scale {
  readonly maxNodeCount?: number
  readonly minNodeCount?: number
  readonly nodeIdleTimeBeforeScaleDown?: string
}

/** {@link computeOf}, or the refusal of a job that can never run there. */
export function needCompute(
  region: Region,
  workspace: Workspace,
  job: Pick<CommandJob, 'computeId' | 'resources'>,
): void {
  const compute = computeOf(region, workspace, job)
  if (compute === undefined) {
    const held = computeIn(region, workspace, String(job.computeId))
    const type = (held?.body['properties'] as { readonly computeType?: string } | undefined)?.computeType
    if (type !== undefined) throw notImplemented(`jobs on computes of the type ${type}`)
    throw new Refusal(
      400,
      'UserError',
      `The compute target '${job.computeId}' was not found in the workspace '${workspace.name}'.`,
    )
  }
  const wanted = job.resources?.instanceCount ?? 1
  if (wanted > compute.most) {
    const message = `The job asks for ${wanted} nodes, and the compute target '${job.computeId ?? compute.id}' has at most ${compute.most}.`
    throw new Refusal(400, 'UserError', message)
  }
}
