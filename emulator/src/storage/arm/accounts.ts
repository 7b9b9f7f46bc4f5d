import { envelope, objectOf, page, propertiesOf, queryOf, seqOf, storable } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Call, Handler, Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { ACCOUNT, accountIdOf, accountOf, GROUP, type Params, SUBSCRIPTION, TYPE } from './paths.ts'

const PAGE = 500
type Fields = Record<string, unknown>

/** Storage accounts as ARM has them, and their keys. */
export function accountRoutes(region: Region): readonly Route[] {
  return [
    ['POST', `${SUBSCRIPTION}/checkNameAvailability`, 'StorageAccounts_CheckNameAvailability', checkName(region)],
    ['GET', `${SUBSCRIPTION}/storageAccounts`, 'StorageAccounts_List', list(region)],
    ['GET', `${GROUP}/storageAccounts`, 'StorageAccounts_ListByResourceGroup', list(region)],
    ['PUT', ACCOUNT, 'StorageAccounts_Create', put(region)],
    ['GET', ACCOUNT, 'StorageAccounts_GetProperties', get(region)],
    ['PATCH', ACCOUNT, 'StorageAccounts_Update', patch(region)],
    ['DELETE', ACCOUNT, 'StorageAccounts_Delete', remove(region)],
    ['POST', `${ACCOUNT}/listKeys`, 'StorageAccounts_ListKeys', listKeys(region)],
    ['POST', `${ACCOUNT}/regenerateKey`, 'StorageAccounts_RegenerateKey', regenerateKey(region)],
  ]
}

function checkName(region: Region): Handler {
  return async (call) => {
    const name = String(objectOf(await call.json(), 'The request body')['name'] ?? '')
    if (!/^[a-z0-9]{3,24}$/.test(name)) {
      const message = `${name} is not a valid storage account name: 3 to 24 characters, digits and lower-case letters only.`
      return { status: 200, body: { nameAvailable: false, reason: 'AccountNameInvalid', message }, unlogged: true }
    }
    const isTaken = region.blobs.account(name) !== undefined
    const why = { reason: 'AlreadyExists', message: `The storage account named ${name} is already taken.` }
    return { status: 200, body: { nameAvailable: !isTaken, ...(isTaken ? why : {}) }, unlogged: true }
  }
}

function list(region: Region): Handler {
  return (call, { s, g }) => {
    const place = { ...seqOf(call), limit: PAGE }
    const { items, next } =
      g === undefined
        ? region.resources.ofType(TYPE, place)
        : region.resources.list(`/subscriptions/${s}/resourceGroups/${g}`, TYPE, place)
    return page(
      call,
      items.map((one) => shown(region, one)),
      next,
    )
  }
}

function get(region: Region): Handler {
  return (_call, params) => ({ status: 200, body: shown(region, region.resources.need(accountIdOf(params))) })
}

function put(region: Region): Handler {
  return async (call, params) => {
    const body = storable(await call.json())
    const name = params['account'] ?? ''
    if (!/^[a-z0-9]{3,24}$/.test(name)) {
      throw new Refusal(400, 'AccountNameInvalid', `${name} is not a valid storage account name.`)
    }
    for (const field of ['location', 'sku']) {
      if (body[field] === undefined) {
        throw new Refusal(400, 'InvalidRequestContent', `The field '${field}' of a storage account is missing.`)
      }
    }
    return call.commit(() => store(region, { call, id: accountIdOf(params), body }))
  }
}

function patch(region: Region): Handler {
  return async (call, params) => {
    const change = storable(await call.json())
    return call.commit(() => {
      const before = region.resources.need(accountIdOf(params))
      const properties = { ...propertiesOf(before.body), ...propertiesOf(change) }
      return store(region, { call, id: before.id, body: { ...before.body, ...change, properties } })
    })
  }
}

/** Writes the account and what its blob service must know of it. Inside a write of the database. */
function store(region: Region, wanted: { call: Call; id: string; body: Fields }): Reply {
  const { call, id, body } = wanted
  const before = region.resources.get(id)
  const properties = propertiesOf(body)
  if (properties['isHnsEnabled'] === true) throw notImplemented(`${call.operation} with isHnsEnabled`)
  if (properties['isSftpEnabled'] === true || properties['isNfsV3Enabled'] === true) {
    throw notImplemented(`${call.operation} with SFTP or NFS`)
  }
  const name = id.slice(id.lastIndexOf('/') + 1)
  if (before === undefined && ownerOf(region, name) !== undefined) {
    throw new Refusal(409, 'StorageAccountAlreadyTaken', `The storage account named ${name} is already taken.`)
  }
  const after = region.resources.put(id, withoutSecrets(body), call.caller.id)
  region.blobs.accounts.create(name, {
    sharedKeyAllowed: properties['allowSharedKeyAccess'] !== false,
    publicAccessAllowed: properties['allowBlobPublicAccess'] === true,
  })
  return { status: 200, body: shown(region, after), note: { subject: after.id, facts: { etag: after.etag } } }
}

