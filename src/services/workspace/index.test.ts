import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type World } from '../../../test/support/world.ts'
import type { Arm, Body } from '../../azure/arm.ts'
import { Fault } from '../../core/errors.ts'
import { propertiesOf } from '../arm-body.ts'
import { openPlace } from '../place.ts'
import type { Place } from '../service.ts'
import { workspaces } from './index.ts'
import { provision } from './provision.ts'
import { type Named, standbyNames, standbyTemplate } from './template.ts'

const ML = '2025-12-01'
const signal = AbortSignal.timeout(240_000)
let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world?.close())

async function raw(place: Pick<Place, 'workspace'>): Promise<Body> {
  return (await world.arm.get(place.workspace, { signal, apiVersion: ML })) ?? {}
}

async function change(place: Place, body: Body): Promise<void> {
  await world.arm.patch(place.workspace, body, { signal, apiVersion: ML })
}

describe('the settings of a workspace', () => {
  it('are one item, the same on both sides when nothing was set', async () => {
    const { source, target } = await world.pair()
    const service = workspaces(world.arm)
    const [one, other] = await Promise.all(
      [source, target].map((place) => service.read(place, 'workspace/settings', { signal })),
    )
    expect(one?.body).toEqual(other?.body)
    const listed: unknown[] = []
    for await (const found of service.list(source, { signal })) listed.push(found)
    expect(listed).toEqual([one])
    expect(await service.read(source, 'workspace/other', { signal })).toBeUndefined()
  })

  it('follow where they change, and what each side stands on stays', async () => {
    const { source, target } = await world.pair()
    const service = workspaces(world.arm)
    await change(source, {
      tags: { team: 'crm' },
      properties: { description: 'Who leaves', publicNetworkAccess: 'Disabled' },
    })
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    const before = await raw(target)
    expect((await service.converge(target, wanted, { source, signal })).body).toEqual(wanted.body)
    const after = await raw(target)
    expect(after['properties']).toEqual({
      ...(before['properties'] as Body),
      description: 'Who leaves',
      publicNetworkAccess: 'Disabled',
    })
    await service.converge(target, wanted, { source, signal })
    expect(await raw(target)).toEqual(after)
  })

  it('leave each side the subnet of its serverless jobs', async () => {
    const { source, target } = await world.pair()
    const service = workspaces(world.arm)
    const jobsIn = (subnet: string) => ({
      properties: { serverlessComputeSettings: { serverlessComputeCustomSubnet: subnet } },
    })
    await change(source, { ...jobsIn('/subnets/east'), tags: { team: 'crm' } })
    await change(target, jobsIn('/subnets/central'))
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    expect((await service.converge(target, wanted, { source, signal })).digest).toBe(wanted.digest)
    expect(await raw(target)).toMatchObject({ ...jobsIn('/subnets/central'), tags: { team: 'crm' } })
  })

  it('are cleared where they were cleared', async () => {
    const { source, target } = await world.pair()
    const service = workspaces(world.arm)
    await change(target, { properties: { description: 'old' } })
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    expect((await service.converge(target, wanted, { source, signal })).digest).toBe(wanted.digest)
  })
})

function templateOf(like: Body, insights?: Body): Body {
  const workspace = '/subscriptions/s/resourceGroups/g/providers/p/workspaces/w'
  return standbyTemplate({
    workspace,
    location: 'centralus',
    like,
    insights,
    keyVault: undefined,
    containerRegistry: undefined,
    named: (_kind, name) => `${name}-dr`,
  })
}

