import { describe, expect, it } from 'vitest'
import { reachOf, sync } from '../../../test/support/reach.ts'
import { item } from '../../core/snapshot.ts'
import type { Batch, Point, Tracking } from '../../mlflow/tracking.ts'
import { conforms } from '../conformance.ts'
import type { Place, Service } from '../service.ts'
import { type RunAccess, runs } from './index.ts'
import { SOURCE_RUN } from './schema.ts'

const ID = '0a1b2c3d4e5f60718293a4b5c6d7e8f9'
const START = Date.parse('2026-03-01T10:00:00.123Z')

const first = {
  experiment: 'churn',
  id: ID,
  name: 'brave-badger',
  user: 'ada',
  status: 'RUNNING',
  start: START,
  end: 0,
  deleted: false,
  params: { lr: '0.1', 'a/b c': '' },
  tags: { 'mlflow.runName': 'brave-badger', team: 'crm', 'mlflow.parentRunId': 'one-that-is-not-there' },
  metrics: {},
  datasets: [
    {
      tags: [{ key: 'mlflow.data.context', value: 'train' }],
      dataset: { name: 'd', digest: 'x', source_type: 'http', source: '{}' },
    },
  ],
}

const { fresh, world } = conforms({
  service: () => runs(accessOf),
  address: `run/churn/${ID}`,
  absent: 'run/churn/none',
  first,
  second: {
    ...first,
    name: 'calm-otter',
    status: 'FINISHED',
    end: START + 5000,
    tags: { 'mlflow.runName': 'calm-otter', more: 'yes' },
  },
  more: [
    ['run/churn/dead', { ...first, id: 'dead', status: 'KILLED', end: START + 1, deleted: true }],
    ['run/churn/waiting', { ...first, id: 'waiting', status: 'SCHEDULED', start: 0 }],
    ['run/b%2Fc/other', { ...first, experiment: 'b/c', id: 'other', status: 'FAILED', start: 0, end: START }],
  ],
})

function accessOf(place: Place): RunAccess {
  return reachOf(world()).runsOf(place)
}

/** A world of a test, with what makes runs at its source. */
async function history(access: (place: Place) => RunAccess = accessOf) {
  const { source, target, signal } = await fresh()
  const [there, here] = [accessOf(source).tracking, accessOf(target).tracking]
  const service = runs(access)
  const experiment = await there.createExperiment('churn', [], signal)
  const carry = () => sync(service, target, { source, signal })
  async function begin(name: string, start = START): Promise<string> {
    return (await there.createRun({ experiment_id: experiment, run_name: name, start_time: start }, signal)).info.run_id
  }
  async function equal(id: string): Promise<void> {
    const [one, other] = [source, target].map((place) => service.read(place, `run/churn/${id}`, { signal }))
    const [original, replica] = [await one, await other]
    expect(replica?.body).toEqual(original?.body)
    expect(replica).toBeDefined()
  }
  return { source, target, signal, there, here, service, experiment, carry, begin, equal }
}

function points(key: string, count: number, from = 0): Point[] {
  return Array.from({ length: count }, (_, n) => ({
    key,
    value: (from + n) / 7,
    timestamp: START + from + n,
    step: from + n,
  }))
}

async function everyPoint(tracking: Tracking, run: string, key: string): Promise<Point[]> {
  const found: Point[] = []
  for await (const point of tracking.history(run, key, AbortSignal.timeout(20_000))) found.push(point)
  return found
}

