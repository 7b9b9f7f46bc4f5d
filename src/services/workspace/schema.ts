/**
 * Fields of a workspace that say what it stands on or was made with. They are set when the standby is made and are
 * each side's own from then on.
 */
const BOUND = [
  'friendlyName',
  'storageAccount',
  'keyVault',
  'applicationInsights',
  'containerRegistry',
  'hubResourceId',
  'associatedWorkspaces',
  'encryption',
  'hbiWorkspace',
  'enableDataIsolation',
  'managedNetwork',
  'primaryUserAssignedIdentity',
  'privateEndpointConnections',
  'sharedPrivateLinkResources',
  'featureStoreSettings',
  'workspaceHubConfig',
  'allowPublicAccessWhenBehindVnet',
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
  'imageBuildCompute',
  'serverlessComputeSettings',
] as const
