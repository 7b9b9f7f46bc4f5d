import { expect, it } from 'vitest'
import { readsByPost } from './faults-lists.ts'

const WORKSPACE = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w'
const REGISTRY = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/registries/r'
const HISTORY = `/history/v1.0${WORKSPACE}`
const MLFLOW = `/mlflow/v1.0${WORKSPACE}/api/2.0/mlflow`

function reads(method: string, path: string, query = ''): boolean {
  return readsByPost({ method, path, query: new URLSearchParams(query) })
}

it.each([
  `${WORKSPACE}/listStorageAccountKeys`,
  `${WORKSPACE}/datastores/d/listSecrets`,
  `${WORKSPACE}/connections/c/listsecrets`,
  `${WORKSPACE}/onlineEndpoints/e/token`,
  `${WORKSPACE}/onlineEndpoints/e/deployments/d/getLogs`,
  `${REGISTRY}/datarefs/d/versions/1`,
  `${REGISTRY}/datareferences/d/versions/1`,
  `${HISTORY}/rundata`,
  `${HISTORY}/batchrundata`,
  `${HISTORY}/experiments/e/runs/runIds`,
  `${HISTORY}/runs:query`,
  `/metric/v2.0${WORKSPACE}/runs/r/full`,
  `/metric/v2.0${WORKSPACE}/runs/r/sample`,
  `/data/v1.0${WORKSPACE}/dataversion/batchGetResolvedUris`,
  `${MLFLOW}/runs/search`,
  `${MLFLOW}/registered-models/get-latest-versions`,
  `${MLFLOW}/experiments/search-datasets`,
  '/subscriptions/s/providers/Microsoft.Storage/checkNameAvailability',
  '/tenant/oauth2/v2.0/token',
])('POST %s only asks', (path) => {
  expect(reads('POST', path)).toBe(true)
  expect(reads('PUT', path)).toBe(false)
})

it('asks for a key that users sign with', () => {
  expect(reads('POST', '/', 'restype=service&comp=userdelegationkey')).toBe(true)
  expect(reads('POST', '/', 'comp=batch')).toBe(false)
})

it.each([
  `${WORKSPACE}/onlineEndpoints/e/regenerateKeys`,
  `${WORKSPACE}/computes/c/start`,
  `${REGISTRY}/codes/c/versions/1/startPendingUpload`,
  `${HISTORY}/experiments/checkpoints`,
  `${HISTORY}/experiments/search`,
  `/metric/v2.0${WORKSPACE}/runs/r/batch`,
  `${MLFLOW}/runs/log-batch`,
  `${MLFLOW}/experiments/create`,
])('POST %s writes', (path) => {
  expect(reads('POST', path)).toBe(false)
})