describe('metrics', () => {
  it('travel with NaN, the infinities, equal times and equal points', async () => {
    const { there, here, carry, begin, equal, signal } = await history()
    const id = await begin('odd')
    const at = { key: 'odd', timestamp: START, step: 0 }
    const values = ['NaN', 'Infinity', '-Infinity', 1, 1, 0.1 + 0.2, -0, 1e-320] as const
    const metrics = values.map((value) => ({ ...at, value }))
    await there.log(id, { metrics: [...metrics, { key: 'a b/c.d-e', value: 2, timestamp: 0, step: -3 }] }, signal)
    await carry()
    await equal(id)
    expect(await everyPoint(here, id, 'odd')).toHaveLength(values.length)
    expect(await carry()).toEqual([])
  })

  it('travel by the thousands, once', async () => {
    const { there, here, carry, begin, equal, signal } = await history()
    const id = await begin('long')
    await there.log(id, { metrics: [...points('loss', 5000), ...points('accuracy', 2500)] }, signal)
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 9000 }, signal)
    await carry()
    await equal(id)
    expect(await everyPoint(here, id, 'loss')).toHaveLength(5000)
    expect(await carry()).toEqual([])
  })

  it.each(['all that is asked for', 'nothing of one run', 'less of one run'])(
    'of closed runs are read together and are the same, from a place that answers %s',
    async (answer) => {
      const alone: string[] = []
      const { source, there, service, begin, equal, carry, experiment, signal } = await history((place) => {
        const { tracking, ...access } = accessOf(place)
        const histories: NonNullable<Tracking['histories']> = async (ids, key) => {
          const found = await Promise.all(ids.map(async (id) => [id, await everyPoint(tracking, id, key)] as const))
          const [[first = '', all = []] = []] = found
          if (answer === 'nothing of one run') return new Map(found.slice(1))
          return answer === 'less of one run' ? new Map([...found, [first, all.slice(0, -1)]]) : new Map(found)
        }
        const one: Tracking['history'] = (id, key, to) => {
          alone.push(id)
          return tracking.history(id, key, to)
        }
        return { ...access, tracking: { ...tracking, history: one, histories } }
      })
      const ids = await Promise.all(['a', 'b', 'c'].map((name) => begin(name)))
      for (const id of ids) {
        const odd = { key: 'l o/s-s', value: 'NaN', timestamp: START, step: 0 } as const
        await there.log(id, { metrics: [...points('loss', 30), odd, { ...odd, value: 7 }] }, signal)
        await there.updateRun(id, { status: 'FINISHED', end_time: START + 9000 }, signal)
      }
      const found = there.runs([experiment], signal)
      const options = { of: () => true, signal }
      for await (const _ of service.readAhead(source, found, options));
      expect(alone).toEqual([])
      for (const id of ids) await service.read(source, `run/churn/${id}`, { signal })
      expect(new Set(alone).size).toBe(answer === 'all that is asked for' ? 0 : 1)
      await carry()
      for (const id of ids) await equal(id)
      expect(await carry()).toEqual([])
    },
  )

  it('of a run that grows are carried exactly as they were seen, pass by pass', async () => {
    const { source, target, there, here, service, carry, begin, equal, signal } = await history()
    const id = await begin('growing')
    await there.log(id, { metrics: points('loss', 10) }, signal)
    const seen = await seenAt(service, source, id, signal)
    await there.log(id, { metrics: points('loss', 10, 10) }, signal)
    const replica = await service.converge(target, seen, { source, signal })
    expect(replica.digest).toBe(seen.digest)
    expect(replica.observedAt).toBeUndefined()
    expect(await everyPoint(here, id, 'loss')).toEqual(points('loss', 10))
    await carry()
    await equal(id)
    expect(await everyPoint(here, id, 'loss')).toHaveLength(20)
  })

  it('of a run that grew while nobody remembers how it was are carried as they are, and when is said', async () => {
    const { source, target, there, service, begin, equal, signal } = await history()
    const id = await begin('growing')
    await there.log(id, { metrics: points('loss', 10) }, signal)
    const seen = await seenAt(service, source, id, signal)
    await there.log(id, { metrics: points('loss', 10, 10) }, signal)
    const another = runs(accessOf, () => 77)
    const replica = await another.converge(target, seen, { source, signal })
    expect(replica.observedAt).toBe(77)
    await equal(id)
  })

  it('arrive once, though a call that logged them failed', async () => {
    let failures = 2
    const { source, target, there, here, service, begin, equal, signal } = await history((place) => {
      const access = accessOf(place)
      const log: Tracking['log'] = async (id, batch, to) => {
        // The first call leaves half of it behind, the second all of it; neither is answered.
        const half = { ...batch, metrics: batch.metrics?.slice(0, failures === 2 ? 1500 : undefined) ?? [] }
        await access.tracking.log(id, half, to)
        if (half.metrics.length > 0 && failures-- > 0) throw unanswered()
      }
      return { ...access, tracking: { ...access.tracking, log } }
    })
    const id = await begin('interrupted')
    await there.log(id, { metrics: points('loss', 3000) }, signal)
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 1 }, signal)
    const seen = await seenAt(service, source, id, signal)
    for (const _ of [1, 2]) {
      await expect(service.converge(target, seen, { source, signal })).rejects.toMatchObject({
        code: 'azure/unreachable',
      })
    }
    expect((await service.converge(target, seen, { source, signal })).digest).toBe(seen.digest)
    expect(await everyPoint(here, id, 'loss')).toEqual(points('loss', 3000))
    await equal(id)
  })

  it('that only the replica has are a conflict, since nobody can take them away', async () => {
    const { there, here, carry, begin, signal } = await history()
    const id = await begin('more')
    await there.log(id, { metrics: points('loss', 3) }, signal)
    await carry()
    await here.log(id, { metrics: points('loss', 2, 50) }, signal)
    await expect(carry()).rejects.toMatchObject({ code: 'sync/conflict', message: expect.stringContaining('2 points') })
  })
})

