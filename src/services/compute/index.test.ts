import { describe, expect, it } from 'vitest'
import { Fault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { type Names, openPlace, placeOf, readNames } from '../place.ts'
import type { Place } from '../service.ts'
import { computes } from './index.ts'
import { innerOf } from './schema.ts'

const inner = {
  vmSize: 'STANDARD_DS3_V2',
  vmPriority: 'Dedicated',
  osType: 'Linux',
  isolatedNetwork: false,
  remoteLoginPortPublicAccess: 'Disabled',
  enableNodePublicIp: true,
  scaleSettings: { minNodeCount: 1, maxNodeCount: 4, nodeIdleTimeBeforeScaleDown: 'PT120S' },
}
const first = {
  location: '<<hf:location>>',
  properties: { computeType: 'AmlCompute', disableLocalAuth: true, properties: inner },
}
const owner = { objectId: '0b0b0b0b-0000-4000-8000-000000000001', tenantId: '0b0b0b0b-0000-4000-8000-000000000002' }
const instance = {
  location: '<<hf:location>>',
  properties: {
    computeType: 'ComputeInstance',
    disableLocalAuth: false,
    properties: {
      vmSize: 'STANDARD_DS3_V2',
      applicationSharingPolicy: 'Personal',
      personalComputeInstanceSettings: { assignedUser: owner },
      sshSettings: { sshPublicAccess: 'Disabled' },
      enableNodePublicIp: true,
      state: 'Stopped',
    },
  },
}

const { fresh, world } = conforms({
  service: computes,
  address: 'compute/gpu',
  absent: 'compute/none',
  first,
  second: {
    ...first,
    properties: {
      ...first.properties,
      properties: { ...inner, scaleSettings: { ...inner.scaleSettings, maxNodeCount: 6 } },
    },
  },
  more: [['compute/laptop', instance]],
})

it('keeps no node in a warm standby, and the same in a hot one', async () => {
  const { service } = await fresh()
  const warm = service.parked?.(first, 'hot/warm') as typeof first & JsonObject
  expect(warm.properties.properties.scaleSettings.minNodeCount).toBe(0)
  expect(service.parked?.(first, 'hot/hot')).toBe(first)
})

it('starts and stops an instance to be as wanted', async () => {
  const { service, source, target, signal } = await fresh()
  const stopped = await service.converge(target, item('compute/laptop', instance), { source, signal })
  expect(stopped.body).toEqual(instance)
  const { properties } = instance
  const running = {
    ...instance,
    properties: { ...properties, properties: { ...properties.properties, state: 'Running' } },
  }
  expect((await service.converge(target, item('compute/laptop', running), { source, signal })).body).toEqual(running)
})

const morning = {
  status: 'Enabled',
  action: 'Start',
  triggerType: 'Cron',
  cron: { expression: '0 8 * * *', timeZone: 'UTC' },
}

/** The instance with other fields in its definition. */
function instanceWith(more: JsonObject): JsonObject {
  return {
    ...instance,
    properties: { ...instance.properties, properties: { ...instance.properties.properties, ...more } },
  }
}

it('is the same on both sides, whatever Azure calls the schedules of an instance and wherever its shell listens', async () => {
  const { service, source, target, signal } = await fresh()
  const wanted = item('compute/laptop', instanceWith({ schedules: { computeStartStop: [morning] } }))
  const one = await service.converge(source, wanted, { source: target, signal })
  const other = await service.converge(target, one, { source, signal })
  expect([one.digest, other.digest]).toEqual([wanted.digest, wanted.digest])
})

it('changes how long an instance may idle by the call that Azure has for it', async () => {
  const { service, source, target, signal } = await fresh()
  const made = item('compute/laptop', instanceWith({ idleTimeBeforeShutdown: 'PT30M' }))
  expect((await service.converge(target, made, { source, signal })).digest).toBe(made.digest)
  const wanted = item('compute/laptop', instanceWith({ idleTimeBeforeShutdown: 'PT60M' }))
  expect((await service.converge(target, wanted, { source, signal })).digest).toBe(wanted.digest)
  const writes = await world().writes(target)
  expect(writes.filter((one) => one.startsWith('PUT'))).toEqual(['PUT computes/laptop'])
})

it('guards that nothing acts on both sides: an instance does not start by itself where it stands by, and does again where it acts', async () => {
  const { service, source, target, signal } = await fresh()
  const evening = { ...morning, action: 'Stop', cron: { expression: '0 18 * * *', timeZone: 'UTC' } }
  const schedules = { computeStartStop: [morning, evening] }
  const acts = instanceWith({ schedules, state: 'Running' })
  const quiet = { computeStartStop: [{ ...morning, status: 'Disabled' }, evening] }
  const parked = service.parked?.(acts, 'hot/warm') ?? {}
  expect(parked).toEqual(instanceWith({ schedules: quiet, state: 'Stopped' }))
  expect(service.parked?.(acts, 'hot/hot')).toEqual(instanceWith({ schedules: quiet, state: 'Running' }))
  expect(service.parked?.(parked, 'hot/warm')).toEqual(parked)
  expect((await service.converge(target, item('compute/laptop', parked), { source, signal })).body).toEqual(parked)
  expect((await service.converge(target, item('compute/laptop', acts), { source, signal })).body).toEqual(acts)
})

describe('a personal instance', () => {
  const path = 'computes/laptop'
  const sshSettings = { sshPublicAccess: 'Enabled', adminPublicKey: 'ssh-rsa AAAA' }
  const { personalComputeInstanceSettings: _, ...definition } = instance.properties.properties
  const unassigned = { ...instance.properties, properties: { ...definition, sshSettings } }
  const own = { location: 'eastus2', properties: unassigned }

  it('is assigned to whoever made the one it is a copy of, and gets no key, which Azure refuses then', async () => {
    const { service, source, target, signal } = await fresh()
    const options = { signal, apiVersion: '2025-12-01' }
    const made = await world().arm.put(`${source.workspace}/${path}`, own, options)
    const { userId, userOrgId } = innerOf(made)['createdBy'] as JsonObject
    const read = await service.read(source, 'compute/laptop', { signal })
    if (read === undefined) throw new Error('it is not there')
    const replica = await service.converge(target, read, { source, signal })
    const raw = innerOf((await world().arm.get(`${target.workspace}/${path}`, options)) ?? {})
    expect(raw['personalComputeInstanceSettings']).toEqual({ assignedUser: { objectId: userId, tenantId: userOrgId } })
    expect(JSON.stringify(raw)).not.toContain('AAAA')
    expect(replica.digest).toBe(read.digest)
  })

  it('that is refused says for whom it was to be made', async () => {
    const { source, target, signal } = await fresh()
    const put = () => Promise.reject(new Fault('azure/refused', 'no such user'))
    const making = computes({ ...world().arm, put }).converge(target, item('compute/laptop', instance), {
      source,
      signal,
    })
    await expect(making).rejects.toEqual(
      expect.objectContaining({ code: 'azure/refused', facts: { owner: owner.objectId } }),
    )
  })

  it('that stands there and is somebody else’s is named, and is no other compute for what runs on it', async () => {
    const { service, source, target, signal } = await fresh()
    const another = { assignedUser: { ...owner, objectId: '0b0b0b0b-0000-4000-8000-000000000003' } }
    const theirs = item('compute/laptop', instanceWith({ personalComputeInstanceSettings: another }))
    await service.converge(target, theirs, { source, signal })
    const converging = service.converge(target, item('compute/laptop', instance), { source, signal })
    await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'sync/conflict' }))
    expect(service.frozen?.(theirs.body)).toEqual(service.frozen?.(instance))
  })
})

