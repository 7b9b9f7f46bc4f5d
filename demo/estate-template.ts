/** The ARM template with which the demo's team made its workspace: one region, as most do. */
export const ESTATE_TEMPLATE = {
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  parameters: {
    workspace: { type: 'string' },
    storage: { type: 'string' },
    dataStorage: { type: 'string' },
    location: { type: 'string', defaultValue: '[resourceGroup().location]' },
  },
  variables: {
    vault: "[concat('kv', uniqueString(resourceGroup().id))]",
    insights: "[concat(parameters('workspace'), '-insights')]",
  },
  resources: [
    ...['storage', 'dataStorage'].map((parameter) => ({
      type: 'Microsoft.Storage/storageAccounts',
      apiVersion: '2023-05-01',
      name: `[parameters('${parameter}')]`,
      location: "[parameters('location')]",
      sku: { name: 'Standard_LRS' },
      kind: 'StorageV2',
      properties: { allowBlobPublicAccess: false, minimumTlsVersion: 'TLS1_2' },
    })),
    {
      type: 'Microsoft.KeyVault/vaults',
      apiVersion: '2023-07-01',
      name: "[variables('vault')]",
      location: "[parameters('location')]",
      properties: {
        tenantId: '[subscription().tenantId]',
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
        enableSoftDelete: true,
      },
    },
    {
      type: 'Microsoft.Insights/components',
      apiVersion: '2020-02-02',
      name: "[variables('insights')]",
      location: "[parameters('location')]",
      kind: 'web',
      properties: { Application_Type: 'web', RetentionInDays: 90 },
    },
    {
      type: 'Microsoft.MachineLearningServices/workspaces',
      apiVersion: '2024-04-01',
      name: "[parameters('workspace')]",
      location: "[parameters('location')]",
      tags: { team: 'churn' },
      identity: { type: 'SystemAssigned' },
      dependsOn: [
        "[resourceId('Microsoft.Storage/storageAccounts', parameters('storage'))]",
        "[resourceId('Microsoft.KeyVault/vaults', variables('vault'))]",
        "[resourceId('Microsoft.Insights/components', variables('insights'))]",
      ],
      properties: {
        friendlyName: 'Churn',
        description: 'Who will leave, and why',
        storageAccount: "[resourceId('Microsoft.Storage/storageAccounts', parameters('storage'))]",
        keyVault: "[resourceId('Microsoft.KeyVault/vaults', variables('vault'))]",
        applicationInsights: "[resourceId('Microsoft.Insights/components', variables('insights'))]",
      },
    },
  ],
} as const
