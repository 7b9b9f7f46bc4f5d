import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reachOf } from '../../../test/support/reach.ts'
import { openWorld, type World } from '../../../test/support/world.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'
import { blobArtifacts, RUN_FILES } from './blob-artifacts.ts'

const HOSTILE = [
  '100% näme.txt',
  'a+b&c=d;e,f@g$h!.txt',
  'it\'s "quoted" (1) [2] {3}.txt',
  'percent %20 %41.txt',
  'query?and#fragment',
  '-dash',
  '.hidden',
  '~tilde',
  'trailing space ',
  'trailing dot.',
  'CON',
  '\u202egpj.exe',
  'e\u0301 and \u00e9',
  'n'.repeat(200),
  `${Array.from({ length: 20 }, (_, n) => `level ${n}`).join('/')}/bottom.txt`,
]
const ROOT = 'azureml://x/experiments/1/runs/0a1b2c3d/artifacts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

it('keeps files of every name, the empty ones too, and gives them back to the byte', async () => {
  const signal = AbortSignal.timeout(60_000)
  const { source } = await world.pair()
  const artifacts = blobArtifacts(reachOf(world).blobs.container(source, RUN_FILES))
  for (const path of HOSTILE) await artifacts.write(ROOT, path, { bytes: chunks(Buffer.from(path)), signal })
  await artifacts.write(ROOT, 'empty', { bytes: chunks(Buffer.alloc(0)), signal })
  const found: string[] = []
  for await (const { path } of artifacts.files(ROOT, signal)) found.push(path)
  expect(found.toSorted()).toEqual([...HOSTILE, 'empty'].toSorted())
  for (const path of HOSTILE) expect(await digestOf(await artifacts.read(ROOT, path, signal))).toBe(sha256(path))
  expect(await digestOf(await artifacts.read(ROOT, 'empty', signal))).toBe(sha256(''))
})

it('lets the storage of one workspace take a file from that of another, as it was when it was listed', async () => {
  const signal = AbortSignal.timeout(60_000)
  const { source, target } = await world.pair()
  const [from, to] = [source, target].map((place) =>
    blobArtifacts(reachOf(world).blobs.container(place, RUN_FILES)),
  ) as [Artifacts, Artifacts]
  const other = ROOT.replace('0a1b2c3d', '4e5f6071')
  await from.write(ROOT, 'a/weights', { bytes: chunks(Buffer.from('weights')), signal })
  const [file] = await Array.fromAsync(from.files(ROOT, signal))
  if (file?.origin === undefined) throw new Error('no version is told')
  const { origin } = file
  expect(await to.fetch?.(other, 'b/weights', { origin, signal })).toBe(true)
  expect(await digestOf(await to.read(other, 'b/weights', signal))).toBe(sha256('weights'))
  await from.write(ROOT, 'a/weights', { bytes: chunks(Buffer.from('others')), signal })
  await expect(to.fetch?.(other, 'b/weights', { origin, signal })).rejects.toMatchObject({ code: 'blob/changed' })
  expect(await digestOf(await to.read(other, 'b/weights', signal))).toBe(sha256('weights'))
  expect(await to.fetch?.(other, 'b/weights', { origin: { version: 'of no store' }, signal })).toBe(false)
})

async function* chunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

async function digestOf(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of bytes ?? []) hash.update(chunk)
  return hash.digest('hex')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
