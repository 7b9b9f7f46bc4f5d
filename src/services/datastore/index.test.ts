import { expect, it } from 'vitest'
import type { JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { placeOf, readNames } from '../place.ts'
import type { Place } from '../service.ts'
import { datastores } from './index.ts'

const ML = '2025-12-01'
const USUAL = { endpoint: 'core.windows.net', protocol: 'https', serviceDataAccessAuthIdentity: 'None' }
const first = {
  properties: {
    ...USUAL,
    datastoreType: 'AzureBlob',
    accountName: 'isolatedlake',
    containerName: 'landing',
    credentials: { credentialsType: 'None' },
    description: 'Where data lands',
    tags: { team: 'crm' },
  },
}

const { fresh, world } = conforms({
  service: datastores,
  address: 'datastore/landing',
  absent: 'datastore/none',
  first,
  second: { properties: { ...first.properties, containerName: 'landing2' } },
  more: [['datastore/other', first]],
})

async function put(place: Place, name: string, properties: JsonObject, signal: AbortSignal): Promise<void> {
  await world().arm.put(`${place.workspace}/datastores/${name}`, { properties }, { signal, apiVersion: ML })
}

async function secretsOf(place: Place, name: string, signal: AbortSignal): Promise<JsonObject | undefined> {
  return world().arm.post(`${place.workspace}/datastores/${name}/listSecrets`, {}, { signal, apiVersion: ML })
}

it('sees the four that Azure makes as the same on both sides, and writes none of them', async () => {
  const { service, source, target, signal } = await fresh()
  const [one, other]: [string[], string[]] = [[], []]
  for await (const found of service.list(source, { signal })) one.push(`${found.address} ${found.digest}`)
  for await (const found of service.list(target, { signal })) other.push(`${found.address} ${found.digest}`)
  expect(one).toHaveLength(4)
  expect(other.sort()).toEqual(one.sort())
  const before = await world().writes(target)
  const changed = item('datastore/workspaceblobstore', { properties: { datastoreType: 'AzureBlob', accountName: 'x' } })
  await service.converge(target, changed, { source, signal })
  await service.remove(target, 'datastore/workspaceblobstore', { signal })
  expect(await world().writes(target)).toEqual(before)
})

it('carries the secret of an isolated account, and shows it nowhere', async () => {
  const { service, source, target, signal } = await fresh()
  const secrets = { secretsType: 'Sas', sasToken: 'sv=2024-11-04&sig=TOPSECRET' }
  const credentials = { credentialsType: 'Sas', secrets }
  await put(source, 'lake', { ...first.properties, credentials }, signal)
  const there = await service.read(source, 'datastore/lake', { signal })
  const stands = await service.converge(target, there ?? item('datastore/lake', {}), { source, signal })
  expect(stands.digest).toBe(there?.digest)
  expect(await secretsOf(target, 'lake', signal)).toEqual(secrets)
  expect(JSON.stringify([there, stands])).not.toContain('TOPSECRET')
})

it('opens the own account of each side with its own key', async () => {
  const { service, source, target, signal } = await fresh()
  const accountName = source.storageAccount.split('/').at(-1) ?? ''
  const listed = await world().arm.post(`${source.storageAccount}/listKeys`, undefined, {
    signal,
    apiVersion: '2023-05-01',
  })
  const [sourceKey] = (listed?.['keys'] ?? []) as readonly { readonly value: string }[]
  const credentials = {
    credentialsType: 'AccountKey',
    secrets: { secretsType: 'AccountKey', key: sourceKey?.value ?? '' },
  }
  await put(source, 'results', { ...first.properties, accountName, containerName: 'results', credentials }, signal)
  const there = await service.read(source, 'datastore/results', { signal })
  await service.converge(target, there ?? item('datastore/results', {}), { source, signal })
  const carried = await secretsOf(target, 'results', signal)
  const own = await secretsOf(target, 'workspaceblobstore', signal)
  expect(carried?.['key']).toBe(own?.['key'])
  expect(carried?.['key']).not.toBe(sourceKey?.value)
})

it('opens the account of the other side with its key, where a datastore is on that on purpose', async () => {
  const { service, source, target, signal } = await fresh()
  const { arm } = world()
  const [one, other] = [
    await readNames(arm, source.workspace, { signal }),
    await readNames(arm, target.workspace, { signal }),
  ]
  if (one === undefined || other === undefined) throw new Error('a side is not there')
  const [here, there] = [placeOf(one, other), placeOf(other, one)]
  const accountName = there.storageAccount.split('/').at(-1) ?? ''
  const secrets = await secretsOf(there, 'workspaceblobstore', signal)
  const credentials = { credentialsType: 'AccountKey', secrets: secrets ?? {} }
  await put(here, 'far', { ...first.properties, accountName, containerName: 'far', credentials }, signal)
  const seen = await service.read(here, 'datastore/far', { signal })
  await service.converge(there, seen ?? item('datastore/far', {}), { source: here, signal })
  const stands = await arm.get(`${there.workspace}/datastores/far`, { signal, apiVersion: ML })
  expect(stands?.['properties']).toMatchObject({ accountName: here.storageAccount.split('/').at(-1) })
  const keys = [await secretsOf(there, 'far', signal), await secretsOf(here, 'workspaceblobstore', signal)]
  expect(keys[0]?.['key']).toBe(keys[1]?.['key'])
})

it.each([
  ['ServicePrincipal', { secretsType: 'ServicePrincipal', clientSecret: 'TOPSECRET' }],
  ['Certificate', { secretsType: 'Certificate', certificate: 'TOPSECRET' }],
] as const)('opens the own account of each side with the identity of a %s', async (credentialsType, secrets) => {
  const { service, source, target, signal } = await fresh()
  const accountName = source.storageAccount.split('/').at(-1) ?? ''
  const app = '6a1f0000-0000-4000-8000-000000000001'
  const credentials = { credentialsType, tenantId: app, clientId: app, thumbprint: 'AB12', secrets }
  await put(source, 'results', { ...first.properties, accountName, containerName: 'results', credentials }, signal)
  const there = await service.read(source, 'datastore/results', { signal })
  const stands = await service.converge(target, there ?? item('datastore/results', {}), { source, signal })
  expect(stands.digest).toBe(there?.digest)
  expect(await secretsOf(target, 'results', signal)).toEqual(secrets)
  expect(JSON.stringify([there, stands])).not.toContain('TOPSECRET')
})

it('refuses a SAS for the own account, which opens no other', async () => {
  const { service, source, target, signal } = await fresh()
  const accountName = source.storageAccount.split('/').at(-1) ?? ''
  const credentials = { credentialsType: 'Sas', secrets: { secretsType: 'Sas', sasToken: 'sig=x' } }
  await put(source, 'results', { ...first.properties, accountName, credentials }, signal)
  const there = await service.read(source, 'datastore/results', { signal })
  const converging = service.converge(target, there ?? item('datastore/results', {}), { source, signal })
  await expect(converging).rejects.toEqual(expect.objectContaining({ code: 'azure/refused' }))
})
