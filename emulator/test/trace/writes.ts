import { SUBSCRIPTION } from '../../src/tokens.ts'

/** One write of a plane, sent to the process that answers it. */
export interface TracedWrite {
  readonly plane: string
  readonly to: 'region' | 'front'
  readonly method: string
  readonly host: string
  readonly path: string
  readonly body?: Buffer | object
  readonly headers?: Readonly<Record<string, string>>
  /** True where the bytes go into a file of their own. */
  readonly ownFile?: boolean
}

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/traced`
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws`
const STORE = `${GROUP}/providers/Microsoft.Storage/storageAccounts/tracedstore`
const DATA = 'eastus2.api.azureml.ms'
const BLOB = 'tracedstore.blob.core.windows.net'
const MLFLOW = `/mlflow/v2.0${WORKSPACE}/api/2.0`
const arm = (path: string): string => `${path}?api-version=2025-12-01`
const ARM = { to: 'region', host: 'management.azure.com' } as const
const FRONT = { to: 'front', host: 'management.azure.com' } as const
const DATA_PLANE = { to: 'region', host: DATA } as const
const SERVICE = { to: 'region', host: BLOB, plane: 'blobs' } as const
const LARGE = Buffer.alloc(300_000, 'large ')
const SMALL = Buffer.from('small')
const BLOCK_BLOB = { 'x-ms-blob-type': 'BlockBlob' }
const location = 'eastus2'

/** What must be there before the first traced write. In this order. */
export const GROUNDWORK: readonly TracedWrite[] = [
  { plane: 'groups', ...FRONT, method: 'PUT', path: arm(GROUP), body: { location } },
  {
    plane: 'accounts',
    ...FRONT,
    method: 'PUT',
    path: arm(STORE),
    body: { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' } },
  },
  {
    plane: 'workspaces',
    ...FRONT,
    method: 'PUT',
    path: arm(WORKSPACE),
    body: { location, properties: { storageAccount: STORE } },
  },
  { ...SERVICE, method: 'PUT', path: '/data?restype=container' },
  { ...SERVICE, method: 'PUT', path: '/data/appended', headers: { 'x-ms-blob-type': 'AppendBlob' } },
]

/** One write of each plane, and of each way in which bytes come to be on disk. */
export const TRACED: readonly TracedWrite[] = [
  { plane: 'groups', ...FRONT, method: 'PUT', path: arm(GROUP), body: { location, tags: { a: 'b' } } },
  {
    plane: 'role assignments',
    ...FRONT,
    method: 'PUT',
    path: arm(`${GROUP}/providers/Microsoft.Authorization/roleAssignments/10000000-0000-4000-8000-000000000002`),
    body: {
      properties: {
        principalId: '10000000-0000-4000-8000-000000000001',
        roleDefinitionId: '/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7',
      },
    },
  },
  {
    plane: 'deployments',
    ...FRONT,
    method: 'PUT',
    path: arm(`${GROUP}/providers/Microsoft.Resources/deployments/d`),
    body: { properties: { mode: 'Incremental', template: { $schema: 's', contentVersion: '1.0.0.0', resources: [] } } },
  },
  {
    plane: 'resources, in the directory',
    ...FRONT,
    method: 'PUT',
    path: arm(`${GROUP}/providers/Microsoft.KeyVault/vaults/vault1`),
    body: { location, properties: {} },
  },
  {
    plane: 'resources',
    ...ARM,
    method: 'PUT',
    path: arm(`${GROUP}/providers/Microsoft.KeyVault/vaults/vault2`),
    body: { location, properties: {} },
  },
  {
    plane: 'vaults',
    to: 'region',
    host: 'vault2.vault.azure.net',
    method: 'PUT',
    path: '/secrets/s',
    body: { value: 'x' },
  },
  {
    plane: 'Azure ML',
    ...ARM,
    method: 'PUT',
    path: arm(`${WORKSPACE}/environments/env/versions/1`),
    body: { properties: { image: 'python' } },
  },
  { plane: 'Azure ML', ...ARM, method: 'DELETE', path: arm(`${WORKSPACE}/environments/env`) },
  {
    plane: 'run history',
    ...DATA_PLANE,
    method: 'PATCH',
    path: `/history/v1.0${WORKSPACE}/experiments/e/runs/run-1`,
    body: { runId: 'run-1', status: 'Running' },
  },
  {
    plane: 'MLflow',
    ...DATA_PLANE,
    method: 'POST',
    path: `${MLFLOW}/mlflow/runs/log-batch`,
    body: { run_id: 'run-1', metrics: [{ key: 'loss', value: 1, timestamp: 1, step: 1 }] },
  },
  {
    plane: 'MLflow',
    ...DATA_PLANE,
    method: 'POST',
    path: `${MLFLOW}/mlflow/registered-models/create`,
    body: { name: 'm' },
  },
  { plane: 'artifacts', ...DATA_PLANE, method: 'PUT', path: `${MLFLOW}/mlflow-artifacts/artifacts/small`, body: SMALL },
  {
    plane: 'artifacts',
    ...DATA_PLANE,
    method: 'PUT',
    path: `${MLFLOW}/mlflow-artifacts/artifacts/large`,
    body: LARGE,
    ownFile: true,
  },
  { plane: 'artifacts', ...DATA_PLANE, method: 'DELETE', path: `${MLFLOW}/mlflow-artifacts/artifacts/small` },
  { ...SERVICE, method: 'PUT', path: '/data/small', body: SMALL, headers: BLOCK_BLOB },
  { ...SERVICE, method: 'PUT', path: '/data/large', body: LARGE, headers: BLOCK_BLOB, ownFile: true },
  { ...SERVICE, method: 'PUT', path: '/data/staged?comp=block&blockid=YQ%3D%3D', body: LARGE, ownFile: true },
  {
    ...SERVICE,
    method: 'PUT',
    path: '/data/staged?comp=blocklist',
    body: Buffer.from('<?xml version="1.0"?><BlockList><Latest>YQ==</Latest></BlockList>'),
  },
  { ...SERVICE, method: 'PUT', path: '/data/appended?comp=appendblock', body: LARGE, ownFile: true },
  { ...SERVICE, method: 'PUT', path: '/data/large?comp=metadata', headers: { 'x-ms-meta-a': 'b' } },
  { ...SERVICE, method: 'PUT', path: '/data/copy', headers: { 'x-ms-copy-source': `https://${BLOB}/data/large` } },
  {
    ...SERVICE,
    method: 'PUT',
    path: '/data/small?comp=lease',
    headers: { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '-1' },
  },
  { ...SERVICE, method: 'DELETE', path: '/data/copy' },
]
