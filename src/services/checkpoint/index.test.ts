import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listed, reachOf, sync } from '../../../test/support/reach.ts'
import { openWorld, type World } from '../../../test/support/world.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { JsonObject } from '../../core/model.ts'
import type { Place } from '../service.ts'
import { type CheckpointAccess, checkpoints, placeCheckpoint } from './index.ts'
import type { OpenOutput } from './schema.ts'

const ML = '2025-12-01'
const HOUR = 3_600_000
const signal = AbortSignal.timeout(240_000)
let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world?.close())

const OUTPUT: OpenOutput = { job: 'train-7', output: 'ckpt', container: 'work', prefix: 'azureml/train-7/ckpt/' }

/** A job whose output is what the test puts there. */
async function fresh(change: (access: CheckpointAccess) => CheckpointAccess = (access) => access) {
  const { source, target } = await world.pair()
  const own = reachOf(world).checkpoints
  let open: readonly OpenOutput[] = [OUTPUT]
  let now = Date.now()
  const openOutputs: CheckpointAccess['openOutputs'] = async (place) => (place === source ? open : [])
  const access = change({ ...own, openOutputs, now: () => now++ })
  const service = checkpoints(access)
  const [there, here] = [own.container(source, 'work'), own.container(target, 'holdfast')]
  return {
    source,
    target,
    service,
    here,
    there,
    work: own.container(target, 'work'),
    access,
    carry: () => sync(service, target, { source, signal }),
    write: (name: string, text: string) => there.put(OUTPUT.prefix + name, Buffer.from(text), { signal }),
    ends: () => {
      open = []
    },
    later: (milliseconds: number) => {
      now += milliseconds
    },
    held: () => namesIn(here, 'checkpoints/'),
    standing: () => service.read(target, 'checkpoint/train-7/ckpt', { signal, as: 'target' }),
    place: (prefix?: string) =>
      placeCheckpoint(access, target, {
        job: 'train-7',
        output: 'ckpt',
        signal,
        ...(prefix === undefined ? {} : { prefix }),
      }),
  }
}

async function namesIn(store: BlobStore, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix, signal)) names.push(name)
  return names
}

async function textAt(store: BlobStore, name: string): Promise<string | undefined> {
  const found = await store.get(name, { signal })
  return found === undefined ? undefined : String(await buffer(found.bytes))
}

