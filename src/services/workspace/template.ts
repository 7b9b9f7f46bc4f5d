import type { Body } from '../../azure/arm.ts'
import { sha256 } from '../../core/canonical.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import { ML_API, objectOf, propertiesOf, textOf } from '../arm-body.ts'
import { MADE_WITH } from './schema.ts'

/** What a standby is made from. */
export interface Standby {
  /** ARM id of the workspace that is to be. */
  readonly workspace: string
  readonly location: string
  /** The primary's workspace, as ARM gives it. */
  readonly like: Body
  /** Which addresses may reach the primary, where that is limited. */
  readonly addresses?: AddressRules | 'unread' | undefined
  /** The primary's storage account and Application Insights, where they could be read. */
  readonly storage?: Body | undefined
  readonly insights?: Body | undefined
  /** Vault and registry that both sides use. `undefined`: a vault of its own, no registry. */
  readonly keyVault: string | undefined
  readonly containerRegistry: string | undefined
  readonly named: Named
}

/** What is called so in the primary, as it is called in the standby: computes by name, subnets by id. */
export type Named = (kind: 'compute' | 'subnet', name: string) => string

/** Fields of a workspace that say which addresses may reach it. They exist only in previews of Azure's API. */
export interface AddressRules {
  readonly apiVersion: string
  readonly properties: JsonObject
}

/** Names of what is made beside the workspace. They follow from its id, so that a second run finds the same ones. */
export interface StandbyNames {
  readonly storageAccount: string
  readonly keyVault: string
  readonly insights: string
  readonly logs: string
}

export function standbyNames(workspace: string): StandbyNames {
  const name = workspace.slice(workspace.lastIndexOf('/') + 1).toLowerCase()
  const mark = sha256(workspace.toLowerCase()).slice(0, 10)
  const short = name.replace(/[^a-z0-9]/g, '').slice(0, 10)
  return {
    storageAccount: `st${short}${mark}`,
    keyVault: `kv-${short}-${mark}`,
    insights: `${name}-insights`,
    logs: `${name}-logs`,
  }
}

const SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'

/** An ARM template that makes a workspace like the primary's, with a storage and telemetry of its own. */
export function standbyTemplate(standby: Standby): JsonObject {
  const names = standbyNames(standby.workspace)
  const vault = standby.keyVault === undefined ? [vaultOf(standby, names)] : []
  return {
    $schema: SCHEMA,
    contentVersion: '1.0.0.0',
    resources: [
      storageOf(standby, names),
      ...vault,
      logsOf(standby, names),
      insightsOf(standby, names),
      workspaceOf(standby, names),
    ],
    outputs: {
      workspace: { type: 'string', value: idOf('Microsoft.MachineLearningServices/workspaces', nameOf(standby)) },
    },
  }
}

function storageOf({ location, storage }: Standby, names: StandbyNames): JsonObject {
  const { allowSharedKeyAccess, minimumTlsVersion, publicNetworkAccess, networkAcls } = propertiesOf(storage ?? {})
  const given = { allowSharedKeyAccess, minimumTlsVersion, publicNetworkAccess, networkAcls: aclsOf(networkAcls) }
  const like = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null))
  return {
    type: 'Microsoft.Storage/storageAccounts',
    apiVersion: '2023-05-01',
    name: names.storageAccount,
    location,
    kind: 'StorageV2',
    sku: { name: String(objectOf(storage?.['sku'])['name'] ?? 'Standard_LRS') },
    properties: { supportsHttpsTrafficOnly: true, allowBlobPublicAccess: false, minimumTlsVersion: 'TLS1_2', ...like },
  } as JsonObject
}

/** As closed as the primary's. Networks and resources that it lets in are those of its region, and are left out. */
function aclsOf(networkAcls: Json | undefined): JsonObject | undefined {
  const { defaultAction, bypass, ipRules } = objectOf(networkAcls)
  if (defaultAction === undefined) return undefined
  return { defaultAction, ...(bypass === undefined ? {} : { bypass }), ipRules: ipRules ?? [] }
}

function vaultOf({ location, like }: Standby, names: StandbyNames): JsonObject {
  return {
    type: 'Microsoft.KeyVault/vaults',
    apiVersion: '2023-07-01',
    name: names.keyVault,
    location,
    properties: {
      tenantId: propertiesOf(like)['tenantId'] ?? '[subscription().tenantId]',
      sku: { family: 'A', name: 'standard' },
      enableRbacAuthorization: true,
      enableSoftDelete: true,
    },
  }
}

function logsOf({ location, insights }: Standby, names: StandbyNames): JsonObject {
  return {
    type: 'Microsoft.OperationalInsights/workspaces',
    apiVersion: '2023-09-01',
    name: names.logs,
    location,
    properties: { retentionInDays: retentionOf(insights), sku: { name: 'PerGB2018' } },
  }
}