it('says what of an instance Azure took and left as before', async () => {
  const { service, source, target, signal } = await fresh()
  const before = item('compute/laptop', instanceWith({ schedules: { computeStartStop: [morning] } }))
  await service.converge(target, before, { source, signal })
  const deaf = computes({
    ...world().arm,
    put: async (path, _body, options) => (await world().arm.get(path, options)) ?? {},
  })
  const later = { ...morning, cron: { expression: '0 9 * * *', timeZone: 'UTC' } }
  const wanted = item('compute/laptop', instanceWith({ schedules: { computeStartStop: [later] } }))
  await expect(deaf.converge(target, wanted, { source, signal })).rejects.toEqual(
    expect.objectContaining({ code: 'azure/refused', facts: { left: 'schedules' } }),
  )
})

it('has the name that the policy maps, and the same address', async () => {
  const { service, source, target, signal } = await fresh()
  const mappings = { compute: { gpu: 'gpu-cus' } }
  const mapped = await openPlace(world().arm, target.workspace, { mappings, signal })
  if (mapped === undefined) throw new Error('the workspace is not there')
  await service.converge(mapped, item('compute/gpu', first), { source, signal })
  const raw = await world().arm.get(`${target.workspace}/computes/gpu-cus`, { signal, apiVersion: '2025-12-01' })
  expect(raw?.['name']).toBe('gpu-cus')
  const listed: string[] = []
  for await (const one of service.list(mapped, { signal })) listed.push(one.address)
  expect(listed).toEqual(['compute/gpu'])
})

