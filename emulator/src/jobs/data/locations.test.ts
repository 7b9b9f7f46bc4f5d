import { afterAll, beforeAll, expect, it } from 'vitest'
import { workspaceOf } from '../../ml/workspace-of.ts'
import { JobRegion } from '../test-jobs.ts'
import { locate } from './locations.ts'

const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare()
  const dataUri = 'azureml://datastores/workspaceblobstore/paths/data/rows.csv'
  await at.made('data/rows/versions/3', { dataType: 'uri_file', dataUri })
  await at.made('models/net/versions/1', { modelUri: 'azureml://jobs/j1/outputs/artifacts/paths/model/' })
  const adls = { datastoreType: 'AzureDataLakeGen2', accountName: 'teststore', filesystem: 'fs' }
  await at.made('datastores/gen2', { ...adls, credentials: { credentialsType: 'None' } })
})
afterAll(() => at.end())

const where = (uri: string) => {
  const workspace = workspaceOf(at.region, at.workspaceId)
  const [, , subscription = '', , group = ''] = at.workspaceId.split('/')
  const filled = uri
    .replace('{long}', `azureml://subscriptions/${subscription}/resourcegroups/${group}/workspaces/ws`)
    .replace('{other}', `azureml://subscriptions/${subscription}/resourcegroups/${group}/workspaces/other`)
    .replace('{arm}', at.workspaceId)
    .replace('{guid}', workspace.workspaceId)
  const { account, container, path } = locate(at.region, workspace, filled)
  return `${account}/${container === workspace.blobContainer ? 'default' : container}/${path}`
}

it.each([
  ['azureml://datastores/workspaceblobstore/paths/data/', 'teststore/default/data'],
  ['azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.j1', 'teststore/azureml/ExperimentRun/dcid.j1'],
  ['{long}/datastores/workspaceblobstore/paths/a%20b/c', 'teststore/default/a b/c'],
  ['azureml:/{arm}/datastores/workspaceblobstore/paths/x', 'teststore/default/x'],
  ['azureml:rows:3', 'teststore/default/data/rows.csv'],
  ['azureml:rows@latest', 'teststore/default/data/rows.csv'],
  ['{arm}/data/rows/versions/3', 'teststore/default/data/rows.csv'],
  ['azureml:{arm}/data/rows/versions/3', 'teststore/default/data/rows.csv'],
  ['{long}/data/rows/versions/3', 'teststore/default/data/rows.csv'],
  ['azureml://locations/eastus2/workspaces/{guid}/data/rows/versions/3', 'teststore/default/data/rows.csv'],
  ['azureml:net:1', 'teststore/azureml/ExperimentRun/dcid.j1/model'],
  ['runs:/j1/model', 'teststore/azureml/ExperimentRun/dcid.j1/model'],
  ['https://other.blob.core.windows.net/box/a%2Fb/c?sv=1&sig=x', 'other/box/a/b/c'],
  ['wasbs://box@other.blob.core.windows.net/a/b', 'other/box/a/b'],
])('finds %s', (uri, location) => {
  expect(where(uri)).toBe(location)
})

it.each([
  ['azureml:rows:4', "The asset 'azureml:rows:4' was not found."],
  ['azureml://datastores/none/paths/x', "The datastore 'none' was not found."],
  ['azureml://datastores/gen2/paths/x', 'of the type AzureDataLakeGen2'],
  ['{other}/datastores/workspaceblobstore/paths/x', 'is of another workspace'],
  ['{other}/data/rows/versions/3', 'is of another workspace'],
  ['{other}/jobs/j1/outputs/artifacts/paths/x', 'is of another workspace'],
  ['azureml://locations/eastus2/workspaces/none/data/rows/versions/3', 'is of another workspace'],
  ['azureml://jobs/none/outputs/model', "The job 'none' has no output 'model'."],
  ['ftp://somewhere/x', 'of a form that the emulator does not read'],
])('says what is wrong with %s', (uri, message) => {
  expect(() => where(uri)).toThrow(message)
})
