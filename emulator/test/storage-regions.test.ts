import { createHash, randomBytes } from 'node:crypto'
import { BlobServiceClient, type ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { ProxyAgent } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { containerSas } from '../src/storage/sas.ts'
import { type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator, until } from './run-emulator.ts'
import { through, urlOf } from './storage-client.ts'

const GROUP = '/resourceGroups/rg-copies'
const SECOND = 1000

let emulator: RunningEmulator
let azure: AzureClient
let agent: ProxyAgent
let east: Store
let central: Store

interface Store {
  readonly account: string
  readonly key: string
  readonly box: ContainerClient
}

beforeAll(async () => {
  emulator = await runEmulator()
  azure = azureClient(emulator, 'tester')
  agent = new ProxyAgent({ uri: emulator.proxy('tester'), requestTls: { ca: emulator.ca } })
  await azure.arm('PUT', GROUP, { location: 'eastus2' })
  east = await open('eaststore1', 'eastus2')
  central = await open('centralstore1', 'centralus')
}, 30 * SECOND)

afterAll(async () => {
  await agent?.destroy()
  await azure?.close()
  await emulator?.end()
})

async function open(account: string, location: string): Promise<Store> {
  const path = `${GROUP}/providers/Microsoft.Storage/storageAccounts/${account}`
  const made = await azure.arm('PUT', path, {
    location,
    sku: { name: 'Standard_LRS' },
    kind: 'StorageV2',
    properties: {},
  })
  expect(made.status).toBe(200)
  const { keys } = (await azure.arm('POST', `${path}/listKeys`)).body as { keys: { value: string }[] }
  const key = keys[0]?.value ?? ''
  const options = { httpClient: through(agent), retryOptions: { maxTries: 1 } }
  const service = new BlobServiceClient(urlOf(account), new StorageSharedKeyCredential(account, key), options)
  const box = service.getContainerClient('box')
  await box.create()
  return { account, key, box }
}

function readable(store: Store, name: string): string {
  const expires = new Date(Date.now() + 600 * SECOND)
  const { account, key } = store
  return `${store.box.getBlobClient(name).url}?${containerSas({ account, key, container: 'box', permissions: 'r', expires })}`
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('a copy from another region arrives whole, and the activity log knows its bytes', async () => {
  const body = randomBytes(9_000_000)
  await east.box.getBlockBlobClient('model.bin').uploadData(body, { blockSize: 4_000_000, maxSingleShotSize: 0 })
  const to = central.box.getBlockBlobClient('model.bin')
  const poller = await to.beginCopyFromURL(readable(east, 'model.bin'), { intervalInMs: 20 })
  expect(await poller.pollUntilDone()).toMatchObject({ copyStatus: 'success' })
  expect(sha256(await to.downloadToBuffer())).toBe(sha256(body))
  const { lines } = (await emulator.control('GET', 'activity/centralus')) as { lines: { sha256: string | null }[] }
  expect(lines.map((line) => line.sha256)).toContain(sha256(body))
  await central.box.getBlockBlobClient('put').syncUploadFromURL(readable(east, 'model.bin'))
  const block = central.box.getBlockBlobClient('block')
  await block.stageBlockFromURL('YQ==', readable(east, 'model.bin'), 5_000_000, 1000)
  await block.commitBlockList(['YQ=='])
  expect(await block.downloadToBuffer()).toEqual(body.subarray(5_000_000, 5_001_000))
}, 30_000)

test('without a right to read the source, or a way to it, nothing is copied', async () => {
  await east.box.getBlockBlobClient('secret').upload('x', 1)
  const to = central.box.getBlockBlobClient('secret')
  const bare = to.beginCopyFromURL(east.box.getBlobClient('secret').url)
  await expect(bare).rejects.toMatchObject({ code: 'CannotVerifyCopySource' })
  await emulator.control('PUT', 'faults', { faults: [{ is: 'cut', between: ['eastus2', 'centralus'] }] })
  const cut = to.beginCopyFromURL(readable(east, 'secret'))
  await expect(cut).rejects.toMatchObject({ code: 'CannotVerifyCopySource' })
  await emulator.control('DELETE', 'faults')
  expect(await to.exists()).toBe(false)
}, 30_000)

test('what a region answered before it was killed is there when it is back', async () => {
  const answered = new Map<string, string>()
  let isDown = false
  const writer = async (worker: number) => {
    for (let index = 0; !isDown; index++) {
      const name = `w${worker}/${index}`
      const body = randomBytes(index % 7 === 0 ? 200_000 : 3000)
      try {
        await central.box.getBlockBlobClient(name).upload(body, body.length)
        answered.set(name, sha256(body))
      } catch {
        isDown = true
      }
    }
  }
  const writers = [0, 1, 2, 3].map(writer)
  await until('enough was written', () => answered.size > 100)
  await emulator.control('POST', 'regions/centralus/kill')
  await Promise.all(writers)
  await emulator.control('POST', 'regions/centralus/start')
  for (const [name, sum] of answered) {
    expect(sha256(await central.box.getBlobClient(name).downloadToBuffer())).toBe(sum)
  }
}, 60_000)

test('a copy goes on after its region was killed; one that is aborted ends', async () => {
  const body = randomBytes(300_000)
  await east.box.getBlockBlobClient('slow').upload(body, body.length)
  const slow = [{ is: 'slow', at: 'eastus2', plane: 'blob', milliseconds: 700 }]
  await emulator.control('PUT', 'faults', { faults: slow })
  const kept = central.box.getBlockBlobClient('kept')
  await kept.beginCopyFromURL(readable(east, 'slow'))
  expect((await kept.getProperties()).copyStatus).toBe('pending')
  await expect(kept.upload('x', 1)).rejects.toMatchObject({ statusCode: 409, code: 'PendingCopyOperation' })
  await emulator.control('POST', 'regions/centralus/kill')
  await emulator.control('POST', 'regions/centralus/start')
  await until('the copy went on', async () => (await kept.getProperties()).copyStatus === 'success')
  expect(await kept.downloadToBuffer()).toEqual(body)

  const ended = central.box.getBlockBlobClient('ended')
  await ended.beginCopyFromURL(readable(east, 'slow'))
  const { copyId } = await ended.getProperties()
  await ended.abortCopyFromURL(copyId ?? '')
  await emulator.control('DELETE', 'faults')
  expect(await ended.getProperties()).toMatchObject({ copyStatus: 'aborted', contentLength: 0 })
  await ended.upload('new', 3)
}, 60_000)
