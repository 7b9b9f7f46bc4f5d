import { one } from '../arm/envelope.ts'
import { type Operation, pollingHeaders } from '../arm/operations.ts'
import type { Call, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { LOCATION } from './paths.ts'

/** The two addresses at which a client learns how a long-running operation went. */
export function pollingRoutes(region: Region): readonly Route[] {
  const found = async (id: string | undefined): Promise<Operation> => {
    const operation = await region.operations.get(id ?? '')
    if (operation === undefined) throw new Refusal(404, 'OperationNotFound', `The operation '${id}' was not found.`)
    return operation
  }
  return [
    [
      'GET',
      `${LOCATION}/mfeOperationsStatus/:id`,
      'operations_status',
      async (call, { id }) => status(call, await found(id)),
    ],
    [
      'GET',
      `${LOCATION}/mfeOperationResults/:id`,
      'operations_result',
      async (call, { id }) => result(region, call, await found(id)),
    ],
  ]
}

function status(call: Call, operation: Operation): Reply {
  const { id, startedAt, endedAt, error, result: properties } = operation
  const running = operation.status === 'InProgress'
  const body = {
    id: call.path,
    name: id,
    status: operation.status,
    startTime: startedAt,
    ...(endedAt === undefined ? {} : { endTime: endedAt }),
    percentComplete: running ? 0 : 100,
    ...(properties === undefined ? {} : { properties }),
    ...(error === undefined ? {} : { error }),
  }
  return { status: 200, body, ...(running ? { headers: { 'retry-after': '1' } } : {}) }
}

/** The address that clients read last: what was made or changed, or what the operation found out. */
function result(region: Region, call: Call, operation: Operation): Reply {
  switch (operation.status) {
    case 'InProgress':
      return { status: 202, headers: pollingHeaders(call, operation, { location: region.name, polling: 'location' }) }
    case 'Succeeded':
      return operation.result === undefined ? changed(region, operation) : { status: 200, body: operation.result }
    case 'Failed':
      throw new Refusal(
        400,
        operation.error?.code ?? 'OperationFailed',
        operation.error?.message ?? 'The operation failed.',
      )
    case 'Canceled':
      throw new Refusal(409, 'OperationCanceled', 'The operation was canceled.')
    default:
      throw operation.status satisfies never
  }
}

/** The JS client takes the result of a PUT or PATCH from here, and no other. */
function changed(region: Region, { kind, subject }: Operation): Reply {
  const resource = kind.endsWith('update') ? region.resources.get(subject) : undefined
  return resource === undefined ? { status: 204 } : one(200, resource)
}