function insightsOf({ location, insights }: Standby, names: StandbyNames): JsonObject {
  const logs = 'Microsoft.OperationalInsights/workspaces'
  return {
    type: 'Microsoft.Insights/components',
    apiVersion: '2020-02-02',
    name: names.insights,
    location,
    kind: 'web',
    dependsOn: [idOf(logs, names.logs)],
    properties: {
      Application_Type: 'web',
      RetentionInDays: retentionOf(insights),
      WorkspaceResourceId: idOf(logs, names.logs),
    },
  }
}

function workspaceOf(standby: Standby, names: StandbyNames): JsonObject {
  const { like, location } = standby
  const addresses = standby.addresses === 'unread' ? undefined : standby.addresses
  const own = propertiesOf(like)
  const made = MADE_WITH.filter((field) => own[field] !== undefined && own[field] !== null)
  const storageAccount = idOf('Microsoft.Storage/storageAccounts', names.storageAccount)
  const insights = idOf('Microsoft.Insights/components', names.insights)
  const vault = idOf('Microsoft.KeyVault/vaults', names.keyVault)
  const ownVault = standby.keyVault === undefined
  return {
    type: 'Microsoft.MachineLearningServices/workspaces',
    apiVersion: addresses?.apiVersion ?? ML_API,
    name: nameOf(standby),
    location,
    kind: like['kind'] ?? 'Default',
    sku: like['sku'] ?? { name: 'Basic', tier: 'Basic' },
    tags: like['tags'] ?? {},
    identity: identityOf(objectOf(like['identity'])),
    dependsOn: [storageAccount, insights, ...(ownVault ? [vault] : [])],
    properties: {
      ...Object.fromEntries(made.map((field) => [field, literal(own[field] ?? null)])),
      storageAccount,
      applicationInsights: insights,
      keyVault: standby.keyVault ?? vault,
      ...(standby.containerRegistry === undefined ? {} : { containerRegistry: standby.containerRegistry }),
      ...networkOf(objectOf(own['managedNetwork'])),
      ...mainIdentityOf(like),
      ...computesOf(standby),
      ...addresses?.properties,
    },
  } as JsonObject
}

/** The same isolation. Outbound rules name resources of a region and are made by people. */
function networkOf({ isolationMode }: JsonObject): JsonObject {
  const isIsolated = typeof isolationMode === 'string' && isolationMode !== 'Disabled'
  return isIsolated ? { managedNetwork: { isolationMode } } : {}
}

/** The same identities of users; a system identity is a new one. */
function identityOf({ type, userAssignedIdentities }: JsonObject): JsonObject {
  const users = Object.keys(objectOf(userAssignedIdentities))
  const named = users.length === 0 ? {} : { userAssignedIdentities: Object.fromEntries(users.map((id) => [id, {}])) }
  return { type: type ?? 'SystemAssigned', ...named }
}

/** What it builds images on and runs serverless jobs in, under the names there. */
function computesOf({ like, named }: Standby): JsonObject {
  const own = propertiesOf(like)
  const imageBuildCompute = textOf(own['imageBuildCompute'])
  const serverlessComputeSettings = serverlessOf(own, named)
  return {
    ...(imageBuildCompute === undefined ? {} : { imageBuildCompute: named('compute', imageBuildCompute) }),
    ...(serverlessComputeSettings === undefined ? {} : { serverlessComputeSettings }),
  }
}

/** `undefined` where nothing is said of it, and where it is in a subnet for which none in the other region is named. */
export function serverlessOf(own: JsonObject, named: Named): JsonObject | undefined {
  const settings = objectOf(own['serverlessComputeSettings'])
  const subnet = textOf(settings['serverlessComputeCustomSubnet'])
  if (subnet === undefined) return Object.keys(settings).length === 0 ? undefined : settings
  const serverlessComputeCustomSubnet = named('subnet', subnet)
  if (serverlessComputeCustomSubnet.toLowerCase() === subnet.toLowerCase()) return undefined
  return { ...settings, serverlessComputeCustomSubnet }
}

/** The one of the users' identities that acts for the workspace: one that has no system identity is not made without it. */
function mainIdentityOf(like: Body): JsonObject {
  const { primaryUserAssignedIdentity } = propertiesOf(like)
  const users = Object.keys(objectOf(objectOf(like['identity'])['userAssignedIdentities']))
  return users.length === 0 || primaryUserAssignedIdentity == null ? {} : { primaryUserAssignedIdentity }
}

function retentionOf(insights: Body | undefined): number {
  const days = propertiesOf(insights ?? {})['RetentionInDays']
  return typeof days === 'number' ? days : 90
}

function idOf(type: string, name: string): string {
  return `[resourceId('${type}', '${name}')]`
}

/** A text that starts with a bracket would be read as an expression. */
function literal(value: Body[string]): Body[string] {
  return typeof value === 'string' && value.startsWith('[') ? `[${value}` : value
}

function nameOf({ workspace }: Standby): string {
  return workspace.slice(workspace.lastIndexOf('/') + 1)
}