describe('the rest of a run', () => {
  it('travels: times, status, user, tags that go, deletion and restoration', async () => {
    const { there, carry, begin, equal, signal } = await history()
    const id = await begin('whole')
    await there.log(
      id,
      {
        tags: [
          { key: 'goes', value: '1' },
          { key: 'stays', value: '2' },
        ],
      },
      signal,
    )
    await carry()
    await there.deleteTag(id, 'goes', signal)
    await there.updateRun(id, { status: 'FAILED', end_time: START + 60_000, run_name: 'renamed' }, signal)
    await there.setRunDeleted(id, true, signal)
    await carry()
    await equal(id)
    await there.setRunDeleted(id, false, signal)
    await carry()
    await equal(id)
    expect(await carry()).toEqual([])
  })

  it('keeps a parameter that differs apart, as a conflict', async () => {
    const { there, here, carry, begin, signal } = await history()
    const id = await begin('params')
    await carry()
    await there.log(id, { params: [{ key: 'lr', value: '0.1' }] }, signal)
    await here.log(id, { params: [{ key: 'lr', value: '0.2' }] }, signal)
    await expect(carry()).rejects.toMatchObject({ code: 'sync/conflict', message: expect.stringContaining('lr') })
  })

  it('travels with a parent that is not there, and with one that comes later', async () => {
    const { there, carry, begin, equal, signal } = await history()
    const child = await begin('child', START)
    const parent = await begin('parent', START + 1)
    const orphan = await begin('orphan', START + 2)
    await there.log(child, { tags: [{ key: 'mlflow.parentRunId', value: parent }] }, signal)
    await there.log(orphan, { tags: [{ key: 'mlflow.parentRunId', value: 'nobody' }] }, signal)
    await carry()
    for (const id of [child, parent, orphan]) await equal(id)
  })

  it('travels from a deleted experiment', async () => {
    const { there, carry, begin, equal, experiment, signal } = await history()
    const id = await begin('of a deleted experiment')
    await there.log(id, { metrics: points('loss', 3) }, signal)
    await there.setExperimentDeleted(experiment, true, signal)
    await carry()
    await equal(id)
  })

  it('takes a start that comes after the run was carried', async () => {
    const { source, there, carry, equal, signal } = await history()
    const access = accessOf(source)
    const job = { ...first, id: 'job-1', start: 0, status: 'SCHEDULED', tags: {}, params: {}, datasets: [] }
    expect(await access.createWithId(job, signal)).toBe(true)
    await carry()
    await equal('job-1')
    expect(await access.setStart({ ...job, start: START + 500 }, signal)).toBe(true)
    await there.updateRun('job-1', { status: 'RUNNING' }, signal)
    await carry()
    await equal('job-1')
  })
})

