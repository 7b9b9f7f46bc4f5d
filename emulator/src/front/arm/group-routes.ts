import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Route } from '../../router.ts'
import { locationName } from './arm-paths.ts'
import type { GroupRemovals } from './group-removals.ts'
import { beingDeleted, type Group, type Groups, groupBody } from './groups.ts'
import { paged } from './paging.ts'
import { tagFilter } from './resource-lists.ts'

type Params = Readonly<Record<string, string>>

/** Resource groups: create, read, change, list, and remove with everything inside. */
export function groupRoutes(parts: {
  groups: Groups
  removals: GroupRemovals
  regions: readonly string[]
}): readonly Route[] {
  const { groups, removals } = parts
  const found = ({ subscription = '', group = '' }: Params): Group => groups.need(subscription, group)
  const path = '/subscriptions/:subscription/resourceGroups/:group'
  return [
    ['PUT', path, 'ResourceGroups_CreateOrUpdate', (call, params) => put(call, params, parts)],
    ['GET', path, 'ResourceGroups_Get', (_call, params) => ({ status: 200, body: groupBody(found(params)) })],
    [
      'HEAD',
      path,
      'ResourceGroups_CheckExistence',
      (_call, { subscription = '', group = '' }) => ({
        status: groups.get(subscription, group) === undefined ? 404 : 204,
      }),
    ],
    ['PATCH', path, 'ResourceGroups_Update', (call, params) => patch(call, found(params), groups)],
    ['DELETE', path, 'ResourceGroups_Delete', (call, params) => removals.begin(call, found(params))],
    [
      'GET',
      '/subscriptions/:subscription/operationresults/:token',
      'ResourceGroups_DeleteResult',
      (call, params) => removals.result(call, params),
    ],
    [
      'GET',
      '/subscriptions/:subscription/resourceGroups',
      'ResourceGroups_List',
      (call, { subscription = '' }) => list(call, groups.list(subscription)),
    ],
  ]
}

interface Sent {
  readonly location?: unknown
  readonly tags?: unknown
  readonly managedBy?: unknown
}

async function put(
  call: Call,
  { subscription = '', group: name = '' }: Params,
  parts: { groups: Groups; regions: readonly string[] },
): Promise<Reply> {
  const { groups, regions } = parts
  const sent = ((await call.json()) ?? {}) as Sent
  if (!/^[-\w._()]{1,90}$/.test(name) || name.endsWith('.')) {
    throw new Refusal(400, 'InvalidResourceGroup', `The provided resource group name '${name}' is not valid.`)
  }
  const location = typeof sent.location === 'string' ? locationName(sent.location) : undefined
  if (location === undefined) {
    throw new Refusal(400, 'LocationRequired', 'The location property is required for this definition.')
  }
  if (!regions.includes(location)) {
    const message = `The provided location '${location}' is not available for resource group. List of available regions is '${regions.join(',')}'.`
    throw new Refusal(400, 'LocationNotAvailableForResourceGroup', message)
  }
  return call.commit(() => {
    const before = groups.get(subscription, name)
    if (before?.state === 'Deleting') throw beingDeleted(name)
    if (before !== undefined && before.location !== location) {
      const message = `Invalid resource group location '${location}'. The Resource group already exists in location '${before.location}'.`
      throw new Refusal(409, 'InvalidResourceGroupLocation', message)
    }
    const managedBy = typeof sent.managedBy === 'string' ? sent.managedBy : null
    groups.put({ subscription, name: before?.name ?? name, location, tags: tagsOf(sent.tags), managedBy })
    return written(before === undefined ? 201 : 200, groups.need(subscription, name))
  })
}

async function patch(call: Call, group: Group, groups: Groups): Promise<Reply> {
  const sent = ((await call.json()) ?? {}) as Sent
  return call.commit(() => {
    if (group.state === 'Deleting') throw beingDeleted(group.name)
    groups.put({ ...group, tags: sent.tags === undefined ? group.tags : tagsOf(sent.tags) })
    return written(200, groups.need(group.subscription, group.name))
  })
}

function list(call: Call, all: readonly Group[]): Reply {
  const matches = tagFilter(call.query.get('$filter'))
  return paged(call, all.filter(matches), groupBody)
}

function written(status: number, group: Group): Reply {
  const body = groupBody(group)
  return { status, body, note: { subject: String(body['id']) } }
}

/** Tags as a map of texts, or a 400 that says what is wrong. */
function tagsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  const entries = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : undefined
  if (entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    return Object.fromEntries(entries)
  }
  throw new Refusal(400, 'InvalidRequestContent', "The field 'tags' is not a map of texts.")
}
