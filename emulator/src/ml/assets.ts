import { isDeepStrictEqual } from 'node:util'
import { checkConditions, envelope, objectOf, one, page, propertiesOf, queryOf, storable } from '../arm/envelope.ts'
import { pollingHeaders } from '../arm/operations.ts'
import type { Resource } from '../arm/resources.ts'
import type { Call, Handler, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { ASSET_KINDS, type AssetKind } from './asset-kinds.ts'
import { byArchive, byContent, listed, propertyOf } from './asset-lists.ts'
import { type AssetScope, assetId, assetType, WORKSPACE_ASSETS } from './asset-scope.ts'
import { hashedCodes, openCodes } from './code-hashes.ts'
import { WORKSPACE, workspaceIdOf } from './paths.ts'
import { pendingUpload } from './pending-upload.ts'
import { workspaceOf } from './workspace-of.ts'

type Params = Readonly<Record<string, string>>
type Values = Readonly<Record<string, unknown>>

/** Codes, environments, data, models and components: containers, and in them versions that do not change. */
export function assetRoutes(region: Region): readonly Route[] {
  openCodes(region)
  return [...assetRoutesIn(region, WORKSPACE_ASSETS), ...codeRoutes(region)]
}

/** The same in a scope: a workspace, or a registry. */
export function assetRoutesIn(region: Region, scope: AssetScope): readonly Route[] {
  return ASSET_KINDS.flatMap((kind) => routesOf({ region, scope, kind }))
}

/** One kind of asset in one scope. */
interface Shelf {
  readonly region: Region
  readonly scope: AssetScope
  readonly kind: AssetKind
}

function routesOf(shelf: Shelf): Route[] {
  const { region, scope, kind } = shelf
  const containers = `${scope.path}/${kind.segment}`
  const versions = `${containers}/:name/versions`
  const [of, in_] = ['containers', 'versions'].map((what) => `${scope.operation}${kind.operation}_${what}`)
  for (const what of scope.begins ? [of, in_] : []) {
    region.operations.define(`${what}_create_or_update`, () => ({ status: 'Succeeded' }))
  }
  return [
    ['GET', containers, `${of}_list`, listContainers(shelf)],
    ['GET', `${containers}/:name`, `${of}_get`, getContainer(shelf)],
    ['PUT', `${containers}/:name`, `${of}_create_or_update`, putContainer(shelf)],
    ['DELETE', `${containers}/:name`, `${of}_delete`, removeContainer(shelf)],
    ['GET', versions, `${in_}_list`, listVersions(shelf)],
    ['GET', `${versions}/:version`, `${in_}_get`, getVersion(shelf)],
    ['PUT', `${versions}/:version`, `${in_}_create_or_update`, putVersion(shelf)],
    ['DELETE', `${versions}/:version`, `${in_}_delete`, removeVersion(shelf)],
  ]
}

function codeRoutes(region: Region): Route[] {
  return [
    [
      'POST',
      `${WORKSPACE}/codes/:name/versions/:version/startPendingUpload`,
      'code_versions_create_or_get_start_pending_upload',
      (call, params) => pendingUpload(region, call, workspaceOf(region, workspaceIdOf(params))),
    ],
  ]
}

function listContainers({ region, scope, kind }: Shelf): Handler {
  return (call, params) => {
    const parent = scope.idOf(region, params)
    const narrowed = kind.archives ? byArchive(call) : {}
    if (narrowed === undefined) return page(call, [], undefined)
    const wanted = { parent, type: assetType(scope, kind.segment), narrowed, newestFirst: false }
    return listed(region, call, wanted, (containers) => shownContainers(region, containers))
  }
}

function getContainer(shelf: Shelf): Handler {
  return (_call, params) => {
    const container = shelf.region.resources.need(containerId(shelf, params))
    return one(200, container, shownContainer(shelf.region, container))
  }
}

function putContainer(shelf: Shelf): Handler {
  const { region } = shelf
  return async (call, params) => {
    const id = containerId(shelf, params)
    const sent = propertiesOf(storable(await call.json()))
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      const kept = Object.fromEntries(
        Object.entries(found?.body['properties'] ?? {}).filter(([key]) => key === 'dataType'),
      )
      const { latestVersion: _, nextVersion: __, ...rest } = sent
      const properties = { ...CONTAINER, ...kept, ...rest }
      const container = region.resources.put(id, { properties }, call.caller.id)
      const body = shownContainer(region, container)
      const reply = { ...one(found === undefined ? 201 : 200, container, body), note: { subject: id } }
      return stored(shelf, call, reply)
    })
  }
}