describe('a set', () => {
  it('travels, and is placed where the next job looks, with what is in it', async () => {
    const { write, carry, place, work, standing, source, service } = await fresh()
    await write('step-1/model.pt', 'm1')
    await write('step-1/optimizer.pt', 'o1')
    await write('step-1/empty', '')
    const [carried] = await carry()
    expect(carried?.observedAt).toBeDefined()
    expect((await standing())?.digest).toBe(carried?.digest)
    expect((await service.read(source, 'checkpoint/train-7/ckpt', { signal }))?.digest).toBe(carried?.digest)
    expect(await carry()).toEqual([])
    expect(await place()).toMatchObject({ container: 'work', prefix: OUTPUT.prefix })
    expect(await place('azureml/train-7-f1/ckpt/')).toMatchObject({ prefix: 'azureml/train-7-f1/ckpt/' })
    for (const prefix of [OUTPUT.prefix, 'azureml/train-7-f1/ckpt/']) {
      expect(await textAt(work, `${prefix}step-1/model.pt`)).toBe('m1')
      expect(await textAt(work, `${prefix}step-1/optimizer.pt`)).toBe('o1')
      expect(await textAt(work, `${prefix}step-1/empty`)).toBe('')
    }
  })

  it('is not there before anything was written, and cannot be placed', async () => {
    const { carry, place, service, source } = await fresh()
    expect(await listed(service, source, signal)).toEqual([])
    expect(await service.read(source, 'checkpoint/train-7/ckpt', { signal })).toBeUndefined()
    expect(await carry()).toEqual([])
    expect(await place()).toBeUndefined()
  })

  it('is kept while the next is published, and let go after that', async () => {
    const { write, carry, held } = await fresh()
    for (const step of ['1', '2', '3']) {
      await write('model.pt', step)
      await carry()
      const generations = new Set(
        (await held()).filter((name) => name.endsWith('.pt')).map((name) => name.split('/')[3]),
      )
      expect(generations.size).toBe(step === '1' ? 1 : 2)
    }
  })

  it('copies no file again that an earlier attempt has copied', async () => {
    let failures = 1
    const copied: string[] = []
    const { write, carry } = await fresh((access) => ({
      ...access,
      container: (place, name) => {
        const store = access.container(place, name)
        const put: BlobStore['put'] = async (blob, bytes, options) => {
          if (blob.endsWith('/b') && failures-- > 0)
            throw Object.assign(new Error('cut'), { code: 'azure/unreachable' })
          copied.push(blob.split('/').at(-1) ?? '')
          return store.put(blob, bytes, options)
        }
        return { ...store, put }
      },
    }))
    await write('a', '1')
    await write('b', '1')
    await expect(carry()).rejects.toMatchObject({ code: 'azure/unreachable' })
    await carry()
    expect(copied).toEqual(['a', 'b', 'manifest.json'])
  })

  it('stays for a while after its job has ended, unseen, and goes with a later end', async () => {
    const { write, carry, ends, place, standing, later, held, service, target } = await fresh()
    await write('model.pt', '1')
    await carry()
    ends()
    const end = () => service.remove(target, 'checkpoint/train-7/ckpt', { signal, as: 'target' })
    await end()
    expect(await standing()).toBeUndefined()
    expect(await listedIn(target)).toEqual([])
    expect(await place()).toBeDefined()
    later(HOUR - 60_000)
    await end()
    expect(await held()).toHaveLength(2)
    later(120_000)
    await end()
    expect(await held()).toEqual([])
    await end()

    async function listedIn(at: Place): Promise<string[]> {
      const found: string[] = []
      for await (const { address } of service.list(at, { signal, as: 'target' })) found.push(address)
      return found
    }
  })

  it('counts again when its job goes on', async () => {
    const { write, carry, standing, service, target } = await fresh()
    await write('model.pt', '1')
    await carry()
    await service.remove(target, 'checkpoint/train-7/ckpt', { signal, as: 'target' })
    await carry()
    expect(await standing()).toBeDefined()
  })

  it('that lost a file cannot be placed, and says which', async () => {
    const { write, carry, held, here, place } = await fresh()
    await write('model.pt', '1')
    await carry()
    for (const name of await held()) if (name.endsWith('model.pt')) await here.remove(name, { signal })
    await expect(place()).rejects.toMatchObject({ code: 'blob/damaged', message: expect.stringContaining('model.pt') })
  })

  it('whose manifest is damaged cannot be placed, and says so', async () => {
    const { write, carry, held, here, place } = await fresh()
    await write('model.pt', '1')
    await carry()
    const manifest = (await held()).find((name) => name.endsWith('manifest.json')) ?? ''
    for (const damaged of ['{"job":"train-7","gen', '', 'null', '[]', '{}']) {
      await here.put(manifest, Buffer.from(damaged), { signal })
      await expect(place(), damaged).rejects.toMatchObject({ code: 'blob/damaged' })
    }
  })
})

describe('a job that keeps writing', () => {
  it('yields a set whose files belong together', async () => {
    const { write, carry, place, work } = await fresh((access) => ({ ...access, now: Date.now }))
    let goes = true
    const writing = (async () => {
      for (let step = 1; goes; step++) {
        await write('a', String(step))
        await write('b', String(step))
        await sleep(200)
      }
    })()
    try {
      await sleep(50)
      await carry()
      await place('again/')
      const [a, b] = [await textAt(work, 'again/a'), await textAt(work, 'again/b')]
      expect(a).toBeDefined()
      expect(a).toBe(b)
    } finally {
      goes = false
      await writing
    }
  })

  it('without any rest leaves the set before in place, and says so', async () => {
    let restless = false
    const { source, target, service, write, carry, standing, place, work } = await fresh((access) => ({
      ...access,
      container: (at, name) => {
        const store = access.container(at, name)
        const list: BlobStore['list'] = async function* (prefix, to) {
          if (restless) await write('model.pt', String(Math.random()))
          yield* store.list(prefix, to)
        }
        return { ...store, list }
      },
    }))
    await write('model.pt', '1')
    await carry()
    const before = await standing()
    restless = true
    const [seen] = await listed(service, source, signal)
    if (seen === undefined) throw new Error('it is not listed')
    await expect(service.converge(target, seen, { source, signal })).rejects.toMatchObject({ code: 'blob/changed' })
    expect((await standing())?.digest).toBe(before?.digest)
    await place('again/')
    expect(await textAt(work, 'again/model.pt')).toBe('1')
  })
})

