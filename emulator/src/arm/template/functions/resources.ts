import { withoutLastSlashes } from '../../../slashes.ts'
import { textAt } from '../json.ts'
import type { Question, Scope } from '../language/scope.ts'
import { resourceIdAt } from '../resource-ids.ts'
import { type Args, type FunctionTable, fn, type TemplateFunction } from './args.ts'

const MANY = Number.POSITIVE_INFINITY

/** Ids of resources, and what only live resources know. */
export const resourceFunctions: FunctionTable = {
  resourceid: fn(2, MANY, (args, scope) => resourceId(args, scope)),
  subscriptionresourceid: fn(2, MANY, (args, scope) => subscriptionResourceId(args, scope)),
  tenantresourceid: fn(2, MANY, (args) => resourceIdAt('', args.text(0), args.texts().slice(1))),
  managementgroupresourceid: fn(3, MANY, (args) =>
    resourceIdAt(
      `/providers/Microsoft.Management/managementGroups/${args.text(0)}`,
      args.text(1),
      args.texts().slice(2),
    ),
  ),
  extensionresourceid: fn(3, MANY, (args) =>
    resourceIdAt(withoutLastSlashes(args.text(0)), args.text(1), args.texts().slice(2)),
  ),
  reference: fn(1, 3, (args, scope) => scope.answer(referenceOf(args))),
  references: fn(1, 2, (args, scope) =>
    scope.answer({ ask: 'references', target: args.text(0), full: args.textOr(1, '').toLowerCase() === 'full' }),
  ),
  resourceinfo: fn(1, 1, (args, scope) => scope.resourceInfo(args.text(0))),
  subscription: fn(
    0,
    0,
    (args, scope) => scope.place.subscription ?? args.refuse('is not valid at the scope of a tenant.'),
  ),
  resourcegroup: fn(
    0,
    0,
    (args, scope) => scope.place.resourceGroup ?? args.refuse('is not valid at the scope of a subscription.'),
  ),
  managementgroup: fn(0, 0, (args) => args.refuse('is not valid here: nothing is deployed at a management group.')),
  tenant: fn(0, 0, (_, scope) => scope.place.tenant),
  pickzones: fn(3, 5, (args) =>
    Array.from({ length: Math.min(3, args.count > 3 ? args.integer(3) : 1) }, (_, at) => `${at + 1}`),
  ),
}

/** Any function whose name begins with `list`: the action of that name, done on a live resource. */
export const listFunction: TemplateFunction = fn(2, 3, (args, scope) => scope.answer(listOf(args)))

function referenceOf(args: Args): Question {
  const full = args.textOr(2, '').toLowerCase() === 'full'
  const apiVersion = args.textOr(1, '')
  return { ask: 'reference', target: args.text(0), full, ...(apiVersion === '' ? {} : { apiVersion }) }
}

function listOf(args: Args): Question {
  const [target, apiVersion] = [args.text(0), args.text(1)]
  const body = args.count > 2 ? { body: args.any(2) } : {}
  return { ask: 'list', operation: args.name, target, apiVersion, ...body }
}

/** `resourceId([subscriptionId], [resourceGroupName], type, name, …)`: the type is the first text with a slash. */
function resourceId(args: Args, scope: Scope): string {
  const texts = args.texts()
  const at = typeAt(args, 2)
  const [first = '', second = ''] = texts
  const [type, names] = [texts[at] ?? '', texts.slice(at + 1)]
  const own = subscriptionIdOf(scope)
  if (at === 2) return resourceIdAt(`/subscriptions/${first}/resourceGroups/${second}`, type, names)
  if (at === 0) return resourceIdAt(scope.place.id, type, names)
  // At a subscription, a single leading argument can only be another subscription.
  return scope.place.resourceGroup === undefined && isGuid(first)
    ? resourceIdAt(`/subscriptions/${first}`, type, names)
    : resourceIdAt(`/subscriptions/${own}/resourceGroups/${first}`, type, names)
}

function subscriptionResourceId(args: Args, scope: Scope): string {
  const texts = args.texts()
  const at = typeAt(args, 1)
  const subscription = at === 1 ? (texts[0] ?? '') : subscriptionIdOf(scope)
  return resourceIdAt(`/subscriptions/${subscription}`, texts[at] ?? '', texts.slice(at + 1))
}

function typeAt(args: Args, most: number): number {
  const at = args.texts().findIndex((text) => text.includes('/'))
  return at < 0 || at > most
    ? args.refuse('expects a fully qualified resource type, such as Microsoft.Storage/storageAccounts.')
    : at
}

function subscriptionIdOf(scope: Scope): string {
  return textAt(scope.place.subscription ?? {}, 'subscriptionId') ?? ''
}

function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
