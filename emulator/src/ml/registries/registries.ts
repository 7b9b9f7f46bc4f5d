import { checkConditions, envelope, one, page, propertiesOf, seqOf, storable } from '../../arm/envelope.ts'
import { pollingHeaders } from '../../arm/operations.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Call, Handler, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { GROUP, NAMESPACE, within } from '../paths.ts'
import { identityOf } from '../workspace-new.ts'
import { type Managed, ManagedResources } from './managed.ts'
import { REGISTRY, REGISTRY_TYPE } from './registry-of.ts'

type Params = Readonly<Record<string, string>>
type Values = Readonly<Record<string, unknown>>

const PAGE = 100
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{1,32}$/

/** Registries themselves. Each keeps the bytes of its assets in a storage account that it makes for itself. */
export function registryRoutes(region: Region): readonly Route[] {
  const managed = new ManagedResources(region)
  region.operations.define('registries_create_or_update', ({ subject }) => settled(region, subject))
  region.operations.define('registries_delete', ({ subject }) => {
    region.resources.removeTree(subject)
    return { status: 'Succeeded' }
  })
  return [
    ['GET', REGISTRY, 'registries_get', (_call, params) => shown(200, region.resources.need(idOf(params)))],
    ['PUT', REGISTRY, 'registries_create_or_update', put(region, managed)],
    ['PATCH', REGISTRY, 'registries_update', patch(region)],
    ['DELETE', REGISTRY, 'registries_delete', remove(region, managed)],
    [
      'GET',
      `${GROUP}/registries`,
      'registries_list',
      (call, { s, g }) =>
        listed(
          call,
          region.resources.list(`/subscriptions/${s}/resourceGroups/${g}`, REGISTRY_TYPE, {
            ...seqOf(call),
            limit: PAGE,
          }),
        ),
    ],
    [
      'GET',
      `/subscriptions/:s/providers/${NAMESPACE}/registries`,
      'registries_list_by_subscription',
      (call) => listed(call, region.resources.ofType(REGISTRY_TYPE, { ...seqOf(call), limit: PAGE })),
    ],
  ]
}

function idOf({ s = '', g = '', r = '' }: Params): string {
  return within(`/subscriptions/${s}/resourceGroups/${g}/providers/${NAMESPACE}/registries`, r)
}

function put(region: Region, managed: ManagedResources): Handler {
  return async (call, params) => {
    const id = idOf(params)
    if (!NAME.test(params['r'] ?? '')) {
      throw new Refusal(400, 'ValidationError', `The registry name '${params['r']}' is not valid.`)
    }
    const sent = storable(await call.json())
    checkConditions(call, region.resources.get(id))
    const regions = regionsOf(region, sent)
    const made = region.resources.get(id) === undefined ? await managed.make(id) : undefined
    return call.commit(() => {
      const found = region.resources.get(id)
      const own = made ?? managedOf(region.resources.need(id))
      const body = bodyOf(region, { id, sent, found, own, regions })
      const registry = region.resources.put(id, body, call.caller.id)
      const operation = region.operations.start({ kind: 'registries_create_or_update', subject: registry.id })
      const headers = pollingHeaders(call, operation, { location: region.name, polling: 'status' })
      const reply = shown(found === undefined ? 201 : 200, registry)
      return { ...reply, headers: { ...reply.headers, ...headers }, note: { subject: registry.id } }
    })
  }
}

/** Regions in which the registry is offered. Its own must be among them. */
function regionsOf(region: Region, sent: Values): readonly Values[] {
  const details = propertiesOf(sent)['regionDetails']
  if (!Array.isArray(details) || details.length === 0) return [{ location: region.name }]
  const named = details.map((one) => ({ ...(one as Values), location: plain((one as Values)['location']) }))
  if (named.some(({ location }) => location === region.name)) return named
  const message = `The region '${region.name}' of the registry is not among its 'properties.regionDetails'.`
  throw new Refusal(400, 'ValidationError', message)
}

function plain(location: unknown): string {
  return String(location ?? '')
    .replaceAll(' ', '')
    .toLowerCase()
}

interface Wanted {
  readonly id: string
  readonly sent: Values
  readonly found: Resource | undefined
  readonly own: Managed
  readonly regions: readonly Values[]
}

