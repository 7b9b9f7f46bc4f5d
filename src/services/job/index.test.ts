import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type World } from '../../../test/support/world.ts'
import type { Arm } from '../../azure/arm.ts'
import { Fault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { Place } from '../service.ts'
import { jobs, submission } from './index.ts'
import { openOutputs } from './outputs.ts'

const ML = '2025-12-01'
const signal = AbortSignal.timeout(240_000)
let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world?.close())

/** Portable, as the ledger keeps it. */
function definition(command: string): JsonObject {
  return {
    properties: {
      jobType: 'Command',
      command,
      environmentId: '/<<hf:workspace>>/environments/train/versions/1',
      computeId: '/<<hf:workspace>>/computes/cpu',
      experimentName: 'churn',
      outputs: { model: { jobOutputType: 'uri_folder', mode: 'ReadWriteMount' } },
    },
  }
}

async function prepared(): Promise<{ source: Place; target: Place }> {
  const pair = await world.pair()
  for (const place of [pair.source, pair.target]) {
    const environment = { properties: { image: 'mcr.microsoft.com/base:1' } }
    await world.arm.put(`${place.workspace}/environments/train/versions/1`, environment, { signal, apiVersion: ML })
    const scaleSettings = { minNodeCount: 0, maxNodeCount: 2 }
    const properties = { computeType: 'AmlCompute', properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings } }
    const compute = { location: place.location, properties }
    await world.arm.put(`${place.workspace}/computes/cpu`, compute, { signal, apiVersion: ML })
  }
  return pair
}

describe('submission', () => {
  it('submits a portable job under its name, once', async () => {
    const { target } = await prepared()
    const submit = submission(world.arm)
    const first = await submit(target, 'train-7-f1', definition('sleep 60'), { signal })
    expect(first.address).toBe('job/train-7-f1')
    expect(first.needs).toEqual([
      'compute/cpu',
      'datastore/workspaceartifactstore',
      'datastore/workspaceblobstore',
      'environment/train/1',
    ])
    await submit(target, 'train-7-f1', definition('sleep 60'), { signal })
    expect((await world.writes(target)).filter((line) => line.startsWith('PUT jobs/'))).toEqual(['PUT jobs/train-7-f1'])
    await jobs(world.arm).fence?.(target, { signal })
  })

  it('looks by name after an answer that nobody got, and sends again only what did not arrive', async () => {
    const { target } = await prepared()
    const lost = new Fault('azure/unreachable', 'no answer')
    let sent = 0
    const cut = (arrives: boolean): Arm => ({
      ...world.arm,
      put: async (path, body, options) => {
        sent++
        if (sent > 1) return world.arm.put(path, body, options)
        if (arrives) await world.arm.put(path, body, options)
        throw lost
      },
    })
    for (const [name, arrives, times] of [
      ['arrived', true, 1],
      ['lost', false, 2],
    ] as const) {
      sent = 0
      const stands = await submission(cut(arrives))(target, name, definition('sleep 60'), { signal })
      expect([stands.address, sent]).toEqual([`job/${name}`, times])
    }
    const puts = (await world.writes(target)).filter((line) => line.startsWith('PUT jobs/'))
    expect(puts).toEqual(['PUT jobs/arrived', 'PUT jobs/lost'])
    await jobs(world.arm).fence?.(target, { signal })
  })
})

describe('jobs', () => {
  it('are observed whole and never converged', async () => {
    const { source, target } = await prepared()
    await submission(world.arm)(source, 'train-1', definition('true'), { signal })
    const service = jobs(world.arm)
    const read = await service.read(source, 'job/train-1', { signal })
    expect(read?.body).toMatchObject({ properties: { command: 'true', experimentName: 'churn' } })
    expect(JSON.stringify(read)).not.toContain(source.workspaceGuid)
    const listed: string[] = []
    for await (const one of service.list(source, { signal })) listed.push(one.address)
    expect(listed).toEqual(['job/train-1'])
    expect(service.can.converge).toBe(false)
    await expect(service.converge(target, item('job/train-1', {}), { source, signal })).rejects.toThrow('would run it')
    expect(await service.read(source, 'job/none', { signal })).toBeUndefined()
  })

  it('are fenced: what runs is cancelled and told, and a second time there is nothing', async () => {
    const { source } = await prepared()
    const submit = submission(world.arm)
    for (const name of ['one', 'two']) await submit(source, name, definition('sleep 600'), { signal })
    const service = jobs(world.arm)
    expect(await service.fence?.(source, { signal })).toEqual(['job/one', 'job/two'])
    expect(await service.fence?.(source, { signal })).toEqual([])
    const status = (await service.read(source, 'job/one', { signal }))?.body
    expect(status).toMatchObject({ properties: { status: 'Canceled' } })
  })

  it('tell where open outputs lie whose path is filled in where they run', async () => {
    const { source } = await prepared()
    const { properties } = definition('sleep 600') as { properties: JsonObject }
    const at = (path: string) => ({
      jobOutputType: 'uri_folder',
      mode: 'ReadWriteMount',
      uri: `azureml://datastores/${path}`,
    })
    const outputs = {
      usual: at(`\${{default_datastore}}/paths/\${{name}}/\${{ output_name }}`),
      odd: at(`workspaceblobstore/paths/\${{what_is_that}}/`),
    }
    await submission(world.arm)(source, 'filled', { properties: { ...properties, outputs } }, { signal })
    const found = await openOutputs(world.arm)(source, signal)
    expect(found.map(({ container, prefix }) => [container, prefix])).toEqual([
      [`azureml-blobstore-${source.workspaceGuid}`, 'filled/usual/'],
    ])
    await jobs(world.arm).fence?.(source, { signal })
  })

  it('tell where their open outputs lie', async () => {
    const { source } = await prepared()
    await submission(world.arm)(source, 'long', definition('sleep 600'), { signal })
    const found = await openOutputs(world.arm)(source, signal)
    expect(found).toEqual([
      {
        job: 'long',
        output: 'model',
        container: `azureml-blobstore-${source.workspaceGuid}`,
        prefix: 'azureml/long/model/',
        since: expect.any(Number),
      },
    ])
    await jobs(world.arm).fence?.(source, { signal })
    expect(await openOutputs(world.arm)(source, signal)).toEqual([])
  })
})
