import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator, until } from './run-emulator.ts'
import { workspaceClient } from './workspace-client.ts'

const GROUP = '/resourceGroups/jobs'
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws`
const LAKE = 'https://farlake.blob.core.windows.net/lake'

let emulator: RunningEmulator
let azure: AzureClient
const { made, propertiesOf } = workspaceClient(() => azure, WORKSPACE)

beforeAll(async () => {
  process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.1'
  emulator = await runEmulator()
  azure = azureClient(emulator, 'vantage-1')
  const sku = { name: 'Standard_LRS' }
  const store = (name: string) => `${GROUP}/providers/Microsoft.Storage/storageAccounts/${name}`
  await azure.arm('PUT', GROUP, { location: 'eastus2' })
  await azure.arm('PUT', store('nearstore'), { location: 'eastus2', kind: 'StorageV2', sku })
  await azure.arm('PUT', store('farlake'), { location: 'centralus', kind: 'StorageV2', sku })
  const { body } = await azure.arm('GET', store('nearstore'))
  await made('', { storageAccount: body['id'] })
  await until('the workspace is there', async () => (await propertiesOf(''))['provisioningState'] === 'Succeeded')
  await made('/environments/env/versions/1', { image: 'node' })
  const credentials = { credentialsType: 'None' }
  const datastore = { datastoreType: 'AzureBlob', accountName: 'farlake', containerName: 'lake', credentials }
  await made('/datastores/lake', datastore)
})

afterAll(async () => {
  await azure.close()
  await emulator.end()
})

async function submit(name: string, command: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const environmentId = 'azureml:env:1'
  await made(`/jobs/${name}`, { jobType: 'Command', command, environmentId, ...more })
}

async function reaches(name: string, status: string): Promise<void> {
  await until(`${name} is ${status}`, async () => (await propertiesOf(`/jobs/${name}`))['status'] === status)
}

async function lake(method: string, name: string, body?: unknown): Promise<Record<string, unknown>> {
  const authorization = `Bearer ${await azure.signIn('https://storage.azure.com')}`
  const headers = { authorization, 'x-ms-version': '2021-12-02', 'x-ms-blob-type': 'BlockBlob' }
  const answer = await azure.send(method, `${LAKE}${name}`, { headers, ...(body === undefined ? {} : { body }) })
  return answer.body
}

describe('a job behind the front', () => {
  it('reads and writes storage of another region, with names as they are', async () => {
    await lake('PUT', '?restype=container')
    await lake('PUT', '/in/a%20b/%2541.json', { seen: true })
    await submit('far', `cp -r "\${{inputs.data}}/." "\${{outputs.copy}}"`, {
      inputs: { data: { jobInputType: 'uri_folder', uri: 'azureml://datastores/lake/paths/in/' } },
      outputs: { copy: { jobOutputType: 'uri_folder', uri: 'azureml://datastores/lake/paths/out/' } },
    })

    await reaches('far', 'Completed')

    expect(await lake('GET', '/out/a%20b/%2541.json')).toEqual({ seen: true })
  })

  it('tracks its run over the wire with what its environment gives it', async () => {
    const script = `
      const base = process.env.MLFLOW_TRACKING_URI.replace('azureml://', 'https://') + '/api/2.0/mlflow/'
      const headers = { authorization: 'Bearer ' + process.env.MLFLOW_TRACKING_TOKEN, 'content-type': 'application/json' }
      const metric = { run_id: process.env.MLFLOW_RUN_ID, key: 'loss', value: 0.25, timestamp: 1, step: 0 }
      const answer = await fetch(base + 'runs/log-metric', { method: 'POST', headers, body: JSON.stringify(metric) })
      process.exitCode = answer.status === 200 ? 0 : 1`
    await submit('tracked', `node --input-type=module -e "${script}"`)

    await reaches('tracked', 'Completed')
  })

  it('fails where the other region cannot be reached, and says what was asked of it', async () => {
    await emulator.control('PUT', 'faults', { faults: [{ is: 'cut', between: ['eastus2', 'centralus'] }] })
    const data = { jobInputType: 'uri_folder', uri: 'azureml://datastores/lake/paths/in/' }
    await submit('cut-off', 'true', { inputs: { data } })

    await reaches('cut-off', 'Failed')
    await emulator.control('DELETE', 'faults')
    const run = `https://eastus2.api.azureml.ms/history/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}/runs/cut-off/details`
    const { body } = await azure.send('GET', run, { headers: { authorization: `Bearer ${await azure.signIn()}` } })
    const message = expect.stringContaining('farlake.blob.core.windows.net/lake/in was not answered')
    expect(body['error']).toMatchObject({ error: { code: 'JobPreparationFailed', message } })
  })

  it('dies with its region, and is Failed when the region is back', async () => {
    await submit('doomed', 'echo $$ > outputs/pid; cp outputs/pid "$MARK"; exec sleep 600', {
      environmentVariables: { MARK: join(emulator.dir, 'doomed') },
    })
    await reaches('doomed', 'Running')
    await until('the command runs', () => pidIn('doomed') > 0)

    await emulator.control('POST', 'regions/eastus2/kill')

    await until('the command is gone', () => !runs(pidIn('doomed')))
    await emulator.control('POST', 'regions/eastus2/start')
    await reaches('doomed', 'Failed')
  })
})

function pidIn(file: string): number {
  try {
    return Number(readFileSync(join(emulator.dir, file), 'utf8'))
  } catch {
    return 0
  }
}

/** A killed process whose parent has not looked at it yet does not run any more. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
