import type { Workspace } from '../ml/workspace-of.ts'
import type { Region } from '../region.ts'
import { needCompute } from './compute.ts'
import { assetOf, isOfWorkspace } from './data/locations.ts'
import type { CommandJob } from './definition.ts'
import { checkDurations, fieldsOf, given, invalid, outputsOf, textsOf, type Wanted } from './fields.ts'

/** What decides whether a command can run: the same fields of a job, a trial and a step. */
export type Runnable = Pick<CommandJob, 'command' | 'environmentId' | 'codeId' | 'computeId' | 'resources'>

/** A command job as Azure shows it before it starts. */
export function commandOf(region: Region, wanted: Wanted): CommandJob {
  const { name, sent } = wanted
  const { command, environmentId } = needCommand(sent)
  const fields = fieldsOf(region, wanted)
  checkDurations(sent['limits'], ['timeout'])
  return {
    ...fields,
    jobType: 'Command',
    command,
    environmentId,
    properties: { ...fields.properties, '_azureml.ComputeTargetType': 'amlcompute' },
    outputs: outputsOf(name, sent['outputs']),
    environmentVariables: textsOf(sent['environmentVariables']),
    resources: { instanceCount: 1, ...given(sent['resources']) },
  }
}

/** What no command runs without, or the refusal that names what is missing. */
export function needCommand(
  sent: Readonly<Record<string, unknown>>,
  place = 'properties',
): Pick<CommandJob, 'command' | 'environmentId'> {
  const { command, environmentId } = sent
  if (typeof command !== 'string' || command.trim() === '') throw invalid(`The field '${place}.command' is required.`)
  if (typeof environmentId !== 'string') throw invalid(`The field '${place}.environmentId' is required.`)
  return { command, environmentId }
}

/** Refuses a command that could never run: on a compute that is not there, or with code or environment that is not. */
export function checkRunnable(region: Region, workspace: Workspace, job: Runnable): void {
  needCompute(region, workspace, job)
  for (const [field, reference] of [
    ['codeId', job.codeId],
    ['environmentId', job.environmentId],
  ] as const) {
    // The vendor's own and a registry's are not asked for.
    if (reference == null || /^azureml:\/\/registries\/|\/environments\/AzureML-|\/labels\//i.test(reference)) continue
    const id = assetOf(region, workspace, reference) ?? named(workspace, field, reference)
    if (id !== undefined && (!isOfWorkspace(id, workspace) || region.resources.get(id) === undefined)) {
      throw invalid(`The field 'properties.${field}' refers to '${reference}', which was not found.`)
    }
  }
}

function named(workspace: Workspace, field: string, reference: string): string | undefined {
  const found = /^azureml:([^/:@]+):([^/:@]+)$/i.exec(reference)
  const kind = field === 'codeId' ? 'codes' : 'environments'
  return found === null ? undefined : `${workspace.id}/${kind}/${found[1]}/versions/${found[2]}`
}