describe('settings that are gone from the source', () => {
  it('go in the standby too: the last tag, a text, an object and a list', async () => {
    const { source, target } = await world.pair()
    const service = workspaces(world.arm)
    const properties = { description: 'old', networkAcls: { defaultAction: 'Deny' }, ipAllowlist: ['10.0.0.1'] }
    await change(target, { tags: { team: 'crm' }, properties })
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    expect((await service.converge(target, wanted, { source, signal })).digest).toBe(wanted.digest)
    expect(await raw(target)).toMatchObject({ tags: {}, properties: { networkAcls: {}, ipAllowlist: [] } })
  })

  it('are named where Azure does not let go of them', async () => {
    const { source, target } = await world.pair()
    await change(target, { properties: { softDeleteRetentionInDays: 7 } })
    const patch: typeof world.arm.patch = (path, body, options) => {
      const { softDeleteRetentionInDays: _, ...rest } = body['properties'] as Body
      return world.arm.patch(path, { ...body, properties: rest }, options)
    }
    const service = workspaces({ ...world.arm, patch })
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    const converging = service.converge(target, wanted, { source, signal })
    await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'azure/refused' }))
  })

  it('are named where something else sets them again, such as a tag of Azure Policy', async () => {
    const { source, target } = await world.pair()
    await change(source, { tags: { team: 'crm', place: 'one' } })
    const patch: typeof world.arm.patch = (path, body, options) =>
      world.arm.patch(path, { ...body, tags: { ...(body['tags'] as Body), place: 'two' } }, options)
    const service = workspaces({ ...world.arm, patch })
    const wanted = await service.read(source, 'workspace/settings', { signal })
    if (wanted === undefined) throw new Error('no settings')
    const converging = service.converge(target, wanted, { source, signal })
    await expect(converging).rejects.toMatchObject({ code: 'azure/refused', facts: { left: 'tags' } })
    expect(await raw(target)).toMatchObject({ tags: { team: 'crm', place: 'two' } })
  })

  it('do not count what is said only when a workspace is made', async () => {
    const { source } = await world.pair()
    const service = workspaces(world.arm)
    const before = await service.read(source, 'workspace/settings', { signal })
    await change(source, { properties: { provisionNetworkNow: true } })
    expect((await service.read(source, 'workspace/settings', { signal }))?.digest).toBe(before?.digest)
  })
})

