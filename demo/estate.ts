import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cloud } from './cloud.ts'
import { ESTATE_TEMPLATE } from './estate-template.ts'

/** Names of everything the demo builds in the primary. */
export interface Estate {
  readonly subscription: string
  readonly group: string
  readonly location: string
  /** ARM id of the workspace. */
  readonly workspace: string
  readonly storage: string
  readonly dataStorage: string
}

export function estateOf(subscription: string): Estate {
  const group = 'churn-eus2'
  const workspace = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.MachineLearningServices/workspaces/churn`
  return { subscription, group, location: 'eastus2', workspace, storage: 'churneus2', dataStorage: 'churndataeus2' }
}

const HERE = fileURLToPath(new URL('.', import.meta.url))
const CLUSTER = 'cpu-cluster'
const EPOCHS = 30

/** The workspace with its storage, from a template, as one deployment. */
export async function deployWorkspace(cloud: Cloud, estate: Estate): Promise<void> {
  const { subscription, group, location, workspace, storage, dataStorage } = estate
  await cloud.arm('PUT', `/subscriptions/${subscription}/resourcegroups/${group}`, { location })
  const parameters = {
    workspace: { value: workspace.split('/').at(-1) },
    storage: { value: storage },
    dataStorage: { value: dataStorage },
  }
  await cloud.arm(
    'PUT',
    `/subscriptions/${subscription}/resourcegroups/${group}/providers/Microsoft.Resources/deployments/churn`,
    {
      properties: { mode: 'Incremental', template: ESTATE_TEMPLATE, parameters },
    },
  )
}

/** Assets of every kind the demo protects. */
export async function registerAssets(cloud: Cloud, estate: Estate): Promise<void> {
  const { workspace, storage } = estate
  const put = (path: string, body: unknown) => cloud.arm('PUT', `${workspace}/${path}`, body)
  const { workspaceId } = (await cloud.arm('GET', workspace))['properties'] as { workspaceId: string }
  const container = `azureml-blobstore-${workspaceId}`
  const path = (below: string) => `azureml://datastores/workspaceblobstore/paths/${below}`

  await put(`computes/${CLUSTER}`, {
    location: estate.location,
    properties: {
      computeType: 'AmlCompute',
      properties: {
        vmSize: 'Standard_DS3_v2',
        vmPriority: 'Dedicated',
        scaleSettings: { minNodeCount: 0, maxNodeCount: 1, nodeIdleTimeBeforeScaleDown: 'PT120S' },
      },
    },
  })
  await put('datastores/landing', await landing(cloud, estate))
  await put('environments/sklearn/versions/1', {
    properties: {
      image: 'mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04',
      description: 'What training runs in',
      osType: 'Linux',
    },
  })
  await cloud.putBlob(storage, `${container}/data/iris/iris.csv`, readFileSync(join(HERE, 'data', 'iris.csv')))
  await put('data/iris/versions/1', {
    properties: { dataType: 'uri_file', dataUri: path('data/iris/iris.csv'), description: 'Fisher, 1936' },
  })
  for (const version of [1, 2, 3]) {
    await cloud.putBlob(
      storage,
      `${container}/models/churn/${version}/weights.json`,
      JSON.stringify({ version, weights: [version, version / 3] }),
    )
    await put(`models/churn/versions/${version}`, {
      properties: {
        modelType: 'custom_model',
        modelUri: path(`models/churn/${version}`),
        tags: { stage: version === 3 ? 'prod' : 'old' },
        description: `Version ${version}`,
      },
    })
  }
  await mlflowModel(cloud, estate, container)
  await code(cloud, estate, container)
  await put('components/prepare/versions/1', component())
}

/** A datastore on storage of its own, with an account key: the secret has to travel without ever being written down. */
async function landing(cloud: Cloud, { subscription, group, dataStorage }: Estate): Promise<unknown> {
  const account = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Storage/storageAccounts/${dataStorage}`
  const { keys } = (await cloud.arm('POST', `${account}/listKeys`)) as unknown as { keys: { value: string }[] }
  await cloud.arm('PUT', `${account}/blobServices/default/containers/landing`, { properties: {} })
  return {
    properties: {
      datastoreType: 'AzureBlob',
      accountName: dataStorage,
      containerName: 'landing',
      credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey', key: keys[0]?.value } },
    },
  }
}

async function mlflowModel(cloud: Cloud, { workspace, storage }: Estate, container: string): Promise<void> {
  const folder = 'models/churn-mlflow/1'
  const reference = `azureml:/${workspace}/datastores/workspaceblobstore/paths/${folder}`
  const mlmodel = `artifact_path: model\nflavors:\n  node_function:\n    data: weights.json\nmodel_uuid: 5f0c6f4e\nsource: ${reference}\n`
  await cloud.putBlob(storage, `${container}/${folder}/MLmodel`, mlmodel)
  await cloud.putBlob(storage, `${container}/${folder}/weights.json`, '{"weights":[0.25,0.75]}')
  await cloud.arm('PUT', `${workspace}/models/churn-mlflow/versions/1`, {
    properties: {
      modelType: 'mlflow_model',
      modelUri: `azureml://datastores/workspaceblobstore/paths/${folder}`,
      flavors: { node_function: { data: { data: 'weights.json' } } },
    },
  })
}

