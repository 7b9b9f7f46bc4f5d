import { createHash, randomUUID } from 'node:crypto'
import { TENANT } from '../tokens.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a resource provider adds to the properties that were sent. */
export interface Added {
  /** Made at creation, kept over every later write, and set by no client. */
  readonly own?: Fields
  /** Used where the client sends nothing. */
  readonly otherwise?: Fields
}

type Adds = (resource: { id: string; name: string; region: string; now: string }) => Added

/** By lower-case type. A type that is not here gets `provisioningState` alone. */
export const ADDED: Readonly<Record<string, Adds>> = {
  'microsoft.keyvault/vaults': ({ name }) => ({
    own: { vaultUri: `https://${name.toLowerCase()}.vault.azure.net/` },
    otherwise: { publicNetworkAccess: 'Enabled' },
  }),
  'microsoft.keyvault/vaults/keys': ({ id }) => {
    const { uri: keyUri, withVersion: keyUriWithVersion } = inVault(id)
    return { own: { keyUri, keyUriWithVersion } }
  },
  'microsoft.keyvault/vaults/secrets': ({ id }) => {
    const { uri: secretUri, withVersion: secretUriWithVersion } = inVault(id)
    return { own: { secretUri, secretUriWithVersion } }
  },
  'microsoft.insights/components': ({ name, region, now }) => {
    const key = randomUUID()
    const application = randomUUID()
    const ingestion = `https://${region}-0.in.applicationinsights.azure.com/`
    return {
      own: {
        ApplicationId: name,
        AppId: application,
        Name: name,
        CreationDate: now,
        TenantId: TENANT,
        InstrumentationKey: key,
        ConnectionString: `InstrumentationKey=${key};IngestionEndpoint=${ingestion};ApplicationId=${application}`,
      },
      otherwise: {
        Application_Type: 'web',
        IngestionMode: 'LogAnalytics',
        RetentionInDays: 90,
        publicNetworkAccessForIngestion: 'Enabled',
        publicNetworkAccessForQuery: 'Enabled',
      },
    }
  },
  'microsoft.containerregistry/registries': ({ name, now }) => ({
    own: { loginServer: `${name.toLowerCase()}.azurecr.io`, creationDate: now },
    otherwise: { adminUserEnabled: false, publicNetworkAccess: 'Enabled', zoneRedundancy: 'Disabled' },
  }),
  'microsoft.operationalinsights/workspaces': ({ now }) => ({
    own: { customerId: randomUUID(), createdDate: now },
    otherwise: { retentionInDays: 30 },
  }),
  'microsoft.managedidentity/userassignedidentities': ({ id }) => ({
    own: { tenantId: TENANT, ...userIdentity(id) },
  }),
  'microsoft.cognitiveservices/accounts': ({ name, now }) => {
    const endpoint = `https://${name.toLowerCase()}.cognitiveservices.azure.com/`
    const openAi = `https://${name.toLowerCase()}.openai.azure.com/`
    const endpoints = { 'Cognitive Services': endpoint, 'OpenAI Language Model Instance API': openAi }
    return {
      own: { endpoint, endpoints, dateCreated: now },
      otherwise: { publicNetworkAccess: 'Enabled' },
    }
  },
}

/** Where the vault has a key or a secret, and its first version. */
function inVault(id: string): { readonly uri: string; readonly withVersion: string } {
  const [, vault = '', kind = '', name = ''] = /\/vaults\/([^/]+)\/([^/]+)\/([^/]+)$/i.exec(id) ?? []
  const uri = `https://${vault.toLowerCase()}.vault.azure.net/${kind.toLowerCase()}/${name}`
  return { uri, withVersion: `${uri}/${randomUUID().replaceAll('-', '')}` }
}

/** Properties of a PUT that nobody gets back. */
export const WRITE_ONLY: Readonly<Record<string, readonly string[]>> = {
  'microsoft.keyvault/vaults': ['createMode'],
  'microsoft.keyvault/vaults/secrets': ['value'],
}

/** The principals of a user-assigned identity. They follow from its id, so that every region knows them. */
export function userIdentity(id: string): { readonly principalId: string; readonly clientId: string } {
  return { principalId: uuidOf(`principal ${id}`), clientId: uuidOf(`client ${id}`) }
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text.toLowerCase()).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