describe('provision', () => {
  const standbyId = (group: string, name: string) =>
    `/subscriptions/${world.emulator.subscription}/resourceGroups/${group}/providers/Microsoft.MachineLearningServices/workspaces/${name}`

  it('makes a workspace like the primary on a storage of its own, and does it once', async () => {
    const { source } = await world.pair()
    await change(source, { tags: { team: 'crm' }, properties: { description: '[not an expression]' } })
    const workspace = standbyId('rg-standby', 'churn-dr')
    const options = { workspace, location: 'centralus', like: await raw(source), signal }
    const made = await provision(world.arm, options)
    const own = made['properties'] as Body
    expect(made).toMatchObject({ location: 'centralus', tags: { team: 'crm' }, identity: { type: 'SystemAssigned' } })
    expect(own).toMatchObject({ description: '[not an expression]', provisioningState: 'Succeeded' })
    expect(String(own['storageAccount'])).toContain(standbyNames(workspace).storageAccount)
    expect(own['keyVault']).toBe((options.like['properties'] as Body)['keyVault'])
    expect(String(own['applicationInsights'])).toContain('churn-dr-insights')
    const writes = await world.emulator.activity('centralus')
    expect(await provision(world.arm, options)).toEqual(made)
    expect(await world.emulator.activity('centralus')).toEqual(writes)
  })

  it('opens as a place whose settings are the primary’s', async () => {
    const { source } = await world.pair()
    const workspace = standbyId('rg-standby-2', 'churn-dr-2')
    await provision(world.arm, { workspace, location: 'centralus', like: await raw(source), keyVault: 'own', signal })
    const target = await openPlace(world.arm, workspace, { signal })
    if (target === undefined) throw new Error('no place')
    const service = workspaces(world.arm)
    const [one, other] = await Promise.all(
      [source, target].map((place) => service.read(place, 'workspace/settings', { signal })),
    )
    expect(other?.body).toEqual(one?.body)
  })

  it('is as closed as the primary, and says whom it does not let in', async () => {
    const { source } = await world.pair()
    const network = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s'
    const networkAcls = { defaultAction: 'Deny', ipRules: [{ value: '203.0.113.0/24', action: 'Allow' }] }
    const letIn = { ...networkAcls, bypass: 'Logging', virtualNetworkRules: [{ id: network, action: 'Allow' }] }
    const storage = { signal, apiVersion: '2023-05-01' }
    await world.arm.patch(source.storageAccount, { properties: { networkAcls: letIn } }, storage)
    const rules = {
      ipAllowlist: ['203.0.113.7'],
      networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '203.0.113.7' }] },
    }
    await change(source, { properties: rules })
    const workspace = standbyId('rg-standby-3', 'churn-dr-3')
    const remarks: string[] = []
    const options = { workspace, location: 'centralus', like: await raw(source), signal }
    const made = (await provision(world.arm, { ...options, remark: (text) => remarks.push(text) }))[
      'properties'
    ] as Body
    const account = await world.arm.get(String(made['storageAccount']), storage)
    expect(propertiesOf(account ?? {})['networkAcls']).toEqual({ ...networkAcls, bypass: 'Logging' })
    expect(made).toMatchObject(rules)
    expect(remarks).toEqual([expect.stringContaining(network)])
  })

  it('says so where it could not be seen how closed the primary is', async () => {
    const { source } = await world.pair()
    const workspace = standbyId('rg-standby-4', 'churn-dr-4')
    const refused = new Fault('azure/denied', 'not for you')
    const arm: Arm = {
      ...world.arm,
      get: (path, options) =>
        path === source.storageAccount || options.apiVersion.endsWith('preview')
          ? Promise.reject(refused)
          : world.arm.get(path, options),
    }
    const remarks: string[] = []
    const remark = (text: string) => void remarks.push(text)
    await provision(arm, { workspace, location: 'centralus', like: await raw(source), signal, remark })
    expect(remarks).toEqual([expect.stringContaining('storage account'), expect.stringContaining(workspace)])
  })

  it('runs serverless jobs in the subnet that the policy maps, and says where it maps none', async () => {
    const subnet = (net: string) =>
      `/subscriptions/s/resourcegroups/g/providers/microsoft.network/virtualnetworks/${net}/subnets/ml`
    const settings = { serverlessComputeNoPublicIP: true, serverlessComputeCustomSubnet: subnet('east') }
    const { source } = await world.pair()
    await change(source, { properties: { serverlessComputeSettings: settings } })
    const like = await raw(source)
    const making = async (name: string, named: Named) => {
      const remarks: string[] = []
      const options = { workspace: standbyId(`rg-${name}`, name), location: 'centralus', like, named, signal }
      const made = await provision(world.arm, { ...options, remark: (text) => remarks.push(text) })
      return [propertiesOf(made)['serverlessComputeSettings'], remarks]
    }
    expect(await making('mapped', () => subnet('central'))).toEqual([
      { ...settings, serverlessComputeCustomSubnet: subnet('central') },
      [],
    ])
    expect(await making('unmapped', (_kind, id) => id)).toEqual([undefined, [expect.stringContaining(subnet('east'))]])
  })

  it('builds images on the compute that the policy maps', () => {
    const template = templateOf({ properties: { imageBuildCompute: 'builder' } })
    expect(template['resources']).toContainEqual(
      expect.objectContaining({ properties: expect.objectContaining({ imageBuildCompute: 'builder-dr' }) }),
    )
  })

  it('acts by the same identity of users', () => {
    const id = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u'
    const identity = { type: 'UserAssigned', userAssignedIdentities: { [id]: { principalId: 'p' } } }
    const template = templateOf({ identity, properties: { primaryUserAssignedIdentity: id } })
    expect(template['resources']).toContainEqual(
      expect.objectContaining({
        identity: { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } },
        properties: expect.objectContaining({ primaryUserAssignedIdentity: id }),
      }),
    )
  })

  it('refuses what a template would make less of', async () => {
    const like = { properties: { encryption: { status: 'Enabled' } } }
    const workspace = standbyId('rg-never', 'never')
    const making = provision(world.arm, { workspace, location: 'centralus', like, signal })
    await expect(making).rejects.toEqual(expect.objectContaining({ code: 'azure/refused' }))
    expect(await openPlace(world.arm, workspace, { signal })).toBeUndefined()
  })

  it('takes names that Azure takes, whatever the workspace is called', () => {
    for (const name of ['x', 'A-very_long.Name-that-goes-on-and-on-33', 'ünïcode']) {
      const names = standbyNames(`/subscriptions/s/resourceGroups/g/providers/p/workspaces/${name}`)
      expect(names.storageAccount).toMatch(/^[a-z0-9]{3,24}$/)
      expect(names.keyVault).toMatch(/^[a-z][a-z0-9-]{1,22}[a-z0-9]$/)
    }
  })

  it('keeps the retention of telemetry', () => {
    const insights = { properties: { RetentionInDays: 180 } }
    const template = templateOf({ properties: {} }, insights)
    expect(JSON.stringify(template)).toContain('"RetentionInDays":180')
  })
})
