/** Bodies that the operations take, by the end of the path: what is mutated is a request that would pass. */
export function bodyFor(path: string, place: { workspace: string; region: string; runId: string }): unknown {
  return SEEDS.find(([pattern]) => pattern.test(path))?.[1](place)
}

type Place = Parameters<typeof bodyFor>[1]

const command = ({ workspace }: Place) => ({
  jobType: 'Command',
  command: 'echo never',
  environmentId: `${workspace}/environments/base/versions/1`,
  computeId: `${workspace}/computes/cluster`,
  experimentName: 'fuzz',
  inputs: { x: { jobInputType: 'uri_file', uri: 'azureml://datastores/workspaceblobstore/paths/x', mode: 'Download' } },
  outputs: { y: { jobOutputType: 'uri_folder', uri: 'azureml://datastores/workspaceblobstore/paths/y' } },
  limits: { jobLimitsType: 'Command', timeout: 'PT1H' },
  resources: { instanceCount: 1 },
  environmentVariables: { A: 'b' },
  tags: { a: 'b' },
})

const sweep = (place: Place) => ({
  ...command(place),
  jobType: 'Sweep',
  trial: { command: 'echo ${{search_space.lr}}', environmentId: `${place.workspace}/environments/base/versions/1` },
  searchSpace: { lr: ['uniform', [0, 1]], n: ['choice', [[1, 2]]] },
  samplingAlgorithm: { samplingAlgorithmType: 'Random' },
  objective: { goal: 'Maximize', primaryMetric: 'acc' },
  limits: { jobLimitsType: 'Sweep', maxTotalTrials: 2, maxConcurrentTrials: 1 },
})

const pipeline = (place: Place) => ({
  jobType: 'Pipeline',
  jobs: { a: { type: 'command', componentId: `${place.workspace}/components/c/versions/1`, inputs: {} } },
  settings: { default_compute: `${place.workspace}/computes/cluster` },
})

const run = (place: Place) => ({
  run_id: place.runId,
  run_uuid: place.runId,
  run_ids: [place.runId],
  runId: place.runId,
  runIds: [place.runId],
  experiment_id: '0',
  experiment_ids: ['0'],
  experimentId: '0',
  name: 'thing',
  new_name: 'thing2',
  key: 'k',
  value: 'v',
  timestamp: 1,
  step: 1,
  version: '1',
  stage: 'Staging',
  alias: 'champion',
  source: 'azureml://datastores/workspaceblobstore/paths/m',
  status: 'FINISHED',
  lifecycle_stage: 'active',
  metrics: [{ key: 'loss', value: 0.5, timestamp: 1, step: 1 }],
  params: [{ key: 'p', value: 'q' }],
  tags: [{ key: 't', value: 'u' }],
  filter: "tags.t = 'u' and metrics.loss > 0.1",
  order_by: ['metrics.loss DESC'],
  orderBy: 'StartTimeUtc desc',
  run_view_type: 'ALL',
  view_type: 'ALL',
  max_results: 5,
  page_token: 'eyJvZmZzZXQiOiAxfQ==',
  metric_key: 'loss',
  path: 'a/b',
  model_json: '{}',
  datasets: [{ dataset: { name: 'd', digest: 'x', source_type: 'local', source: 's' } }],
})

const history = (place: Place) => ({
  ...run(place),
  status: 'Running',
  displayName: 'd',
  startTimeUtc: '2026-01-01T00:00:00Z',
  parentRunId: 'parent',
  properties: { a: 'b' },
  parameters: { p: 'q' },
  tags: { t: 'u' },
  tagsToModify: { t: 'w' },
  tagsToDelete: ['t'],
  runs: [{ runId: place.runId, status: 'Running', tags: { a: 'b' } }],
  paths: [{ path: 'a/b' }],
  origin: 'ExperimentRun',
  container: 'dcid.x',
  top: 5,
  continuationToken: '1',
  values: [{ metricName: 'loss', value: 1 }],
  metricName: 'loss',
  metricNames: ['loss'],
})

const vault = ({ region }: Place) => ({ location: region, tags: { a: 'b' }, properties: { sku: { name: 'standard' } } })

const template = ({ region }: Place) => ({
  location: region,
  properties: {
    mode: 'Incremental',
    parameters: { p: { value: 'x' } },
    template: {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      parameters: { p: { type: 'string', defaultValue: 'd', maxLength: 5 } },
      variables: {
        v: "[concat(parameters('p'), uniqueString('a'))]",
        list: { copy: [{ name: 'n', count: 2, input: 1 }] },
      },
      functions: [{ namespace: 'own', members: { f: { parameters: [], output: { type: 'string', value: 'x' } } } }],
      resources: [
        {
          type: 'Microsoft.KeyVault/vaults',
          apiVersion: '2023-07-01',
          name: "[concat('f', copyIndex())]",
          location: region,
          condition: false,
          copy: { name: 'c', count: 2 },
          dependsOn: [],
          properties: { a: "[variables('v')]" },
        },
      ],
      outputs: { o: { type: 'string', value: "[variables('v')]" } },
    },
  },
})

