import { isDeepStrictEqual } from 'node:util'
import { checkConditions, envelope, objectOf, one, propertiesOf, storable } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import type { Handler } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { ASSET_KINDS, type AssetKind } from './asset-kinds.ts'
import { byArchive, byContent, listed, propertyOf } from './asset-lists.ts'
import { hashedCodes, openCodes } from './code-hashes.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from './paths.ts'
import { pendingUpload } from './pending-upload.ts'
import { workspaceOf } from './workspace-of.ts'

type Params = Readonly<Record<string, string>>
type Values = Readonly<Record<string, unknown>>

/** Codes, environments, data, models and components: containers, and in them versions that do not change. */
export function assetRoutes(region: Region): readonly Route[] {
  openCodes(region)
  return [...ASSET_KINDS.flatMap((kind) => routesOf(region, kind)), ...codeRoutes(region)]
}

function routesOf(region: Region, kind: AssetKind): Route[] {
  const containers = `${WORKSPACE}/${kind.segment}`
  const versions = `${containers}/:name/versions`
  const [of, in_] = [`${kind.operation}_containers`, `${kind.operation}_versions`]
  return [
    ['GET', containers, `${of}_list`, listContainers(region, kind)],
    ['GET', `${containers}/:name`, `${of}_get`, getContainer(region, kind)],
    ['PUT', `${containers}/:name`, `${of}_create_or_update`, putContainer(region, kind)],
    ['DELETE', `${containers}/:name`, `${of}_delete`, removeContainer(region, kind)],
    ['GET', versions, `${in_}_list`, listVersions(region, kind)],
    ['GET', `${versions}/:version`, `${in_}_get`, getVersion(region, kind)],
    ['PUT', `${versions}/:version`, `${in_}_create_or_update`, putVersion(region, kind)],
    ['DELETE', `${versions}/:version`, `${in_}_delete`, removeVersion(region, kind)],
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

function listContainers(region: Region, kind: AssetKind): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const keep = kind.archives ? byArchive(call) : () => true
    const wanted = { parent: id, type: typeOf(kind.segment), keep, newestFirst: false }
    return listed(region, call, wanted, (container) => shownContainer(region, container))
  }
}

function getContainer(region: Region, kind: AssetKind): Handler {
  return (_call, params) => {
    const container = needed(region, inWorkspace(params, kind.segment, params['name']))
    return one(200, container, shownContainer(region, container))
  }
}

function putContainer(region: Region, kind: AssetKind): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, kind.segment, params['name'])
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
      return { ...one(found === undefined ? 201 : 200, container, body), note: { subject: id } }
    })
  }
}

function removeContainer(region: Region, kind: AssetKind): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, kind.segment, params['name'])
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      for (const version of everyVersion(region, kind, id)) region.resources.remove(version.id, true)
      const there = region.resources.remove(id)
      return { status: there ? 200 : 204, note: { subject: id } }
    })
  }
}

function listVersions(region: Region, kind: AssetKind): Handler {
  return (call, params) => {
    const workspace = workspaceOf(region, workspaceIdOf(params))
    const hashed = kind.segment === 'codes' ? hashedCodes(region, call, workspace.id) : undefined
    if (hashed !== undefined) return { status: 200, body: { value: hashed.map((version) => envelope(version)) } }
    const id = inWorkspace(params, kind.segment, params['name'])
    const container = region.resources.get(id)
    const hidden = container !== undefined && propertyOf(container, 'isArchived') === true
    const archive = kind.archives ? byArchive(call, hidden) : () => true
    const content = byContent(call)
    const wanted = {
      parent: id,
      type: typeOf(kind.segment, 'versions'),
      keep: (version: Resource) => archive(version) && content(version),
      newestFirst: true,
    }
    return listed(region, call, wanted, (version) => envelope(version))
  }
}

function getVersion(region: Region, kind: AssetKind): Handler {
  return (_call, params) => {
    if (kind.segment === 'components' && params['version'] === DEFAULT_VERSION) {
      const container = needed(region, inWorkspace(params, kind.segment, params['name']))
      const newest = newestOf(region, container)
      if (newest !== undefined) return one(200, newest)
    }
    return one(200, needed(region, versionId(kind, params)))
  }
}

/** How azure-ai-ml asks for the newest version of a component where its user names no version, or `latest`. */
const DEFAULT_VERSION = 'azureml_default'

function putVersion(region: Region, kind: AssetKind): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = versionId(kind, params)
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
      return { ...one(found === undefined ? 201 : 200, version), note: { subject: id } }
    })
  }
}

function removeVersion(region: Region, kind: AssetKind): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = versionId(kind, params)
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
  const changed = Object.fromEntries(
    [...kind.changeable].map((field) => [field, sent[field] ?? kind.defaults[field] ?? sent[field]]),
  )
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

/** The container with what is computed at reading: newest version, and the number for the next. */
function shownContainer(region: Region, container: Resource): unknown {
  const type = `${container.type}/versions`
  const latest = newestOf(region, container)
  const nextVersion = String(region.resources.highest(container.id, type) + 1)
  return envelope(container, {
    ...(container.body['properties'] as Values),
    latestVersion: latest?.name ?? null,
    nextVersion,
  })
}

function newestOf(region: Region, container: Resource): Resource | undefined {
  return region.resources.list(container.id, `${container.type}/versions`, { limit: 1, newestFirst: true }).items[0]
}

function everyVersion(region: Region, kind: AssetKind, containerId: string): readonly Resource[] {
  return region.resources.list(containerId, typeOf(kind.segment, 'versions'), { limit: Number.MAX_SAFE_INTEGER - 1 })
    .items
}

function versionId(kind: AssetKind, params: Params): string {
  return inWorkspace(params, kind.segment, params['name'], 'versions', params['version'])
}

function needed(region: Region, id: string): Resource {
  workspaceOf(region, id.split('/').slice(0, 9).join('/'))
  return region.resources.need(id)
}