function bodyOf(region: Region, { id, sent, found, own, regions }: Wanted): Values {
  const { managedResourceGroup: _group, ...properties } = propertiesOf(sent)
  const host = `${region.name}.api.azureml.ms`
  const name = id.split('/').at(-1)
  return {
    ...sent,
    location: region.name,
    tags: sent['tags'] ?? {},
    kind: sent['kind'] ?? null,
    sku: sent['sku'] ?? { name: 'Basic', tier: 'Basic' },
    identity: identityOf(sent['identity'], found?.body),
    properties: {
      publicNetworkAccess: 'Enabled',
      intellectualPropertyPublisher: null,
      registryPrivateEndpointConnections: [],
      ...properties,
      discoveryUrl: `https://${host}/registrymanagement/v1.0/registries/${name}/discovery`,
      mlFlowRegistryUri: `azureml://${host}/mlflow/v1.0${id}`,
      managedResourceGroup: { resourceId: own.groupId },
      storageAccount: own.storageAccountId,
      regionDetails: regions.map((one) => detailed(region, one, own)),
      provisioningState: found === undefined ? 'Creating' : 'Updating',
    },
  }
}

/** A region of the registry with the account that it made: there is one, in the registry's own region. */
function detailed(region: Region, one: Values, own: Managed): Values {
  if (one['location'] !== region.name) return one
  const sent = (one['storageAccountDetails'] as readonly Values[] | undefined)?.[0]?.['systemCreatedStorageAccount']
  const account = {
    storageAccountType: 'Standard_LRS',
    storageAccountHnsEnabled: false,
    allowBlobPublicAccess: false,
    ...(sent as Values | undefined),
    storageAccountName: own.storageAccountId.split('/').at(-1),
    armResourceId: { resourceId: own.storageAccountId },
  }
  return { ...one, storageAccountDetails: [{ systemCreatedStorageAccount: account }] }
}

function managedOf(registry: Resource): Managed {
  const properties = propertiesOf(registry.body)
  const group = properties['managedResourceGroup'] as { readonly resourceId: string }
  return { groupId: group.resourceId, storageAccountId: String(properties['storageAccount']) }
}

/** Tags, sku and identity. */
function patch(region: Region): Handler {
  return async (call, params) => {
    const sent = storable(await call.json())
    return call.commit(() => {
      const found = region.resources.need(idOf(params))
      checkConditions(call, found)
      const { tags = found.body['tags'], sku = found.body['sku'] } = sent
      const identity = sent['identity'] == null ? found.body['identity'] : identityOf(sent['identity'], found.body)
      const registry = region.resources.put(found.id, { ...found.body, tags, sku, identity }, call.caller.id)
      return { ...shown(200, registry), note: { subject: registry.id } }
    })
  }
}

/** A registry goes for good, with its assets and with what it made for itself. */
function remove(region: Region, managed: ManagedResources): Handler {
  return async (call, params) => {
    const id = idOf(params)
    const before = region.resources.get(id)
    if (before === undefined) return { status: 204, note: { subject: id } }
    checkConditions(call, before)
    await managed.remove(managedOf(before).groupId)
    return call.commit(() => {
      const operation = region.operations.start({ kind: 'registries_delete', subject: before.id })
      const headers = pollingHeaders(call, operation, { location: region.name })
      return { status: 202, headers, note: { subject: before.id } }
    })
  }
}

function settled(region: Region, id: string): { readonly status: 'Succeeded' } {
  const found = region.resources.get(id)
  if (found !== undefined) {
    const properties = { ...propertiesOf(found.body), provisioningState: 'Succeeded' }
    region.resources.put(id, { ...found.body, properties }, found.modifiedBy)
  }
  return { status: 'Succeeded' }
}

function listed(call: Call, found: { items: readonly Resource[]; next: number | undefined }): Reply {
  return page(
    call,
    found.items.map((registry) => shownBody(registry)),
    found.next,
  )
}

function shown(status: number, registry: Resource): Reply {
  return one(status, registry, shownBody(registry))
}

/** Where its account is stands in the details of its region. */
function shownBody(registry: Resource): unknown {
  const { storageAccount: _account, ...properties } = propertiesOf(registry.body)
  return envelope(registry, properties)
}