describe('in a subnet', () => {
  const subnet = (net: string) =>
    `/subscriptions/s/resourcegroups/g/providers/microsoft.network/virtualnetworks/${net}/subnets/ml`
  const inEast = {
    ...first,
    properties: { ...first.properties, properties: { ...inner, subnet: { id: subnet('east') } } },
  }

  it('is made in the one that the policy maps, and is the same where it stands there', async () => {
    const { service, source, target, signal } = await fresh()
    const mappings = { subnet: { [subnet('east')]: subnet('central') } }
    const mapped = await openPlace(world().arm, target.workspace, { mappings, signal })
    if (mapped === undefined) throw new Error('the workspace is not there')
    const wanted = item('compute/gpu', inEast)
    const stands = await service.converge(mapped, wanted, { source, signal })
    const raw = await world().arm.get(`${target.workspace}/computes/gpu`, { signal, apiVersion: '2025-12-01' })
    expect(JSON.stringify(raw)).toContain(subnet('central'))
    expect(stands.digest).toBe(wanted.digest)
  })

  it('that is mapped to none and refused asks for the mapping', async () => {
    const { source, target, signal } = await fresh()
    const put = () => Promise.reject(new Fault('azure/refused', 'no such network here'))
    const making = computes({ ...world().arm, put }).converge(target, item('compute/gpu', inEast), { source, signal })
    await expect(making).rejects.toEqual(
      expect.objectContaining({ code: 'azure/refused', facts: { subnet: subnet('east') } }),
    )
  })
})

it('stands where it was asked for, if that is neither region', async () => {
  const { service, source, target, signal } = await fresh()
  const wanted = item('compute/gpu', { ...first, location: 'westus' })
  await service.converge(source, wanted, { source, signal })
  const read = await service.read(source, 'compute/gpu', { signal })
  expect(read).toMatchObject({ digest: wanted.digest, body: { location: 'westus' } })
  if (read === undefined) throw new Error('it is not there')
  await service.converge(target, read, { source, signal })
  expect(await service.read(target, 'compute/gpu', { signal })).toMatchObject({ digest: wanted.digest })
})

async function namesOf({ workspace }: Place, signal: AbortSignal): Promise<Names> {
  const names = await readNames(world().arm, workspace, { signal })
  if (names === undefined) throw new Error('the workspace is not there')
  return names
}

it('stands in the region of the other side, if it stands there already or beside its workspace', async () => {
  const { service, source, target, signal } = await fresh()
  const { arm } = world()
  const [east, central] = [await namesOf(source, signal), await namesOf(target, signal)]
  const [here, there] = [placeOf(east, central), placeOf(central, east)]
  await service.converge(here, item('compute/gpu', { ...first, location: 'centralus' }), { source: there, signal })
  const read = await service.read(here, 'compute/gpu', { signal })
  if (read === undefined) throw new Error('it is not there')
  const replica = await service.converge(there, read, { source: here, signal })
  const raw = await arm.get(`${target.workspace}/computes/gpu`, { signal, apiVersion: '2025-12-01' })
  expect([raw?.['location'], replica.digest]).toEqual(['centralus', read.digest])
})

it('says that another size is another compute', async () => {
  const { service, source, target, signal } = await fresh()
  await service.converge(target, item('compute/gpu', first), { source, signal })
  const { properties } = first
  const other = { ...first, properties: { ...properties, properties: { ...inner, vmSize: 'STANDARD_NC6S_V3' } } }
  const converging = service.converge(target, item('compute/gpu', other), { source, signal })
  await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'sync/conflict' }))
})

it('only sees what is attached and stands elsewhere', async () => {
  const { service, source, target, signal } = await fresh()
  const attached = (cluster: string) => ({
    location: '<<hf:location>>',
    properties: { computeType: 'Kubernetes', resourceId: `/clusters/${cluster}`, properties: { namespace: 'default' } },
  })
  expect(service.observed?.(attached('a'))).toBe(true)
  expect(service.observed?.(first) === true || service.observed?.(instance) === true).toBe(false)
  const converging = service.converge(target, item('compute/k8s', attached('a')), { source, signal })
  await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'azure/refused' }))
})
