import type { Call, Plane, Reply } from '../../call.ts'

const SUFFIXES = {
  acrLoginServer: 'azurecr.io',
  sqlServerHostname: 'database.windows.net',
  keyVaultDns: 'vault.azure.net',
  storage: 'core.windows.net',
  storageSyncEndpointSuffix: 'afs.azure.net',
  mhsmDns: 'managedhsm.azure.net',
  mysqlServerEndpoint: 'mysql.database.azure.com',
  postgresqlServerEndpoint: 'postgres.database.azure.com',
  mariadbServerEndpoint: 'mariadb.database.azure.com',
  synapseAnalytics: 'dev.azuresynapse.net',
  azureDataLakeStoreFileSystem: 'azuredatalakestore.net',
  azureDataLakeAnalyticsCatalogAndJob: 'azuredatalakeanalytics.net',
  attestationEndpoint: 'attest.azure.net',
}

/** The public cloud as it describes itself, which is the cloud that the emulator plays. */
const PUBLIC = {
  portal: 'https://portal.azure.com',
  authentication: {
    loginEndpoint: 'https://login.microsoftonline.com/',
    audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
    tenant: 'common',
    identityProvider: 'AAD',
  },
  media: 'https://rest.media.azure.net',
  graphAudience: 'https://graph.windows.net/',
  graph: 'https://graph.windows.net/',
  name: 'AzureCloud',
  suffixes: SUFFIXES,
  batch: 'https://batch.core.windows.net/',
  resourceManager: 'https://management.azure.com/',
  vmImageAliasDoc:
    'https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json',
  activeDirectoryDataLake: 'https://datalake.azure.net/',
  sqlManagement: 'https://management.core.windows.net:8443/',
  microsoftGraphResourceId: 'https://graph.microsoft.com/',
  appInsightsResourceId: 'https://api.applicationinsights.io',
  appInsightsTelemetryChannelResourceId: 'https://dc.applicationinsights.azure.com/v2/track',
  attestationResourceId: 'https://attest.azure.net',
  synapseAnalyticsResourceId: 'https://dev.azuresynapse.net',
  logAnalyticsResourceId: 'https://api.loganalytics.io',
  ossrDbmsResourceId: 'https://ossrdbms-aad.database.windows.net',
  gallery: 'https://gallery.azure.com/',
}

/** Name of the cloud that is reached by a door: clients refuse one that they know under another address. */
export const OWN_CLOUD = 'HoldfastLocal'

/** The cloud at the address that was dialled. Portal and suffixes stay: from them azure-ai-ml computes audience and hosts. */
function cloudOf({ host, origin }: Call): unknown {
  if (origin === `https://${host}`) return PUBLIC
  const { authentication } = PUBLIC
  const home = `${origin}/`
  const own = { ...authentication, loginEndpoint: home, audiences: [...authentication.audiences, home] }
  return { ...PUBLIC, name: OWN_CLOUD, resourceManager: home, authentication: own }
}

/** `GET /metadata/endpoints`: asked without a token, by the CLI and by azure-ai-ml before almost every call. */
export function metadata(): Plane {
  return {
    name: 'arm',
    offers: [{ operation: 'CloudMetadata_Get', method: 'GET', path: '/metadata/endpoints', served: true }],
    serves: (host, path) => host === 'management.azure.com' && /^\/+metadata\/+endpoints\/*$/i.test(path),
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: async (call): Promise<Reply> => {
      // Up to 2021 a list of clouds, since then one object: az refuses a list, older clients an object.
      const version = call.query.get('api-version') ?? ''
      return { status: 200, body: version >= '2022' ? cloudOf(call) : [cloudOf(call)] }
    },
    refuse: ({ status, code, message }) => ({ status, body: { error: { code, message } } }),
  }
}