describe('where a server gives its own ids', () => {
  const own = (place: Place): RunAccess => ({
    ...accessOf(place),
    createWithId: () => Promise.resolve(false),
    setStart: () => Promise.resolve(false),
  })

  it('keeps the id of the source in a tag, and finds the run by it, also in another process', async () => {
    const { source, target, there, here, carry, begin, equal, signal, service } = await history(own)
    const id = await begin('elsewhere')
    await there.log(id, { metrics: points('loss', 20), params: [{ key: 'p', value: '1' }] }, signal)
    await carry()
    expect(await here.run(id, signal)).toBeUndefined()
    const [replica] = await replicasOf(here, signal)
    expect(replica?.tags).toContainEqual({ key: SOURCE_RUN, value: id })
    expect(replica?.info['start_time']).toBe(START)
    await equal(id)
    expect(await carry()).toEqual([])
    const another = runs(own)
    const seen = await seenAt(another, source, id, signal)
    expect((await another.converge(target, seen, { source, signal })).digest).toBe(seen.digest)
    expect((await service.read(target, `run/churn/${id}`, { signal }))?.digest).toBe(seen.digest)
    expect(await replicasOf(here, signal)).toHaveLength(1)
  })

  it('makes no second run where the first was made and nobody heard', async () => {
    let failures = 1
    const { source, target, here, begin, signal, service } = await history((place) => {
      const access = own(place)
      const createRun: Tracking['createRun'] = async (run, to) => {
        const created = await access.tracking.createRun(run, to)
        if (failures-- > 0) throw unanswered()
        return created
      }
      return { ...access, tracking: { ...access.tracking, createRun } }
    })
    const id = await begin('once')
    const seen = await seenAt(service, source, id, signal)
    await expect(service.converge(target, seen, { source, signal })).rejects.toMatchObject({
      code: 'azure/unreachable',
    })
    expect((await service.converge(target, seen, { source, signal })).digest).toBe(seen.digest)
    expect(await replicasOf(here, signal)).toHaveLength(1)
  })

  it('links children to the replicas of their parents, in a second pass where the child came first', async () => {
    const { there, here, carry, begin, equal, signal } = await history(own)
    const child = await begin('child', START)
    const parent = await begin('parent', START + 1)
    await there.log(child, { tags: [{ key: 'mlflow.parentRunId', value: parent }] }, signal)
    await carry()
    await carry()
    for (const id of [child, parent]) await equal(id)
    const replicas = await replicasOf(here, signal)
    const idOf = (name: string) => replicas.find(({ info }) => info['run_name'] === name)?.info.run_id
    const link = replicas.find(({ info }) => info['run_name'] === 'child')?.tags
    expect(link).toContainEqual({ key: 'mlflow.parentRunId', value: idOf('parent') })
    expect(await carry()).toEqual([])
  })

  it('carries back to where it came from, and nothing differs', async () => {
    const { source, target, carry, begin, there, signal, service } = await history(own)
    const id = await begin('round trip')
    await there.log(id, { metrics: points('loss', 5) }, signal)
    await carry()
    expect(await sync(service, source, { source: target, signal })).toEqual([])
  })

  it('keeps what a deleted experiment holds', async () => {
    const { there, here, carry, begin, equal, experiment, signal } = await history(own)
    const id = await begin('of a deleted experiment')
    await there.setExperimentDeleted(experiment, true, signal)
    const replica = await here.createExperiment('churn', [], signal)
    await here.setExperimentDeleted(replica, true, signal)
    await carry()
    await equal(id)
    expect((await here.experiment(replica, signal))?.deleted).toBe(true)
  })
})

