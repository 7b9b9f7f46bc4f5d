import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blobWrites, listed, reachOf, sync } from '../../../test/support/reach.ts'
import { openWorld, type World } from '../../../test/support/world.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Place } from '../service.ts'
import { type BlobAccess, blobs } from './index.ts'
import { blobAddress } from './schema.ts'

const signal = AbortSignal.timeout(240_000)
const MEBIBYTE = 1024 * 1024
let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world?.close())

async function fresh(change: (access: BlobAccess) => BlobAccess = (access) => access) {
  const { source, target } = await world.pair()
  const access = reachOf(world).blobs
  const service = blobs(change(access))
  return {
    source,
    target,
    service,
    there: access.container(source, 'data'),
    here: access.container(target, 'data'),
    carry: () => sync(service, target, { source, signal }),
    back: () => sync(service, source, { source: target, signal }),
    addresses: async (place: Place) => (await listed(service, place, signal)).map(({ address }) => address),
  }
}

async function bytesAt(store: BlobStore, name: string): Promise<Buffer | undefined> {
  const found = await store.get(name, { signal })
  return found === undefined ? undefined : buffer(found.bytes)
}

describe('a blob', () => {
  it('is undefined where nothing is, and nothing is listed where there are no containers', async () => {
    const { service, source } = await fresh()
    expect(await service.read(source, blobAddress('data', 'none'), { signal })).toBeUndefined()
    expect((await listed(service, source, signal)).filter(({ body }) => body['container'] === 'data')).toEqual([])
  })

  it('travels with how its bytes are to be read, whether they pass through here or not', async () => {
    const { there, here, carry } = await fresh()
    const presentation = { contentEncoding: 'gzip', contentDisposition: 'attachment' }
    await there.put('a.csv', Buffer.from('1'), { signal, presentation })
    await there.put('long.csv', Buffer.alloc(9 * 1024 * 1024, 1), { signal, presentation })
    expect(await carry()).toHaveLength(2)
    for (const name of ['a.csv', 'long.csv'])
      expect((await here.head(name, signal))?.presentation).toEqual(presentation)
    expect(await carry()).toEqual([])
  })

  it('travels with its type and metadata, and a listing that has not changed copies nothing', async () => {
    const { there, here, target, carry, service } = await fresh()
    await there.put('a/b.csv', Buffer.from('1,2'), { signal, contentType: 'text/csv', metadata: { owner: 'ada' } })
    await there.put('empty', Buffer.alloc(0), { signal })
    expect(await carry()).toHaveLength(2)
    expect(await here.head('a/b.csv', signal)).toMatchObject({
      contentType: 'text/csv',
      length: 3,
      metadata: { owner: 'ada', holdfast_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    expect(await bytesAt(here, 'empty')).toEqual(Buffer.alloc(0))
    const before = await blobWrites(world, target)
    expect(before).toContain('PUT data/a/b.csv')
    expect(await carry()).toEqual([])
    const [item] = await listed(service, target, signal)
    if (item !== undefined) await service.converge(target, item, { source: target, signal })
    expect(await blobWrites(world, target)).toEqual(before)
  })

  it('is carried again when it is overwritten, or only its metadata', async () => {
    const { there, here, carry } = await fresh()
    await there.put('model.bin', Buffer.from('one'), { signal })
    await carry()
    await there.put('model.bin', Buffer.from('two'), { signal })
    await carry()
    expect(String(await bytesAt(here, 'model.bin'))).toBe('two')
    await there.put('model.bin', Buffer.from('two'), { signal, metadata: { stage: 'live' } })
    await carry()
    expect((await here.head('model.bin', signal))?.metadata).toMatchObject({ stage: 'live' })
    expect(await carry()).toEqual([])
  })

  it('keeps a name whatever is in it', async () => {
    const { there, here, carry } = await fresh()
    const names = [
      'a b/c',
      'ä/ü/ß',
      '日本語/модель',
      '#?%41&=+',
      "it's/“so”",
      'a..b',
      'x//y',
      'a\\b',
      '%2F',
      'end.',
      '~!@$^*()[]{}|;,<>',
    ]
    const kept: string[] = []
    for (const name of names) {
      await there.put(name, Buffer.from(name), { signal })
      for await (const info of there.list('', signal)) if (!kept.includes(info.name)) kept.push(info.name)
    }
    await carry()
    for (const name of kept) expect(String(await bytesAt(here, name))).toBe(String(await bytesAt(there, name)))
    expect(kept.length).toBeGreaterThan(names.length - 2)
    expect(await carry()).toEqual([])
  })

  it('of 20 MiB travels whole, from region to region or through here', async () => {
    const bytes = randomBytes(20 * MEBIBYTE)
    const streaming = (access: BlobAccess): BlobAccess => ({
      ...access,
      container: (place, name) => {
        const { copyFrom: _, ...store } = access.container(place, name)
        return store
      },
    })
    for (const change of [(access: BlobAccess) => access, streaming]) {
      const { there, here, carry } = await fresh(change)
      await there.put('weights.pt', Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]), { signal })
      await carry()
      expect((await bytesAt(here, 'weights.pt'))?.equals(bytes)).toBe(true)
      expect(await carry()).toEqual([])
    }
  })

  it('that breaks off on the way is not published', async () => {
    const broken = (access: BlobAccess): BlobAccess => ({
      ...access,
      container: (place, name) => {
        const { copyFrom: _, ...store } = access.container(place, name)
        const get: BlobStore['get'] = async (blob, options) => {
          const found = await store.get(blob, options)
          if (found === undefined) return undefined
          const bytes = Readable.from([(await buffer(found.bytes)).subarray(0, 9 * MEBIBYTE)])
          return { ...found, bytes }
        }
        return { ...store, get }
      },
    })
    const { there, here, carry } = await fresh(broken)
    await there.put('weights.pt', randomBytes(10 * MEBIBYTE), { signal })
    await expect(carry()).rejects.toMatchObject({ code: 'blob/damaged' })
    expect(await here.head('weights.pt', signal)).toBeUndefined()
  })

  it('that changes while it is copied is not copied', async () => {
    const changing = (access: BlobAccess): BlobAccess => ({
      ...access,
      container: (place, name) => {
        const store = access.container(place, name)
        const head: BlobStore['head'] = async (blob, to) => {
          const info = await store.head(blob, to)
          if (info !== undefined) await store.put(blob, Buffer.from('newer'), { signal: to })
          return info
        }
        return { ...store, head }
      },
    })
    const { there, here, carry } = await fresh(changing)
    await there.put('hot', randomBytes(9 * MEBIBYTE), { signal })
    await expect(carry()).rejects.toMatchObject({ code: 'blob/changed' })
    expect(await here.head('hot', signal)).toBeUndefined()
  })

  it('that has grown large since it was listed travels whole', async () => {
    const { there, here, service, source, target } = await fresh()
    await there.put('grown', Buffer.from('small'), { signal })
    const seen = (await listed(service, source, signal)).find(({ body }) => body['name'] === 'grown')
    const bytes = randomBytes(10 * MEBIBYTE)
    await there.put('grown', bytes, { signal })
    if (seen === undefined) throw new Error('it is not listed')
    await service.converge(target, seen, { source, signal })
    expect((await bytesAt(here, 'grown'))?.equals(bytes)).toBe(true)
  })

  it('that changed since the plan is carried as it is now, and when is said', async () => {
    const { there, here, service, source, target } = await fresh((access) => ({ ...access, now: () => 77 }))
    await there.put('hot', Buffer.from('older'), { signal })
    const [seen] = (await listed(service, source, signal)).filter(({ body }) => body['name'] === 'hot')
    await there.put('hot', Buffer.from('newer'), { signal })
    if (seen === undefined) throw new Error('it is not listed')
    const stands = await service.converge(target, seen, { source, signal })
    expect(stands.observedAt).toBe(77)
    expect(String(await bytesAt(here, 'hot'))).toBe('newer')
    await there.remove('hot', { signal })
    await here.remove('hot', { signal })
    await expect(service.converge(target, seen, { source, signal })).rejects.toMatchObject({ code: 'blob/changed' })
  })

  it('is known on the way back, and a change there is carried back', async () => {
    const { there, here, carry, back } = await fresh()
    await there.put('one', Buffer.from('1'), { signal })
    await there.put('two', Buffer.from('2'), { signal })
    await carry()
    expect(await back()).toEqual([])
    await here.put('two', Buffer.from('changed'), { signal })
    expect(await back()).toHaveLength(1)
    expect(String(await bytesAt(there, 'two'))).toBe('changed')
    expect(await carry()).toEqual([])
  })

  it('is removed twice without complaint', async () => {
    const { there, service, source } = await fresh()
    await there.put('one', Buffer.from('1'), { signal })
    for (const _ of [1, 2]) await service.remove(source, blobAddress('data', 'one'), { signal })
    expect(await there.head('one', signal)).toBeUndefined()
  })

  it('is not listed in part where its region is gone', async () => {
    const { service, source, there } = await fresh()
    await there.put('one', Buffer.from('1'), { signal })
    await world.emulator.faults([{ is: 'down', at: source.location }])
    try {
      await expect(listed(service, source, signal)).rejects.toMatchObject({
        code: expect.stringMatching(/^observe\/incomplete$|^azure\/unreachable$/),
      })
    } finally {
      await world.emulator.faults([])
    }
  })
})

describe('a file that names its workspace', () => {
  it('names the other one there, and is the same on the way back', async () => {
    const { there, here, source, target, carry, back } = await fresh()
    const text = (place: Place) =>
      `artifact_path: azureml://${place.workspace.slice(1)}/x\nguid: ${place.workspaceGuid}\n`
    await there.put('m/MLmodel', Buffer.from(text(source)), { signal })
    await carry()
    const replica = String(await bytesAt(here, 'm/MLmodel'))
    expect(replica).toBe(text(target))
    expect((await here.head('m/MLmodel', signal))?.metadata['holdfast_origin_length']).toBe(String(text(source).length))
    expect(await carry()).toEqual([])
    expect(await back()).toEqual([])
    await here.put('m/MLmodel', Buffer.from(`${text(target)}more: 1\n`), { signal })
    await back()
    expect(String(await bytesAt(there, 'm/MLmodel'))).toBe(`${text(source)}more: 1\n`)
  })

  it('is left as it is where it is no text', async () => {
    const { there, here, carry } = await fresh()
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x80]), Buffer.from('MLmodel')])
    await there.put('m/MLmodel', bytes, { signal })
    await carry()
    expect(await bytesAt(here, 'm/MLmodel')).toEqual(bytes)
  })
})