async function code(cloud: Cloud, { workspace, storage }: Estate, container: string): Promise<void> {
  for (const name of readdirSync(join(HERE, 'training')).filter(
    (file) => file.endsWith('.ts') && !file.includes('.test.'),
  )) {
    await cloud.putBlob(storage, `${container}/code/train/${name}`, readFileSync(join(HERE, 'training', name)))
  }
  await cloud.putBlob(storage, `${container}/code/train/package.json`, '{"type":"module"}')
  await cloud.arm('PUT', `${workspace}/codes/train/versions/1`, {
    properties: { codeUri: `https://${storage}.blob.core.windows.net/${container}/code/train` },
  })
}

function component(): unknown {
  return {
    properties: {
      componentSpec: {
        name: 'prepare',
        version: '1',
        type: 'command',
        display_name: 'Prepare the data',
        is_deterministic: true,
        inputs: { raw: { type: 'uri_file' } },
        outputs: { clean: { type: 'uri_folder' } },
        environment: 'azureml:sklearn:1',
        command: `node -e "require('fs').copyFileSync('\${{inputs.raw}}', '\${{outputs.clean}}/clean.csv')"`,
      },
    },
  }
}

/** Twenty finished runs in three experiments, every fourth with a child. */
export async function logHistory(cloud: Cloud, { workspace }: Estate): Promise<void> {
  const call = (path: string, body: unknown) => cloud.mlflow(workspace, 'POST', `mlflow/${path}`, body)
  const experiments = await Promise.all(
    ['baseline', 'features', 'tuning'].map(async (name) =>
      String((await call('experiments/create', { name }))['experiment_id']),
    ),
  )
  let parent: string | undefined
  for (let n = 0; n < 20; n++) {
    const nested = n % 4 === 3 && parent !== undefined ? [{ key: 'mlflow.parentRunId', value: parent }] : []
    const experiment_id = experiments[nested.length > 0 ? (n - 1) % 3 : n % 3]
    const start_time = Date.now() - (20 - n) * 3_600_000
    const created = await call('runs/create', {
      experiment_id,
      run_name: `try-${n}`,
      start_time,
      tags: [{ key: 'author', value: 'zoë' }, ...nested],
    })
    const { run_id } = (created['run'] as { info: { run_id: string } }).info
    if (nested.length === 0) parent = run_id
    const metrics = Array.from({ length: 10 }, (_, step) => ({
      key: 'auc',
      value: 0.6 + step / 40 + n / 200,
      timestamp: start_time + step * 1000,
      step,
    }))
    await call('runs/log-batch', {
      run_id,
      metrics,
      params: [
        { key: 'depth', value: String(n) },
        { key: 'rate', value: '0.1' },
      ],
    })
    await call('runs/update', { run_id, status: n % 7 === 6 ? 'FAILED' : 'FINISHED', end_time: start_time + 60_000 })
  }
}

/** The body of the training job: it writes a checkpoint each epoch to an output that persists while it runs. */
export function trainingJob(estate: Estate, pauseMilliseconds: number): unknown {
  const { workspace } = estate
  const output = { jobOutputType: 'uri_folder', mode: 'ReadWriteMount' }
  return {
    properties: {
      jobType: 'Command',
      displayName: 'Train on Iris',
      experimentName: 'training',
      codeId: `${workspace}/codes/train/versions/1`,
      environmentId: `${workspace}/environments/sklearn/versions/1`,
      computeId: `${workspace}/computes/${CLUSTER}`,
      command: `node train.ts --data \${{inputs.data}} --checkpoints \${{outputs.checkpoints}} --model \${{outputs.model}} --epochs ${EPOCHS} --pause ${pauseMilliseconds}`,
      inputs: { data: { jobInputType: 'uri_file', uri: `${workspace}/data/iris/versions/1`, mode: 'ReadOnlyMount' } },
      outputs: { checkpoints: output, model: output },
      tags: { team: 'churn' },
    },
  }
}

/** A short job for the same single node: it waits there while the training runs. */
export function waitingJob(estate: Estate): unknown {
  const { workspace } = estate
  return {
    properties: {
      jobType: 'Command',
      displayName: 'Report of the day',
      experimentName: 'reports',
      environmentId: `${workspace}/environments/sklearn/versions/1`,
      computeId: `${workspace}/computes/${CLUSTER}`,
      command: 'node -e "console.log(\'the report of the day\')"',
    },
  }
}

/** A schedule that fires each minute from a given instant on. */
export function nightlySchedule(estate: Estate, start: Date): unknown {
  return {
    properties: {
      displayName: 'Nightly retraining',
      isEnabled: true,
      trigger: {
        triggerType: 'Recurrence',
        frequency: 'Minute',
        interval: 1,
        startTime: start.toISOString().slice(0, 19),
        timeZone: 'UTC',
      },
      action: { actionType: 'CreateJob', jobDefinition: (waitingJob(estate) as { properties: unknown }).properties },
    },
  }
}

export const TOTAL_EPOCHS = EPOCHS