describe('a job of the workspace', () => {
  it('has its mounted outputs carried as sets while it runs, and as blobs when it has ended', async () => {
    const { source, target } = await world.pair()
    await submitWriter(source)
    const reach = reachOf(world)
    const service = checkpoints(reach.checkpoints)
    const [seen] = await until('there is a checkpoint', async () => {
      const items = await listed(service, source, signal)
      return items.length > 0 ? items : undefined
    })
    expect(seen?.address).toBe('checkpoint/writer/ckpt')
    const elsewhere = await reach.blobs.carriedElsewhere(source, signal)
    expect(elsewhere).toEqual([
      { prefix: expect.stringMatching(/^azureml-blobstore-.*\/azureml\/writer\/ckpt\/$/), since: expect.any(Number) },
    ])
    await sync(service, target, { source, signal })
    const request = { job: 'writer', output: 'ckpt', prefix: 'resumed/', signal }
    const placed = await placeCheckpoint(reach.checkpoints, target, request)
    const container = reach.blobs.container(target, placed?.container ?? '')
    const [a, b] = [await textAt(container, 'resumed/a'), await textAt(container, 'resumed/b')]
    expect(Number(a)).toBeGreaterThan(0)
    expect(a).toBe(b)
    await world.arm.post(`${source.workspace}/jobs/writer/cancel`, undefined, { signal, apiVersion: ML })
    await until('the job has ended', async () => {
      const left = await listed(service, source, signal)
      return left.length === 0 ? left : undefined
    })
    expect(await reach.blobs.carriedElsewhere(source, signal)).toEqual([])
  }, 60_000)

  it('guards I4: has its files in one list of a reading, though it ends between that of blobs and that of checkpoints', async () => {
    const { source } = await world.pair()
    await submitWriter(source)
    const { blobs, checkpoints: access } = reachOf(world)
    const service = checkpoints(access)
    const reading = AbortSignal.any([signal])
    await until('there is a checkpoint', async () => {
      const items = await listed(service, source, reading)
      return items.length > 0 ? items : undefined
    })
    expect(await blobs.carriedElsewhere(source, reading)).toHaveLength(1)
    await world.arm.post(`${source.workspace}/jobs/writer/cancel`, undefined, { signal, apiVersion: ML })
    await until('the job has ended', async () =>
      (await access.openOutputs(source, signal)).length === 0 ? true : undefined,
    )
    expect((await listed(service, source, reading)).map(({ address }) => address)).toEqual(['checkpoint/writer/ckpt'])
    expect(await listed(service, source, reading)).toEqual([])
  }, 60_000)
})

async function submitWriter(place: Place): Promise<void> {
  const put = (path: string, body: JsonObject) =>
    world.arm.put(`${place.workspace}/${path}`, body, { signal, apiVersion: ML })
  await put('environments/train/versions/1', { properties: { image: 'mcr.microsoft.com/base:1' } })
  const scaleSettings = { minNodeCount: 0, maxNodeCount: 1 }
  const cluster = { computeType: 'AmlCompute', properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings } }
  await put('computes/cpu', { location: place.location, properties: cluster })
  await put('jobs/writer', {
    properties: {
      jobType: 'Command',
      command: `for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo $n > \${{outputs.ckpt}}/a; echo $n > \${{outputs.ckpt}}/b; sleep 2; done`,
      environmentId: `${place.workspace}/environments/train/versions/1`,
      computeId: `${place.workspace}/computes/cpu`,
      outputs: {
        ckpt: { jobOutputType: 'uri_folder', mode: 'ReadWriteMount' },
        late: { jobOutputType: 'uri_folder', mode: 'Upload' },
      },
    },
  })
}

/** Asks again until there is an answer, for at most 20 seconds. */
async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`it did not come to pass within 20 s: ${what}`)
    await sleep(50)
  }
}