describe('what a place does not take', () => {
  /** A place that takes only what `takes` says yes to, and makes of the rest what `made` says. */
  async function choosy(takes: (batch: Batch) => boolean, made: (batch: Batch) => Batch = (batch) => batch) {
    return history((place) => {
      const access = accessOf(place)
      const log: Tracking['log'] = async (id, batch, to) => {
        if (!takes(batch)) throw refused()
        await access.tracking.log(id, made(batch), to)
      }
      const createWithId: RunAccess['createWithId'] = (run, to) => access.createWithId({ ...run, tags: {} }, to)
      return { ...access, createWithId, tracking: { ...access.tracking, log } }
    })
  }

  it('is kept under a key that it takes: a tag that it refuses', async () => {
    const { there, here, carry, begin, equal, signal } = await choosy(
      ({ tags = [] }) => !tags.some(({ key }) => key === 'system.own'),
    )
    const id = await begin('refused')
    const tags = ['system.own', 'other'].map((key) => ({ key, value: 'x' }))
    await there.log(id, { tags }, signal)
    await carry()
    expect((await here.run(id, signal))?.tags).toContainEqual({ key: 'holdfast.tag.system.own', value: 'x' })
    await equal(id)
    expect(await carry()).toEqual([])
    await there.log(id, { tags: [{ key: 'system.own', value: 'y' }] }, signal)
    await carry()
    await equal(id)
    await there.deleteTag(id, 'system.own', signal)
    await carry()
    await equal(id)
    expect((await here.run(id, signal))?.tags.map(({ key }) => key)).not.toContain('holdfast.tag.system.own')
  })

  it('is kept whole: values that it cuts, and tags that it drops without a word', async () => {
    const cut = (pairs: readonly { key: string; value: string }[] = []) =>
      pairs.flatMap(({ key, value }) => (key === 'dropped' ? [] : [{ key, value: value.slice(0, 4000) }]))
    const { there, here, carry, begin, equal, signal } = await choosy(
      () => true,
      (batch) => ({ ...batch, tags: cut(batch.tags), params: cut(batch.params) }),
    )
    const id = await begin('cut')
    const long = 'é'.repeat(5999)
    const pairs = ['dropped', 'long', 'short'].map((key) => ({ key, value: key === 'long' ? long : key }))
    await there.log(id, { tags: pairs, params: pairs }, signal)
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 1 }, signal)
    await there.setRunDeleted(id, true, signal)
    await carry()
    await equal(id)
    expect((await here.run(id, signal))?.params).toContainEqual({ key: 'long', value: long.slice(0, 4000) })
    expect(await carry()).toEqual([])
  })

  it('is kept with every point: parameters and metrics whose names it refuses', async () => {
    const isOdd = ({ key }: { readonly key: string }) => !key.startsWith('holdfast.') && /[/ ]/.test(key)
    let refusals = 0
    const { source, target, there, here, service, carry, begin, equal, signal } = await choosy(
      ({ metrics = [], params = [] }) => {
        const isRefused = [...metrics, ...params].some(isOdd)
        if (isRefused) refusals += 1
        return !isRefused
      },
    )
    const id = await begin('odd names')
    const params = ['a b', 'c/d', 'plain'].map((key) => ({ key, value: key }))
    await there.log(
      id,
      { metrics: [...points('a b', 30), ...points('c/d', 1500), ...points('loss', 20)], params },
      signal,
    )
    await carry()
    await equal(id)
    expect((await here.run(id, signal))?.latest.map(({ key }) => key)).toContain('holdfast.metric.a__20b')
    expect(await carry()).toEqual([])
    await there.log(id, { metrics: points('a b', 30, 30) }, signal)
    refusals = 0
    await carry()
    await equal(id)
    // Which names are refused is known by now.
    expect(refusals).toBe(0)
    expect(await everyPoint(here, id, 'holdfast.metric.a__20b')).toHaveLength(60)
    // And back: what was kept comes to have its own name again, so nothing differs.
    expect(await sync(service, source, { source: target, signal })).toEqual([])
  })

  it('is told where it has no name for it: a metric too many', async () => {
    const keys = new Set<string>()
    const { source, target, there, here, service, begin, signal } = await choosy(({ metrics = [] }) => {
      for (const { key } of metrics) if (keys.size < 2) keys.add(key)
      return metrics.every(({ key }) => keys.has(key))
    })
    const id = await begin('many metrics')
    await there.log(id, { metrics: ['a', 'b', 'c'].flatMap((key) => points(key, 3)) }, signal)
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 1 }, signal)
    const seen = await seenAt(service, source, id, signal)
    const told: [string, boolean][] = []
    const remark = (text: string, isLost: boolean) => void told.push([text, isLost])
    await service.converge(target, seen, { source, signal, remark })
    expect(told).toEqual([[expect.stringContaining('no name: c'), true]])
    const replica = await here.run(id, signal)
    expect(replica?.info.status).toBe('FINISHED')
    for (const key of ['a', 'b']) expect(await everyPoint(here, id, key)).toHaveLength(3)
  })
})

it('adds what the other side logged and touches nothing that stands, when both sides went on', async () => {
  const { source, target, there, here, service, carry, begin, signal } = await history()
  const id = await begin('both')
  await there.log(id, { metrics: points('loss', 5) }, signal)
  await carry()
  await there.log(
    id,
    { metrics: points('loss', 5, 5), params: [{ key: 'p', value: '1' }], tags: [{ key: 'team', value: 'theirs' }] },
    signal,
  )
  await there.updateRun(id, { status: 'FINISHED', end_time: START + 1 }, signal)
  await here.log(id, { metrics: points('val', 1), tags: [{ key: 'team', value: 'ours' }] }, signal)
  await here.updateRun(id, { status: 'KILLED', end_time: START + 2, run_name: 'ours' }, signal)
  await here.setRunDeleted(id, true, signal)
  const theirs = await seenAt(service, source, id, signal)
  for (const _ of [1, 2]) await service.mergeInto?.(target, theirs, { source, signal })
  expect(await everyPoint(here, id, 'loss')).toEqual(points('loss', 10))
  expect(await everyPoint(here, id, 'val')).toHaveLength(1)
  const merged = await here.run(id, signal)
  expect(merged?.info).toMatchObject({
    status: 'KILLED',
    run_name: 'ours',
    end_time: START + 2,
    lifecycle_stage: 'deleted',
  })
  expect(merged?.params).toEqual([{ key: 'p', value: '1' }])
  expect(merged?.tags).toContainEqual({ key: 'team', value: 'ours' })
})

