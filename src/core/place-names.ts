import type { Kind } from './model.ts'
import { regionNamed } from './regions.ts'

/** Everything by which bodies, URLs and files name one side. Read from the workspace; names nothing else. */
export interface PlaceNames {
  /** ARM id of the workspace, without a trailing slash. */
  readonly workspace: string
  /** GUID of the workspace (`properties.workspaceId`). */
  readonly workspaceGuid: string
  /** Azure's short form: `eastus2`. */
  readonly location: string
  /** Azure's display form: `East US 2`. Default: what the table of regions says. */
  readonly locationDisplay?: string
  /** ARM id of the default storage account. */
  readonly storageAccount: string
  /** ARM ids of the other resources of the workspace, where it has them. */
  readonly keyVault?: string
  readonly containerRegistry?: string
  readonly applicationInsights?: string
  /**
   * Names that differ on purpose, by kind: the name in the policy's words (that of the primary) → the name here.
   * Empty on the primary.
   */
  readonly mappings?: Readonly<Record<Kind, Readonly<Record<string, string>>>>
}

/** What a token stands for. A word of it appears in portable text as `<<hf:word>>`. */
export type Word =
  | 'workspace'
  | 'workspace-path'
  | 'workspace-name'
  | 'group-path'
  | 'group-name'
  | 'subscription'
  | 'guid'
  | 'location'
  | 'location-display'
  | 'account-id'
  | 'account'
  | 'account-group'
  | 'account-subscription'
  | 'vault-id'
  | 'vault'
  | 'registry-id'
  | 'registry'
  | 'insights-id'

/** Parts of an ARM id. */
export interface ArmId {
  readonly subscription: string
  readonly group: string
  readonly name: string
}

/** `undefined` if it is not the id of a resource in a resource group. */
export function armId(id: string): ArmId | undefined {
  const parts = id.split('/')
  const [, subscriptions, subscription, groups, group] = parts
  const name = parts.at(-1)
  if (subscriptions?.toLowerCase() !== 'subscriptions' || groups?.toLowerCase() !== 'resourcegroups') return undefined
  if (subscription === undefined || group === undefined || name === undefined || parts.length < 9) return undefined
  return { subscription, group, name }
}

/** The place's own text for every word. A word is missing where the place has no such thing. */
export function wordsOf(names: PlaceNames): ReadonlyMap<Word, string> {
  const words = new Map<Word, string>()
  const workspace = armId(names.workspace)
  if (workspace !== undefined) {
    const group = `subscriptions/${workspace.subscription}/resourceGroups/${workspace.group}`
    words.set('workspace', `${group}/providers/Microsoft.MachineLearningServices/workspaces/${workspace.name}`)
    words.set('workspace-path', `${group.replace('resourceGroups', 'resourcegroups')}/workspaces/${workspace.name}`)
    words.set('workspace-name', workspace.name)
    words.set('group-path', group)
    words.set('group-name', workspace.group)
    words.set('subscription', workspace.subscription)
  }
  words.set('guid', names.workspaceGuid)
  words.set('location', names.location)
  const display = names.locationDisplay ?? regionNamed(names.location)?.display
  if (display !== undefined) words.set('location-display', display)
  addResource(words, names.storageAccount, ['account-id', 'account'])
  const account = armId(names.storageAccount)
  if (account !== undefined) {
    words.set('account-group', account.group)
    words.set('account-subscription', account.subscription)
  }
  addResource(words, names.keyVault, ['vault-id', 'vault'])
  addResource(words, names.containerRegistry, ['registry-id', 'registry'])
  addResource(words, names.applicationInsights, ['insights-id'])
  return words
}

function addResource(words: Map<Word, string>, id: string | undefined, [whole, name]: readonly [Word, Word?]): void {
  const parts = id === undefined ? undefined : armId(id)
  if (id === undefined || parts === undefined) return
  words.set(whole, id.replace(/^\//, ''))
  if (name !== undefined) words.set(name, parts.name)
}

/** How ARM calls the collections of the kinds whose names can be mapped. */
const COLLECTIONS: Readonly<Record<string, Kind>> = {
  computes: 'compute',
  datastores: 'datastore',
  environments: 'environment',
  data: 'data',
  models: 'model',
  components: 'component',
  onlineendpoints: 'online-endpoint',
  batchendpoints: 'batch-endpoint',
  connections: 'connection',
  schedules: 'schedule',
}

/** The kind behind a collection of ARM, whatever its case. */
export function kindOfCollection(collection: string): Kind | undefined {
  return COLLECTIONS[collection.toLowerCase()]
}

/** What names can be mapped of: kinds, and subnets, which are mapped by their ids. */
export const MAPPED: readonly string[] = [...Object.values(COLLECTIONS), 'subnet']

/** The ARM id of a subnet. It stands in one region, so each side has its own: `mappings.subnet` says which stands for which. */
export const SUBNET =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/virtualNetworks\/[^/]+\/subnets\/[^/]+$/i

/** Renames one way, and the other. */
export interface Renaming {
  toLocal(kind: Kind, name: string): string
  toPortable(kind: Kind, name: string): string
}

/**
 * The policy's mappings as a renaming that loses nothing.
 *
 * `gpu → gpu-cus` alone would give two clusters one name where the side also has one called `gpu`. So every
 * chain is closed into a ring: that other one takes the name that became free. Ids of subnets lose their case.
 */
export function renaming(mappings: PlaceNames['mappings']): Renaming {
  const local = new Map<string, string>()
  for (const [kind, names] of Object.entries(mappings ?? {})) {
    const used = new Set<string>()
    for (const [from, to] of pairsOf(kind, names)) {
      if (used.has(to)) continue
      used.add(to)
      local.set(`${kind}/${from}`, `${kind}/${to}`)
    }
  }
  const portable = new Map([...local].map(([from, to]) => [to, from]))
  for (const end of [...portable.keys()].filter((to) => !local.has(to))) {
    let start = end
    for (let before = portable.get(start); before !== undefined; before = portable.get(start)) start = before
    local.set(end, start)
    portable.set(start, end)
  }
  const renamed = (by: ReadonlyMap<string, string>, kind: Kind, name: string) =>
    by.get(`${kind}/${spelled(kind, name)}`)?.slice(kind.length + 1) ?? spelled(kind, name)
  return {
    toLocal: (kind, name) => renamed(local, kind, name),
    toPortable: (kind, name) => renamed(portable, kind, name),
  }
}

function pairsOf(kind: Kind, names: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(names).map(([from, to]) => [spelled(kind, from), spelled(kind, to)])
}

function spelled(kind: Kind, name: string): string {
  return kind === 'subnet' ? name.toLowerCase() : name
}
