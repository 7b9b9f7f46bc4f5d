import { once } from 'node:events'
import { cpSync, existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SUBSCRIPTION } from '../src/tokens.ts'
import { type AzureClient, azureClient, failureOf } from './azure-client.ts'
import { type RunningEmulator, runEmulator, until } from './run-emulator.ts'
import { workspaceClient } from './workspace-client.ts'

const GROUP = '/resourceGroups/kept'
const STORE = `${GROUP}/providers/Microsoft.Storage/storageAccounts/keptstore`
const VAULT = `${GROUP}/providers/Microsoft.KeyVault/vaults/keptvault`
const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws`
const REGIONS = ['eastus2', 'centralus'] as const
/** Over what stands in a row, so that it is a file. */
const LARGE = 100_000

let emulator: RunningEmulator
let azure: AzureClient
const { made, propertiesOf } = workspaceClient(() => azure, WORKSPACE)

beforeAll(async () => {
  process.env['EMULATOR_ALLOCATION_SECONDS'] = '0'
  emulator = await runEmulator()
  azure = azureClient(emulator, 'team')
  await azure.arm('PUT', GROUP, { location: 'eastus2' })
  await azure.arm('PUT', STORE, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
  await azure.arm('PUT', VAULT, { location: 'centralus' })
  const storageAccount = `/subscriptions/${SUBSCRIPTION}${STORE}`
  await made('', { storageAccount })
  await until('the workspace is there', async () => (await propertiesOf(''))['provisioningState'] === 'Succeeded')
  await made('/environments/env/versions/1', { image: 'node' })
})

afterAll(async () => {
  await azure.close()
  await emulator.end()
})

const statusOf = async (job: string) => (await propertiesOf(`/jobs/${job}`))['status']

async function sent(method: string, url: string, audience: string, body?: unknown) {
  const blob = { 'x-ms-version': '2021-12-02', 'x-ms-blob-type': 'BlockBlob' }
  const headers = { authorization: `Bearer ${await azure.signIn(audience)}`, ...blob }
  return azure.send(method, url, { headers, ...(body === undefined ? {} : { body }) })
}

const blob = (method: string, name: string, body?: unknown) =>
  sent(method, `https://keptstore.blob.core.windows.net/box${name}`, 'https://storage.azure.com', body)

const secret = (method: string, body?: unknown) =>
  sent(method, 'https://keptvault.vault.azure.net/secrets/one?api-version=7.4', 'https://vault.azure.net', body)

function tracking(method: string, path: string, body?: unknown) {
  const base = `https://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}`
  return sent(method, `${base}/api/2.0/mlflow/${path}`, 'https://management.azure.com', body)
}

const load = (name: string) => emulator.control('POST', `saved/${name}/load`)
const save = (name: string) => emulator.control('PUT', `saved/${name}`, { replace: true })

/** What a person sees of each plane, and the records of all that was acknowledged. */
async function everything(run: string): Promise<unknown> {
  const records = ['front', ...REGIONS].map((place) => emulator.control('GET', `activity/${place}?limit=10000`))
  return {
    resources: (await azure.arm('GET', '/resources')).body,
    models: (await azure.arm('GET', `${WORKSPACE}/models/m/versions`)).body,
    large: await blob('GET', '/large').then(({ status, body }) => [status, body]),
    small: await blob('GET', '/small').then(({ status, body }) => [status, body]),
    secret: await secret('GET').then(({ body }) => body['value']),
    run: (await tracking('GET', `runs/get?run_id=${run}`)).body,
    records: await Promise.all(records),
  }
}

async function change(run: string): Promise<void> {
  await made('/models/m/versions/2', { modelUri: 'azureml://datastores/workspaceblobstore/paths/later' })
  await azure.arm('DELETE', `${WORKSPACE}/models/m/versions/1`)
  await blob('PUT', '/large', { other: 'y'.repeat(LARGE) })
  await blob('PUT', '/small', { small: false })
  await secret('PUT', { value: 'changed' })
  await tracking('POST', 'runs/log-metric', { run_id: run, key: 'auc', value: 2, timestamp: 2, step: 2 })
  await azure.arm('PUT', '/resourceGroups/later', { location: 'centralus' })
}

