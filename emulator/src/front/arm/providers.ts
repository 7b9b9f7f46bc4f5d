import { lookup } from '../../lookup.ts'

/** Resource types that clients look up before they use them, each with api-versions that they may then pick. */
export const PROVIDERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = lookup({
  'Microsoft.Authorization': {
    roleAssignments: ['2022-04-01'],
    roleDefinitions: ['2022-04-01'],
  },
  'Microsoft.CognitiveServices': { accounts: ['2025-06-01', '2024-10-01', '2023-05-01'] },
  'Microsoft.ContainerRegistry': { registries: ['2023-07-01', '2019-05-01'] },
  'Microsoft.Insights': { components: ['2020-02-02', '2015-05-01'] },
  'Microsoft.KeyVault': { vaults: ['2023-07-01', '2022-07-01', '2019-09-01'] },
  'Microsoft.MachineLearningServices': {
    workspaces: ['2025-12-01', '2025-09-01', '2025-06-01', '2024-10-01', '2023-10-01'],
    registries: ['2025-12-01', '2023-10-01', '2022-10-01-preview'],
    'workspaces/computes': ['2025-12-01', '2023-10-01'],
    'workspaces/jobs': ['2025-12-01', '2023-10-01'],
    'workspaces/models': ['2025-12-01', '2023-10-01'],
    'workspaces/onlineEndpoints': ['2025-12-01', '2023-10-01'],
    'workspaces/batchEndpoints': ['2025-12-01', '2023-10-01'],
  },
  'Microsoft.ManagedIdentity': { userAssignedIdentities: ['2023-01-31', '2018-11-30'] },
  'Microsoft.Network': {
    privateDnsZones: ['2020-06-01'],
    privateEndpoints: ['2023-11-01'],
    virtualNetworks: ['2023-11-01'],
  },
  'Microsoft.OperationalInsights': { workspaces: ['2023-09-01', '2020-08-01'] },
  'Microsoft.Resources': {
    deployments: ['2024-03-01', '2022-09-01', '2020-10-01', '2020-06-01'],
    resourceGroups: ['2024-03-01', '2021-04-01'],
  },
  'Microsoft.Storage': { storageAccounts: ['2023-05-01', '2022-09-01', '2019-06-01'] },
})

const OFFERED = new Set(
  Object.entries(PROVIDERS).flatMap(([namespace, types]) =>
    Object.keys(types).map((type) => `${namespace}/${type}`.toLowerCase()),
  ),
)

/** True for a type, with its namespace, that clients find among the providers. */
export function isOffered(type: string): boolean {
  return OFFERED.has(type.toLowerCase())
}
