import { randomUUID } from 'node:crypto'
import { propertiesOf } from '../arm/envelope.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { TENANT } from '../tokens.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * What a new workspace is: the body to store.
 *
 * Makes its two containers and four datastores on the way. Only inside a write of the database.
 */
export function foundWorkspace(
  region: Region,
  id: string,
  wanted: { readonly sent: Values; readonly by: string },
): Values {
  const { sent, by } = wanted
  checkLocation(region, sent['location'])
  const properties = typed(propertiesOf(sent))
  const storageAccountId = storageIdOf(region, properties)
  const account = storageAccountId.split('/').at(-1)?.toLowerCase() ?? ''
  const workspaceId = randomUUID()
  for (const container of [`azureml-blobstore-${workspaceId}`, 'azureml']) {
    if (region.blobs.accounts.container(account, container) === undefined) {
      region.blobs.accounts.addContainer(account, container)
    }
  }
  // The template of azure-ai-ml sends an empty text where its user said nothing.
  const systemDatastoresAuthMode = String(properties['systemDatastoresAuthMode'] || 'accessKey')
  const byKey = systemDatastoresAuthMode.toLowerCase() === 'accesskey'
  for (const [name, store] of datastoresOf({ account, workspaceId, byKey })) {
    region.resources.put(`${id}/datastores/${name}`, { properties: store }, by)
  }
  return {
    ...sent,
    location: region.name,
    kind: sent['kind'] ?? 'Default',
    tags: sent['tags'] ?? {},
    sku: sent['sku'] ?? { name: 'Basic', tier: 'Basic' },
    identity: identityOf(sent['identity'], undefined),
    properties: {
      ...DEFAULTS,
      ...properties,
      ...computed(region, id, workspaceId),
      systemDatastoresAuthMode,
      storageAccount: storageAccountId,
    },
  }
}

const DEFAULTS: Values = {
  friendlyName: '',
  description: '',
  hbiWorkspace: false,
  publicNetworkAccess: 'Enabled',
  v1LegacyMode: false,
  allowPublicAccessWhenBehindVnet: false,
  enableDataIsolation: false,
  privateEndpointConnections: [],
}

/** Settings that are on or off. */
const SWITCHES = [
  'allowPublicAccessWhenBehindVnet',
  'allowRoleAssignmentOnRG',
  'enableDataIsolation',
  'enableServiceSideCMKEncryption',
  'hbiWorkspace',
  'provisionNetworkNow',
  'v1LegacyMode',
]

/** Properties with truth as truth: the template of azure-ai-ml has it as text, which its own client takes for on. */
export function typed(properties: Values): Values {
  const texts = SWITCHES.filter((name) => /^(true|false)$/i.test(String(properties[name])))
  return { ...properties, ...Object.fromEntries(texts.map((name) => [name, /^true$/i.test(String(properties[name]))])) }
}

/** What only the service knows of a workspace. */
function computed(region: Region, id: string, workspaceId: string): Values {
  const name = id.split('/').at(-1) ?? ''
  const host = `${region.name}.api.azureml.ms`
  return {
    workspaceId,
    discoveryUrl: `https://${host}/discovery`,
    mlFlowTrackingUri: `azureml://${host}/mlflow/v1.0${id}`,
    notebookInfo: {
      resourceId: workspaceId.replaceAll('-', ''),
      fqdn: `ml-${name.toLowerCase()}-${region.name}-${workspaceId}.${region.name}.notebooks.azure.net`,
      isPrivateLinkEnabled: false,
      notebookPreparationError: null,
    },
    tenantId: TENANT,
    creationTime: region.clock.iso(),
    privateLinkCount: 0,
    storageHnsEnabled: false,
  }
}

function* datastoresOf(of: { account: string; workspaceId: string; byKey: boolean }): Iterable<[string, Values]> {
  const usual = {
    description: null,
    tags: {},
    properties: null,
    accountName: of.account,
    endpoint: 'core.windows.net',
    protocol: 'https',
    credentials: { credentialsType: of.byKey ? 'AccountKey' : 'None' },
    serviceDataAccessAuthIdentity: of.byKey ? 'None' : 'WorkspaceSystemAssignedIdentity',
  }
  const blob = { ...usual, datastoreType: 'AzureBlob' }
  const file = { ...usual, datastoreType: 'AzureFile', isDefault: false }
  yield ['workspaceblobstore', { ...blob, isDefault: true, containerName: `azureml-blobstore-${of.workspaceId}` }]
  yield ['workspaceartifactstore', { ...blob, isDefault: false, containerName: 'azureml' }]
  yield ['workspacefilestore', { ...file, fileShareName: `azureml-filestore-${of.workspaceId}` }]
  yield ['workspaceworkingdirectory', { ...file, fileShareName: 'code-391ff5ac-6576-460f-ba4d-7e03433c68b6' }]
}

/** Storage account a new workspace uses: its own, or its hub's. It must stand in this region. */
function storageIdOf(region: Region, properties: Values): string {
  const hub = properties['hubResourceId']
  const own = properties['storageAccount']
  const id =
    own ?? (typeof hub === 'string' ? propertiesOf(region.resources.need(hub).body)['storageAccount'] : undefined)
  if (typeof id !== 'string' || id === '') {
    throw new Refusal(400, 'ValidationError', "The field 'properties.storageAccount' is required for a workspace.")
  }
  if (region.blobs.account(id.split('/').at(-1)?.toLowerCase() ?? '') === undefined) {
    throw new Refusal(400, 'ValidationError', `The storage account '${id}' was not found in ${region.name}.`)
  }
  return id
}

function checkLocation(region: Region, location: unknown): void {
  if (typeof location !== 'string' || location === '') {
    throw new Refusal(400, 'LocationRequired', 'The location property is required for this definition.')
  }
  if (location.replaceAll(' ', '').toLowerCase() === region.name) return
  throw new Refusal(400, 'InvalidResourceLocation', `The location '${location}' is not the region ${region.name}.`)
}

/** The identity with what the service gives it: a principal that stays the same for the workspace's life. */
export function identityOf(sent: unknown, before: Values | undefined): Values {
  const held = (before?.['identity'] ?? {}) as Values
  const wanted = { ...((sent ?? (before === undefined ? { type: 'SystemAssigned' } : held)) as Values) }
  const type = String(wanted['type'] ?? 'SystemAssigned')
  const users = Object.entries((wanted['userAssignedIdentities'] ?? {}) as Record<string, Values | null>)
  const known = (held['userAssignedIdentities'] ?? {}) as Record<string, Values>
  const system = type.toLowerCase().includes('systemassigned')
  return {
    ...wanted,
    type,
    ...(system ? { principalId: held['principalId'] ?? randomUUID(), tenantId: TENANT } : {}),
    ...(users.length === 0
      ? {}
      : {
          userAssignedIdentities: Object.fromEntries(
            users.map(([id, given]) => [
              id,
              { principalId: randomUUID(), clientId: randomUUID(), ...known[id], ...given },
            ]),
          ),
        }),
  }
}
