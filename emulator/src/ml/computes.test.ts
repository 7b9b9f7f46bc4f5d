import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GROUP_ID, TestRegion } from './test-region.ts'

const test = new TestRegion()
let workspace = ''
beforeAll(async () => {
  await test.open()
  workspace = await test.workspace('ws')
})
afterAll(() => test.end())

const LOCATION = `${GROUP_ID.split('/resourceGroups')[0]}/providers/Microsoft.MachineLearningServices/locations/eastus2`

function cluster(maxNodeCount: number, vmSize = 'Standard_DS3_v2'): object {
  const scaleSettings = { minNodeCount: 0, maxNodeCount, nodeIdleTimeBeforeScaleDown: 'PT5M' }
  const userAccountCredentials = { adminUserName: 'u', adminUserPassword: 'secret' }
  return {
    location: 'eastus2',
    properties: { computeType: 'AmlCompute', properties: { vmSize, scaleSettings, userAccountCredentials } },
  }
}

const instance = {
  location: 'eastus2',
  properties: { computeType: 'ComputeInstance', properties: { vmSize: 'Standard_DS1_v2' } },
}

describe('computes', () => {
  it('are made by an operation and then scale', async () => {
    const path = `${workspace}/computes/cpu`

    const made = await test.ask('PUT', path, cluster(4))
    await test.ended(made)
    const read = await test.ask('GET', path)
    const scale = { properties: { properties: { scaleSettings: { minNodeCount: 2 } } } }
    await test.ended(await test.ask('PATCH', path, scale))
    const nodes = await test.ask('POST', `${path}/listNodes`)
    const after = await test.ask('GET', path)

    expect([made.status, made.at('properties.provisioningState')]).toEqual([201, 'Creating'])
    expect(made.headers['azure-asyncoperation']).toBeDefined()
    expect(read.body).toMatchObject({
      name: 'cpu',
      location: 'eastus2',
      properties: { computeType: 'AmlCompute', provisioningState: 'Succeeded', isAttachedCompute: false },
    })
    expect(JSON.stringify(read.body)).not.toContain('secret')
    expect(nodes.at('nodes.1.nodeState')).toBe('idle')
    expect(after.at('properties.properties.scaleSettings')).toEqual({
      minNodeCount: 2,
      maxNodeCount: 4,
      nodeIdleTimeBeforeScaleDown: 'PT5M',
    })
  })

  it('stand where they were asked for, if they are clusters, and else in the region of their workspace', async () => {
    const [elsewhere, own] = [`${workspace}/computes/elsewhere`, `${workspace}/computes/own`]
    await test.ended(await test.ask('PUT', elsewhere, { ...cluster(1), location: 'West US' }))
    await test.ended(await test.ask('PUT', own, { ...instance, location: 'westus' }))
    expect((await test.ask('GET', elsewhere)).body).toMatchObject({
      location: 'westus',
      properties: { computeLocation: 'westus' },
    })
    expect((await test.ask('GET', own)).body).toMatchObject({
      location: 'eastus2',
      properties: { computeLocation: 'eastus2' },
    })
  })

  it('refuse another size under the same name', async () => {
    const path = `${workspace}/computes/fixed`
    await test.ended(await test.ask('PUT', path, cluster(1)))

    const other = await test.ask('PUT', path, cluster(1, 'Standard_NC6s_v3'))

    expect([other.status, other.at('error.code')]).toEqual([400, 'ComputeCannotBeUpdated'])
  })

  it('are stopped and started if they are instances', async () => {
    const path = `${workspace}/computes/ci`
    await test.ended(await test.ask('PUT', path, instance))
    const state = async () => (await test.ask('GET', path)).at('properties.properties.state')

    const running = await state()
    const stopping = await test.ask('POST', `${path}/stop`)
    const passing = await state()
    await test.ended(stopping)
    const stopped = await state()
    await test.ended(await test.ask('POST', `${path}/start`))

    expect([running, passing, stopped, await state()]).toEqual(['Running', 'Stopping', 'Stopped', 'Running'])
  })

  it('keep how long they may idle until the call for it, if they are instances, and say who made them', async () => {
    const path = `${workspace}/computes/idle`
    const idling = (idleTimeBeforeShutdown: string) => {
      const properties = { ...instance.properties.properties, idleTimeBeforeShutdown }
      return { ...instance, properties: { ...instance.properties, properties } }
    }
    const told = async () => (await test.ask('GET', path)).at('properties.properties') as Record<string, unknown>
    await test.ended(await test.ask('PUT', path, idling('PT30M')))
    const made = await told()
    await test.ended(await test.ask('PUT', path, idling('PT60M')))
    const put = await told()
    const changed = await test.ask('POST', `${path}/updateIdleShutdownSetting`, { idleTimeBeforeShutdown: 'PT60M' })

    expect([made['idleTimeBeforeShutdown'], put['idleTimeBeforeShutdown'], changed.status]).toEqual([
      'PT30M',
      'PT30M',
      200,
    ])
    expect(await told()).toEqual({ ...put, idleTimeBeforeShutdown: 'PT60M' })
    expect(put).toMatchObject({ createdBy: made['createdBy'], sshSettings: made['sshSettings'] })
  })

  it('go by an operation', async () => {
    const path = `${workspace}/computes/leaving`
    await test.ended(await test.ask('PUT', path, cluster(1)))

    const without = await test.ask('DELETE', path)
    const begun = await test.ask('DELETE', `${path}?underlyingResourceAction=Delete`)
    await test.ended(begun)
    const gone = await test.ask('GET', path)

    expect([without.status, begun.status, gone.status]).toEqual([400, 202, 404])
  })

  it('stay on their way out when what was begun before ends', async () => {
    const path = `${workspace}/computes/brief`
    const made = await test.ask('PUT', path, cluster(1))
    test.slow(500)
    const removed = await test.ask('DELETE', `${path}?underlyingResourceAction=Delete`)
    await test.ended(made)
    expect((await test.ask('GET', path)).at('properties.provisioningState')).toBe('Deleting')
    await test.ended(removed)
  })

  it('take cores, of which a region has so many', async () => {
    const usage = async () => {
      const value = (await test.ask('GET', `${LOCATION}/usages`)).at('value')
      return (value as { name: { value: string } }[]).find(
        (one) => one.name.value === 'Standard NCSv3 Family Cluster Dedicated vCPUs',
      )
    }
    const size = 'Standard_NC6s_v3'

    await test.ended(await test.ask('PUT', `${workspace}/computes/gpu`, cluster(2, size)))
    const before = await usage()
    const set = await test.ask('POST', `${LOCATION}/updateQuotas`, {
      value: [{ id: `${LOCATION}/quotas/Standard_NCSv3_Family_Cluster_Dedicated_vCPUs`, limit: 18 }],
    })
    const over = await test.ask('PUT', `${workspace}/computes/gpu2`, cluster(2, size))
    const within = await test.ask('PUT', `${workspace}/computes/gpu3`, cluster(1, size))

    expect(before).toMatchObject({ currentValue: 12, limit: 300, unit: 'Count' })
    expect(set.at('value.0.status')).toBe('Success')
    expect([over.status, over.at('error.code'), within.status]).toEqual([400, 'ClusterCoreQuotaReached', 201])
    expect(await usage()).toMatchObject({ currentValue: 18, limit: 18 })
  })

  it('have no limit that could not be read again', async () => {
    const id = `${LOCATION}/quotas/Standard_NCSv3_Family_Cluster_Dedicated_vCPUs`
    const set = await test.ask('POST', `${LOCATION}/updateQuotas`, { value: [{ id, limit: 2 ** 60 }] })

    expect(set.at('value.0.status')).toBe('InvalidQuotaExceedsSubscriptionLimit')
    expect((await test.ask('GET', `${LOCATION}/quotas`)).status).toBe(200)
    expect((await test.ask('GET', `${LOCATION}/usages`)).status).toBe(200)
  })

  it('come in sizes and quotas that are listed', async () => {
    const sizes = await test.ask('GET', `${LOCATION}/vmSizes`)
    const quotas = await test.ask('GET', `${LOCATION}/quotas`)

    expect(sizes.at('value.0')).toMatchObject({ name: 'Standard_DS1_v2', vCPUs: 1 })
    expect(quotas.at('value.0')).toMatchObject({ unit: 'Count', amlWorkspaceLocation: 'eastus2' })
  })
})
