import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../test/support/emulator.ts'
import { azureOf } from '../../test/support/workspaces.ts'
import type { Azure } from '../azure/open-azure.ts'
import { azureAccount, type BlobAccount } from './azure.ts'
import { blobStoreConforms } from './conformance.ts'

const signal = AbortSignal.timeout(120_000)
let emulator: TestEmulator
let azure: Azure
let containers = 0

beforeAll(async () => {
  emulator = await startTestEmulator()
  azure = azureOf(emulator)
  await makeAccount('eastus2', 'eastblobs')
  await makeAccount('centralus', 'centralblobs')
})

afterAll(async () => {
  azure?.close()
  await emulator?.stop()
})

const WAYS = [
  ['a token', async (name: string) => withToken(name)],
  ['a key', (name: string) => withKey(name)],
] as const

blobStoreConforms('an Azure container by token', async () => withToken('eastblobs').container(`tokens${containers++}`))
blobStoreConforms('an Azure container by key', async () =>
  (await withKey('eastblobs')).container(`keys${containers++}`),
)

describe('an Azure account', () => {
  it.each(['a/../../other/x', '..', './x'])('sends nothing out of a container by the name %s', async (name) => {
    const store = withToken('eastblobs').container(`plain${containers++}`)
    const refused = { code: 'azure/refused' }
    await expect(store.put(name, Buffer.from('x'), { signal })).rejects.toMatchObject(refused)
    await expect(store.get(name, { signal })).rejects.toMatchObject(refused)
    await expect(store.remove(name, { signal })).rejects.toMatchObject(refused)
  })

  it('names all its containers', async () => {
    const account = withToken('centralblobs')
    for (const name of ['one', 'two']) await account.container(name).put('x', Buffer.from('x'), { signal })
    const names: string[] = []
    for await (const name of account.containers(signal)) names.push(name)
    expect(names).toEqual(expect.arrayContaining(['one', 'two']))
  })

  for (const [how, open] of WAYS) {
    it(`lets another region fetch the bytes itself, proved by ${how}`, async () => {
      const from = (await open('eastblobs')).container(`from${containers++}`)
      const to = (await open('centralblobs')).container(`to${containers++}`)
      const info = await from.put('a/model.bin', Buffer.from('weights'), { signal, contentType: 'application/x' })
      const source = { store: from, name: 'a/model.bin', etag: info.etag, length: info.length }
      const metadata = { holdfast_origin: info.etag }
      const copied = await to.copyFrom?.('b/model.bin', source, {
        signal,
        contentType: info.contentType ?? '',
        metadata,
      })
      const stands = await to.get('b/model.bin', { signal })
      expect(String(stands && (await buffer(stands.bytes)))).toBe('weights')
      expect(stands?.info).toMatchObject({ etag: copied?.etag, metadata, contentType: 'application/x', length: 7 })
    })
  }

  for (const [how, open] of WAYS) {
    it(`lets another region fetch long bytes in blocks, proved by ${how}`, async () => {
      const from = (await open('eastblobs')).container(`from${containers++}`)
      const to = (await open('centralblobs')).container(`to${containers++}`)
      const bytes = long('weights')
      const { etag, md5 } = await from.put('long.bin', bytes, { signal, contentType: 'application/x' })
      const copied = await to.copyFrom?.(
        'long.bin',
        { store: from, name: 'long.bin', etag, length: bytes.length },
        { signal, metadata: { holdfast_origin: 'it' } },
      )
      const stands = await to.get('long.bin', { signal })
      expect(stands && bytes.equals(await buffer(stands.bytes))).toBe(true)
      expect(stands?.info).toMatchObject({
        ...{ etag: copied?.etag, md5, length: bytes.length },
        ...{ contentType: 'application/x', metadata: { holdfast_origin: 'it' } },
      })
    })
  }

  it('publishes nothing of long bytes that change while they are fetched', async () => {
    const source = withToken('eastblobs').container(`from${containers++}`)
    const to = withToken('centralblobs').container(`to${containers++}`)
    const bytes = long('one')
    const { etag } = await source.put('x', bytes, { signal })
    const copying = to.copyFrom?.('x', { store: source, name: 'x', etag, length: bytes.length }, { signal })
    const changing = source.put('x', Buffer.from('two'), { signal })
    await expect(copying).rejects.toEqual(expect.objectContaining({ code: 'blob/changed' }))
    await changing
    expect(await to.head('x', signal)).toBeUndefined()
  })

  it('copies no version that is gone', async () => {
    const from = withToken('eastblobs').container(`from${containers++}`)
    const to = withToken('centralblobs').container(`to${containers++}`)
    const { etag } = await from.put('x', Buffer.from('1'), { signal })
    await from.put('x', Buffer.from('2'), { signal })
    const copying = to.copyFrom?.('x', { store: from, name: 'x', etag, length: 1 }, { signal })
    await expect(copying).rejects.toEqual(expect.objectContaining({ code: 'blob/changed' }))
    expect(await to.head('x', signal)).toBeUndefined()
  })

  it('is unreachable within moments when its region is gone, and says so', async () => {
    const store = withToken('centralblobs').container('one')
    await emulator.faults([{ is: 'down', at: 'centralus' }])
    try {
      await expect(store.head('x', signal)).rejects.toEqual(expect.objectContaining({ code: 'azure/unreachable' }))
    } finally {
      await emulator.faults([])
    }
    expect(String((await store.head('x', signal))?.name)).toBe('x')
  })
})

/** More than one block, and no two blocks alike. */
function long(text: string): Buffer {
  const bytes = Buffer.alloc(65 * 1024 * 1024, text)
  for (let at = 0; at < bytes.length; at += 1024) bytes.writeUInt32LE(at, at)
  return bytes
}

function withToken(account: string): BlobAccount {
  return azureAccount({ account, credential: azure.tokens.credential, transport: azure.transport })
}

async function withKey(account: string): Promise<BlobAccount> {
  const path = `${idOf(account)}/listKeys`
  const listed = await azure.arm.post(path, undefined, { signal, apiVersion: '2023-05-01' })
  const [key] = (listed?.['keys'] ?? []) as readonly { readonly value: string }[]
  return azureAccount({ account, credential: { accountKey: key?.value ?? '' }, transport: azure.transport })
}

function idOf(account: string): string {
  return `/subscriptions/${emulator.subscription}/resourceGroups/blobs/providers/Microsoft.Storage/storageAccounts/${account}`
}

async function makeAccount(location: string, account: string): Promise<void> {
  const group = `/subscriptions/${emulator.subscription}/resourceGroups/blobs`
  await azure.arm.put(group, { location: 'eastus2' }, { signal, apiVersion: '2022-09-01' })
  const body = { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }
  await azure.arm.put(idOf(account), body, { signal, apiVersion: '2023-05-01' })
}