const SEEDS: readonly (readonly [RegExp, (place: Place) => unknown])[] = [
  [/\/mlflow\/v2\.0\//i, run],
  [/\/(history|metric|artifact|data|modelregistry)\/v[\d.]+\//i, history],
  [/\/deployments\/[^/]+(\/validate|\/whatIf)?$/i, template],
  [
    /\/datastores\//i,
    () => ({
      properties: {
        datastoreType: 'AzureBlob',
        accountName: 'elsewhere',
        containerName: 'data',
        credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey', key: 'a2V5' } },
        tags: { a: 'b' },
      },
    }),
  ],
  [
    /\/connections\//i,
    () => ({
      properties: {
        category: 'Git',
        authType: 'PAT',
        target: 'https://x',
        credentials: { pat: 's' },
        metadata: { a: 'b' },
      },
    }),
  ],
  [
    /\/computes\//i,
    ({ region }) => ({
      location: region,
      identity: { type: 'SystemAssigned' },
      properties: {
        computeType: 'AmlCompute',
        properties: {
          vmSize: 'STANDARD_DS1_V2',
          scaleSettings: { minNodeCount: 0, maxNodeCount: 1, nodeIdleTimeBeforeScaleDown: 'PT5M' },
        },
      },
    }),
  ],
  [
    /\/schedules\//i,
    (place) => ({
      properties: {
        isEnabled: false,
        trigger: {
          triggerType: 'Recurrence',
          frequency: 'Week',
          interval: 1,
          timeZone: 'W. Europe Standard Time',
          startTime: '2026-01-01T00:00:00',
          schedule: { hours: [1], minutes: [0], weekDays: ['Monday'] },
        },
        action: { actionType: 'CreateJob', jobDefinition: command(place) },
      },
    }),
  ],
  [/\/jobs\/[a-h]/i, (place) => ({ properties: sweep(place) })],
  [/\/jobs\/[i-p]/i, (place) => ({ properties: pipeline(place) })],
  [/\/jobs\//i, (place) => ({ properties: command(place) })],
  [
    /\/(online|batch)Endpoints\/[^/]+\/deployments\//i,
    ({ workspace, region }) => ({
      location: region,
      sku: { name: 'Default', capacity: 1 },
      properties: {
        endpointComputeType: 'Managed',
        instanceType: 'Standard_DS3_v2',
        model: `${workspace}/models/m/versions/1`,
        environmentId: `${workspace}/environments/base/versions/1`,
        compute: `${workspace}/computes/cluster`,
      },
    }),
  ],
  [
    /Endpoints\//i,
    ({ region }) => ({ location: region, tags: { a: 'b' }, properties: { authMode: 'Key', traffic: { blue: 100 } } }),
  ],
  [
    /\/(codes|environments|data|models|components)\//i,
    ({ workspace }) => ({
      properties: {
        description: 'd',
        tags: { a: 'b' },
        properties: { c: 'd' },
        image: 'python',
        dataType: 'uri_folder',
        dataUri: 'azureml://datastores/workspaceblobstore/paths/d',
        modelUri: 'azureml://datastores/workspaceblobstore/paths/m',
        modelType: 'custom_model',
        codeUri: 'https://fuzzstore.blob.core.windows.net/azureml/code',
        pendingUploadType: 'TemporaryBlobReference',
        componentSpec: {
          name: 'c',
          version: '1',
          type: 'command',
          command: 'echo',
          environment: `azureml:${workspace}/environments/base/versions/1`,
        },
      },
      pendingUploadType: 'TemporaryBlobReference',
    }),
  ],
  [
    /\/roleAssignments\//i,
    () => ({
      properties: {
        principalId: '10000000-0000-4000-8000-000000000001',
        roleDefinitionId: '/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7',
      },
    }),
  ],
  [
    /\/storageAccounts\/[^/]+$/i,
    ({ region }) => ({
      location: region,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      properties: { allowBlobPublicAccess: true },
    }),
  ],
  [
    /\/workspaces\/[^/]+$/i,
    ({ region }) => ({ location: region, tags: { a: 'b' }, properties: { friendlyName: 'f' } }),
  ],
  [/management|subscriptions/i, vault],
]