describe('what is left out', () => {
  it('is the container of Holdfast, and what a running job wrote since it began', async () => {
    const since = Date.now() + 60_000
    const elsewhere = [
      { prefix: 'data/out/', since: 0 },
      { prefix: 'data/shared/', since },
    ]
    const { source, target, service, there, addresses } = await fresh((access) => ({
      ...access,
      carriedElsewhere: () => Promise.resolve(elsewhere),
    }))
    for (const name of ['out/ckpt', 'shared/old', 'in/x']) await there.put(name, Buffer.from('1'), { signal })
    await reachOf(world).blobs.container(source, 'holdfast').put('x', Buffer.from('1'), { signal })
    expect(await addresses(source)).toEqual([blobAddress('data', 'in/x'), blobAddress('data', 'shared/old')])
    expect(service.withheld?.(source)).toEqual(new Set([blobAddress('data', 'out/ckpt')]))
    expect(service.withheld?.(target)).toEqual(new Set())
  })
})

it('stands beside the other side’s version under a name of its own, with the bytes of its source', async () => {
  const { there, here, service, source, target, carry } = await fresh()
  await there.put('m/MLmodel', Buffer.from(`theirs ${source.workspaceGuid}`), { signal, metadata: { by: 'them' } })
  await here.put('m/MLmodel', Buffer.from('ours'), { signal })
  const [theirs] = (await listed(service, source, signal)).filter(({ body }) => body['name'] === 'm/MLmodel')
  if (theirs === undefined) throw new Error('it is not listed')
  const aside = service.aside?.(theirs, 'fo-7')
  expect(aside?.address).toBe(blobAddress('data', 'm/MLmodel.holdfast-fo-7'))
  expect(service.aside?.(theirs, 'fo-7')).toEqual(aside)
  if (aside === undefined) return
  for (const _ of [1, 2]) {
    expect((await service.converge(target, aside, { source, signal })).digest).toBe(aside.digest)
  }
  expect(String(await bytesAt(here, 'm/MLmodel.holdfast-fo-7'))).toBe(`theirs ${target.workspaceGuid}`)
  expect(String(await bytesAt(here, 'm/MLmodel'))).toBe('ours')
  expect((await blobWrites(world, target)).filter((line) => line.includes('fo-7'))).toHaveLength(1)
  await carry()
  expect(String(await bytesAt(here, 'm/MLmodel'))).toBe(`theirs ${target.workspaceGuid}`)
})
