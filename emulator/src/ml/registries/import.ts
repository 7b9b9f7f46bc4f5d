import { randomUUID } from 'node:crypto'
import { objectOf, propertiesOf } from '../../arm/envelope.ts'
import { pollingHeaders } from '../../arm/operations.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Handler } from '../../call.ts'
import { locate } from '../../jobs/data/locations.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { ensureAssetContainer } from '../assets.ts'
import { within } from '../paths.ts'
import { workspaceOf } from '../workspace-of.ts'
import { needRegistry, REGISTRY, type Registry, registryOf } from './registry-of.ts'

type Values = Readonly<Record<string, unknown>>

const IMPORT = 'registry_import'
const SOURCE = /^azureml:\/\/locations\/([^/]+)\/workspaces\/([^/]+)\/([a-z]+)\/([^/]+)\/versions\/([^/]+)$/i
const PAGE = 500

/** How an asset of a workspace comes into a registry: as a copy, with its bytes. `share` of azure-ai-ml asks for it. */
export function importRoutes(region: Region): readonly Route[] {
  region.operations.define(IMPORT, () => ({ status: 'Succeeded' }))
  return [['POST', `${REGISTRY}/import`, IMPORT, bring(region)]]
}

function bring(region: Region): Handler {
  return async (call, params) => {
    const registry = registryOf(needRegistry(region, params['r'] ?? ''))
    const asked = propertiesOf(objectOf(await call.json(), 'The request body'))
    const { asset, segment, workspaceId } = sourceOf(region, String(asked['sourceAssetId']))
    const name = String(asked['destinationName'] || asset.parent.split('/').at(-1))
    const version = String(asked['destinationVersion'] || asset.name)
    const id = within(registry.id, segment, name, 'versions', version)
    refuseTaken(region, id)
    const sent = await withBytes(region, { registry, workspaceId, properties: propertiesOf(asset.body) })
    return call.commit(() => {
      refuseTaken(region, id)
      ensureAssetContainer(region, segment, { id, sent, by: call.caller.id })
      region.resources.put(id, { properties: sent }, call.caller.id)
      const operation = region.operations.start({ kind: IMPORT, subject: id })
      const headers = pollingHeaders(call, operation, { location: region.name, polling: 'location' })
      return { status: 202, headers, note: { subject: id } }
    })
  }
}

function refuseTaken(region: Region, id: string): void {
  if (region.resources.get(id) === undefined) return
  throw new Refusal(409, 'UserError', `The asset '${id}' is there already.`)
}

interface Source {
  readonly asset: Resource
  readonly segment: string
  readonly workspaceId: string
}

/** The asset of a workspace of this region that a long address names: by the workspace's GUID. */
function sourceOf(region: Region, address: string): Source {
  const [, location = '', guid = '', segment = '', name, version] = SOURCE.exec(address) ?? []
  if (location === '') throw new Refusal(400, 'UserError', `'${address}' is not the address of an asset.`)
  if (location.toLowerCase() !== region.name) throw notImplemented('the import of an asset from another region')
  const workspaceId = workspaceWith(region, guid)
  const asset = region.resources.get(`${workspaceId}/${segment}/${name}/versions/${version}`)
  if (workspaceId === undefined || asset === undefined) {
    throw new Refusal(404, 'ResourceNotFound', `The asset '${address}' was not found.`)
  }
  return { asset, segment, workspaceId }
}

function workspaceWith(region: Region, guid: string): string | undefined {
  let after: number | undefined = 0
  while (after !== undefined) {
    const page = region.resources.ofType('Microsoft.MachineLearningServices/workspaces', { after, limit: PAGE })
    const found = page.items.find((one) => propertiesOf(one.body)['workspaceId'] === guid)
    if (found !== undefined) return found.id
    after = page.next
  }
  return undefined
}

/** Properties of an asset whose bytes have been copied to where the registry keeps its own. */
async function withBytes(
  region: Region,
  of: { readonly registry: Registry; readonly workspaceId: string; readonly properties: Values },
): Promise<Values> {
  const { properties } = of
  const copy = (uri: unknown) => (typeof uri === 'string' ? copied(region, { ...of, uri }) : undefined)
  const build = properties['build'] as Values | null | undefined
  const fields: Record<string, unknown> = {}
  for (const field of ['modelUri', 'dataUri']) fields[field] = await copy(properties[field])
  const contextUri = await copy(build?.['contextUri'])
  if (contextUri !== undefined) fields['build'] = { ...build, contextUri }
  const moved = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  return { ...properties, ...moved }
}

/** Copies a blob, or all below a path, to a new container; the address of the copy. */
async function copied(
  region: Region,
  of: { readonly registry: Registry; readonly workspaceId: string; readonly uri: string },
): Promise<string> {
  const from = locate(region, workspaceOf(region, of.workspaceId), of.uri)
  const account = of.registry.storageAccount
  const container = randomUUID()
  await region.db.write(() => region.blobs.accounts.addContainer(account, container))
  const top = from.path.split('/').at(-1) ?? ''
  let after: string | undefined
  do {
    const page = region.blobs.list(from.account, from.container, {
      prefix: from.path,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    for (const { name } of page) {
      const below = name.slice(from.path.length)
      if (below !== '' && !below.startsWith('/') && from.path !== '') continue
      const opened = region.blobs.open({ account: from.account, container: from.container, name })
      if (opened !== undefined) await region.blobs.put({ account, container, name: `${top}${below}` }, opened.stream)
    }
    after = page.length === PAGE ? page.at(-1)?.name : undefined
  } while (after !== undefined)
  return `https://${account}.blob.core.windows.net/${container}/${top}`
}
