import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { BlobAccount } from '../../blobs/azure.ts'
import { fileStore } from '../../blobs/file.ts'
import { storageArtifacts } from './storage-artifacts.ts'

const signal = AbortSignal.timeout(20_000)
const ROOT = 'wasbs://mlflow@storage.blob.core.windows.net/runs'
let home = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'storage-artifacts-'))
})
afterEach(() => rm(home, { recursive: true }))

/** Accounts whose containers are folders of this machine. */
function accountOf(account: string): BlobAccount {
  return {
    container: (name) => fileStore(join(home, account, name)),
    containers: () => {
      throw new Error('nobody asks for these')
    },
  }
}

const below = (...folders: readonly string[]) => storageArtifacts(folders, accountOf)

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}

async function all(root: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { path, length } of below(ROOT).files(root, signal)) found.push(`${path} ${length}`)
  return found.toSorted()
}

it('writes, lists and reads files below a folder that was named, whichever of its two hosts names it', async () => {
  const artifacts = below(ROOT)
  await artifacts.write(`${ROOT}/1`, 'a b/100%.txt', { bytes: bytes('bytes'), signal })
  await artifacts.write(`${ROOT}/1/`, 'empty', { bytes: bytes(''), signal })
  await artifacts.write(`${ROOT}/10`, 'of another', { bytes: bytes('x'), signal })
  expect(await all('abfss://mlflow@storage.dfs.core.windows.net/runs/1')).toEqual(['a b/100%.txt 5', 'empty 0'])
  const read = await artifacts.read(`${ROOT}/1`, 'a b/100%.txt', signal)
  const chunks: Uint8Array[] = []
  for await (const chunk of read ?? []) chunks.push(chunk)
  expect(String(Buffer.concat(chunks))).toBe('bytes')
  expect(await artifacts.read(`${ROOT}/1`, 'none', signal)).toBeUndefined()
})

it('takes no folder of Data Lake storage for a file, and no file for a folder', async () => {
  const store = accountOf('storage').container('mlflow')
  await store.put('runs/1/model', Buffer.of(), { signal, metadata: { hdi_isfolder: 'true' } })
  await store.put('runs/1/marked/', Buffer.of(), { signal })
  await store.put('runs/1/model/weights', Buffer.from('w'), { signal })
  expect(await all(`${ROOT}/1`)).toEqual(['model/weights 1'])
})

it.each([
  'wasbs://mlflow@storage.blob.core.windows.net/runs2/1',
  'wasbs://mlflow@storage.blob.core.windows.net/runs/../secrets',
  'wasbs://mlflow@storage.blob.core.windows.net/',
  'wasbs://other@storage.blob.core.windows.net/runs/1',
  'wasbs://mlflow@another.blob.core.windows.net/runs/1',
  'wasbs://mlflow@storage.blob.core.windows.net.example.org/runs/1',
  'https://storage.blob.core.windows.net/mlflow/runs/1',
  's3://mlflow/runs/1',
])('reaches nothing outside the folders that were named, whatever a server says: %s', async (root) => {
  const artifacts = below(ROOT)
  expect(artifacts.reaches(root)).toBe(false)
  await expect(artifacts.read(root, 'x', signal)).rejects.toMatchObject({ code: 'azure/refused' })
  await expect(artifacts.write(root, 'x', { bytes: bytes('x'), signal })).rejects.toMatchObject({
    code: 'azure/refused',
  })
  const [origin] = await Array.fromAsync(artifacts.files(`${ROOT}/1`, signal), (file) => file.origin)
  await expect(artifacts.fetch?.(root, 'x', { origin: origin ?? { version: '1' }, signal })).rejects.toMatchObject({
    code: 'azure/refused',
  })
})

it('takes a whole container where that was named', () => {
  expect(below('wasbs://mlflow@storage.blob.core.windows.net').reaches(`${ROOT}/1`)).toBe(true)
})

it.each(['wasbs://storage.blob.core.windows.net/mlflow', 'abfss://mlflow@storage.blob.example.org/x', `${ROOT}/../x`])(
  'refuses %s, which names no folder in storage',
  (folder) => {
    expect(() => below(folder)).toThrow(expect.objectContaining({ code: 'usage/bad-argument' }))
  },
)