function removeContainer(shelf: Shelf): Handler {
  const { region } = shelf
  return (call, params) => {
    const id = containerId(shelf, params)
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      for (const version of everyVersion(shelf, id)) region.resources.remove(version.id, true)
      const there = region.resources.remove(id)
      return { status: there ? 200 : 204, note: { subject: id } }
    })
  }
}

function listVersions(shelf: Shelf): Handler {
  const { region, scope, kind } = shelf
  return (call, params) => {
    const place = scope.idOf(region, params)
    const hashed = kind.segment === 'codes' ? hashedCodes(region, call, place) : undefined
    if (hashed !== undefined) return { status: 200, body: { value: hashed.map((version) => envelope(version)) } }
    const id = containerId(shelf, params)
    const container = region.resources.get(id)
    const hidden = container !== undefined && propertyOf(container, 'isArchived') === true
    const archive = kind.archives ? byArchive(call, hidden) : {}
    if (archive === undefined) return page(call, [], undefined)
    const { keep, narrowed: content } = byContent(call)
    const version = queryOf(call, 'version')
    const narrowed = { ...archive, ...content, ...(version === undefined ? {} : { id: `${id}/versions/${version}` }) }
    const wanted = { parent: id, type: assetType(scope, kind.segment, 'versions'), keep, narrowed, newestFirst: true }
    return listed(region, call, wanted)
  }
}

function getVersion(shelf: Shelf): Handler {
  const { region, kind } = shelf
  return (_call, params) => {
    if (kind.segment === 'components' && params['version'] === DEFAULT_VERSION) {
      const newest = newestOf(region, region.resources.need(containerId(shelf, params)))
      if (newest !== undefined) return one(200, newest)
    }
    return one(200, region.resources.need(versionId(shelf, params)))
  }
}

/** How azure-ai-ml asks for the newest version of a component where its user names no version, or `latest`. */
const DEFAULT_VERSION = 'azureml_default'

function putVersion(shelf: Shelf): Handler {
  const { region, kind } = shelf
  return async (call, params) => {
    const id = versionId(shelf, params)
    const as = { name: params['name'] ?? '', version: params['version'] ?? '' }
    const sent = kind.complete(objectOf(storable(await call.json())['properties'], "The field 'properties'"), as)
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      if (found === undefined) refuseBuried(region, id)
      const properties = found === undefined ? madeOf(kind, sent) : changedTo(kind, found, sent)
      const same = found !== undefined && isDeepStrictEqual(found.body['properties'], properties)
      if (found === undefined) ensureAssetContainer(region, kind.segment, { id, sent, by: call.caller.id })
      const version = same ? found : region.resources.put(id, { properties }, call.caller.id)
      const reply = { ...one(found === undefined ? 201 : 200, version), note: { subject: id } }
      return stored(shelf, call, reply)
    })
  }
}

/** The answer to a PUT; in a registry with what the client polls. Only inside a write. */
function stored({ region, scope }: Shelf, call: Call, reply: Reply): Reply {
  if (!scope.begins) return reply
  const operation = region.operations.start({ kind: call.operation, subject: reply.note?.subject ?? '' })
  const headers = pollingHeaders(call, operation, { location: region.name, polling: 'status' })
  return { ...reply, headers: { ...reply.headers, ...headers } }
}

function removeVersion(shelf: Shelf): Handler {
  const { region } = shelf
  return (call, params) => {
    const id = versionId(shelf, params)
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      const there = region.resources.remove(id, true)
      return { status: there ? 200 : 204, note: { subject: id } }
    })
  }
}

const CONTAINER = { description: null, tags: {}, properties: {}, isArchived: false, provisioningState: 'Succeeded' }

/** Makes the container of a version that is about to be made, where there is none. Only inside a write. */
export function ensureAssetContainer(
  region: Region,
  segment: string,
  version: { readonly id: string; readonly sent: Values; readonly by: string },
): void {
  const id = version.id.split('/').slice(0, -2).join('/')
  if (region.resources.get(id) !== undefined) return
  const dataType = segment === 'data' ? { dataType: version.sent['dataType'] ?? 'uri_folder' } : {}
  region.resources.put(id, { properties: { ...CONTAINER, ...dataType } }, version.by)
}

