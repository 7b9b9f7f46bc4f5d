import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, SUBSCRIPTION } from '../src/tokens.ts'
import { type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/records'
const VAULTS = `${GROUP}/providers/Microsoft.KeyVault/vaults`

interface Line {
  readonly seq: number
  readonly at: string
  readonly plane: string
  readonly operation: string
  readonly client: string
  readonly caller: string
  readonly subject: string
  readonly method: string
  readonly status: number
}

let emulator: RunningEmulator
let one: AzureClient
let two: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  one = azureClient(emulator, 'laptop')
  two = azureClient(emulator, 'robot')
  await one.arm('PUT', GROUP, { location: 'eastus2' })
  for (const name of ['a', 'b']) await one.arm('PUT', `${VAULTS}/${name}`, { location: 'eastus2', properties: {} })
  await two.arm('PUT', `${VAULTS}/c`, { location: 'eastus2', properties: {} })
})

afterAll(async () => {
  await one?.close()
  await two?.close()
  await emulator?.end()
})

async function lines(query: string, place = 'eastus2'): Promise<readonly Line[]> {
  return (await emulator.control('GET', `activity/${place}?${query}`))['lines'] as readonly Line[]
}

describe('the record of a region', () => {
  it('tells what was acknowledged, when, to which client and principal', async () => {
    const [line] = await lines('client=robot')
    expect(line).toMatchObject({ plane: 'arm', client: 'robot', caller: CLIENT_ID, method: 'PUT', status: 201 })
    expect(line?.subject).toContain('/vaults/c')
    expect(Date.parse(line?.at ?? '')).toBeLessThanOrEqual(Date.now())
  })

  it.each([
    ['client=laptop&operation=*keyvault/vaults put', ['a', 'b']],
    ['subject=*/vaults/c', ['c']],
    [`path=/SUBSCRIPTIONS/*${VAULTS}/b`, ['b']],
    ['plane=mlflow', []],
    ['caller=nobody', []],
    ['method=PUT&limit=1', ['a']],
  ])('can be asked by %s', async (query, names) => {
    const found = await lines(query)
    expect(found.map(({ subject }) => subject.split('/').at(-1))).toEqual(names)
  })

  it('can be asked by time', async () => {
    const all = await lines('')
    const [, second] = all
    expect((await lines(`since=${second?.at}`)).map(({ seq }) => seq)).toEqual(all.slice(1).map(({ seq }) => seq))
    expect((await lines(`until=${second?.at}`)).map(({ seq }) => seq)).toEqual([all[0]?.seq])
  })

  it('is counted by what is asked', async () => {
    const { counts } = await emulator.control('GET', 'counts/eastus2?by=client,method')
    expect(counts).toEqual([
      { client: 'laptop', method: 'PUT', count: 2 },
      { client: 'robot', method: 'PUT', count: 1 },
    ])
  })

  it('is refused for questions that it does not understand', async () => {
    await expect(lines('since=yesterday')).rejects.toThrow('must be a date')
    await expect(emulator.control('GET', 'counts/eastus2?by=colour')).rejects.toThrow('knows plane, operation')
    await expect(lines('of=reads')).rejects.toThrow('must be writes or calls')
    await expect(lines('', 'mars')).rejects.toThrow('There is no region mars')
  })
})

describe('the record of every plane', () => {
  it('tells it of every plane: ARM, MLflow, run history and blobs', async () => {
    const id = (path: string) => `/subscriptions/${SUBSCRIPTION}${path}`
    const [store, workspace] = [
      `${GROUP}/providers/Microsoft.Storage/storageAccounts/recordstore`,
      `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w`,
    ]
    await one.arm('PUT', store, { location: 'eastus2', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
    const properties = { storageAccount: id(store), keyVault: id(`${VAULTS}/a`) }
    await one.arm('PUT', workspace, { location: 'eastus2', identity: { type: 'SystemAssigned' }, properties })
    const bearer = { authorization: `Bearer ${await two.signIn()}` }
    const api = (face: string, rest: string) => `https://eastus2.api.azureml.ms/${face}/v1.0${id(workspace)}/${rest}`
    const run = { experiment_id: '0', tags: [] }
    await two.send('POST', api('mlflow', 'api/2.0/mlflow/runs/create'), { body: run, headers: bearer })
    const history = api('history', 'experiments/e/runs/r1')
    await two.send('PATCH', history, { body: { runId: 'r1', status: 'Running' }, headers: bearer })
    const storage = { authorization: `Bearer ${await two.signIn('https://storage.azure.com')}` }
    const box = 'https://recordstore.blob.core.windows.net/box?restype=container'
    await two.send('PUT', box, { headers: { ...storage, 'x-ms-version': '2024-11-04' } })

    const written = (await lines('last=20')).filter(({ plane }) => plane !== 'arm')
    expect(written.map(({ plane, client, caller }) => [plane, client, caller])).toEqual(
      ['mlflow', 'history', 'blob'].map((plane) => [plane, 'robot', CLIENT_ID]),
    )
    const { counts } = await emulator.control('GET', 'counts/eastus2?by=plane&client=robot')
    expect(counts).toEqual(['arm', 'blob', 'history', 'mlflow'].map((plane) => ({ plane, count: 1 })))
  })
})

describe('the record of every call', () => {
  it('holds reads and refusals of the front and the regions while it is on, and nothing before', async () => {
    expect(await lines('of=calls')).toEqual([])
    await emulator.control('PUT', 'record', { everyCall: true })
    await one.arm('GET', `${VAULTS}/a`)
    await one.arm('GET', `${VAULTS}/none`)
    await one.arm('GET', `${VAULTS}/a`)
    await emulator.control('PUT', 'record', { everyCall: false })
    await one.arm('GET', `${VAULTS}/b`)

    const { counts } = await emulator.control('GET', 'counts/front?of=calls&client=laptop&plane=arm&by=method,status')
    expect(counts).toEqual([
      { method: 'GET', status: 200, count: 2 },
      { method: 'GET', status: 404, count: 1 },
    ])
    const inRegion = await lines('of=calls&client=laptop')
    expect(inRegion.map(({ method, status }) => [method, status])).toEqual([
      ['GET', 200],
      ['GET', 200],
    ])
  })

  it('can be read of a region that is dead', async () => {
    const before = await lines('of=calls')
    await emulator.control('POST', 'regions/eastus2/kill')
    expect(await lines('of=calls')).toEqual(before)
    expect(before).not.toEqual([])
  })
})

describe('a page of the record', () => {
  it('ends where it is full, so that bodies of any number are read a page at a time', async () => {
    await emulator.control('POST', 'regions/eastus2/start')
    const target = '/resourceGroups/records/providers/Microsoft.KeyVault/vaults/large'
    for (let n = 0; n < 20; n++) {
      const put = await one.arm('PUT', target, { location: 'eastus2', properties: { n, text: 'x'.repeat(1_000_000) } })
      expect(put.status, JSON.stringify(put.body).slice(0, 300)).toBeLessThan(300)
    }
    const numbers: number[] = []
    const pages: number[] = []
    for (let after = 0; ; ) {
      const query = `activity/eastus2?after=${after}&subject=*large&limit=1000`
      const page = (await emulator.control('GET', query)) as { lines: { body: string }[]; after: number }
      if (page.lines.length === 0) break
      pages.push(page.lines.length)
      numbers.push(...page.lines.map(({ body }) => JSON.parse(body).properties.n))
      after = page.after
    }
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(pages.length).toBeGreaterThan(1)
  })
})
