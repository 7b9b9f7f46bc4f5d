import type { Call, Reply } from '../../call.ts'
import { lookup } from '../../lookup.ts'
import { Refusal } from '../../refusal.ts'
import type { Route } from '../../router.ts'
import type { Directory, Entry } from './directory.ts'
import type { Groups } from './groups.ts'
import { paged } from './paging.ts'
import type { ResourceRouting } from './resource-routing.ts'

interface Tagged {
  readonly tags?: unknown
}

interface Filtered extends Tagged {
  readonly type: string
  readonly name: string
  readonly location?: unknown
  readonly resourceGroup: string
}

/** Lists of resources of every type, from the front's own directory: they go on without a region. */
export function resourceListRoutes(parts: {
  directory: Directory
  groups: Groups
  routing: ResourceRouting
}): readonly Route[] {
  const { directory, groups, routing } = parts
  const present = async (call: Call, entries: readonly Entry[]) => list(call, await routing.present(call, entries))
  return [
    [
      'GET',
      '/subscriptions/:subscription/resources',
      'Resources_List',
      (call, { subscription = '' }) => present(call, directory.list({ subscription })),
    ],
    [
      'GET',
      '/subscriptions/:subscription/resourceGroups/:group/resources',
      'Resources_ListByResourceGroup',
      (call, { subscription = '', group = '' }) => {
        groups.need(subscription, group)
        return present(call, directory.list({ subscription, resourceGroup: group }))
      },
    ],
  ]
}

function list(call: Call, entries: readonly Entry[]): Reply {
  const matches = resourceFilter(call.query.get('$filter'))
  const kept = entries.filter((entry) => matches({ ...entry, ...entry.summary }))
  return paged(call, kept, listed)
}

/** A resource as generic lists show it: without its properties. */
function listed(entry: Entry): Readonly<Record<string, unknown>> {
  return { id: entry.id, name: entry.name, type: entry.type, ...entry.summary }
}

const CLAUSE = /^\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*$/i

/** `$filter` of resource lists: clauses on type, name, location, group and tag, joined by `and`. */
export function resourceFilter(filter: string | null): (resource: Filtered) => boolean {
  const clauses = clausesOf(filter)
  const tag = { name: givenFor(clauses, 'tagname'), value: givenFor(clauses, 'tagvalue') }
  const others = clauses.filter(({ field }) => !field.startsWith('tag'))
  for (const { field } of others) {
    if (!(field in FIELDS))
      throw new Refusal(400, 'InvalidFilterInQueryString', `The filter on '${field}' is not known.`)
  }
  return (resource) =>
    hasTag(resource, tag) &&
    others.every(({ field, is, value }) => {
      const found = FIELDS[field]?.(resource)
      return (String(found).toLowerCase() === value.toLowerCase()) === is
    })
}

/** `$filter` of resource groups, which knows tags only. */
export function tagFilter(filter: string | null): (group: Tagged) => boolean {
  const clauses = clausesOf(filter)
  const tag = { name: givenFor(clauses, 'tagname'), value: givenFor(clauses, 'tagvalue') }
  return (group) => hasTag(group, tag)
}

interface Clause {
  readonly field: string
  readonly is: boolean
  readonly value: string
}

const FIELDS: Readonly<Record<string, (resource: Filtered) => unknown>> = lookup({
  resourcetype: (resource) => resource.type,
  name: (resource) => resource.name,
  location: (resource) => resource.location,
  resourcegroup: (resource) => resource.resourceGroup,
})

function clausesOf(filter: string | null): readonly Clause[] {
  if (filter === null || filter.trim() === '') return []
  return filter.split(/\s+and\s+/i).map((text) => {
    const match = CLAUSE.exec(text)
    if (match === null) {
      throw new Refusal(400, 'InvalidFilterInQueryString', `The filter '${filter}' is not understood at '${text}'.`)
    }
    const [, field = '', operator, value = ''] = match
    return { field: field.toLowerCase(), is: operator?.toLowerCase() === 'eq', value: value.replaceAll("''", "'") }
  })
}

function givenFor(clauses: readonly Clause[], field: string): string | undefined {
  return clauses.find((clause) => clause.field === field)?.value
}

function hasTag({ tags }: Tagged, wanted: { name: string | undefined; value: string | undefined }): boolean {
  if (wanted.name === undefined) return true
  const entries = typeof tags === 'object' && tags !== null ? Object.entries(tags) : []
  const found = entries.find(([name]) => name.toLowerCase() === wanted.name?.toLowerCase())
  return found !== undefined && (wanted.value === undefined || found[1] === wanted.value)
}
