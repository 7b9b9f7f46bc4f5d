import type { Reply } from '../../../call.ts'
import { isArray, isObject, type Json, type JsonObject } from '../json.ts'
import { typeAndNameOf } from '../resource-ids.ts'
import { BadExpression, type TemplateViolation } from '../violation.ts'
import type { DeploymentRow, OperationRow } from './store.ts'

const NAMES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  412: 'PreconditionFailed',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  501: 'NotImplemented',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
}

/** A deployment as ARM prints it. */
export function deploymentBody(row: DeploymentRow): JsonObject {
  const { validated: _, ...facts } = parsed(row.factsJson)
  return {
    id: row.id,
    name: row.name,
    type: 'Microsoft.Resources/deployments',
    ...(row.location === null ? {} : { location: row.location }),
    ...(row.tagsJson === null ? {} : { tags: parsed(row.tagsJson) }),
    properties: {
      templateHash: row.templateHash,
      parameters: parsed(row.parametersJson),
      mode: 'Incremental',
      provisioningState: row.state,
      timestamp: row.changedAt,
      duration: duration(row.startedAt, row.changedAt),
      correlationId: row.correlationId,
      ...facts,
      ...(row.outputsJson === null ? {} : { outputs: parsed(row.outputsJson) }),
      ...(row.resourcesJson === null ? {} : { outputResources: ids(row.resourcesJson) }),
      ...(row.errorJson === null ? {} : { error: parsed(row.errorJson) }),
    },
  }
}

/** What polling for the end of a deployment answers. */
export function statusBody(row: DeploymentRow): JsonObject {
  const error = row.errorJson === null ? {} : { error: { target: row.id, ...parsed(row.errorJson) } }
  return { status: row.state, ...error }
}

/** The operations of a deployment as ARM lists them: the evaluation of outputs comes last. */
export function operationBodies(deployment: DeploymentRow, rows: readonly OperationRow[]): readonly JsonObject[] {
  const resources = rows.map((row) => operationBody(deployment, row))
  return deployment.state === 'Succeeded' ? [...resources, outputOperation(deployment)] : resources
}

function operationBody(deployment: DeploymentRow, row: OperationRow): JsonObject {
  const { type, name } = typeAndNameOf(row.target)
  const ended = row.endedAt ?? row.startedAt
  return {
    id: `${deployment.id}/operations/${row.id}`,
    operationId: row.id,
    properties: {
      provisioningOperation: row.action,
      provisioningState: row.state,
      timestamp: ended,
      duration: duration(row.startedAt, ended),
      trackingId: deployment.correlationId,
      serviceRequestId: deployment.correlationId,
      ...(row.status === null ? {} : { statusCode: NAMES[row.status] ?? String(row.status) }),
      ...(row.errorJson === null ? {} : { statusMessage: { status: 'Failed', error: parsed(row.errorJson) } }),
      targetResource: { id: row.target, resourceType: type, resourceName: name },
    },
  }
}

function outputOperation(deployment: DeploymentRow): JsonObject {
  const id = deployment.statusId
  return {
    id: `${deployment.id}/operations/${id}`,
    operationId: id,
    properties: {
      provisioningOperation: 'EvaluateDeploymentOutput',
      provisioningState: 'Succeeded',
      timestamp: deployment.changedAt,
      duration: 'PT0S',
      trackingId: deployment.correlationId,
      statusCode: 'OK',
    },
  }
}

/** What a validation that found nothing wrong answers. */
export function validationBody(row: Omit<DeploymentRow, 'seq' | 'state'>): JsonObject {
  const { validated = [], ...facts } = parsed(row.factsJson)
  return {
    id: row.id,
    name: row.name,
    type: 'Microsoft.Resources/deployments',
    properties: {
      templateHash: row.templateHash,
      parameters: parsed(row.parametersJson),
      mode: 'Incremental',
      provisioningState: 'Succeeded',
      timestamp: row.changedAt,
      duration: 'PT0S',
      correlationId: row.correlationId,
      ...facts,
      validatedResources: validated,
    },
  }
}

/** The 400 for a template that is not in order. */
export function violationReply(violation: TemplateViolation, template: JsonObject): Reply {
  const message =
    violation instanceof BadExpression
      ? `Deployment template language expression evaluation failed: '${violation.message}'. Please see https://aka.ms/arm-template-expressions for usage details.`
      : `Deployment template validation failed: '${violation.message}'.`
  const info = { lineNumber: 1, linePosition: columnOf(template, violation.path), path: violation.path }
  return {
    status: 400,
    body: { error: { code: 'InvalidTemplate', message, additionalInfo: [{ type: 'TemplateViolation', info }] } },
  }
}

/** The column at which a path begins in the template written on one line; as far as the path can be followed. */
export function columnOf(template: JsonObject, path: string): number {
  let column = 0
  let value: Json = template
  for (const [, key = '', index] of path.matchAll(/([^.[\]]+)(?!\])|\[(\d+)\]/g)) {
    const at: [number, Json] | undefined = index === undefined ? inObject(value, key) : inArray(value, Number(index))
    if (at === undefined) break
    column += at[0]
    value = at[1]
  }
  return column
}

function inObject(value: Json, wanted: string): [number, Json] | undefined {
  if (!isObject(value)) return undefined
  let column = 1
  for (const [key, one] of Object.entries(value)) {
    const label = JSON.stringify(key).length + 1
    if (key.toLowerCase() === wanted.toLowerCase()) return [column + label, one]
    column += label + JSON.stringify(one).length + 1
  }
  return undefined
}

function inArray(value: Json, index: number): [number, Json] | undefined {
  const one = isArray(value) ? value[index] : undefined
  if (one === undefined || !isArray(value)) return undefined
  const before = value.slice(0, index).reduce<number>((sum, earlier) => sum + JSON.stringify(earlier).length + 1, 1)
  return [before, one]
}

function parsed(json: string): JsonObject {
  return JSON.parse(json)
}

function ids(json: string): readonly Json[] {
  return (JSON.parse(json) as string[]).map((id) => ({ id }))
}

function duration(from: string, to: string): string {
  return `PT${Math.max(0, Date.parse(to) - Date.parse(from)) / 1000}S`
}