/** Id of the account in this region that has the name, whatever its group. */
function ownerOf(region: Region, name: string): string | undefined {
  return region.resources.ofType(TYPE, { limit: Number.MAX_SAFE_INTEGER }).items.find((one) => one.name === name)?.id
}

/** Fields that the service computes are not the client's to set. */
function withoutSecrets(body: Fields): Fields {
  const { keys: _keys, ...rest } = body
  return rest
}

function remove(region: Region): Handler {
  return (call, params) =>
    call.commit(() => {
      const found = region.resources.get(accountIdOf(params))
      if (found === undefined) return { status: 204 }
      region.resources.removeTree(found.id)
      region.blobs.dropAccount(found.name.toLowerCase())
      return { status: 200, note: { subject: found.id, facts: { removed: true } } }
    })
}

/** What the Azure CLI asks to have listed too. Only an account that belongs to a domain has such keys. */
const KERBEROS = 'kerb'

function listKeys(region: Region): Handler {
  return (call, params) => {
    const expand = queryOf(call, '$expand')?.toLowerCase() ?? KERBEROS
    if (expand !== KERBEROS)
      throw new Refusal(400, 'InvalidQueryParameterValue', `$expand is '${expand}', which is not known.`)
    return { status: 200, body: keysOf(region, params), unlogged: true }
  }
}

function regenerateKey(region: Region): Handler {
  return async (call, params) => {
    const which = objectOf(await call.json(), 'The request body')['keyName']
    if (which !== 'key1' && which !== 'key2') throw notImplemented(`${call.operation} of '${String(which)}'`)
    return call.commit(() => {
      const account = accountOf(region, params)
      region.blobs.accounts.regenerateKey(account.name, which)
      const note = { subject: accountIdOf(params), facts: { regenerated: which } }
      return { status: 200, body: keysOf(region, params), note }
    })
  }
}

function keysOf(region: Region, params: Params): { readonly keys: readonly Fields[] } {
  const { createdAt } = region.resources.need(accountIdOf(params))
  const keys = accountOf(region, params).keys.map((value, index) => ({
    keyName: `key${index + 1}`,
    value,
    permissions: 'FULL',
    creationTime: createdAt,
  }))
  return { keys }
}

/** The account with what the service computes and with the vendor's defaults for what was not sent. */
function shown(region: Region, resource: Resource): unknown {
  const { name, body, createdAt } = resource
  const properties = {
    minimumTlsVersion: 'TLS1_0',
    allowBlobPublicAccess: false,
    supportsHttpsTrafficOnly: true,
    accessTier: 'Hot',
    networkAcls: { bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [], defaultAction: 'Allow' },
    encryption: {
      services: { file: service(createdAt), blob: service(createdAt) },
      keySource: 'Microsoft.Storage',
    },
    ...propertiesOf(body),
    provisioningState: 'Succeeded',
    keyCreationTime: { key1: createdAt, key2: createdAt },
    privateEndpointConnections: [],
    creationTime: createdAt,
    primaryLocation: region.name,
    statusOfPrimary: 'available',
    primaryEndpoints: endpoints(name),
  }
  const sku = objectOf(body['sku'] ?? {}, "The field 'sku'")
  const tier = String(sku['name'] ?? '').startsWith('Premium') ? 'Premium' : 'Standard'
  const kind = body['kind'] ?? 'StorageV2'
  return { ...envelope(resource, properties), sku: { tier, ...sku }, kind, tags: body['tags'] ?? {} }
}

function service(at: string): Fields {
  return { keyType: 'Account', enabled: true, lastEnabledTime: at }
}

function endpoints(account: string): Fields {
  const of = (kind: string) => `https://${account}.${kind}.core.windows.net/`
  return { blob: of('blob'), dfs: of('dfs'), file: of('file'), queue: of('queue'), table: of('table'), web: of('web') }
}
