import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type World } from '../../test/support/world.ts'
import type { Arm } from '../azure/arm.ts'
import type { Address, Item, JsonObject } from '../core/model.ts'
import { type Access, registry } from './registry.ts'
import type { Place, Service } from './service.ts'

const signal = AbortSignal.timeout(240_000)
const ML = '2025-12-01'

/** The kinds over ARM; the data planes are proved beside their own services. */
function overArm(arm: Arm): readonly Service[] {
  return registry({ arm } as Access).filter(({ kind }) => !['blob', 'checkpoint', 'experiment', 'run'].includes(kind))
}

describe('the registry', () => {
  const services = registry({} as Access)
  const kinds = services.map(({ kind }) => kind)

  it('names every kind once, and none before what it needs', () => {
    expect(new Set(kinds).size).toBe(kinds.length)
    for (const [index, { kind, needs }] of services.entries()) {
      for (const need of needs) expect(kinds.indexOf(need), `${kind} needs ${need}`).toBeLessThan(index)
      for (const need of needs) expect(kinds).toContain(need)
    }
  })

  it('says how everything that acts by itself is stopped', () => {
    for (const { can, kind, fence } of services) if (can.acts) expect(fence, kind).toBeDefined()
  })

  it('parks what acts and is carried', () => {
    for (const { can, kind, parked } of services) if (can.acts && can.converge) expect(parked, kind).toBeDefined()
  })
})

describe('an estate', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(() => world?.close())

  async function put(place: Place, path: string, body: JsonObject): Promise<void> {
    await world.arm.put(`${place.workspace}/${path}`, body, { signal, apiVersion: ML })
  }

  /** What a team has, written by their own clients in the source's own names. */
  async function furnish(place: Place): Promise<void> {
    const { workspace, location, storageAccount } = place
    const account = storageAccount.split('/').at(-1)
    const id = `azureml:${workspace}`
    const blob = `https://${account}.blob.core.windows.net/azureml-blobstore-${place.workspaceGuid}`
    const scaleSettings = { minNodeCount: 1, maxNodeCount: 2 }
    const cluster = { computeType: 'AmlCompute', properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings } }
    await put(place, 'computes/cpu', { location, properties: cluster })
    const credentials = { credentialsType: 'Sas', secrets: { secretsType: 'Sas', sasToken: 'sv=1&sig=SECRET' } }
    const lake = { datastoreType: 'AzureBlob', accountName: 'isolated', containerName: 'raw', credentials }
    await put(place, 'datastores/lake', { properties: lake })
    await put(place, 'environments/train/versions/1', { properties: { image: 'mcr.microsoft.com/base:1' } })
    await put(place, 'codes/c0de/versions/1', { properties: { codeUri: `${blob}/LocalUpload/aa/src` } })
    const dataUri = 'azureml://datastores/lake/paths/customers/'
    for (const version of ['1', '3', '2']) {
      await put(place, `data/customers/versions/${version}`, { properties: { dataType: 'uri_folder', dataUri } })
    }
    const modelUri = `azureml://subscriptions/${workspace.split('/')[2]}/resourcegroups/${workspace.split('/')[4]}/workspaces/${workspace.split('/').at(-1)}/datastores/workspaceblobstore/paths/churn/`
    await put(place, 'models/churn/versions/1', {
      properties: { modelUri, modelType: 'mlflow_model', isArchived: true },
    })
    const componentSpec = {
      name: 'train',
      type: 'command',
      command: 'python train.py',
      code: `${id}/codes/c0de/versions/1`,
      environment: `${id}/environments/train/versions/1`,
    }
    await put(place, 'components/train/versions/1', { properties: { componentSpec } })
    const jobDefinition = {
      jobType: 'Command',
      command: 'python train.py',
      environmentId: `${workspace}/environments/train/versions/1`,
      codeId: `${workspace}/codes/c0de/versions/1`,
      computeId: `${workspace}/computes/cpu`,
      inputs: { data: { jobInputType: 'uri_folder', uri: `${id}/data/customers/versions/2` } },
    }
    const trigger = { triggerType: 'Cron', expression: '0 3 * * *', timeZone: 'UTC', startTime: '2030-01-01T00:00:00' }
    const action = { actionType: 'CreateJob', jobDefinition }
    await put(place, 'schedules/nightly', { properties: { trigger, action, isEnabled: true } })
  }

  async function seen(place: Place, services: readonly Service[]): Promise<Map<Address, Item>> {
    const items = new Map<Address, Item>()
    for (const service of services) {
      for await (const one of service.list(place, { signal })) items.set(one.address, one)
    }
    return items
  }

  it('is the same on both sides after one pass in the order of the registry, and no secret shows', async () => {
    const { source, target } = await world.pair()
    await furnish(source)
    const services = overArm(world.arm)
    const wanted = await seen(source, services)
    for (const one of wanted.values()) {
      for (const need of one.needs) expect(wanted.has(need), `${one.address} needs ${need}`).toBe(true)
    }
    for (const service of services) {
      for (const one of wanted.values()) {
        if (one.address.startsWith(`${service.kind}/`)) await service.converge(target, one, { source, signal })
      }
    }
    const found = await seen(target, services)
    const facts = (items: Map<Address, Item>) => [...items.values()].map((one) => [one.address, one.order, one.body])
    expect(facts(found)).toEqual(facts(wanted))
    expect(JSON.stringify([...wanted.values(), ...found.values()])).not.toContain('SECRET')
    const before = await world.writes(target)
    for (const service of services) {
      for (const one of wanted.values()) {
        if (one.address.startsWith(`${service.kind}/`)) await service.converge(target, one, { source, signal })
      }
    }
    expect(await world.writes(target)).toEqual(before)
  })
})
