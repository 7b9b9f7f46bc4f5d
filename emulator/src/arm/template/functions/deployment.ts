import type { Json, JsonObject } from '../json.ts'
import type { Scope } from '../language/scope.ts'
import { type Args, type FunctionTable, fn } from './args.ts'

/** What a template knows about its own deployment. */
export const deploymentFunctions: FunctionTable = {
  parameters: fn(1, 1, (args, scope) => scope.parameter(args.text(0))),
  variables: fn(1, 1, (args, scope) => scope.variable(args.text(0))),
  copyindex: fn(0, 2, (args, scope) => copyIndex(args, scope)),
  deployment: fn(0, 0, (_, scope) => scope.place.deployment),
  deployer: fn(0, 0, (_, scope) => scope.place.deployer),
  environment: fn(0, 0, () => ENVIRONMENT),
}

function copyIndex(args: Args, scope: Scope): number {
  const first = args.any(0)
  const named = typeof first === 'string'
  const offset = args.count > (named ? 1 : 0) ? args.integer(named ? 1 : 0) : 0
  const index = scope.copies.get(named ? first.toLowerCase() : '')
  return index === undefined
    ? args.refuse(
        named
          ? `has no copy loop '${first}' here.`
          : 'is not expected at this location. The function can only be used in a resource with copy specified.',
      )
    : index + offset
}

/** The public cloud, as the reference of `environment()` lists it. */
const ENVIRONMENT: JsonObject = {
  name: 'AzureCloud',
  gallery: 'https://gallery.azure.com/',
  graph: 'https://graph.windows.net/',
  portal: 'https://portal.azure.com',
  graphAudience: 'https://graph.windows.net/',
  activeDirectoryDataLake: 'https://datalake.azure.net/',
  batch: 'https://batch.core.windows.net/',
  media: 'https://rest.media.azure.net',
  sqlManagement: 'https://management.core.windows.net:8443/',
  vmImageAliasDoc:
    'https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json',
  resourceManager: 'https://management.azure.com/',
  authentication: {
    loginEndpoint: 'https://login.microsoftonline.com/',
    audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
    tenant: 'common',
    identityProvider: 'AAD',
  },
  suffixes: {
    acrLoginServer: '.azurecr.io',
    azureDatalakeAnalyticsCatalogAndJob: 'azuredatalakeanalytics.net',
    azureDatalakeStoreFileSystem: 'azuredatalakestore.net',
    azureFrontDoorEndpointSuffix: 'azurefd.net',
    keyvaultDns: '.vault.azure.net',
    sqlServerHostname: '.database.windows.net',
    storage: 'core.windows.net',
  } satisfies Readonly<Record<string, Json>>,
}