it('refuses a run that stands in another experiment', async () => {
  const { source, target, service, begin, carry, signal } = await history()
  const id = await begin('moved')
  await carry()
  const seen = await seenAt(service, source, id, signal)
  const moved = item(`run/other/${id}`, { ...seen.body, experiment: 'other' })
  await expect(service.converge(target, moved, { source, signal })).rejects.toMatchObject({ code: 'sync/conflict' })
})

async function seenAt(service: Service, place: Place, id: string, signal: AbortSignal) {
  const seen = await service.read(place, `run/churn/${id}`, { signal, as: 'source' })
  if (seen === undefined) throw new Error(`${id} is not there`)
  return seen
}

async function replicasOf(tracking: Tracking, signal: AbortSignal) {
  const experiment = await tracking.experimentByName('churn', signal)
  const found = []
  for await (const run of tracking.runs([experiment?.id ?? ''], signal)) found.push(run)
  return found
}

function unanswered(): Error {
  return Object.assign(new Error('no answer'), { code: 'azure/unreachable' })
}

function refused(): Error {
  return Object.assign(new Error('refused'), { code: 'azure/refused' })
}

describe('what a job has read and made', () => {
  const lineageOf = (place: Place, at = place) => ({
    inputs: {
      rows: {
        assetId: `azureml://locations/${at.location}/workspaces/${at.workspaceGuid}/data/rows/versions/3`,
        type: 'UriFolder',
      },
    },
    outputs: { model: { assetId: `azureml:/${at.workspace}/models/churn/versions/1`, type: 'CustomModel' } },
  })

  it('is the same in the standby, by the assets that are there, and is carried once', async () => {
    const { source, target, carry, begin, equal, there, signal } = await history()
    const [plain, id] = [await begin('plain'), await begin('job')]
    await accessOf(source).lineage?.set({ experiment: 'churn', id }, lineageOf(source), signal)
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 9000 }, signal)
    await carry()
    await equal(id)
    await equal(plain)
    expect((await accessOf(target).lineage?.of([id, plain], signal))?.get(id)).toEqual(lineageOf(source, target))
    expect(await carry()).toEqual([])
  })

  it('is kept in a tag where a place has no words for it, and given back', async () => {
    const without = (place: Place): RunAccess => {
      const { lineage: _, ...rest } = accessOf(place)
      return rest
    }
    const { source, target, begin, there, signal } = await history()
    const id = await begin('job')
    await there.updateRun(id, { status: 'FINISHED', end_time: START + 9000 }, signal)
    await accessOf(source).lineage?.set({ experiment: 'churn', id }, lineageOf(source), signal)
    const address = `run/churn/${id}` as const
    const onServer = runs((place) => (place === target ? without(place) : accessOf(place)))
    await sync(onServer, target, { source, signal })
    const [original, kept] = [
      await onServer.read(source, address, { signal }),
      await onServer.read(target, address, { signal }),
    ]
    expect(kept?.body).toEqual(original?.body)
    expect((await accessOf(target).lineage?.of([id], signal))?.get(id)).toBeUndefined()
    expect(await sync(onServer, target, { source, signal })).toEqual([])
    // A place that has words for it gets them from the tag.
    if (kept !== undefined) await runs(accessOf).converge(target, kept, { source: target, signal })
    expect((await accessOf(target).lineage?.of([id], signal))?.get(id)).toEqual(lineageOf(source, target))
  })

  it('of a side that comes back takes the place of nothing', async () => {
    const { source, target, begin, carry, service, there, signal } = await history()
    const [bare, own] = [await begin('bare'), await begin('own')]
    await carry()
    for (const id of [bare, own]) {
      await accessOf(source).lineage?.set({ experiment: 'churn', id }, lineageOf(source), signal)
      await there.updateRun(id, { status: 'FINISHED', end_time: START + 9000 }, signal)
    }
    const ours = { inputs: {}, outputs: { other: { assetId: 'azureml:x', type: 'UriFile' } } }
    await accessOf(target).lineage?.set({ experiment: 'churn', id: own }, ours, signal)
    for (const id of [bare, own]) {
      const theirs = await service.read(source, `run/churn/${id}`, { signal, as: 'source' })
      if (theirs !== undefined) await service.mergeInto?.(target, theirs, { source, signal })
    }
    const found = await accessOf(target).lineage?.of([bare, own], signal)
    expect([found?.get(bare), found?.get(own)]).toEqual([lineageOf(source, target), ours])
  })
})
