import { deploymentBody } from '../../arm/template/execute/view.ts'
import type { Handler } from '../../call.ts'
import type { Route } from '../../router.ts'
import type { FrontArm } from '../front-arm.ts'
import { Deployments } from './deployments.ts'
import { groupExport } from './group-export.ts'
import { identity } from './request.ts'

const SUBSCRIPTION = '/subscriptions/:subscription'
/** Scopes of deployments, with what their operations' names end in. */
const SCOPES = [
  [`${SUBSCRIPTION}/resourceGroups/:group`, ''],
  [SUBSCRIPTION, 'AtSubscriptionScope'],
  ['', 'AtTenantScope'],
] as const

/** Template deployments of resource groups, of the subscription, and of the tenant; and templates of groups. */
export function deploymentRoutes(front: FrontArm): readonly Route[] {
  const deployments = new Deployments(front)
  const scopes = SCOPES.flatMap(([scope, suffix]) => {
    const root = `${scope}/providers/Microsoft.Resources/deployments`
    const one = `${root}/:name`
    // The clients of azure-ai-ml poll operations at the address of before there were providers.
    const old = scope === '' ? [] : [`${scope}/deployments/:name`]
    const route = (method: Route[0], path: string, verb: string, handler: Handler): Route => [
      method,
      path,
      `Deployments_${verb}${suffix}`,
      handler,
    ]
    return [
      route('PUT', one, 'CreateOrUpdate', (call, params) => deployments.put(call, params)),
      route('GET', one, 'Get', (_call, params) => ({ status: 200, body: deploymentBody(deployments.need(params)) })),
      route('HEAD', one, 'CheckExistence', (_call, params) => deployments.exists(params)),
      route('DELETE', one, 'Delete', (call, params) => deployments.remove(call, params)),
      route('GET', root, 'List', (call, params) => deployments.list(call, params)),
      route('POST', `${one}/validate`, 'Validate', (call, params) => deployments.validate(call, params)),
      route('POST', `${one}/cancel`, 'Cancel', (call, params) => deployments.cancel(call, params)),
      route('POST', `${one}/exportTemplate`, 'ExportTemplate', (_call, params) => deployments.template(params)),
      route('POST', `${one}/whatIf`, 'WhatIf', (call, params) => deployments.whatIf(call, params)),
      route('GET', `${one}/whatIfResults/:token`, 'WhatIfResult', (call, params) =>
        deployments.whatIfs.result(call, identity(params).id, params['token'] ?? ''),
      ),
      route('GET', `${one}/operationStatuses/:operation`, 'GetStatus', (_call, params) => deployments.status(params)),
      ...[one, ...old].flatMap((path) => [
        route('GET', `${path}/operations`, 'ListOperations', (_call, params) => deployments.operations(params)),
        route('GET', `${path}/operations/:operation`, 'GetOperation', (_call, params) => deployments.operation(params)),
      ]),
    ]
  })
  return [...scopes, groupExport(front)]
}
