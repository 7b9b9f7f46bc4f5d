/**
 * Fields of a workspace that say what it stands on or was made with. They are set when the standby is made and are
 * each side's own from then on. Among them is what is written at creation and no change takes: it is in
 * `WorkspaceProperties` and not in `WorkspacePropertiesUpdateParameters`
 * ([workspaceRP.json](https://github.com/Azure/azure-rest-api-specs/blob/main/specification/machinelearningservices/resource-manager/Microsoft.MachineLearningServices/stable/2025-06-01/workspaceRP.json)).
 */
const BOUND = [
  'friendlyName',
  'storageAccount',
  'storageAccounts',
  'keyVault',
  'keyVaults',
  'applicationInsights',
  'containerRegistry',
  'containerRegistries',
  'hubResourceId',
  'associatedWorkspaces',
  'encryption',
  'enableServiceSideCMKEncryption',
  'enableSimplifiedCmk',
  'hbiWorkspace',
  'enableDataIsolation',
  'managedNetwork',
  'provisionNetworkNow',
  'primaryUserAssignedIdentity',
  'privateEndpointConnections',
  'sharedPrivateLinkResources',
  'featureStoreSettings',
  'workspaceHubConfig',
  'allowPublicAccessWhenBehindVnet',
  // The subnet of serverless compute, and whether its nodes have public addresses there.
  'serverlessComputeSettings',
]

/** Fields that only Azure sets. */
const COMPUTED = [
  'workspaceId',
  'discoveryUrl',
  'mlFlowTrackingUri',
  'agentsEndpointUri',
  'notebookInfo',
  'tenantId',
  'creationTime',
  'privateLinkCount',
  'storageHnsEnabled',
  'provisioningState',
  'serviceProvisionedResourceGroup',
  'existingWorkspaces',
  'keyVaultIdentifier',
]

export const WORKSPACE_SCHEMA = {
  readOnly: new Set([...BOUND, ...COMPUTED]),
  beside: ['tags', 'sku'],
}

/** Fields of the primary that its standby is made with, beside what it stands on. */
export const MADE_WITH = [
  'friendlyName',
  'description',
  'hbiWorkspace',
  'publicNetworkAccess',
  'v1LegacyMode',
  'systemDatastoresAuthMode',
  'enableDataIsolation',
] as const