/** Refuses to make again what was removed, in the words of the service (azureml-assets#2919). */
export function refuseBuried(region: Region, versionId: string): void {
  const at = region.resources.buried(versionId)
  if (at === undefined) return
  const [date = '', time = ''] = at.split('T')
  const [year, month, day] = date.split('-')
  const when = `${month}/${day}/${year} ${time.slice(0, 8)} +00:00`
  const message = `Asset ${versionId} was deleted at ${when}, it cannot be recreated. Please try again with a different version.`
  throw new Refusal(409, 'UserError', message)
}

function madeOf(kind: AssetKind, sent: Values): Values {
  if (!kind.needs.some((field) => sent[field] != null)) {
    throw new Refusal(
      400,
      'InvalidRequestContent',
      `The field 'properties.${kind.needs.join("' or 'properties.")}' is required.`,
    )
  }
  const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null))
  return { ...kind.defaults, ...sent, ...given, ...filled(kind, sent), provisioningState: 'Succeeded' }
}

/** Defaults stand in also for what was sent as null. */
function filled(kind: AssetKind, sent: Values): Values {
  return Object.fromEntries(Object.entries(kind.defaults).map(([field, value]) => [field, sent[field] ?? value]))
}

/** The properties after a PUT on a version that is there, or the refusal to change what is fixed. */
function changedTo(kind: AssetKind, found: Resource, sent: Values): Values {
  const held = found.body['properties'] as Values
  const { name, parent } = found
  for (const [field, value] of Object.entries(sent)) {
    if (kind.changeable.has(field) || field === 'provisioningState' || value === null) continue
    if (!isDeepStrictEqual(held[field] ?? kind.defaults[field] ?? null, value))
      throw kind.fixed(parent.split('/').at(-1) ?? '', name)
  }
  const otherwise = { ...sent, ...kind.defaults }
  const changed = Object.fromEntries([...kind.changeable].map((field) => [field, sent[field] ?? otherwise[field]]))
  const next = { ...held, ...changed, properties: addedTo(held['properties'], sent['properties'], found) }
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined))
}

/** Entries of `properties.properties` may be added, never replaced (azureml-assets#3439). */
function addedTo(held: unknown, sent: unknown, found: Resource): Values {
  const before = (held ?? {}) as Values
  const added = (sent ?? {}) as Values
  for (const [key, value] of Object.entries(added)) {
    if (key in before && !isDeepStrictEqual(before[key], value)) {
      const subject = found.parent.split('/').at(-1)
      const message = `Value of property ${key} for ${subject} cannot be replaced to ${value} without increasing the version.`
      throw new Refusal(400, 'UserError', message)
    }
  }
  return { ...before, ...added }
}

/** Containers of one type with what is computed at reading: newest version, and the number for the next. */
function shownContainers(region: Region, containers: readonly Resource[]): readonly unknown[] {
  const ids = containers.map(({ id }) => id)
  const numbered = region.resources.numbered(ids, `${containers[0]?.type}/versions`)
  return containers.map((container, index) => {
    const { newest = null, highest = 0 } = numbered[index] ?? {}
    const held = container.body['properties'] as Values
    return envelope(container, { ...held, latestVersion: newest, nextVersion: String(highest + 1) })
  })
}

function shownContainer(region: Region, container: Resource): unknown {
  return shownContainers(region, [container])[0]
}

function newestOf(region: Region, container: Resource): Resource | undefined {
  return region.resources.list(container.id, `${container.type}/versions`, { limit: 1, newestFirst: true }).items[0]
}

function everyVersion({ region, scope, kind }: Shelf, container: string): readonly Resource[] {
  const type = assetType(scope, kind.segment, 'versions')
  return region.resources.list(container, type, { limit: Number.MAX_SAFE_INTEGER - 1 }).items
}

function containerId({ region, scope, kind }: Shelf, params: Params): string {
  return assetId({ region, scope, params }, kind.segment, params['name'])
}

function versionId({ region, scope, kind }: Shelf, params: Params): string {
  return assetId({ region, scope, params }, kind.segment, params['name'], 'versions', params['version'])
}