describe('a saved state', () => {
  it('is there again on every plane, as often as it is loaded, for a client that stays signed in', async () => {
    await blob('PUT', '?restype=container')
    await blob('PUT', '/large', { bytes: 'x'.repeat(LARGE) })
    await blob('PUT', '/small', { small: true })
    await secret('PUT', { value: 'first' })
    await made('/models/m/versions/1', { modelUri: 'azureml://datastores/workspaceblobstore/paths/first' })
    const { body } = await tracking('POST', 'runs/create', { experiment_id: '0', start_time: 1 })
    const run = (body['run'] as { info: { run_id: string } }).info.run_id
    await emulator.control('POST', 'clock', { shiftMilliseconds: 3_600_000 })
    const before = await everything(run)
    const { regions: processes } = await emulator.control('GET', 'status')
    await save('all')

    for (let time = 0; time < 2; time++) {
      await change(run)
      await emulator.control('POST', 'clock', { shiftMilliseconds: 0 })
      expect(await everything(run)).not.toEqual(before)
      const status = await load('all')
      expect(await everything(run)).toEqual(before)
      // The processes are those of before.
      expect(status).toMatchObject({ regions: processes, clock: { shiftMilliseconds: 3_600_000 } })
    }
    expect((await emulator.control('GET', 'saved'))['saved']).toMatchObject([
      { name: 'all', regions: REGIONS, clockShiftMilliseconds: 3_600_000 },
    ])
  })

  it('does not disturb a job when it is saved; loaded, the job has lost its node', async () => {
    await made('/jobs/long', { jobType: 'Command', command: 'sleep 600', environmentId: 'azureml:env:1' })
    await until('it runs', async () => (await statusOf('long')) === 'Running')
    await save('running')
    expect(await statusOf('long')).toBe('Running')
    await made('/jobs/short', { jobType: 'Command', command: 'exit 0', environmentId: 'azureml:env:1' })
    await until('another ends beside it', async () => (await statusOf('short')) === 'Completed')
    await load('running')
    await until('it has failed', async () => (await statusOf('long')) === 'Failed')
    expect((await azure.arm('GET', `${WORKSPACE}/jobs/short`)).status).toBe(404)
  })

  it('has what was acknowledged before, and the same in front and region, while others write', async () => {
    const ending = new AbortController()
    const acknowledged: string[] = []
    const writing = REGIONS.map(async (location, index) => {
      const client = azureClient(emulator, `writer-${index}`)
      for (let n = 0; !ending.signal.aborted; n++) {
        const path = `${GROUP}/providers/Microsoft.KeyVault/vaults/w${index}x${n}`
        const answer = await client.arm('PUT', path, { location }).catch(() => undefined)
        if (answer?.status === 201) acknowledged.push(path)
      }
      await client.close()
    })
    await until('both write', () => acknowledged.length > 10)
    const before = [...acknowledged]
    await save('busy')
    const after = acknowledged.length
    await until('they go on', () => acknowledged.length > after + 5)
    await load('busy')
    ending.abort()
    await Promise.all(writing)
    await load('busy')

    for (const path of before) expect((await azure.arm('GET', path)).status, path).toBe(200)
    const { value } = (await azure.arm('GET', '/resources')).body as { value: readonly { id: string }[] }
    const vaults = value.map(({ id }) => id.slice(id.indexOf(GROUP))).filter((id) => /\/w\dx/.test(id))
    expect(vaults.length).toBeGreaterThanOrEqual(before.length)
    for (const path of vaults) expect((await azure.arm('GET', path)).status, path).toBe(200)
  }, 60_000)

  it('runs in every region when it is loaded, without the faults that were in force and whom they held', async () => {
    await save('whole')
    await emulator.control('PUT', 'faults', {
      faults: [
        { is: 'hang', at: 'eastus2', client: 'held', times: 1 },
        { is: 'clock', at: 'eastus2', aheadSeconds: 60 },
        { is: 'down', at: 'signin' },
      ],
    })
    const held = azureClient(emulator, 'held')
    const uri = `https://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/${SUBSCRIPTION}${WORKSPACE}/api/2.0/mlflow/x`
    const waiting = failureOf(held.send('GET', uri))
    await until('it is held', async () => Object.keys((await faults()).met).length === 1)
    await emulator.control('POST', 'regions/centralus/kill')
    const status = (await load('whole')) as { regions: { state: string }[] }
    expect(status.regions.map(({ state }) => state)).toEqual(['running', 'running'])
    expect(await faults()).toEqual({ faults: [], met: {} })
    expect(await waiting).not.toBe('answered')
    expect((await secret('GET')).status).toBe(200)
    await held.close()
  })

  it('that is not there, or whose name would lead elsewhere, is refused and changes nothing', async () => {
    const asked = (method: string, path: string, body?: unknown) =>
      fetch(`http://127.0.0.1:${emulator.port}/emulator/saved/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).then(async (answer) => [answer.status, ((await answer.json()) as { error?: string }).error])
    expect(await asked('POST', 'nothing/load')).toEqual([404, expect.stringContaining('there are all, busy')])
    expect(await asked('DELETE', 'nothing')).toEqual([404, expect.any(String)])
    for (const name of ['..%2f..%2fregions', '%2e%2e', '.half', 'a%00b', '%zz']) {
      expect((await asked('PUT', name))[0], name).toBe(name === '%2e%2e' ? 404 : 400)
    }
    expect(await asked('PUT', 'all')).toEqual([409, expect.stringContaining('already')])
    expect((await asked('PUT', 'all', { replace: 'yes' }))[0]).toBe(400)
    expect((await asked('DELETE', 'busy'))[0]).toBe(200)
    expect((await asked('POST', 'busy/load'))[0]).toBe(404)
    expect((await blob('GET', '/small')).status).toBe(200)
  })
})

async function faults(): Promise<{ readonly met: object }> {
  return (await emulator.control('GET', 'faults')) as { met: object }
}

describe('a region that is killed while a state is loaded', () => {
  it('has that state when it runs again, and the others have it at once', async () => {
    await secret('PUT', { value: 'kept' })
    await blob('PUT', '/kept', { value: 'kept' })
    await save('kept')
    for (const milliseconds of [0, 30, 60, 100]) {
      await secret('PUT', { value: 'later' })
      await blob('PUT', '/kept', { value: 'later' })
      const pid = await emulator.pidOf('centralus')
      const loading = load('kept').catch((thrown: unknown) => String(thrown))
      await sleep(milliseconds)
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      const outcome = await loading
      if (typeof outcome === 'string') expect(outcome).toContain('centralus did not')
      expect((await blob('GET', '/kept')).body).toEqual({ value: 'kept' })
      await until('it has ended or started', async () => (await emulator.pidOf('centralus')) !== pid)
      await emulator.control('POST', 'regions/centralus/start')
      expect((await secret('GET')).body['value']).toBe('kept')
    }
  }, 60_000)
})

describe('an emulator that is killed while it loads', () => {
  const mark = async (value: string) => {
    await azure.arm('PATCH', GROUP, { tags: { value } })
    await secret('PUT', { value })
    await blob('PUT', '/mark', { value })
  }
  const marks = async () => {
    const tags = (await azure.arm('GET', GROUP)).body['tags'] as { value: string }
    return [tags.value, (await secret('GET')).body['value'], (await blob('GET', '/mark')).body['value']]
  }
  const startAgain = async () => {
    await azure.close()
    emulator = await runEmulator({ dir: emulator.dir })
    azure = azureClient(emulator, 'team')
  }

  it('has the one state or the other, everywhere', async () => {
    await mark('saved')
    await save('marked')
    for (const milliseconds of [20, 50, 90]) {
      await mark('later')
      const gone = once(emulator.process, 'exit')
      const loading = load('marked').catch(() => undefined)
      await sleep(milliseconds)
      emulator.process.kill('SIGKILL')
      await Promise.all([gone, loading])
      await startAgain()
      const found = await marks()
      expect(['saved', 'later']).toContain(found[0])
      expect(found).toEqual([found[0], found[0], found[0]])
    }
  }, 120_000)

  it('does at its next start what was decided and not done', async () => {
    await mark('later')
    await emulator.end({ keep: true })
    const { dir } = emulator
    cpSync(join(dir, 'saved/marked'), join(dir, '.loaded'), { recursive: true })
    renameSync(join(dir, '.loaded/front.db'), join(dir, 'front.db'))
    await startAgain()
    expect(await marks()).toEqual(['saved', 'saved', 'saved'])
    expect(existsSync(join(dir, '.loaded'))).toBe(false)
  })
})
