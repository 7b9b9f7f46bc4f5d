import { isDeployed } from '../graph.ts'
import type { Json } from '../json.ts'
import { bodyOf } from '../nested.ts'
import { outputsOf, type Prepared, type Shown, scopeOf } from '../prepare.ts'
import type { Declared } from '../resources.ts'
import { TemplateViolation } from '../violation.ts'
import { answered, NoAnswer } from './answers.ts'
import { runSchedule } from './schedule.ts'
import type { ArmError, Sender, Settled } from './sender.ts'

const AT_ONCE = 8

/** Writes down what a deployment does. Every method resolves once that is durable. */
export interface Recorder {
  /** Returns what {@link ended} names the operation by. */
  begun(target: string, action: 'Create' | 'Delete'): Promise<string>
  ended(operation: string, settled: Settled): Promise<void>
}

/** How a deployment ended. */
export type DeploymentResult =
  | { readonly state: 'Succeeded'; readonly outputs: Shown; readonly outputResources: readonly string[] }
  | { readonly state: 'Canceled'; readonly outputResources: readonly string[] }
  | { readonly state: 'Failed'; readonly error: ArmError; readonly outputResources: readonly string[] }

export interface Execution {
  readonly prepared: Prepared
  readonly sender: Sender
  readonly recorder: Recorder
  /** Called when every resource is there, for what a mode does besides. Errors fail the deployment. */
  finish?(): Promise<readonly ArmError[]>
  cancelled(): boolean
}

/** Deploys every resource of a prepared template in order, and evaluates its outputs. */
export async function execute(execution: Execution): Promise<DeploymentResult> {
  const { prepared, cancelled } = execution
  const errors: ArmError[] = []
  const ends = await runSchedule({ waits: prepared.waits, limit: AT_ONCE, cancelled }, async (index) => {
    const resource = prepared.resources[index]
    if (resource === undefined || !isDeployed(resource)) return true
    const settled = await deploy(resource, execution)
    if (!settled.ok) errors.push(settled.error)
    return settled.ok
  })
  const done = prepared.resources.filter((resource, index) => isDeployed(resource) && ends[index] === 'succeeded')
  const outputResources = done.map(({ id }) => id)
  if (errors.length > 0) return { state: 'Failed', error: failure(errors), outputResources }
  if (cancelled()) return { state: 'Canceled', outputResources }
  errors.push(...((await execution.finish?.()) ?? []))
  if (errors.length > 0) return { state: 'Failed', error: failure(errors), outputResources }
  try {
    const outputs = await answered((answer) => outputsOf(prepared, prepared.scope(answer)), partsOf(execution))
    return { state: 'Succeeded', outputs, outputResources }
  } catch (thrown) {
    return { state: 'Failed', error: outputFailure(thrown), outputResources }
  }
}

async function deploy(resource: Declared, execution: Execution): Promise<Settled> {
  const { recorder, sender } = execution
  const operation = await recorder.begun(resource.id, 'Create')
  const settled = await put(resource, execution, sender)
  await recorder.ended(operation, settled)
  return settled
}

async function put(resource: Declared, execution: Execution, sender: Sender): Promise<Settled> {
  const { prepared } = execution
  let body: Json
  try {
    body = await answered((answer) => bodyOf(resource, scopeOf(resource, prepared.scope(answer))), partsOf(execution))
  } catch (thrown) {
    return { ok: false, status: 400, error: evaluationError(thrown, resource) }
  }
  const path = `${encodeURI(resource.id)}?api-version=${encodeURIComponent(resource.apiVersion)}`
  return sender.settle('PUT', path, body)
}

function partsOf({ sender, prepared }: Execution) {
  return { sender, directory: prepared.directory }
}

function evaluationError(thrown: unknown, { id }: Declared): ArmError {
  if (thrown instanceof NoAnswer) return thrown.error
  if (!(thrown instanceof TemplateViolation)) throw thrown
  return {
    code: 'InvalidTemplate',
    message: `Unable to process template language expressions for resource '${id}'. '${thrown.message}'`,
  }
}

function failure(details: readonly ArmError[]): ArmError {
  return {
    code: 'DeploymentFailed',
    message:
      'At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
    details,
  }
}

function outputFailure(thrown: unknown): ArmError {
  const known = thrown instanceof NoAnswer || thrown instanceof TemplateViolation
  if (!known) throw thrown
  const code = 'DeploymentOutputEvaluationFailed'
  const target = thrown instanceof TemplateViolation ? thrown.path.replace(/^outputs\.([^.[]+).*$/, '$1') : ''
  return {
    code,
    message: `Unable to evaluate template outputs: '${target}'. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details.`,
    details: [{ code, target, message: thrown.message }],
  }
}
